import { toBase64url } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { PublishedSearch } from '@doorsill/contract/search';
import { z } from 'zod';
import type { Clips } from '../clips/clips.ts';
import {
  clipListSchema,
  clipPageSchema,
  statementSchema,
  storedStatementOf,
  verdictAnswerSchema,
  verdictBodySchema,
} from '../clips/clips-routes.ts';
import type { Router } from '../http/router.ts';
import { CLIP_MEDIA, sendClip } from '../http/send-clip.ts';
import { PHOTO_POSTED_BYTES_MAX, type PhotoSanitizer } from './sanitize-photo.ts';
import { SearchRules } from './search-party-settings.ts';
import { type Searches, SearchPostedView } from './searches.ts';

export interface SearchRouteDeps {
  searches: Searches;
  photos: PhotoSanitizer;
  /** Clips granted to pets' owners. */
  clips: Clips;
  rules: SearchRules;
}

const { search, photo } = PublishedSearch.shape;
const postSchema = z.strictObject({
  search,
  photo,
  /** The device's statement that the poster is its owner. */
  pairing: z.string().max(2_048),
});
const searchSchema = z.strictObject({ search: idSchema });
const photoSchema = z.strictObject({ photo });
const rulesSchema = z.strictObject({ rules: SearchRules });
const clipSchema = z.strictObject({ clip: idSchema });

const neighbor = { roles: ['neighbor'] } as const;

export function searchRoutes(api: Router, { searches, photos, clips, rules }: SearchRouteDeps): void {
  api.route(
    {
      method: 'GET',
      path: '/v1/search-party',
      roles: ['public'],
      answer: rulesSchema,
      about: 'The limits of searches for pets.',
    },
    () => ({ rules }),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/search-party/photos',
      ...neighbor,
      body: { media: 'image/*' },
      status: 201,
      whole: { types: /^image\/[a-z]{1,10}$/, bytesMax: PHOTO_POSTED_BYTES_MAX },
      // Runs before any byte of the photo is read.
      admit: ({ bearer }) => searches.admitPhoto(bearer),
      answer: photoSchema,
      about: 'Sanitises a photo: small, and without the data that cameras write into it.',
    },
    async ({ request: { body } }) => {
      if (!(body instanceof Uint8Array))
        throw failure('search_photo_invalid', { detail: 'its content type is not image/...' });
      return { photo: toBase64url(await photos.sanitise(body)) };
    },
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/search-party/searches',
      roles: ['signed'],
      body: postSchema,
      status: 201,
      answer: SearchPostedView,
      about: 'Posts a search for a pet; the same bytes again change nothing.',
    },
    ({ body }) => searches.post(body.search, body.photo, body.pairing),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/search-party/searches/:search/end',
      ...neighbor,
      params: searchSchema,
      answer: SearchPostedView,
      about: 'Ends a search because the pet is found.',
    },
    ({ bearer, params }) => searches.end(params.search, bearer),
  );
  clipRoutes(api, clips);
}

function clipRoutes(api: Router, clips: SearchRouteDeps['clips']): void {
  api.route(
    {
      method: 'GET',
      path: '/v1/search-party/clips',
      ...neighbor,
      query: clipPageSchema,
      answer: clipListSchema,
      about: 'Clips granted to the caller, newest first.',
    },
    ({ bearer, query }) => clips.list(bearer, query),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/search-party/clips/:clip',
      ...neighbor,
      params: clipSchema,
      answer: CLIP_MEDIA,
      also: { 206: CLIP_MEDIA },
      about: 'One of these clips, whole or a range of it; one that is encrypted as plain bytes.',
    },
    async ({ bearer, params: { clip }, request, reply }) => {
      const action = request.headers.range === undefined ? 'download' : 'stream';
      const seen = await clips.see(bearer, clip, 'clip', action);
      const { clipBytes, clipSha256, isSealed } = seen.intake;
      const sent = { name: clip, bytes: clipBytes, sha256: clipSha256, range: request.headers.range, isSealed };
      return sendClip(reply, sent, (span) => clips.read(seen, span));
    },
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/search-party/clips/:clip/manifest',
      ...neighbor,
      params: clipSchema,
      answer: statementSchema,
      about: 'The statement that the home signed about the clip.',
    },
    async ({ bearer, params: { clip } }) => ({
      manifest: storedStatementOf((await clips.see(bearer, clip, 'manifest', 'view')).intake),
    }),
  );
  api.route(
    {
      method: 'POST',
      path: '/v1/search-party/clips/:clip/verdict',
      ...neighbor,
      params: clipSchema,
      body: verdictBodySchema,
      answer: verdictAnswerSchema,
      about:
        'What the caller found when they opened an encrypted clip, signed; the same outcome again changes nothing.',
    },
    ({ bearer, params, body }) => clips.judge(bearer, params.clip, body.verdict),
  );
}
