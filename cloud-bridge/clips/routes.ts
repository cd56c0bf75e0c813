// Owns: the HTTP routes by which an agency reads its clips. Not here: who may (clips.ts).
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import type { Custody } from '../custody/custody.ts';
import { bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import { type Clips, rangeOf } from './clips.ts';

const paramsSchema = z.strictObject({ clip: idSchema });

export function clipRoutes(server: FastifyInstance, clips: Clips, custody: Custody): void {
  server.get('/v1/clips', async (request) => ({ clips: await clips.list(bearerOf(request)) }));

  server.get('/v1/clips/:clip', async (request, reply) => {
    const { clip } = parseBody(paramsSchema, request.params);
    // A player asks for parts; who asks for the whole takes it along.
    const action = request.headers.range === undefined ? 'download' : 'stream';
    const { clipBytes, clipSha256 } = await clips.see(bearerOf(request), clip, 'clip', action);
    const range = rangeOf(request.headers.range, clipBytes);
    const span = range ?? { start: 0, end: clipBytes };
    if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${clipBytes}`);
    return reply
      .type('video/mp4')
      .headers({
        'accept-ranges': 'bytes',
        etag: `"${clipSha256}"`,
        'content-length': span.end - span.start,
        'content-disposition': `attachment; filename="${clip}.mp4"`,
        'x-content-type-options': 'nosniff',
      })
      .send(Readable.from(clips.read(clip, span)));
  });

  server.get('/v1/clips/:clip/manifest', async (request) => {
    const { clip } = parseBody(paramsSchema, request.params);
    return { manifest: (await clips.see(bearerOf(request), clip, 'manifest', 'view')).manifest };
  });
  server.get('/v1/clips/:clip/custody', async (request) => {
    const { clip } = parseBody(paramsSchema, request.params);
    const { receipt } = await clips.see(bearerOf(request), clip, 'custody', 'view');
    if (receipt === null) throw failure('clip_unknown');
    return custody.bundle(receipt);
  });
}
