// The picture routes on a real HTTP server, with a ring, a live picture, viewers, privacy and records of looks that the test controls.
import { type Clock, SystemClock } from '../../../../device/base/clock.ts';
import { listenOn, makeHttpServer } from '../../../../device/base/http/http-server.ts';
import { sha256Hex } from '../../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../../device/base/log.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import type { LiveListener } from '../../../../device/camera/live-fragments.ts';
import type { Segment } from '../../../../device/camera/segment.ts';
import { Callers } from '../../../../device/console/callers.ts';
import { hlsRoutes } from '../../../../device/console/hls-routes.ts';
import { LiveViews } from '../../../../device/console/live-views.ts';
import { LocalRouter } from '../../../../device/console/local-router.ts';
import { OwnerSessions } from '../../../../device/console/owner-sessions.ts';
import { PictureAccess } from '../../../../device/console/picture-access.ts';
import { pictureRoutes } from '../../../../device/console/picture-routes.ts';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { type Viewer, ViewRight } from '../../../../device/contract/console-messages.ts';
import { parseInit } from '../../../../device/contract/media/fragment.ts';
import type { Window } from '../../../../device/contract/shared-claims.ts';
import { npmFfmpeg } from '../../../support/each-ffmpeg.ts';
import { x264 } from '../../clip/support/footage.ts';
import { capturedFootage } from '../../clip/support/segmenter.ts';

const TOKEN = 'A'.repeat(22);

/** Six seconds of numbered frames in GOPs of one second. */
export const recordedSeconds = (): Promise<Segment[]> =>
  capturedFootage(npmFfmpeg.path, { video: x264(15), frames: 90 });

/** A fragment followed by a box that players skip (ISO/IEC 14496-12 §8.1.2), as large as a better camera's. */
export function padded(fragment: Uint8Array, bytes: number): Uint8Array {
  const box = new Uint8Array(bytes);
  new DataView(box.buffer).setUint32(0, bytes);
  box.set(Buffer.from('free'), 4);
  return concatBytes([fragment, box]);
}

export class PictureServer {
  readonly viewers = new Map<string, Viewer>();
  readonly looks: string[] = [];
  readonly listeners = new Set<LiveListener>();
  readonly callers: Callers;
  readonly access: PictureAccess;
  readonly router: LocalRouter;
  url = '';
  isPrivate = false;
  held: readonly Segment[];
  /** Age of the last stored segment. */
  newestAgeMs = 0;
  /** Number of segments read. */
  reads = 0;
  /** Delays the record of a look, or makes it fail. */
  noting: () => Promise<void> = async () => undefined;
  private readonly server;

  private constructor(held: readonly Segment[], clock: Clock, ffmpeg: Ffmpeg, log: Log) {
    this.held = held;
    const sessions = new OwnerSessions({ clock, random: new SystemRandom(), device: 'device-1', owners: () => [] });
    this.callers = new Callers('device-1', sessions, (id) => this.viewers.get(id) ?? null);
    const looked = async (by: string, what: ViewRight) => {
      await this.noting();
      this.looks.push(`${by} ${what}`);
    };
    this.access = new PictureAccess({ clock, privacyOn: () => this.isPrivate, looked, watched: () => {} });
    this.server = makeHttpServer({ clock, log });
    const origins = { scheme: 'http:', loopbackOnly: true, names: [] } as const;
    this.router = new LocalRouter(this.server, { clock, callers: this.callers, origins, title: 'x', version: '1' });
    const views = new LiveViews({ subscribe: (listener) => this.subscribe(listener) });
    const ring = {
      read: (window: Window) => this.read(window),
      coverage: () => this.coverage(),
      segmentTimes: (window: Window) => this.segmentTimes(window),
    };
    hlsRoutes(this.router, { clock, access: this.access, ring });
    pictureRoutes(this.router, { access: this.access, views, ring, newest: () => this.newest(), ffmpeg, clock });
  }

  static async start(
    held: readonly Segment[],
    { clock = new SystemClock() as Clock, ffmpeg = npmFfmpeg, log = silentLog() } = {},
  ): Promise<PictureServer> {
    const made = new PictureServer(held, clock, ffmpeg, log);
    made.url = await listenOn(made.server, '127.0.0.1', 0);
    return made;
  }

  stop(): Promise<void> {
    return this.server.close();
  }

  /** Calls `seen` with each new answer. */
  onAnswer(seen: (answer: { writableLength: number }) => void): void {
    this.server.server.on('request', (_request, answer) => seen(answer));
  }

  /** Number of open connections. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.server.server.getConnections((_error, count) => resolve(count)));
  }

  /** Adds a viewer; returns the headers of its calls. */
  viewer(viewer = 'tablet', rights: ViewRight[] = [...ViewRight.options]): Record<string, string> {
    this.viewers.set(viewer, { viewer, name: viewer, rights, tokenSha256: sha256Hex(TOKEN) });
    return { authorization: `Basic ${Buffer.from(`${viewer}:${TOKEN}`).toString('base64')}` };
  }

  removeViewer(viewer = 'tablet'): void {
    this.viewers.delete(viewer);
    this.callers.sweep();
  }

  /** Turns privacy on or off, as an owner's order does. */
  privacy(on: boolean): void {
    this.isPrivate = on;
    if (on) this.access.privacyTurnedOn();
  }

  /** Sends a frame of the live picture to all listeners. */
  show(bytes: Uint8Array, key = true): void {
    for (const listener of [...this.listeners]) listener.fragment({ bytes, key, startUs: 1, durationUs: 66_667 });
  }

  private subscribe(listener: LiveListener): () => void {
    this.listeners.add(listener);
    const [first] = this.held;
    if (first) listener.init({ bytes: first.init, info: parseInit(first.init) });
    return () => void this.listeners.delete(listener);
  }

  private async *read(window: Window): AsyncGenerator<Segment> {
    // Like a ring, looks up each segment when it is read.
    for (const { startUs } of this.held.filter((one) => one.startUs < window.endUs && one.endUs > window.startUs)) {
      const segment = this.held.find((one) => one.startUs === startUs);
      if (!segment) continue;
      this.reads += 1;
      yield segment;
    }
  }

  private segmentTimes(window: Window): Window[] {
    return this.held.filter((one) => one.startUs < window.endUs && one.endUs > window.startUs);
  }

  private newest(): { window: Window; ageMs: number } | null {
    const last = this.held.at(-1);
    return last ? { window: { startUs: last.startUs, endUs: last.endUs }, ageMs: this.newestAgeMs } : null;
  }

  private coverage(): Window[] {
    const [first, last] = [this.held[0], this.held.at(-1)];
    return first && last ? [{ startUs: first.startUs, endUs: last.endUs }] : [];
  }
}
