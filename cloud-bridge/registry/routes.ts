// Owns: the registry's HTTP routes. Not here: what they decide (registry.ts).
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { assertAdmin } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Registry } from './registry.ts';

const registrationSchema = z.strictObject({ registration: z.string().max(8_192) });
const revocationSchema = z.strictObject({ scope: idSchema.optional() }).nullish();
const idParamsSchema = z.strictObject({ agency: idSchema });

/** Adds the routes; those that change standing need the admin token. */
export function registryRoutes(server: FastifyInstance, registry: Registry, adminToken: string): void {
  server.get('/v1/key', async () => ({ id: registry.id, key: registry.publicKey }));
  server.get('/v1/revocations', async () => ({ revocations: registry.revocations() }));
  server.get('/v1/credentials/:agency', async (request) => {
    const { agency } = parseBody(idParamsSchema, request.params);
    return { credential: registry.credential(agency) };
  });

  server.post('/v1/agencies', async (request, reply) => {
    assertAdmin(request, adminToken);
    const { registration } = parseBody(registrationSchema, request.body);
    return reply.code(201).send(await registry.register(registration));
  });
  server.post('/v1/agencies/:agency/approve', async (request) => {
    assertAdmin(request, adminToken);
    return registry.approve(parseBody(idParamsSchema, request.params).agency);
  });
  server.post('/v1/agencies/:agency/revoke', async (request) => {
    assertAdmin(request, adminToken);
    const body = parseBody(revocationSchema, request.body);
    return registry.revoke(parseBody(idParamsSchema, request.params).agency, body?.scope);
  });
  server.post('/v1/agencies/:agency/reinstate', async (request) => {
    assertAdmin(request, adminToken);
    return registry.reinstate(parseBody(idParamsSchema, request.params).agency);
  });
}
