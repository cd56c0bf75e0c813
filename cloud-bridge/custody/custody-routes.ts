// The HTTP routes of the custody log, the public append-only Merkle tree (RFC 6962) of what happened to clips.
import { countSchema } from '@doorsill/base/http/http-server';
import { sha256Schema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import { consistencyAnswerSchema, cosignatureBodySchema, headAnswerSchema } from './custody-answers.ts';
import { type Custody, ENTRIES_MAX } from './custody-proofs.ts';

const inclusionSchema = z.strictObject({ leaf: countSchema, size: countSchema.optional() });
const consistencySchema = z.strictObject({ from: countSchema, to: countSchema });
const entriesSchema = z.strictObject({
  from: countSchema.prefault('0'),
  limit: countSchema.pipe(z.int().min(1).max(ENTRIES_MAX)).prefault('100'),
});
const count = z.int().nonnegative();
const inclusionAnswerSchema = z.strictObject({ leaf: count, size: count, path: z.array(sha256Schema) });
const cosignedSchema = z.strictObject({});
const entriesAnswerSchema = z.strictObject({
  entries: z.array(z.strictObject({ leaf: count, entry: z.string() })),
  next: count.nullable(),
});

/** Adds the public routes that read a custody log, and the route by which witnesses cosign its heads. */
export function custodyRoutes(api: Router, custody: Custody): void {
  const open = { method: 'GET', roles: ['public'] } as const;
  api.route(
    {
      ...open,
      path: '/v1/custody/head',
      answer: headAnswerSchema,
      about: 'The newest signed head of the log, and the newest head that witnesses have cosigned.',
    },
    () => custody.head(),
  );
  api.route(
    {
      ...open,
      path: '/v1/custody/inclusion',
      query: inclusionSchema,
      answer: inclusionAnswerSchema,
      about: 'Proof that a leaf is in the tree of the given size.',
    },
    ({ query }) => custody.inclusion(query.leaf, query.size),
  );
  api.route(
    {
      ...open,
      path: '/v1/custody/consistency',
      query: consistencySchema,
      answer: consistencyAnswerSchema,
      about: 'Proof that the larger tree extends the smaller one.',
    },
    ({ query }) => custody.consistency(query.from, query.to),
  );
  api.route(
    {
      ...open,
      path: '/v1/custody/entries',
      query: entriesSchema,
      answer: entriesAnswerSchema,
      about: 'Leaves of the log by their numbers.',
    },
    ({ query }) => custody.entries(query.from, query.limit),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/custody/cosignatures',
      roles: ['signed'],
      body: cosignatureBodySchema,
      answer: cosignedSchema,
      status: 201,
      about: 'A witness hands in its cosignature of a head.',
    },
    async ({ body }) => {
      await custody.cosign(body.head, body.cosignature);
      return {};
    },
  );
}
