// Small MP4 files for tests of the bridge: laid out by the device's own writer around made-up samples, and ways to spoil them.

import type { AudioTrack, VideoTrack } from '../../device/clip/mp4-layout.ts';
import { layOut } from '../../device/clip/mp4-layout.ts';
import { concatBytes } from '../../device/contract/bytes.ts';

/** The sequence parameter set of these files. */
export const SPS = {
  /** Baseline, level 3, 640 by 360. */
  bytes: Uint8Array.of(0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x40),
  id: 0,
  profileIdc: 0x42,
  constraints: 0xc0,
  levelIdc: 0x1e,
  chromaFormat: 1,
  bitDepthLuma: 8,
  bitDepthChroma: 8,
  frameNumBits: 4,
  gapsAllowed: false,
  progressive: true,
  width: 640,
  height: 360,
  aspect: [1, 1] as [number, number],
  colour: null,
  clean: true,
};

/** Its picture parameter set. */
export const PPS = Uint8Array.of(0x68, 0xcb, 0x83, 0xcb, 0x20);

export interface PlainClip {
  frames: number;
  audioPackets: number;
  /** Bytes of each video sample. */
  frameBytes?: number;
  /** Samples after the first frame at which the sound begins; not 0 gives it a delaying edit list. */
  audioStart?: number;
  /** Ticks, of 90,000 a second, that each frame is shown: 6,000 if not given, 15 frames a second. */
  frameTicks?: number;
  /** Ticks that the last one is shown. */
  lastTicks?: number;
  /** Ticks without a frame before this one. */
  pause?: { at: number; ticks: number };
}

/** A file with `frames` video samples and `audioPackets` audio samples. */
export function plainMp4(clip: PlainClip): Uint8Array {
  const { frames, audioPackets, frameBytes = 500, audioStart = 0, frameTicks = 6_000, pause } = clip;
  const ramp = (count: number, step: number, from = 0) => Array.from({ length: count }, (_, at) => from + at * step);
  const video: VideoTrack = {
    timescale: 90_000,
    ticks: ramp(frames, frameTicks).map((tick, at) => tick + (pause && at >= pause.at ? pause.ticks : 0)),
    // Fifty sizes in turn.
    sizes: ramp(frames, 1).map((at) => frameBytes + (at % 50)),
    lastDuration: clip.lastTicks ?? frameTicks,
    keys: [0],
    sps: [SPS],
    pps: [PPS],
    rotation: 0,
  };
  const audio: AudioTrack | null =
    audioPackets === 0
      ? null
      : {
          sound: { config: Uint8Array.of(0x11, 0x90), sampleRate: 48_000, channels: 2 },
          ticks: ramp(audioPackets, 1_024, audioStart),
          sizes: ramp(audioPackets, 0, 40),
          lastDuration: 1_024,
        };
  const chunks = [
    { track: 'video' as const, samples: Math.ceil(frames / 2) },
    ...(audio ? [{ track: 'audio' as const, samples: audioPackets }] : []),
    { track: 'video' as const, samples: Math.floor(frames / 2) },
  ].filter((chunk) => chunk.samples > 0);
  const { header, sizeBytes } = layOut(video, audio, chunks);
  const file = new Uint8Array(sizeBytes);
  file.set(header);
  for (let at = header.length; at < sizeBytes; at += 1) file[at] = (at - header.length) * 31;
  return file;
}

/** Where a box begins, by its type's first occurrence; throws when there is none. */
export function findBox(file: Uint8Array, type: string): { start: number; end: number } {
  const at = Buffer.from(file).indexOf(type, 0, 'latin1') - 4;
  if (at < 0) throw new Error(`no ${type} box`);
  return { start: at, end: at + Buffer.from(file).readUInt32BE(at) };
}

/** A copy with bytes replaced at `position`. */
export function patched(file: Uint8Array, position: number, bytes: readonly number[]): Uint8Array {
  const out = Uint8Array.from(file);
  out.set(bytes, position);
  return out;
}

/** A copy with `bytes` put in at the end of the box at `path` (types from the outside in), lengths and offsets made to fit. */
export function grown(file: Uint8Array, path: readonly string[], bytes: Uint8Array): Uint8Array {
  const out = Buffer.from(file);
  const boxes = path.map((type) => findBox(file, type));
  const at = boxes.at(-1)?.end ?? file.length;
  for (const { start } of boxes) out.writeUInt32BE(out.readUInt32BE(start) + bytes.length, start);
  for (let from = 0; ; ) {
    const found = out.indexOf('stco', from, 'latin1');
    if (found < 0) break;
    const count = out.readUInt32BE(found + 8);
    for (let entry = 0; entry < count; entry += 1) {
      const place = found + 12 + entry * 4;
      if (out.readUInt32BE(place) >= at) out.writeUInt32BE(out.readUInt32BE(place) + bytes.length, place);
    }
    from = found + 4;
  }
  return concatBytes([out.subarray(0, at), bytes, out.subarray(at)]);
}

/** A box of a type with `length` bytes of content. */
export function fillerBox(type: string, length: number): Uint8Array {
  const out = Buffer.alloc(length + 8, 0x41);
  out.writeUInt32BE(length + 8, 0);
  out.write(type, 4, 'latin1');
  return new Uint8Array(out);
}
