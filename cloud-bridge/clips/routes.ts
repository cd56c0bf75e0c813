// Owns: the HTTP routes by which an agency reads its clips. Not here: who may (clips.ts).
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { idSchema } from '../../device/protocol/ids.ts';
import { bearerOf } from '../http/bearer.ts';
import { parseBody } from '../http/server.ts';
import { type Clips, rangeOf } from './clips.ts';

const paramsSchema = z.strictObject({ clip: idSchema });

export function clipRoutes(server: FastifyInstance, clips: Clips): void {
  server.get('/v1/clips', async (request) => ({ clips: await clips.list(bearerOf(request)) }));

  server.get('/v1/clips/:clip', async (request, reply) => {
    const { clip } = parseBody(paramsSchema, request.params);
    const { clipBytes, clipSha256 } = await clips.see(bearerOf(request), clip, 'clip');
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
    return { manifest: (await clips.see(bearerOf(request), clip, 'manifest')).manifest };
  });
}
