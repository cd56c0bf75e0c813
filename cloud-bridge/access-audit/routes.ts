// Owns: the HTTP routes of the access audit and who may call them: an agency for its own readings, the admin for all.
// Not here: the rows and their forms (audit.ts).
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import type { Clips } from '../clips/clips.ts';
import { assertAdmin, bearerOf } from '../http/bearer.ts';
import { countSchema, parseBody } from '../http/server.ts';
import { type AccessAudit, AUDIT_ROWS_MAX, type AuditOf } from './audit.ts';
import { PAGE_POLICY } from './page.ts';

const exportSchema = z.strictObject({ clip: idSchema.optional(), agency: idSchema.optional() });
const pageSchema = exportSchema.extend({
  after: countSchema.default(0),
  limit: countSchema.pipe(z.int().min(1).max(AUDIT_ROWS_MAX)).default(100),
});

export function accessAuditRoutes(
  server: FastifyInstance,
  deps: { audit: AccessAudit; clips: Clips; adminToken: string },
): void {
  const { audit, clips, adminToken } = deps;

  /** What the caller may read of what it asks for. Throws `http_unauthorised`, `token_...`, `agency_...`, `clip_unknown`. */
  const allowed = async (request: FastifyRequest, asked: z.infer<typeof exportSchema>): Promise<AuditOf> => {
    const clip = asked.clip ?? null;
    // A signed token has dots, the admin's has none.
    if (!bearerOf(request).includes('.')) {
      assertAdmin(request, adminToken);
      return { clip, agency: asked.agency ?? null };
    }
    return { clip, agency: await clips.seeAll(bearerOf(request), 'audit') };
  };

  server.get('/v1/access-audit', async (request) => {
    const { after, limit, ...asked } = parseBody(pageSchema, request.query);
    return audit.page(await allowed(request, asked), after, limit);
  });

  server.get('/v1/access-audit.csv', async (request, reply) => {
    const of = await allowed(request, parseBody(exportSchema, request.query));
    return reply
      .type('text/csv; charset=utf-8; header=present')
      .headers({
        'content-disposition': 'attachment; filename="access-audit.csv"',
        'x-content-type-options': 'nosniff',
      })
      .send(Readable.from(audit.csv(of)));
  });

  server.get('/v1/access-audit.html', async (request, reply) => {
    const of = await allowed(request, parseBody(exportSchema, request.query));
    return reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': PAGE_POLICY, 'x-content-type-options': 'nosniff' })
      .send(Readable.from(audit.html(of)));
  });
}
