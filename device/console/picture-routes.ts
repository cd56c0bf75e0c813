// The routes of pictures: a still, recorded footage of a span, its frames' times, the live picture. Each opens a view (picture-access.ts)
// first.
import { Readable } from 'node:stream';
import type { Clock } from '@doorsill/base/clock';
import { rangeOf } from '@doorsill/base/http/byte-range';
import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import { FRAME_SPAN_US_MAX, frameTimesSchema } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { parseFragment, parseInit } from '@doorsill/contract/media/fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import { type Segment, wallTimeUs } from '../camera/segment.ts';
import type { Ring } from '../ring/ring-interface.ts';
import { footageFile } from './footage-file.ts';
import type { LiveViews } from './live-views.ts';
import type { LocalRouter } from './local-router.ts';
import type { PictureAccess } from './picture-access.ts';
import { momentSchema, spanOf, spanSchema } from './span-query.ts';
import { stillPicture } from './still-picture.ts';
import { bindToView } from './view-answer.ts';

export interface PictureRoutesDeps {
  access: PictureAccess;
  views: LiveViews;
  ring: Pick<Ring, 'read'>;
  /** The last stored segment and its age; null before the first. */
  newest(): { window: Window; ageMs: number } | null;
  ffmpeg: Ffmpeg;
  clock: Clock;
}

/** Longest span of one file. */
const SPAN_US_MAX = 3_600_000_000;
/** A picture stored longer ago than this is recorded footage, which the right `stills` does not include. */
const NOW_MS_MAX = 30_000;
/** Stills decoded at the same time. */
const STILLS_MAX = 4;

const stillSchema = z.strictObject({
  /** Wall time in microseconds since 1970; absent: now, stored at most 30 seconds ago. */
  atUs: momentSchema.optional(),
  precision: z.enum(['exact', 'key']).default('exact'),
  width: momentSchema.pipe(z.int().min(16).max(3_840)).default(1_280),
});

export function pictureRoutes(router: LocalRouter, deps: PictureRoutesDeps): void {
  const { access, ring } = deps;
  liveRoute(router, deps);
  framesRoute(router, deps);
  const segments = (window: Window) => ring.read(window);
  let decoding = 0;
  const decoded = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (decoding >= STILLS_MAX) throw failure('console_too_many_viewers', { most: STILLS_MAX });
    decoding += 1;
    try {
      return await work();
    } finally {
      decoding -= 1;
    }
  };

  router.route(
    {
      method: 'GET',
      path: '/api/v1/snapshot.jpg',
      roles: ['owner', 'viewer'],
      query: stillSchema,
      answer: { media: 'image/jpeg' },
      about: 'One picture: of now (stored at most 30 seconds ago), or of a recorded moment.',
    },
    async ({ caller, query, reply }) => {
      const isNow = query.atUs === undefined;
      const signal = bindToView(reply, await access.open(caller, isNow ? 'stills' : 'history'));
      const now = isNow ? nowOf(deps) : null;
      const found = now === null ? segments : () => now.segments;
      const asked = { atUs: now?.atUs ?? query.atUs ?? 0, precision: query.precision, widthMax: query.width };
      const { jpeg, atUs } = await decoded(() => stillPicture({ ...deps, segments: found }, asked, signal));
      signal.throwIfAborted();
      return reply.type('image/jpeg').header('x-doorsill-at-us', atUs).send(Buffer.from(jpeg));
    },
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/footage.mp4',
      roles: ['owner', 'viewer'],
      query: spanSchema,
      answer: { media: 'video/mp4' },
      also: { 206: { media: 'video/mp4' } },
      about: 'Recorded footage of a span of at most an hour as fragmented MP4 of whole GOPs. Supports `Range`.',
    },
    async ({ caller, query, request, reply }) => {
      const window = spanOf(query, SPAN_US_MAX);
      const signal = bindToView(reply, await access.open(caller, 'history'));
      const file = await footageFile(segments, window);
      reply
        .type('video/mp4')
        .header('x-doorsill-start-us', file.window.startUs)
        .header('x-doorsill-end-us', file.window.endUs)
        .header('accept-ranges', 'bytes');
      return sendSpan(reply, file, request.headers.range, signal);
    },
  );
}

/** The live picture as an endless file. Over a WebSocket: /api/v1/live (console-server.ts). */
function liveRoute(router: LocalRouter, { access, views }: PictureRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/live.mp4',
      roles: ['owner', 'viewer'],
      answer: { media: 'video/mp4' },
      about: 'The live picture as endless fragmented MP4, a fragment a frame; it ends when the camera’s stream does.',
    },
    async ({ caller, reply }) => {
      const view = await access.open(caller, 'live');
      try {
        return views.overHttp(reply, view);
      } catch (thrown) {
        view.close();
        throw thrown;
      }
    },
  );
}

/** The frames' times, by which a page steps from frame to frame. */
function framesRoute(router: LocalRouter, { access, ring }: PictureRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/frames',
      roles: ['owner', 'viewer'],
      query: spanSchema,
      answer: frameTimesSchema,
      about: 'Wall times of the frames from `fromUs` on and before `toUs`, in microseconds, at most half a minute.',
    },
    async ({ caller, query, reply }) => {
      const window = spanOf(query, FRAME_SPAN_US_MAX);
      const signal = bindToView(reply, await access.open(caller, 'history'));
      const frames = await framesIn(ring.read(window), window);
      signal.throwIfAborted();
      return { frames };
    },
  );
}

async function framesIn(segments: AsyncIterable<Segment>, { startUs, endUs }: Window): Promise<number[]> {
  const frames = new Set<number>();
  for await (const { init, fragment, wallOffsetUs } of segments) {
    const info = parseInit(init);
    for (const { pts } of parseFragment(info, fragment).video) {
      const frameUs = wallTimeUs(pts, info.video.timescale, wallOffsetUs);
      if (frameUs >= startUs && frameUs < endUs) frames.add(frameUs);
    }
  }
  return [...frames].sort((a, b) => a - b);
}

/** Sends the file, or the requested range of it (RFC 9110 §14). */
function sendSpan(
  reply: FastifyReply,
  file: { byteLength: number; bytes: AsyncIterable<Uint8Array> },
  rangeHeader: string | undefined,
  signal: AbortSignal,
): FastifyReply {
  const range = rangeOf(rangeHeader, file.byteLength);
  const span = range ?? { start: 0, end: file.byteLength };
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${file.byteLength}`);
  reply.header('content-length', span.end - span.start);
  keepForTransfer(reply.raw.socket);
  return reply.send(Readable.from(within(file.bytes, span, signal)));
}

async function* within(
  pieces: AsyncIterable<Uint8Array>,
  span: { start: number; end: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of pieces) {
    signal.throwIfAborted();
    const from = Math.max(0, span.start - at);
    const to = Math.min(piece.length, span.end - at);
    if (from < to) yield piece.subarray(from, to);
    at += piece.length;
    if (at >= span.end) return;
  }
}

/**
 * The last stored moment and its segment. Determined by the order of storing, not by wall time: after a clock was set back, older footage
 * has the latest wall time. Throws `console_not_recording` if the segment is too old.
 */
function nowOf({ ring, newest }: PictureRoutesDeps): { atUs: number; segments: AsyncIterable<Segment> } {
  const last = newest();
  if (last === null || last.ageMs > NOW_MS_MAX) throw failure('console_not_recording');
  return { atUs: last.window.endUs - 1, segments: exactly(ring.read(last.window), last.window) };
}

async function* exactly(segments: AsyncIterable<Segment>, { startUs, endUs }: Window): AsyncGenerator<Segment> {
  for await (const segment of segments) if (segment.startUs === startUs && segment.endUs === endUs) yield segment;
}
