// Owns: the HTTP routes for agencies' requests. Not here: what they decide (requests.ts).
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { Requests } from './requests.ts';

const postSchema = z.strictObject({ request: z.string().max(16_384) });
const paramsSchema = z.strictObject({ request: idSchema });

export function requestRoutes(server: FastifyInstance, requests: Requests): void {
  server.post('/v1/requests', async (request, reply) => {
    const { request: token } = parseBody(postSchema, request.body);
    return reply.code(201).send(await requests.publish(token));
  });
  server.get('/v1/requests/:request', async (request) =>
    requests.see(parseBody(paramsSchema, request.params).request, bearerOf(request)),
  );
  server.post('/v1/requests/:request/resolve', async (request) =>
    requests.resolve(parseBody(paramsSchema, request.params).request, bearerOf(request)),
  );
}
