// Owns: the HTTP routes of partners: the public list, the operator's decisions, and the partner's own channel.
// Not here: what they decide (partners.ts), what a request must keep (requests/).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseJson } from '../../device/base/json.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { assertAdmin, bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Requests } from '../requests/requests.ts';
import type { Partners } from './partners.ts';
import { PARTNER_STATUSES } from './store.ts';

const paramsSchema = z.strictObject({ partner: idSchema });
const newPartnerSchema = z.strictObject({ partner: idSchema, name: z.string().trim().min(1).max(120) });
const statusSchema = z.strictObject({ status: z.enum(PARTNER_STATUSES), revision: z.int().positive() });
const postSchema = z.strictObject({ request: z.string().max(16_384) });
/** The one thing a partner tells: that the investigation behind a request of its channel is over. */
const webhookSchema = z.strictObject({
  meta: z.strictObject({ version: z.literal('1'), request_id: z.string().min(1).max(128) }),
  data: z.strictObject({ type: z.literal('request_resolved'), id: idSchema }),
});

/** Adds the routes. */
export function partnerRoutes(
  server: FastifyInstance,
  deps: { partners: Partners; requests: Requests; adminToken: string },
): void {
  const { partners, requests, adminToken } = deps;
  const partnerOf = (request: FastifyRequest) => parseBody(paramsSchema, request.params).partner;
  const asOperator = (request: FastifyRequest) => {
    assertAdmin(request, adminToken);
    return partnerOf(request);
  };
  server.get('/v1/partners', async () => ({ partners: await partners.list() }));
  server.post('/v1/partners', async (request, reply) => {
    assertAdmin(request, adminToken);
    const { partner, name } = parseBody(newPartnerSchema, request.body);
    return reply.code(201).send(await partners.add(partner, name));
  });
  server.get('/v1/partners/:partner', async (request) => partners.see(asOperator(request)));
  server.post('/v1/partners/:partner/status', async (request) => {
    const partner = asOperator(request);
    const { status, revision } = parseBody(statusSchema, request.body);
    return partners.setStatus(partner, status, revision);
  });
  server.post('/v1/partners/:partner/tokens', async (request, reply) =>
    reply.code(201).send(await partners.renewSecrets(asOperator(request))),
  );
  server.post('/v1/partners/:partner/requests', async (request, reply) => {
    const partner = partnerOf(request);
    await partners.usable(partner);
    await partners.enter(partner, bearerOf(request));
    const { request: token } = parseBody(postSchema, request.body);
    return reply.code(201).send(await requests.post(token, { partner }));
  });
  // The signature is over the exact bytes, so this one route takes its body as text.
  server.register(async (server) => {
    server.removeContentTypeParser('application/json');
    server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    server.post('/v1/partners/:partner/webhooks', async (request) => {
      const partner = partnerOf(request);
      await partners.usable(partner);
      const body = typeof request.body === 'string' ? request.body : '';
      const signature = request.headers['x-signature'];
      await partners.assertSigned(partner, body, typeof signature === 'string' ? signature : undefined);
      const { data } = parseBody(webhookSchema, parseJson(body));
      return requests.resolveFor(partner, data.id);
    });
  });
}
