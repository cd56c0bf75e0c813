// Owns: the HTTP routes of Search Party: making a photo plain, posting, ending, and what was granted to a pet's owner.
// Not here: what they decide (searches.ts, clips/).
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { toBase64url } from '../../device/base/bytes.ts';
import { failure } from '../../device/protocol/errors.ts';
import { idSchema } from '../../device/protocol/ids.ts';
import { publishedSearchSchema } from '../../device/protocol/search.ts';
import type { Clips } from '../clips/clips.ts';
import type { SearchRules } from '../config.ts';
import { bearerOf } from '../http/bearer.ts';
import { sendClip } from '../http/send-clip.ts';
import { parseBody } from '../http/server.ts';
import { PHOTO_POSTED_BYTES_MAX, type Photos } from './photos.ts';
import type { Searches } from './searches.ts';

export interface SearchRouteDeps {
  searches: Searches;
  photos: Photos;
  /** Clips that were granted to pets' owners. */
  clips: Clips;
  rules: SearchRules;
}

const postSchema = z.strictObject({
  search: publishedSearchSchema.shape.search,
  photo: publishedSearchSchema.shape.photo,
  /** The device's word that the poster is its owner. */
  pairing: z.string().max(2_048),
});
const searchSchema = z.strictObject({ search: idSchema });
const clipSchema = z.strictObject({ clip: idSchema });

/** Adds the routes. */
export function searchRoutes(server: FastifyInstance, { searches, photos, clips, rules }: SearchRouteDeps): void {
  server.get('/v1/search-party', async () => ({ rules }));

  // In a scope of its own: nowhere else is a body of this type read.
  void server.register(async (scope) => {
    scope.addContentTypeParser(/^image\/[a-z]{1,10}$/, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    scope.post('/v1/search-party/photos', {
      bodyLimit: PHOTO_POSTED_BYTES_MAX,
      // Before a byte of the photo is read.
      onRequest: async (request) => searches.admitPhoto(bearerOf(request)),
      handler: async (request, reply) => {
        const { body } = request;
        if (!(body instanceof Uint8Array)) throw failure('search_photo_invalid', { detail: 'send it as image/...' });
        return reply.code(201).send({ photo: toBase64url(await photos.plain(body)) });
      },
    });
  });

  server.post('/v1/search-party/searches', async (request, reply) => {
    const { search, photo, pairing } = parseBody(postSchema, request.body);
    return reply.code(201).send(await searches.post(search, photo, pairing));
  });
  server.post('/v1/search-party/searches/:search/end', async (request) =>
    searches.end(parseBody(searchSchema, request.params).search, bearerOf(request)),
  );

  server.get('/v1/search-party/clips', async (request) => ({ clips: await clips.list(bearerOf(request)) }));
  server.get('/v1/search-party/clips/:clip', async (request, reply) => {
    const { clip } = parseBody(clipSchema, request.params);
    const action = request.headers.range === undefined ? 'download' : 'stream';
    const { intake } = await clips.see(bearerOf(request), clip, 'clip', action);
    const sent = { name: clip, bytes: intake.clipBytes, sha256: intake.clipSha256, range: request.headers.range };
    return sendClip(reply, sent, (span) => clips.read(clip, span));
  });
  server.get('/v1/search-party/clips/:clip/manifest', async (request) => {
    const { clip } = parseBody(clipSchema, request.params);
    return { manifest: (await clips.see(bearerOf(request), clip, 'manifest', 'view')).intake.manifest };
  });
}
