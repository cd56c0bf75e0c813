// Recorded footage and the live picture as HTTP Live Streaming (RFC 8216), for players that support nothing else, such as VLC and phones.
// A media segment is a whole GOP.

import type { Clock } from '@doorsill/base/clock';
import type { ViewRight } from '@doorsill/contract/console-messages';
import { failure } from '@doorsill/contract/errors';
import { parseInit } from '@doorsill/contract/media/fragment';
import { moveFragment } from '@doorsill/contract/media/move-fragment';
import type { Window } from '@doorsill/contract/shared-claims';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { GAP_US, type Ring } from '../ring/ring-interface.ts';
import type { Caller } from './callers.ts';
import type { LocalRouter } from './local-router.ts';
import type { PictureAccess } from './picture-access.ts';
import { momentSchema, spanOf, spanSchema } from './span-query.ts';
import { bindToView } from './view-answer.ts';

export interface HlsRoutesDeps {
  clock: Pick<Clock, 'wallUs'>;
  access: PictureAccess;
  ring: Pick<Ring, 'read' | 'coverage' | 'segmentTimes'>;
}

const PLAYLIST = { media: 'application/vnd.apple.mpegurl' } as const;
/** A playlist lists each GOP: an hour has 3,600. */
const SPAN_US_MAX = 3_600_000_000;
/** Length of a live playlist. */
const LIVE_US = 8_000_000;
/** A segment this old still counts as live: players are some segments behind. */
const STILL_LIVE_US = 30_000_000;

/** `startUs`: wall time at which the GOP begins. `zeroUs`: wall time that is 0 on the player's timeline. */
const pieceSchema = z.strictObject({ startUs: momentSchema, zeroUs: momentSchema });

export function hlsRoutes(router: LocalRouter, deps: HlsRoutesDeps): void {
  const live = new LivePlaylist(deps);
  router.route(
    {
      method: 'GET',
      path: '/api/v1/live.m3u8',
      roles: ['owner', 'viewer'],
      answer: PLAYLIST,
      about: 'The live picture as HLS, some seconds behind, in whole GOPs.',
    },
    (call) => viewed(deps, call, 'live', { type: PLAYLIST.media, body: () => live.text() }),
  );
  router.route(
    {
      method: 'GET',
      path: '/api/v1/footage.m3u8',
      roles: ['owner', 'viewer'],
      query: spanSchema,
      answer: PLAYLIST,
      about: 'Recorded footage of a span as HLS, at most an hour.',
    },
    (call) => viewed(deps, call, 'history', { type: PLAYLIST.media, body: () => recorded(deps.ring, call.query) }),
  );
  router.route(
    {
      method: 'GET',
      path: '/api/v1/hls/:part',
      roles: ['owner', 'viewer'],
      params: z.strictObject({ part: z.enum(['init.mp4', 'fragment.m4s']) }),
      query: pieceSchema,
      answer: { media: 'video/mp4' },
      about: 'A GOP of a playlist, or its init segment.',
    },
    (call) => {
      const { params, query } = call;
      const isLive = isStillLive(deps.clock, query.startUs) && call.caller?.rights.includes('live');
      const right = isLive ? 'live' : 'history';
      return viewed(deps, call, right, { type: 'video/mp4', body: () => pieceOf(deps.ring, query, params.part) });
    },
  );
}

/** Whether a moment is now, within a player's delay. Moments in the future, after the clock was set back, are not. */
function isStillLive(clock: Pick<Clock, 'wallUs'>, atUs: number): boolean {
  return Math.abs(clock.wallUs() - atUs) <= STILL_LIVE_US;
}

/** Answers within a view of the caller: sends nothing once the view is ended. */
async function viewed(
  { access }: HlsRoutesDeps,
  { caller, reply }: { caller: Caller | null; reply: FastifyReply },
  right: ViewRight,
  { type, body }: { type: string; body(): Promise<string | Buffer> | string },
): Promise<FastifyReply> {
  const signal = bindToView(reply, await access.open(caller, right));
  const made = await body();
  signal.throwIfAborted();
  return reply.type(type).send(made);
}

async function pieceOf(
  ring: Pick<Ring, 'read'>,
  { startUs, zeroUs }: z.output<typeof pieceSchema>,
  part: 'init.mp4' | 'fragment.m4s',
): Promise<Buffer> {
  for await (const segment of ring.read({ startUs, endUs: startUs + 1 })) {
    if (segment.startUs !== startUs) continue;
    if (part === 'init.mp4') return Buffer.from(segment.init);
    return Buffer.from(moveFragment(parseInit(segment.init), segment.fragment, segment.wallOffsetUs - zeroUs));
  }
  throw failure('console_no_footage');
}

/** The playlist of a span: complete, so that a player can seek to any moment. */
function recorded(ring: Pick<Ring, 'segmentTimes'>, query: z.output<typeof spanSchema>): string {
  const times = ring.segmentTimes(spanOf(query, SPAN_US_MAX));
  const [first] = times;
  if (!first) throw failure('console_no_footage');
  const pieces = times.map((time, at) => ({ ...time, follows: at > 0 && isNext(times[at - 1], time) }));
  return [
    ...head(pieces, 0, 0),
    '#EXT-X-PLAYLIST-TYPE:VOD',
    ...lines(pieces, first.startUs),
    '#EXT-X-ENDLIST',
    '',
  ].join('\n');
}

interface Piece extends Window {
  /** Whether it follows the piece before it without a gap. */
  follows: boolean;
}

/** The live playlist. Pieces keep their sequence numbers while they are listed (RFC 8216 §6.2.2). */
class LivePlaylist {
  private readonly ring: HlsRoutesDeps['ring'];
  private readonly clock: HlsRoutesDeps['clock'];
  private pieces: Piece[] = [];
  private gone = 0;
  private gapsGone = 0;
  private zeroUs = 0;

  constructor({ ring, clock }: HlsRoutesDeps) {
    this.ring = ring;
    this.clock = clock;
  }

  text(): string {
    const newest = this.ring.coverage().at(-1);
    if (!newest || !isStillLive(this.clock, newest.endUs)) throw failure('console_not_recording');
    const fromUs = newest.endUs - LIVE_US;
    const last = this.pieces.at(-1);
    const times = this.ring.segmentTimes({ startUs: fromUs, endUs: newest.endUs });
    for (const time of times) {
      if (last && time.startUs <= last.startUs) continue;
      const before = this.pieces.at(-1);
      this.pieces.push({ ...time, follows: before !== undefined && isNext(before, time) });
    }
    while (this.pieces[0] && this.pieces[0].endUs <= fromUs) {
      this.gone += 1;
      const [dropped] = this.pieces.splice(0, 1);
      // A discontinuity tag counts as removed once the piece after it is removed (RFC 8216 §4.3.3.3).
      if (dropped?.follows === false && this.gone > 1) this.gapsGone += 1;
    }
    if (this.zeroUs === 0) this.zeroUs = this.pieces[0]?.startUs ?? newest.startUs;
    return [...head(this.pieces, this.gone, this.gapsGone), ...lines(this.pieces, this.zeroUs, this.gone > 0), ''].join(
      '\n',
    );
  }
}

function isNext(before: Window | undefined, time: Window): boolean {
  return before !== undefined && Math.abs(time.startUs - before.endUs) <= GAP_US;
}

function head(pieces: readonly Window[], sequence: number, discontinuities: number): string[] {
  const longestUs = Math.max(1_000_000, ...pieces.map(({ startUs, endUs }) => endUs - startUs));
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.ceil(longestUs / 1_000_000)}`,
    `#EXT-X-MEDIA-SEQUENCE:${sequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuities}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
}

/** Each gap is a discontinuity with a new init segment, because the camera's format may have changed. */
function lines(pieces: readonly Piece[], zeroUs: number, isLater = false): string[] {
  return pieces.flatMap(({ startUs, endUs, follows }, at) => {
    const query = `startUs=${startUs}&zeroUs=${zeroUs}`;
    const isFresh = at === 0 || !follows;
    return [
      ...(!follows && (at > 0 || isLater) ? ['#EXT-X-DISCONTINUITY'] : []),
      ...(isFresh ? [`#EXT-X-MAP:URI="hls/init.mp4?${query}"`] : []),
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(startUs / 1_000).toISOString()}`,
      `#EXTINF:${((endUs - startUs) / 1_000_000).toFixed(6)},`,
      `hls/fragment.m4s?${query}`,
    ];
  });
}
