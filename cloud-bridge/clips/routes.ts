// Owns: the HTTP routes by which an agency reads its clips. Not here: who may (clips.ts).
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import type { Custody } from '../custody/custody.ts';
import { bearerOf } from '../http/bearer.ts';
import { sendClip } from '../http/send-clip.ts';
import { parseBody } from '../http/server.ts';
import type { Clips } from './clips.ts';

const paramsSchema = z.strictObject({ clip: idSchema });

export function clipRoutes(server: FastifyInstance, clips: Clips, custody: Custody): void {
  server.get('/v1/clips', async (request) => ({ clips: await clips.list(bearerOf(request)) }));

  server.get('/v1/clips/:clip', async (request, reply) => {
    const { clip } = parseBody(paramsSchema, request.params);
    // A player asks for parts; who asks for the whole takes it along.
    const action = request.headers.range === undefined ? 'download' : 'stream';
    const { intake, evidence } = await clips.see(bearerOf(request), clip, 'clip', action);
    if (evidence) return elsewhere(reply, clip, evidence);
    const { clipBytes, clipSha256 } = intake;
    const sent = { name: clip, bytes: clipBytes, sha256: clipSha256, range: request.headers.range };
    return sendClip(reply, sent, (span) => clips.read(clip, span));
  });

  server.get('/v1/clips/:clip/manifest', async (request, reply) => {
    const { clip } = parseBody(paramsSchema, request.params);
    const { intake, evidence } = await clips.see(bearerOf(request), clip, 'manifest', 'view');
    return evidence ? elsewhere(reply, clip, `${evidence}/manifest`) : { manifest: intake.manifest };
  });
  server.get('/v1/clips/:clip/custody', async (request) => {
    const { clip } = parseBody(paramsSchema, request.params);
    const { intake } = await clips.see(bearerOf(request), clip, 'custody', 'view');
    if (intake.receipt === null) throw failure('clip_unknown');
    return custody.bundle(intake.receipt);
  });
}

/** The clip was handed over: where it is now, which asks for a token of its own (RFC 9110 §15.4.4). */
function elsewhere(reply: FastifyReply, clip: string, evidence: string): FastifyReply {
  return reply.code(303).header('location', evidence).send({ clip, evidence });
}
