// Owns: the HTTP routes of the log of custody. Public but for bundles. Not here: what they answer (custody.ts, calls.ts).
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { cosignatureBodySchema } from '../../device/protocol/custody.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { bearerOf } from '../http/bearer.ts';
import { countSchema, parseBody } from '../http/server.ts';
import type { CustodyCalls } from './calls.ts';
import { type Custody, ENTRIES_MAX } from './custody.ts';

const inclusionSchema = z.strictObject({ leaf: countSchema, size: countSchema.optional() });
const consistencySchema = z.strictObject({ from: countSchema, to: countSchema });
const entriesSchema = z.strictObject({
  from: countSchema.default(0),
  limit: countSchema.pipe(z.int().min(1).max(ENTRIES_MAX)).default(100),
});
const grantSchema = z.strictObject({ grant: idSchema });

/** What anyone may read of a log, and what witnesses say of it. */
export function logRoutes(server: FastifyInstance, custody: Custody): void {
  server.get('/v1/custody/head', async () => custody.head());
  server.get('/v1/custody/inclusion', async (request) => {
    const { leaf, size } = parseBody(inclusionSchema, request.query);
    return custody.inclusion(leaf, size);
  });
  server.get('/v1/custody/consistency', async (request) => {
    const { from, to } = parseBody(consistencySchema, request.query);
    return custody.consistency(from, to);
  });
  server.get('/v1/custody/entries', async (request) => {
    const { from, limit } = parseBody(entriesSchema, request.query);
    return custody.entries(from, limit);
  });
  server.post('/v1/custody/cosignatures', async (request, reply) => {
    const { head, cosignature } = parseBody(cosignatureBodySchema, request.body);
    await custody.cosign(head, cosignature);
    return reply.code(201).send({});
  });
}

/** The bundle of one's own grant. */
export function bundleRoutes(server: FastifyInstance, calls: CustodyCalls): void {
  server.get('/v1/intakes/:grant/custody', async (request) =>
    calls.bundle(bearerOf(request), parseBody(grantSchema, request.params).grant),
  );
}
