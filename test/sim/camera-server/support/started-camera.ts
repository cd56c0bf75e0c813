// A camera served on loopback, with every unit that it sent, to compare with a device's recording.
import { createHash } from 'node:crypto';
import { SystemClock } from '../../../../device/base/clock.ts';
import { SystemDisk } from '../../../../device/base/disk.ts';
import { silentLog } from '../../../../device/base/log.ts';
import { SeededRandom } from '../../../../device/base/random.ts';
import { findFfmpeg } from '../../../../device/camera/find-ffmpeg.ts';
import { parseFragment, parseInit } from '../../../../device/contract/media/fragment.ts';
import { nalType, splitSample } from '../../../../device/contract/media/nal.ts';
import type { AccessUnit } from '../../../../sim/camera-server/access-units.ts';
import { ServedCamera, type ServedCameraOptions } from '../../../../sim/camera-server/served-camera.ts';
import type { Recorder } from '../../../device/camera/support/recorder.ts';

/** A small porch encodes fast. */
export const SMALL = 'synthetic?size=320x180';
export const ffmpeg = await findFfmpeg();

export class StartedCamera {
  readonly camera: ServedCamera;
  readonly filmed: AccessUnit[] = [];
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
    this.camera.onFilmed((unit) => void this.filmed.push(unit));
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

  /** Digests of the sent pictures, in order. */
  get pictures(): string[] {
    return pictureDigests(this.sent);
  }

  /** Digests of the camera's pictures before faults, in order. */
  get made(): string[] {
    return pictureDigests(this.filmed);
  }

  /** Difference in ms between recorded pictures' wall times and their real ones: minimum and maximum. */
  offMs(recorder: Recorder): [number, number] {
    const video = this.filmed.filter(({ track }) => track === 'video');
    const timesUs = recorder.frameTimesUs();
    const offs = placesIn(recordedPictures(recorder), this.made).flatMap((place, at) => {
      const unit = place === null ? undefined : video[place];
      return unit ? [Math.round(((timesUs[at] ?? 0) - this.camera.wallUs(unit.dueUs)) / 1_000)] : [];
    });
    return [Math.min(...offs), Math.max(...offs)];
  }

  stop(): Promise<void> {
    return this.camera.stop();
  }
}

function pictureDigests(units: readonly AccessUnit[]): string[] {
  return units.filter(({ track }) => track === 'video').map(({ parts }) => pictureDigest(parts));
}

/** Digest of a picture's slices only. */
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
  readonly recorded: number;
  /** Pictures that were never sent. */
  readonly foreign: number;
  /** Pictures that were sent between the first and the last recorded one, and are not recorded. */
  readonly missing: number;
}

/** The index of each received picture among the sent ones, or null. Pictures without change are equal: then the next one counts. */
function placesIn(received: readonly string[], sent: readonly string[]): (number | null)[] {
  const all = new Map<string, number[]>();
  for (const [at, digest] of sent.entries()) all.set(digest, [...(all.get(digest) ?? []), at]);
  let next = 0;
  return received.map((digest) => {
    const [nearest = null] = [...(all.get(digest) ?? [])].sort((a, b) => Math.abs(a - next) - Math.abs(b - next));
    if (nearest !== null) next = nearest + 1;
    return nearest;
  });
}

/** Compares received with sent pictures, both in order. A picture sent twice may be received once or twice. */
export function compared(received: readonly string[], sent: readonly string[]): Comparison {
  const places = placesIn(received, sent);
  const known = places.filter((place) => place !== null);
  const seen = new Set(received);
  const between = known.length === 0 ? [] : sent.slice(Math.min(...known), Math.max(...known) + 1);
  return {
    recorded: received.length,
    foreign: places.length - known.length,
    missing: between.filter((digest) => !seen.has(digest)).length,
  };
}
