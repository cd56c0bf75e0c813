// Owns: the HTTP routes around an upload: opening, status, position, revocation. Not here: the upload itself (upload.ts).
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { intakeOpeningSchema } from '../../device/protocol/manifest.ts';
import { bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import type { IntakeDesk } from './intake.ts';
import type { Revocations } from './revocation.ts';
import { UPLOADS_PATH } from './upload.ts';

const paramsSchema = z.strictObject({ grant: idSchema });
const revocationSchema = z.strictObject({
  revocation: z.string().max(4_096),
  grant: z.string().max(8_192).optional(),
  pairing: z.string().max(2_048).optional(),
});

export function intakeRoutes(server: FastifyInstance, desk: IntakeDesk, revocations: Revocations): void {
  server.post('/v1/intakes', async (request) => {
    const bearer = bearerOf(request);
    return desk.open(bearer, parseBody(intakeOpeningSchema, request.body).manifest);
  });
  server.get('/v1/intakes/:grant', async (request) =>
    desk.status(bearerOf(request), parseBody(paramsSchema, request.params).grant),
  );
  server.head('/v1/intakes/:grant', async (request, reply) => {
    const { grant } = parseBody(paramsSchema, request.params);
    const position = await desk.position(bearerOf(request), grant);
    if (position.upload !== null) reply.header('location', `${UPLOADS_PATH}/${position.upload}`);
    return reply.code(200).headers({ 'upload-offset': position.offset, 'upload-length': position.length }).send();
  });
  server.post('/v1/intakes/:grant/revocation', async (request) =>
    revocations.revoke(parseBody(paramsSchema, request.params).grant, parseBody(revocationSchema, request.body)),
  );
}
