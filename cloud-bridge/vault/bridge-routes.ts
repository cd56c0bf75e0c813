// Owns: the HTTP routes by which a bridge hands clips over and passes owners' recalls on. Not here: what they decide.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { handOverBodySchema, recallBodySchema } from '../../device/protocol/vault.ts';
import { bearerOf } from '../http/bearer.ts';
import { parseBody, UPLOAD_BODY_TYPE } from '../http/server.ts';
import type { Recalls } from './recalls.ts';
import type { Receiving } from './receiving.ts';

const itemSchema = z.strictObject({ item: idSchema });
const stepSchema = z.strictObject({ step: z.string().max(4_096) });

export function bridgeRoutes(server: FastifyInstance, receiving: Receiving, recalls: Recalls): void {
  server.post('/v1/hand-overs', async (request) => receiving.offer(parseBody(handOverBodySchema, request.body)));

  server.put('/v1/hand-overs/:item/clip', async (request) => {
    const { item } = parseBody(itemSchema, request.params);
    if (request.headers['content-type'] !== UPLOAD_BODY_TYPE) {
      throw failure('http_body_invalid', { detail: `it must be ${UPLOAD_BODY_TYPE}` });
    }
    return receiving.take(bearerOf(request), item, request.raw);
  });

  server.post('/v1/hand-overs/confirmation', async (request) =>
    receiving.confirm(parseBody(stepSchema, request.body).step),
  );
  server.post('/v1/hand-overs/withdrawal', async (request) =>
    receiving.withdraw(parseBody(stepSchema, request.body).step),
  );
  server.post('/v1/recalls', async (request) => recalls.answer(parseBody(recallBodySchema, request.body)));
}
