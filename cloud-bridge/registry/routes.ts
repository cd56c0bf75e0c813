// Owns: the registry's HTTP routes. Not here: what they decide (registry.ts).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../device/base/clock.ts';
import { isFailure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { AttemptLimit } from '../http/attempt-limit.ts';
import { assertAdmin } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Registry } from './registry.ts';

const registrationSchema = z.strictObject({ registration: z.string().max(8_192) });
const idParamsSchema = z.strictObject({ agency: idSchema });
/** The revision that a moderator looked at: two who decide at once would otherwise undo each other. */
const seen = z.int().positive();
const reason = z.string().trim().min(3).max(200);
const approvalSchema = z.strictObject({ revision: seen });
const reasonedSchema = z.strictObject({ revision: seen, reason });
const reinstatementSchema = z.strictObject({ revision: seen, scope: idSchema.optional() });
/** Taking access away need not wait for a look. */
const revocationSchema = z.strictObject({ revision: seen.optional(), scope: idSchema.optional() }).nullish();
const rotationSchema = z.strictObject({ revision: seen, rotation: z.string().max(8_192) });

const FAILURES_MAX = 20;
const FAILURE_SPAN_MS = 10 * 60_000;

/** Adds the routes; those that show or change standing need the admin token. */
export function registryRoutes(server: FastifyInstance, registry: Registry, adminToken: string, clock: Clock): void {
  server.get('/v1/key', async () => ({ id: registry.id, key: registry.publicKey }));
  server.get('/v1/revocations', async () => ({ revocations: registry.revocations() }));
  server.get('/v1/credentials/:agency', async (request) => {
    const { agency } = parseBody(idParamsSchema, request.params);
    return { credential: registry.credential(agency) };
  });

  // Anyone may apply; who keeps being refused is slowed down.
  const attempts = new AttemptLimit(clock, FAILURES_MAX, FAILURE_SPAN_MS);
  server.post('/v1/agencies', async (request, reply) => {
    attempts.assertOpen(request.ip);
    try {
      const { registration } = parseBody(registrationSchema, request.body);
      return reply.code(201).send(await registry.register(registration));
    } catch (thrown) {
      if (isFailure(thrown)) attempts.note(request.ip);
      throw thrown;
    }
  });

  const agencyOf = (request: FastifyRequest) => {
    assertAdmin(request, adminToken);
    return parseBody(idParamsSchema, request.params).agency;
  };
  server.get('/v1/agencies', async (request) => {
    assertAdmin(request, adminToken);
    return { agencies: registry.agencies() };
  });
  server.get('/v1/agencies/:agency', async (request) => registry.agency(agencyOf(request)));
  server.post('/v1/agencies/:agency/approve', async (request) => {
    const agency = agencyOf(request);
    return registry.approve(agency, parseBody(approvalSchema, request.body).revision);
  });
  server.post('/v1/agencies/:agency/refuse', async (request) => {
    const agency = agencyOf(request);
    const body = parseBody(reasonedSchema, request.body);
    return registry.refuse(agency, body.reason, body.revision);
  });
  server.post('/v1/agencies/:agency/suspend', async (request) => {
    const agency = agencyOf(request);
    const body = parseBody(reasonedSchema, request.body);
    return registry.suspend(agency, body.reason, body.revision);
  });
  server.post('/v1/agencies/:agency/revoke', async (request) => {
    const agency = agencyOf(request);
    const body = parseBody(revocationSchema, request.body);
    return registry.revoke(agency, body?.scope, body?.revision);
  });
  server.post('/v1/agencies/:agency/reinstate', async (request) => {
    const agency = agencyOf(request);
    const body = parseBody(reinstatementSchema, request.body);
    return registry.reinstate(agency, body.scope, body.revision);
  });
  server.post('/v1/agencies/:agency/rotate', async (request) => {
    const agency = agencyOf(request);
    const body = parseBody(rotationSchema, request.body);
    return registry.rotate(agency, body.rotation, body.revision);
  });
}
