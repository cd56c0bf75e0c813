// Plays recorded footage from any moment on: fetches it in spans of some seconds, plays a span while it arrives, and skips gaps.
import { concatBytes } from '@doorsill/contract/bytes';
import { isFailure } from '@doorsill/contract/errors';
import { parseInit } from '@doorsill/contract/media/fragment';
import { codecsParameter } from '@doorsill/contract/media/init-segment';
import type { Window } from '@doorsill/contract/shared-claims';
import { clock } from './browser-seams.ts';
import { type MediaFeed, mediaTypeOf, openFeed } from './media-feed.ts';
import { nextCovered, SECOND_US } from './time-spans.ts';

export type FootageStage = 'loading' | 'playing' | 'ended' | 'unplayable';

export interface FootagePlayerDeps {
  video: HTMLVideoElement;
  /** Fetches `footage.mp4` of a span. */
  fetch(window: Window, signal: AbortSignal): Promise<Response>;
  /** The footage that the device holds now. */
  coverage(): readonly Window[];
  changed(stage: FootageStage): void;
  failed(thrown: unknown): void;
}

/** The first span is short, so that playing starts soon over a slow link. */
const FIRST_SPAN_US = 6 * SECOND_US;
const SPAN_US = 20 * SECOND_US;
/** The next span is fetched when less than this is left to play. */
const AHEAD_S = 15;
const KEPT_S = 30;
const LOOK_MS = 250;
const INIT_BYTES_MAX = 64 * 1024;

export class FootagePlayer {
  private readonly deps: FootagePlayerDeps;
  private readonly stopping = new AbortController();
  private feed: MediaFeed | null = null;
  private originUs = 0;
  private isPlaying = false;

  constructor(deps: FootagePlayerDeps) {
    this.deps = deps;
  }

  start(fromUs: number): void {
    const { signal } = this.stopping;
    this.run(fromUs, signal).catch((thrown: unknown) => {
      if (!signal.aborted) this.deps.failed(thrown);
    });
  }

  stop(): void {
    this.stopping.abort();
    this.feed?.close();
    this.feed = null;
  }

  /** Wall time of the shown frame; null before the first. */
  get shownUs(): number | null {
    return this.isPlaying ? Math.round(this.originUs + this.deps.video.currentTime * SECOND_US) : null;
  }

  private async run(fromUs: number, signal: AbortSignal): Promise<void> {
    this.deps.changed('loading');
    let lengthUs = FIRST_SPAN_US;
    let atUs = nextCovered(this.deps.coverage(), fromUs);
    while (atUs !== null && !signal.aborted) {
      const endUs = await this.playSpan({ startUs: atUs, endUs: atUs + lengthUs }, signal);
      lengthUs = SPAN_US;
      while (!signal.aborted && this.aheadS() > AHEAD_S) await this.look(signal);
      atUs = nextCovered(this.deps.coverage(), endUs);
    }
    this.feed?.end();
    while (!signal.aborted && this.aheadS() > 0.1) await this.look(signal);
    if (!signal.aborted) this.deps.changed('ended');
  }

  /** Fetches one span and appends it as it arrives; returns where it ends. */
  private async playSpan(window: Window, signal: AbortSignal): Promise<number> {
    const answer = await this.deps.fetch(window, signal).catch((thrown: unknown) => {
      if (isFailure(thrown) && thrown.code === 'console_no_footage') return null;
      throw thrown;
    });
    if (!answer?.body) return window.endUs;
    const startUs = Number(answer.headers.get('x-doorsill-start-us'));
    const reader = answer.body.getReader();
    let head: Uint8Array<ArrayBuffer> | null = new Uint8Array();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) break;
      if (head === null) {
        this.feed?.append(new Uint8Array(value));
        continue;
      }
      head = new Uint8Array(concatBytes([head, value]));
      const length = initLength(head);
      if (length === null && head.length < INIT_BYTES_MAX) continue;
      if (!this.begin(head.subarray(0, length ?? 0), startUs, window.startUs)) return Number.POSITIVE_INFINITY;
      this.feed?.append(head);
      head = null;
    }
    return Math.max(Number(answer.headers.get('x-doorsill-end-us')), window.startUs + 1);
  }

  /** Prepares for a span by its init segment; false when the browser cannot play it. */
  private begin(init: Uint8Array, startUs: number, wantedUs: number): boolean {
    const codecs = codecsParameter(parseInit(init));
    if (this.feed) {
      this.feed.beginAt((startUs - this.originUs) / SECOND_US, mediaTypeOf(codecs));
      return true;
    }
    const { video, changed } = this.deps;
    this.originUs = startUs;
    this.feed = openFeed(video, codecs, { appended: () => this.keepUp(wantedUs), failed: () => changed('unplayable') });
    if (!this.feed) changed('unplayable');
    return this.feed !== null;
  }

  private keepUp(wantedUs: number): void {
    const { video } = this.deps;
    const { buffered } = video;
    if (buffered.length === 0) return;
    if (!this.isPlaying) {
      this.isPlaying = true;
      video.playbackRate = 1;
      video.currentTime = Math.max(buffered.start(0), (wantedUs - this.originUs) / SECOND_US);
      video.play().catch(() => undefined);
      this.deps.changed('playing');
    }
    this.feed?.trim(video.currentTime - KEPT_S);
  }

  /** Waits a little, and skips a gap that playing has reached. */
  private async look(signal: AbortSignal): Promise<void> {
    await clock.pause(LOOK_MS, signal);
    const { video } = this.deps;
    const { buffered, currentTime } = video;
    const ranges = Array.from({ length: buffered.length }, (_, at) => [buffered.start(at), buffered.end(at)] as const);
    const isIn = ranges.some(([start, end]) => currentTime >= start && currentTime < end - 0.1);
    const next = ranges.find(([start]) => start > currentTime);
    if (!isIn && next && !video.seeking) video.currentTime = next[0];
  }

  /** Seconds that are buffered and not yet played. */
  private aheadS(): number {
    const { buffered, currentTime } = this.deps.video;
    return buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
  }
}

/** Bytes of `ftyp` + `moov` at the start; null while they are not whole (ISO/IEC 14496-12 §4.2). */
function initLength(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at);
    const isMoov = view.getUint32(at + 4) === 0x6d6f6f76;
    if (size < 8) return 0;
    at += size;
    if (isMoov) return at <= bytes.length ? at : null;
  }
  return null;
}
