// Encodes footage with a camera's faults (sim/camera-server) into one MP4 that a device reads.
import type { Writable } from 'node:stream';
import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { writeTo } from '@doorsill/device/camera/ffmpeg-run';
import type { RunInput } from '@doorsill/device/camera/source-interfaces';
import type { Port } from '@doorsill/device/camera/start-ffmpeg';
import { type AccessUnit, type H264Format, videoFormat } from '../camera-server/access-units.ts';
import type { FaultSet } from '../camera-server/faults.ts';
import {
  type FilmDeps,
  type FilmedSound,
  filmPictures,
  filmSound,
  SOUND,
  soundUnitOf,
  unitOf,
} from '../camera-server/film-runs.ts';
import { LiveMp4 } from '../camera-server/live-mp4.ts';
import { UnitFaults } from '../camera-server/unit-faults.ts';

/** A camera's faults, in microseconds since the world's start, and the seed of their randomness. */
export interface CameraFaults {
  readonly set: FaultSet;
  readonly seed: number;
  /** For ffmpeg's messages. */
  readonly log: Log;
}

/** Input of one run of the camera's own ffmpeg. */
export interface PictureInput {
  readonly inputs: readonly Port[];
  readonly feed: RunInput['feed'];
  /** ffmpeg's specifier of the pictures. */
  readonly stream: string;
  /** How long before the wanted picture it begins to read. */
  readonly beforeUs: number;
}

interface FaultyShowing {
  readonly faults: CameraFaults;
  /** When the first picture is shown, in the world's time. */
  readonly startUs: number;
  /** The input for the pictures from `fromUs` of this showing, for `lengthUs` (Infinity: to the end). */
  pictures(fromUs: number, lengthUs: number): Promise<PictureInput>;
  /** Null: no sound. */
  readonly sound: FilmedSound | null;
  /** Registers a program that waits for us, so that time may pass while it runs; returns the function that unregisters it. */
  running(): () => void;
}

/** The input of the device's ffmpeg: only what is written into it. */
export const FAULTY_INPUT: Port = { options: ['-protocol_whitelist', 'pipe', '-f', 'mov'], address: 'pipe:0' };

/** A fault that begins within a rounding of a picture begins with it. */
const ROUNDING_US = 1_000;

/** Writes a showing until its end, or until the reader closes. Its first picture is always sent, because it dates the others. */
export async function feedFaulty(
  deps: FilmDeps,
  showing: FaultyShowing,
  pipe: Writable,
  signal: AbortSignal,
): Promise<void> {
  const { set, seed } = showing.faults;
  const sent: AccessUnit[] = [];
  const stage = new UnitFaults({
    faults: set,
    // The same showing is damaged in the same way every time.
    random: new SeededRandom((seed + Math.round(showing.startUs)) % 2 ** 32),
    later: (_us, call) => {
      call();
      return { cancel: () => undefined };
    },
    send: (unit) => void sent.push(unit),
  });
  let file: LiveMp4 | null = null;
  for await (const { unit, format } of filmed(deps, showing, signal)) {
    if (!file && !format) continue;
    stage.take(unit);
    if (!file && sent.length === 0) sent.push(unit);
    file ??= format && new LiveMp4(format, { keepsSets: true });
    for (const each of sent.splice(0)) {
      const bytes = file?.push(each);
      if (bytes && bytes.length > 0 && !(await writeTo(pipe, bytes))) return;
    }
  }
  if (file && !signal.aborted) await writeTo(pipe, file.end());
}

/** A unit, and the picture's format. */
interface FilmedUnit {
  readonly unit: AccessUnit;
  readonly format: H264Format | null;
}

/** Pictures and sound in the order of their times; ends with the pictures. */
async function* filmed(deps: FilmDeps, showing: FaultyShowing, signal: AbortSignal): AsyncGenerator<FilmedUnit> {
  const sound = showing.sound && soundUnits(deps, showing, showing.sound, signal);
  try {
    let packet = await sound?.next();
    for await (const picture of pictures(deps, showing, signal)) {
      while (packet && packet.done !== true && packet.value.dueUs <= picture.unit.dueUs) {
        yield { unit: packet.value, format: null };
        packet = await sound?.next();
      }
      yield picture;
    }
  } finally {
    await sound?.return(undefined);
  }
}

async function* pictures(
  deps: FilmDeps,
  { faults, startUs, sound, ...showing }: FaultyShowing,
  signal: AbortSignal,
): AsyncGenerator<FilmedUnit> {
  let fromUs = 0;
  while (!signal.aborted) {
    const atUs = startUs + fromUs + ROUNDING_US;
    const lengthUs = faults.set.nextPictureChangeUs(atUs) - startUs - fromUs;
    const { feed, ...read } = await showing.pictures(fromUs, lengthUs);
    const film = { ...read, feed: feed && fedBy(feed), lengthUs, change: faults.set.pictureAt(atUs), isCopied: false };
    let passedUs = 0;
    const ended = showing.running();
    try {
      for await (const picture of filmPictures(deps, film, signal)) {
        passedUs = Math.max(passedUs, picture.ptsUs + picture.durationUs);
        const format = videoFormat(picture.init, sound === null ? null : SOUND);
        yield { unit: unitOf(picture, startUs + fromUs), format: format?.codec === 'h264' ? format : null };
      }
    } finally {
      ended();
    }
    fromUs += passedUs;
    if (passedUs === 0 || passedUs < lengthUs - ROUNDING_US * 2) return;
  }
}

async function* soundUnits(
  deps: FilmDeps,
  { startUs, running }: FaultyShowing,
  sound: FilmedSound,
  signal: AbortSignal,
): AsyncGenerator<AccessUnit> {
  const ended = running();
  try {
    let at = 0;
    for await (const packet of filmSound(deps, sound, signal)) {
      yield soundUnitOf(packet, at, startUs);
      at += 1;
    }
  } finally {
    ended();
  }
}

/** Connects a run's pipes to the function that draws into them. */
function fedBy(feed: NonNullable<RunInput['feed']>) {
  return async ({ child }: FfmpegProcess, signal: AbortSignal) => {
    const [, audio] = child.stdio.slice(3);
    if (child.stdin && audio && 'write' in audio) await feed({ video: child.stdin, audio }, signal);
    child.stdin?.end();
  };
}
