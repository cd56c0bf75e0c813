// Encodes the head of a smart cut: the rest of the GOP that the window starts in. It begins while the survey still reads later frames.
import { sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { joinAnnexB } from '@doorsill/contract/media/nal';
import type { CutPermit } from '../consent/live-preview.ts';
import type { UsedSets } from './active-parameter-sets.ts';
import { type EncodedFrames, encodeFrames } from './encode-frames.ts';
import { stopSignal } from './read-ring.ts';
import type { CutDeps } from './recent-encodings.ts';
import type { Head, Picture, Survey, SurveyResult } from './survey.ts';

/** Timeout for one GOP on the slowest machine. */
const HEAD_TIMEOUT_MS = 120_000;

/** The encoding of one clip's head. The creator must call `stop`. */
export class HeadEncoding {
  private readonly live: CutPermit;
  private readonly deps: CutDeps;
  private readonly stopped = new AbortController();
  private early: { setsId: number; encoded: Promise<EncodedFrames> } | null = null;

  constructor(live: CutPermit, deps: CutDeps) {
    this.live = live;
    this.deps = deps;
  }

  /** Starts once the survey has read the whole head; does nothing before that, or when already started. */
  begin(survey: Survey): void {
    const whole = this.early ? null : survey.wholeHead;
    if (!whole || whole.freeId === null) return;
    const encoded = this.encode(whole.head, whole.picture, whole.freeId);
    // `finish` awaits the result; a rejection before that must not count as unhandled.
    encoded.catch(() => undefined);
    this.early = { setsId: whole.freeId, encoded };
  }

  /**
   * The encoded head of a survey without obstacles; null if all frames can be copied. Throws `clip_not_exact`, `clip_over_limit`,
   * `ffmpeg_failed`, `grant_dead`, or the reason of the caller's signal.
   */
  async finish({ head, picture, used }: SurveyResult): Promise<EncodedFrames | null> {
    if (!head) return null;
    const encoded = await this.encodedWith(head, picture, used);
    const { sps } = encoded.facts;
    if (
      sps.width !== picture.sps.width ||
      sps.height !== picture.sps.height ||
      sps.profileIdc !== picture.sps.profileIdc
    ) {
      throw failure('clip_not_exact', { detail: 'encoded and copied frames differ in size or profile' });
    }
    return encoded;
  }

  /** Stops the encoder if it still runs; resolves when it has exited. */
  async stop(): Promise<void> {
    this.stopped.abort(failure('clip_not_exact', { detail: 'the cut was cancelled' }));
    await this.early?.encoded.catch(() => undefined);
  }

  /** If a frame after the head uses the id that was free until then, encodes the head again with another id. */
  private async encodedWith(head: Head, picture: Picture, used: UsedSets): Promise<EncodedFrames> {
    if (this.early) {
      const { setsId, encoded } = this.early;
      if (!used.has(setsId)) return encoded;
      await encoded.catch(() => undefined);
    }
    const freeId = used.freeId();
    if (freeId === null) throw failure('clip_not_exact', { detail: 'no parameter set id is free' });
    return this.encode(head, picture, freeId);
  }

  private encode(head: Head, picture: Picture, setsId: number): Promise<EncodedFrames> {
    const { live, deps } = this;
    const source = joinAnnexB([...head.sets, ...head.frames.flat()]);
    const what = {
      skip: head.skip,
      take: head.frames.length - head.skip,
      more: false,
      target: { ...likeSource(picture), setsId, gopFrames: null, convert: false, blackOut: [] },
    };
    return deps.recent.video.get(
      JSON.stringify([sha256Hex(source), what]),
      (onFrame, stop) =>
        encodeFrames(deps, {
          doing: "encoding the window's first GOP",
          source,
          ...what,
          timeoutMs: HEAD_TIMEOUT_MS,
          bytesMax: headBytesMax(head),
          signal: stop,
          onFrame,
        }),
      live.cut.byteLimit,
      AbortSignal.any([stopSignal(live, deps), this.stopped.signal]),
    );
  }
}

/** Profile and level of the source, so that one decoder configuration serves both. */
function likeSource({ sps }: Picture): { profile: 'baseline' | 'main' | 'high'; levelIdc: number | null } {
  const profile = sps.profileIdc === 66 ? 'baseline' : sps.profileIdc === 77 ? 'main' : 'high';
  // These profiles encode level 1b as 11 with a flag (ITU-T H.264 §A.3.1): leave it to the encoder.
  const levelIdc = sps.levelIdc === 11 && (sps.constraints & 0x10) !== 0 ? null : sps.levelIdc;
  return { profile, levelIdc };
}

/** Stops a runaway encoder: encoded frames are never many times larger than their source. */
function headBytesMax(head: Head): number {
  const sourceBytes = head.frames.flat().reduce((bytes, unit) => bytes + unit.length, 0);
  return 64 * 1024 * 1024 + sourceBytes * 8;
}
