// Owns: the HTTP routes of enrolment. Not here: what they decide (enrolment.ts).
import type { FastifyInstance } from 'fastify';
import { enrolmentBodySchema } from '../../device/protocol/enrolment.ts';
import { assertAdmin } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Enrolment } from './enrolment.ts';

/** Adds the routes; `publicUrl` is where devices reach the bridge. */
export function enrolmentRoutes(
  server: FastifyInstance,
  deps: { enrolment: Enrolment; adminToken: string; publicUrl: () => string },
): void {
  server.post('/v1/enrolment-codes', async (request, reply) => {
    assertAdmin(request, deps.adminToken);
    return reply.code(201).send(await deps.enrolment.printCode(deps.publicUrl()));
  });
  server.post('/v1/enrolments', async (request, reply) => {
    const { secret, proof } = parseBody(enrolmentBodySchema, request.body);
    return reply.code(201).send({ statement: await deps.enrolment.enrol(secret, proof, request.ip) });
  });
}
