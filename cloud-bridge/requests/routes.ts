// Owns: the HTTP routes for agencies' requests and their moderators. Not here: what they decide (requests.ts).
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { assertAdmin, bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Requests } from './requests.ts';

const postSchema = z.strictObject({ request: z.string().max(16_384), draft: z.boolean().optional() });
const paramsSchema = z.strictObject({ request: idSchema });
const pageSchema = z.strictObject({ after: idSchema.optional() });
const approvalSchema = z.strictObject({ revision: z.int().positive() });
const refusalSchema = z.strictObject({ revision: z.int().positive(), reason: z.string().trim().min(3).max(200) });

/** Adds the routes. */
export function requestRoutes(server: FastifyInstance, requests: Requests, adminToken: string): void {
  const requestOf = (request: FastifyRequest) => parseBody(paramsSchema, request.params).request;
  server.post('/v1/requests', async (request, reply) => {
    const { request: token, draft = false } = parseBody(postSchema, request.body);
    return reply.code(201).send(await requests.post(token, { draft }));
  });
  server.get('/v1/requests/:request', async (request) => requests.see(requestOf(request), bearerOf(request)));
  server.post('/v1/requests/:request/submit', async (request) =>
    requests.submit(requestOf(request), bearerOf(request)),
  );
  server.post('/v1/requests/:request/withdraw', async (request) =>
    requests.withdraw(requestOf(request), bearerOf(request)),
  );
  server.post('/v1/requests/:request/resolve', async (request) =>
    requests.resolve(requestOf(request), bearerOf(request)),
  );

  server.get('/v1/moderation', async (request) => {
    assertAdmin(request, adminToken);
    return { requests: await requests.waiting(parseBody(pageSchema, request.query).after ?? null) };
  });
  server.post('/v1/moderation/:request/approve', async (request) => {
    assertAdmin(request, adminToken);
    return requests.approve(requestOf(request), parseBody(approvalSchema, request.body).revision);
  });
  server.post('/v1/moderation/:request/refuse', async (request) => {
    assertAdmin(request, adminToken);
    const { revision, reason } = parseBody(refusalSchema, request.body);
    return requests.refuse(requestOf(request), reason, revision);
  });
}
