// An agency reads its own accesses, the admin all.
import { Readable } from 'node:stream';
import { AccessAction, AccessPart } from '@doorsill/contract/custody';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Clips } from '../clips/clips.ts';
import { nextSchema, pageFields } from '../http/paging.ts';
import type { Who } from '../http/roles.ts';
import type { Router } from '../http/router.ts';
import { AUDIT_ROWS_MAX, type AuditOf, type ClipAccessLog, PAGE_POLICY } from './access-log-export.ts';

const exportSchema = z.strictObject({ clip: idSchema.optional(), agency: idSchema.optional() });
const pageSchema = exportSchema.extend(pageFields(100, AUDIT_ROWS_MAX));
const count = z.int().nonnegative();
const answerSchema = z.strictObject({
  accesses: z.array(
    z.strictObject({
      number: count,
      atUs: count,
      agency: idSchema,
      clip: idSchema,
      part: AccessPart,
      action: AccessAction,
      /** Empty for accesses from before officers were named. */
      officer: z.string(),
      reason: z.string(),
      token: idSchema,
      leaf: count.nullable(),
    }),
  ),
  next: nextSchema,
});

export function clipAccessLogRoutes(api: Router, { audit, clips }: { audit: ClipAccessLog; clips: Clips }): void {
  /** The part of the requested log that the caller may read. Throws `token_...`, `agency_...`, `clip_unknown`. */
  const allowed = async (call: { who: Who; bearer: string; query: z.infer<typeof exportSchema> }): Promise<AuditOf> => {
    const clip = call.query.clip ?? null;
    if (call.who.role !== 'admin') return { clip, reader: await clips.seeAll(call.bearer, 'audit') };
    const { agency } = call.query;
    return { clip, reader: agency === undefined ? null : { agency, organisation: agency } };
  };
  const shape = { method: 'GET', roles: ['officer', 'admin'] } as const;
  api.route(
    {
      ...shape,
      path: '/v1/access-audit',
      query: pageSchema,
      answer: answerSchema,
      about: 'Who was shown which clip, when and why, oldest first: an agency its own accesses, the admin all.',
    },
    async (call) => audit.page(await allowed(call), call.query),
  );
  api.route(
    {
      ...shape,
      path: '/v1/access-audit.csv',
      query: exportSchema,
      answer: { media: 'text/csv' },
      about: 'The whole audit as CSV (RFC 4180).',
    },
    async (call) => {
      const of = await allowed(call);
      return call.reply
        .type('text/csv; charset=utf-8; header=present')
        .headers({
          'content-disposition': 'attachment; filename="access-audit.csv"',
          'x-content-type-options': 'nosniff',
        })
        .send(Readable.from(audit.csv(of)));
    },
  );
  api.route(
    {
      ...shape,
      path: '/v1/access-audit.html',
      query: exportSchema,
      answer: { media: 'text/html' },
      about: 'The whole audit as a page to print.',
    },
    async (call) => {
      const of = await allowed(call);
      return call.reply
        .type('text/html; charset=utf-8')
        .headers({ 'content-security-policy': PAGE_POLICY, 'x-content-type-options': 'nosniff' })
        .send(Readable.from(audit.html(of)));
    },
  );
}
