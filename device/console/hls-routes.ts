// Owns: recorded footage and the live picture as HTTP Live Streaming (RFC 8216): playlists of whole groups of pictures, for players
// that know no other way, such as VLC and phones. Not here: who may look (picture-access.ts), one file (footage-file.ts).

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
import { momentSchema } from './moment-schema.ts';
import type { PictureAccess } from './picture-access.ts';
import { bindToView } from './view-answer.ts';

export interface HlsRoutesDeps {
  clock: Pick<Clock, 'wallUs'>;
  access: PictureAccess;
  ring: Pick<Ring, 'read' | 'coverage' | 'segmentTimes'>;
}

const PLAYLIST = { media: 'application/vnd.apple.mpegurl' } as const;
/** A playlist names each group of pictures: an hour has 3,600. */
const SPAN_US_MAX = 3_600_000_000;
/** What a live playlist offers. */
const LIVE_US = 8_000_000;
/** A piece this old is still the live picture: a player is some pieces behind. */
const STILL_LIVE_US = 30_000_000;

const spanSchema = z.strictObject({ fromUs: momentSchema, toUs: momentSchema });
/** A group of pictures by the wall time it begins at, and the wall time that is 0 on the player's timeline. */
const pieceSchema = z.strictObject({ startUs: momentSchema, zeroUs: momentSchema });

export function hlsRoutes(router: LocalRouter, deps: HlsRoutesDeps): void {
  const live = new LivePlaylist(deps);
  router.route(
    {
      method: 'GET',
      path: '/api/v1/live.m3u8',
      roles: ['owner', 'viewer'],
      answer: PLAYLIST,
      about: 'The live picture as HLS, some seconds behind: whole groups of pictures.',
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
      about: 'A group of pictures of a playlist, or what decodes it.',
    },
    (call) => {
      const { params, query } = call;
      const isLive = isStillLive(deps.clock, query.startUs) && call.caller?.rights.includes('live');
      const right = isLive ? 'live' : 'history';
      return viewed(deps, call, right, { type: 'video/mp4', body: () => pieceOf(deps.ring, query, params.part) });
    },
  );
}

/** Whether a moment is now, within a player's delay; after the clock was set back what it calls the future is not. */
function isStillLive(clock: Pick<Clock, 'wallUs'>, atUs: number): boolean {
  return Math.abs(clock.wallUs() - atUs) <= STILL_LIVE_US;
}

/** Answers as a view of the caller's: nothing is sent once it is not allowed any more. */
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

/** The playlist of a span: complete, so that a player can go to each moment of it. */
function recorded(ring: Pick<Ring, 'segmentTimes'>, { fromUs, toUs }: z.output<typeof spanSchema>): string {
  if (toUs <= fromUs) throw failure('http_body_invalid', { detail: 'toUs: it must lie behind fromUs' });
  if (toUs - fromUs > SPAN_US_MAX) throw failure('console_span_too_long', { seconds: SPAN_US_MAX / 1_000_000 });
  const times = ring.segmentTimes({ startUs: fromUs, endUs: toUs });
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
  /** Without a gap after the piece before it. */
  follows: boolean;
}

/** The live playlist: its pieces keep their numbers while they are offered (RFC 8216 §6.2.2). */
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
      // The tag before the first piece counts as gone only when its piece is (RFC 8216 §4.3.3.3).
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

/** After each gap the decoder begins anew: the camera may have changed its format. */
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
