// Owns: the HTTP routes of an agency's officers, all under the agency's own path. Not here: what they decide (evidence.ts,
// policies.ts), who they are (officer.ts).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { sendClip } from '../http/send-clip.ts';
import { parseBody } from '../http/server.ts';
import type { Actor, Clients } from './clients.ts';
import type { Evidence } from './evidence.ts';
import { actorOf } from './officer.ts';
import { categoryBodySchema, type Policies, policyBodySchema } from './policies.ts';
import { ACCESS_CLASSES } from './store.ts';

const BASE = '/v1/agencies/:agency';
const ITEM = `${BASE}/evidence/:item`;

const agencySchema = z.strictObject({ agency: idSchema });
const itemSchema = agencySchema.extend({ item: idSchema });
const caseIdSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const caseSchema = itemSchema.extend({ case: caseIdSchema });
const categorySchema = agencySchema.extend({ category: idSchema });
const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.string().max(120).optional(),
});
const listSchema = pageSchema.extend({
  state: z.enum(['active', 'deleted']).optional(),
  triage: z.enum(['pending', 'accepted', 'declined']).optional(),
  category: idSchema.optional(),
  case: caseIdSchema.optional(),
});
const linkSchema = z.strictObject({ link: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

export interface OfficerRoutesDeps {
  clients: Clients;
  evidence: Evidence;
  policies: Policies;
  publicUrl: () => string;
}

export function officerRoutes(server: FastifyInstance, deps: OfficerRoutesDeps): void {
  seeing(server, deps);
  sorting(server, deps);
  policy(server, deps);
}

function acting({ clients }: OfficerRoutesDeps) {
  return async (request: FastifyRequest): Promise<{ actor: Actor; item: string }> => {
    const { agency, item } = parseBody(itemSchema.loose(), request.params);
    return { actor: await actorOf(request, clients, agency), item };
  };
}

function seeing(server: FastifyInstance, deps: OfficerRoutesDeps): void {
  const { clients, evidence, publicUrl } = deps;
  const on = acting(deps);

  server.get(`${BASE}/evidence`, async (request) => {
    const actor = await actorOf(request, clients, parseBody(agencySchema, request.params).agency);
    const { limit, after, ...filter } = parseBody(listSchema, request.query);
    return evidence.list(actor, filter, { limit, after });
  });
  server.get(`${BASE}/trail`, async (request) => {
    const actor = await actorOf(request, clients, parseBody(agencySchema, request.params).agency);
    const { limit, after } = parseBody(pageSchema, request.query);
    return evidence.trail(actor, null, { limit, after });
  });
  server.get(ITEM, async (request) => {
    const { actor, item } = await on(request);
    return evidence.view(actor, item);
  });
  server.get(`${ITEM}/manifest`, async (request) => {
    const { actor, item } = await on(request);
    return { manifest: await evidence.manifest(actor, item) };
  });
  server.get(`${ITEM}/trail`, async (request) => {
    const { actor, item } = await on(request);
    const { limit, after } = parseBody(pageSchema, request.query);
    return evidence.trail(actor, item, { limit, after });
  });
  for (const [path, part] of [
    ['clip', 'downloaded'],
    ['stream', 'streamed'],
  ] as const) {
    server.get(`${ITEM}/${path}`, async (request, reply) => {
      const { actor, item } = await on(request);
      const { clip, clipBytes, clipSha256 } = await evidence.bytes(actor, item, part);
      const sent = { name: clip, bytes: clipBytes, sha256: clipSha256, range: request.headers.range };
      return sendClip(reply, sent, (span) => evidence.read(item, span));
    });
  }
  server.post(`${ITEM}/links`, async (request, reply) => {
    const { actor, item } = await on(request);
    const { secret, expiresS } = await evidence.link(actor, item);
    return reply.code(201).send({ url: `${publicUrl()}/v1/links/${secret}`, expiresS });
  });
  server.get('/v1/links/:link', async (request, reply) => {
    const { link } = parseBody(linkSchema, request.params);
    const { item, clip, clipBytes, clipSha256 } = await evidence.followLink(link);
    // A link is used up by one request: a part of it would be all that there is.
    const sent = { name: clip, bytes: clipBytes, sha256: clipSha256, range: undefined };
    return sendClip(reply.header('referrer-policy', 'no-referrer'), sent, (span) => evidence.read(item, span));
  });
}

function sorting(server: FastifyInstance, deps: OfficerRoutesDeps): void {
  const { clients, evidence } = deps;
  const on = acting(deps);

  server.post(`${ITEM}/triage`, async (request) => {
    const { actor, item } = await on(request);
    const { decision } = parseBody(z.strictObject({ decision: z.enum(['accept', 'decline']) }), request.body);
    return evidence.triage(actor, item, decision === 'accept' ? 'accepted' : 'declined');
  });
  server.put(`${ITEM}/categories`, async (request) => {
    const { actor, item } = await on(request);
    const { categories } = parseBody(z.strictObject({ categories: z.array(idSchema).max(16) }), request.body);
    return evidence.categorise(actor, item, categories);
  });
  server.put(`${ITEM}/access-class`, async (request) => {
    const { actor, item } = await on(request);
    const body = parseBody(z.strictObject({ accessClass: z.enum(ACCESS_CLASSES) }), request.body);
    return evidence.classify(actor, item, body.accessClass);
  });
  server.put(`${ITEM}/cases/:case`, async (request) => {
    const { agency, item, case: caseId } = parseBody(caseSchema, request.params);
    return evidence.addCase(await actorOf(request, clients, agency), item, caseId);
  });
  server.delete(`${ITEM}/cases/:case`, async (request) => {
    const { agency, item, case: caseId } = parseBody(caseSchema, request.params);
    return evidence.removeCase(await actorOf(request, clients, agency), item, caseId);
  });
  server.delete(ITEM, async (request) => {
    const { actor, item } = await on(request);
    return evidence.delete(actor, item);
  });
  server.post(`${ITEM}/restoration`, async (request) => {
    const { actor, item } = await on(request);
    return evidence.restore(actor, item);
  });
}

function policy(server: FastifyInstance, { clients, policies }: OfficerRoutesDeps): void {
  server.get(`${BASE}/policy`, async (request) =>
    policies.show(await actorOf(request, clients, parseBody(agencySchema, request.params).agency)),
  );
  server.put(`${BASE}/policy`, async (request) => {
    const actor = await actorOf(request, clients, parseBody(agencySchema, request.params).agency);
    return policies.set(actor, parseBody(policyBodySchema, request.body));
  });
  server.put(`${BASE}/categories/:category`, async (request) => {
    const { agency, category } = parseBody(categorySchema, request.params);
    const actor = await actorOf(request, clients, agency);
    return policies.setCategory(actor, category, parseBody(categoryBodySchema, request.body).days);
  });
  server.delete(`${BASE}/categories/:category`, async (request) => {
    const { agency, category } = parseBody(categorySchema, request.params);
    return policies.removeCategory(await actorOf(request, clients, agency), category);
  });
}
