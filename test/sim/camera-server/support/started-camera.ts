// Owns: a camera that films and is served on loopback, for tests, with every unit that it sent; what others recorded of it, compared with that.
// Not here: the recorders (device/camera/support/recorder.ts, the programs of users).
import { createHash } from 'node:crypto';
import { SystemClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { SeededRandom } from '../../../../device/base/random.ts';
import { findFfmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { parseFragment, parseInit } from '../../../../device/media/fragment.ts';
import { nalType, splitSample } from '../../../../device/media/nal.ts';
import type { AccessUnit } from '../../../../sim/camera-server/access-units.ts';
import { ServedCamera, type ServedCameraOptions } from '../../../../sim/camera-server/served-camera.ts';
import type { Recorder } from '../../../device/camera/support/recorder.ts';

/** A small porch costs little. */
export const SMALL = 'synthetic?size=320x180';
export const ffmpeg = await findFfmpeg();

export class StartedCamera {
  readonly camera: ServedCamera;
  readonly sent: AccessUnit[] = [];

  private constructor(options: ServedCameraOptions) {
    const deps = {
      clock: new SystemClock(),
      random: new SeededRandom(5),
      disk: new SystemDisk(),
      log: silentLog(),
      ffmpeg,
    };
    this.camera = new ServedCamera(options, deps);
    this.camera.onSent((unit) => void this.sent.push(unit));
  }

  static async start(options: Partial<ServedCameraOptions> = {}): Promise<StartedCamera> {
    const started = new StartedCamera({ source: SMALL, serve: ['rtsp://127.0.0.1:0/porch'], ...options });
    await started.camera.start();
    return started;
  }

  get url(): string {
    return this.camera.urls[0] ?? '';
  }

  /** Digests of the pictures that were sent, in order. */
  get pictures(): string[] {
    return this.sent.filter(({ track }) => track === 'video').map(({ parts }) => pictureDigest(parts));
  }

  stop(): Promise<void> {
    return this.camera.stop();
  }
}

/** What a picture shows: its slices alone, whatever stands beside them. */
export function pictureDigest(nals: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const nal of nals) if (nalType(nal) >= 1 && nalType(nal) <= 5) hash.update(nal);
  return hash.digest('hex').slice(0, 16);
}

/** Digests of the pictures that a device recorded, in order. */
export function recordedPictures({ segments }: Recorder): string[] {
  return segments.flatMap((segment) => {
    const init = parseInit(segment.init);
    const lengthBytes = init.video.avc?.nalLengthSize ?? 4;
    return parseFragment(init, segment.fragment).video.map(({ data }) => pictureDigest(splitSample(data, lengthBytes)));
  });
}

export interface Comparison {
  /** Pictures that were recorded. */
  readonly recorded: number;
  /** Those that nobody sent. */
  readonly foreign: number;
  /** Those that were sent between the first and the last of those that were recorded, and were not recorded. */
  readonly missing: number;
}

/** Compares what was received with what was sent, both in order. A picture that was sent twice may be received once or twice. */
export function compared(received: readonly string[], sent: readonly string[]): Comparison {
  const places = new Map<string, number[]>();
  for (const [at, digest] of sent.entries()) places.set(digest, [...(places.get(digest) ?? []), at]);
  const found = received.map((digest) => places.get(digest));
  const seen = new Set(found.flatMap((at) => at ?? []));
  const known = [...seen].sort((a, b) => a - b);
  const [first = 0, last = -1] = [known[0], known.at(-1)];
  const missing = sent.slice(first, last + 1).filter((_, at) => !seen.has(first + at)).length;
  return { recorded: received.length, foreign: found.filter((at) => !at).length, missing };
}
