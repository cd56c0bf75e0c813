// Plays the live picture: feeds fragments from the device's WebSocket (console/live-views.ts) into Media Source Extensions
// (https://www.w3.org/TR/media-source-2/), close to the newest frame.

import { parseJson } from '@doorsill/contract/parse-json';
import { SilenceWatch } from '@doorsill/contract/silence-watch';
import { z } from 'zod';
import { clock } from '../kit/browser-seams.ts';
import { SILENT_MS } from '../kit/door.ts';
import { type MediaFeed, openFeed } from '../kit/media-feed.ts';

/** `silent`: no new frames arrive; the last one still shows. */
export type LiveStage = 'connecting' | 'playing' | 'silent' | 'ended' | 'unplayable';

export interface LivePlayerDeps {
  video: HTMLVideoElement;
  socket(): Promise<WebSocket>;
  changed(stage: LiveStage): void;
}

const announcedSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('init'), codecs: z.string().max(100) }),
  z.strictObject({ type: z.literal('ended') }),
]);

/** Further behind the newest frame than `MAX`: jump to `AIM`; further than `LAX`: play faster. */
const BEHIND_S_MAX = 1;
const BEHIND_S_LAX = 0.45;
const BEHIND_S_AIM = 0.15;
const CATCH_UP_RATE = 1.1;
const KEPT_S = 10;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
/** Length of the wall time before each fragment. */
const STAMP_BYTES = 8;

export class LivePlayer {
  private readonly deps: LivePlayerDeps;
  private readonly stopping = new AbortController();
  private feed: MediaFeed | null = null;
  /** Codecs of a stream whose init segment comes next. */
  private announced: string | null = null;
  /** Wall time of the stream's time 0. */
  private originUs: number | null = null;
  private frames = 0;
  private isSilent = false;
  private readonly watch = new SilenceWatch(clock, () => this.fellSilent());

  constructor(deps: LivePlayerDeps) {
    this.deps = deps;
  }

  start(): void {
    void this.run();
  }

  /** Ends the connection, and clears the picture. */
  stop(): void {
    this.stopping.abort();
    this.close();
  }

  /** Wall time of the shown frame; null if unknown. */
  get shownUs(): number | null {
    return this.originUs === null ? null : Math.round(this.originUs + this.deps.video.currentTime * 1_000_000);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let waitMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      this.frames = 0;
      await this.connection(signal).catch(() => undefined);
      if (signal.aborted) return;
      this.close();
      this.deps.changed('connecting');
      waitMs = this.frames > 0 ? RETRY_MS_MIN : Math.min(waitMs * 2, RETRY_MS_MAX);
      await clock.pause(waitMs, signal);
    }
  }

  /** Follows one connection until it ends. */
  private async connection(signal: AbortSignal): Promise<void> {
    const socket = await this.deps.socket();
    socket.binaryType = 'arraybuffer';
    await new Promise<void>((resolve) => {
      const end = () => socket.close();
      if (signal.aborted) end();
      signal.addEventListener('abort', end);
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (typeof data === 'string') this.announce(data);
        else if (data instanceof ArrayBuffer) this.take(data);
      };
      socket.onclose = () => {
        signal.removeEventListener('abort', end);
        resolve();
      };
    });
  }

  private announce(text: string): void {
    const message = announcedSchema.safeParse(parseJson(text));
    if (!message.success) return;
    if (message.data.type === 'init') {
      this.announced = message.data.codecs;
      return;
    }
    this.close();
    this.deps.changed('ended');
  }

  private take(message: ArrayBuffer): void {
    const stampUs = Number(new DataView(message).getBigInt64(0));
    const bytes = new Uint8Array(message, STAMP_BYTES);
    if (this.announced !== null) {
      this.open(this.announced, bytes);
      this.announced = null;
      return;
    }
    // A stream's first fragment begins at time 0.
    if (this.frames === 0 && stampUs >= 0) this.originUs = stampUs;
    this.frames += 1;
    this.feed?.append(bytes);
    this.watch.wait(SILENT_MS);
    if (this.isSilent) this.awaitFrame();
    this.isSilent = false;
  }

  private open(codecs: string, init: Uint8Array<ArrayBuffer>): void {
    this.close();
    const { video, changed } = this.deps;
    this.frames = 0;
    this.feed = openFeed(video, codecs, { appended: () => this.keepUp() });
    if (!this.feed) {
      changed('unplayable');
      return;
    }
    this.feed.append(init);
    this.awaitFrame();
  }

  /** Reports `playing` once a frame shows. */
  private awaitFrame(): void {
    const { video } = this.deps;
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(() => this.shown());
    else this.deps.video.addEventListener('timeupdate', () => this.shown(), { once: true });
  }

  private fellSilent(): void {
    if (!this.feed) return;
    this.isSilent = true;
    this.deps.changed('silent');
  }

  private shown(): void {
    if (this.stopping.signal.aborted || !this.feed || this.isSilent) return;
    if (performance.getEntriesByName('doorsill-first-frame').length === 0) performance.mark('doorsill-first-frame');
    this.deps.changed('playing');
  }

  /** Stays close to the newest frame, and removes old media. */
  private keepUp(): void {
    const { video } = this.deps;
    const { buffered } = video;
    if (buffered.length === 0) return;
    const newest = buffered.end(buffered.length - 1);
    const behind = newest - video.currentTime;
    if (behind > BEHIND_S_MAX || video.currentTime < buffered.start(buffered.length - 1)) {
      video.currentTime = Math.max(buffered.start(buffered.length - 1), newest - BEHIND_S_AIM);
    }
    video.playbackRate = behind > BEHIND_S_LAX ? CATCH_UP_RATE : 1;
    // Browsers refuse to play on a hidden page or to save the battery: tried again with the next fragment.
    if (video.paused) video.play().catch(() => undefined);
    this.feed?.trim(video.currentTime - KEPT_S);
  }

  private close(): void {
    this.watch.stop();
    this.isSilent = false;
    this.feed?.close();
    this.feed = null;
    this.originUs = null;
  }
}
