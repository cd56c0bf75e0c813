// The picture of a recorded moment on the timeline: a still while scrubbing, video while playing.

import type { Window } from '@doorsill/contract/shared-claims';
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, type Timer } from './browser-seams.ts';
import { text } from './choose-language.ts';
import type { Door } from './door.ts';
import { type Trouble, troubleOf, useDoor } from './door-context.ts';
import { FootagePlayer, type FootageStage } from './footage-player.ts';
import { momentStill, type Still } from './still-decoder.ts';

const STILL_WIDTH = 640;
const TIME_EVERY_MS = 200;

export interface MomentPicture {
  video: RefObject<HTMLVideoElement | null>;
  /** The moment shown. */
  atUs: number | null;
  /** Object URL of the still; `stillUs` is the wall time of its frame. */
  still: string | null;
  stillUs: number | null;
  isPlaying: boolean;
  /** Whether the video shows instead of the still. */
  isMoving: boolean;
  trouble: Trouble | null;
  show(atUs: number): void;
  /** Moves to a moment that has no picture, and shows why. */
  showNothing(atUs: number, why: Trouble): void;
  play(): void;
  pause(): void;
}

export function useMomentPicture(coverage: () => readonly Window[]): MomentPicture {
  const { door } = useDoor();
  const video = useRef<HTMLVideoElement>(null);
  const [atUs, setAtUs] = useState<number | null>(null);
  const [still, setStill] = useState<{ address: string; atUs: number } | null>(null);
  const [stage, setStage] = useState<FootageStage | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const player = useRef<FootagePlayer | null>(null);
  const fetcher = useRef<StillFetcher | null>(null);

  useEffect(() => {
    const stills = stillFetcherOf(door, setStill, setTrouble);
    fetcher.current = stills;
    return () => {
      stills.stop();
      player.current?.stop();
      setStill(null);
    };
  }, [door]);
  useEffect(() => () => void (still && URL.revokeObjectURL(still.address)), [still]);
  useEffect(() => {
    if (stage !== 'playing') return;
    let timer = clock.after(TIME_EVERY_MS, function next() {
      setAtUs((before) => player.current?.shownUs ?? before);
      timer = clock.after(TIME_EVERY_MS, next);
    });
    return () => timer.cancel();
  }, [stage]);

  const stop = () => {
    const shownUs = player.current?.shownUs ?? null;
    player.current?.stop();
    player.current = null;
    setStage(null);
    return shownUs;
  };
  const moved = (us: number, why: Trouble | null) => {
    stop();
    setTrouble(why);
    setAtUs(us);
  };
  const show = (us: number) => {
    moved(us, null);
    fetcher.current?.want(us);
  };
  const showNothing = (us: number, why: Trouble) => {
    moved(us, why);
    fetcher.current?.stop();
    setStill(null);
  };
  const play = () => {
    if (!video.current || atUs === null) return;
    moved(atUs, null);
    player.current = new FootagePlayer({
      video: video.current,
      coverage,
      fetch: ({ startUs, endUs }, signal) =>
        door.client.fetch(`/api/v1/footage.mp4?fromUs=${Math.floor(startUs)}&toUs=${Math.ceil(endUs)}`, signal),
      changed: (now) => {
        if (now === 'unplayable') setTrouble({ title: text.unplayable, advice: '' });
        setStage(now);
      },
      failed: (thrown) => {
        setTrouble(troubleOf(thrown));
        setStage(null);
      },
    });
    player.current.start(atUs);
  };
  const isPlaying = stage === 'playing' || stage === 'loading';
  return {
    ...{
      video,
      atUs,
      still: still?.address ?? null,
      stillUs: still?.atUs ?? null,
      isPlaying,
      trouble,
      show,
      showNothing,
      play,
    },
    isMoving: stage === 'playing',
    pause: () => show(stop() ?? atUs ?? 0),
  };
}

function stillFetcherOf(
  door: Door,
  setStill: (still: { address: string; atUs: number }) => void,
  setTrouble: (trouble: Trouble | null) => void,
): StillFetcher {
  return new StillFetcher({
    fetch: (us, precision, signal) => momentStill(door.client, us, { precision, widthMax: STILL_WIDTH }, signal),
    after: (delayMs, call) => clock.after(delayMs, call),
    show: ({ blob, atUs }) => {
      setTrouble(null);
      setStill({ address: URL.createObjectURL(blob), atUs });
    },
    failed: (thrown) => setTrouble(troubleOf(thrown)),
  });
}

interface StillFetcherDeps {
  fetch(atUs: number, precision: 'key' | 'exact', signal: AbortSignal): Promise<Still>;
  after(delayMs: number, call: () => void): Timer;
  show(still: Still): void;
  /** The picture of the newest position could not be fetched. */
  failed(thrown: unknown): void;
}

/** After this rest the exact frame is fetched. */
const REST_MS = 180;

/**
 * Fetches stills while scrubbing: one at a time, always for the newest position; once the finger rests, the exact frame replaces the
 * nearest keyframe.
 */
class StillFetcher {
  private readonly deps: StillFetcherDeps;
  private wanted: { atUs: number; precision: 'key' | 'exact' } | null = null;
  private asking: AbortController | null = null;
  private rest: Timer | null = null;

  constructor(deps: StillFetcherDeps) {
    this.deps = deps;
  }

  /** Shows the picture of a moment as soon as it is fetched. */
  want(atUs: number): void {
    this.rest?.cancel();
    this.rest = this.deps.after(REST_MS, () => this.ask({ atUs, precision: 'exact' }));
    this.ask({ atUs, precision: 'key' });
  }

  stop(): void {
    this.rest?.cancel();
    this.wanted = null;
    this.asking?.abort();
  }

  private ask(position: { atUs: number; precision: 'key' | 'exact' }): void {
    this.wanted = position;
    if (!this.asking) void this.work();
  }

  private async work(): Promise<void> {
    while (this.wanted) {
      const { atUs, precision } = this.wanted;
      this.wanted = null;
      const asking = new AbortController();
      this.asking = asking;
      try {
        const still = await this.deps.fetch(atUs, precision, asking.signal);
        if (!asking.signal.aborted) this.deps.show(still);
      } catch (thrown) {
        if (!asking.signal.aborted && !this.wanted) this.deps.failed(thrown);
      }
      this.asking = null;
    }
  }
}
