// @module-tag long
// A clip's sound is made exactly of the ring's packets inside the window, also with gaps, overlapping recordings, and sound that a clip
// cannot have. Faults are planted into the ring, or into the parsed file. Faults of the file's own bytes: self-check.test.ts.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { widened } from '../../../device/clip/read-ring.ts';
import { checkSound } from '../../../device/clip/sound-check.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import type { FileAudio } from '../../../device/contract/media/clip-file-check.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { type CheckedClip, clipWithSound, cutOf, ffmpeg, tablesOf } from './support/checked-clips.ts';
import { depsFor, readerOf } from './support/cutting.ts';
import { beforeSound } from './support/planting.ts';
import { soundLater } from './support/segmenter.ts';

const PACKET = 1024;
/** The window: it begins with the second group of pictures, so that no frame is encoded, and ends in the third. */
const FRAMES: [number, number] = [15, 40];

let ring: Segment[] = [];
let plain: CheckedClip;
let aligned: CheckedClip;

beforeAll(async () => {
  ring = (await clipWithSound()).segments;
  plain = await cutOf(ring, FRAMES, true);
  // A packet of sound begins with the first frame, to the sample.
  const late = startOf(ring, FRAMES[0]) - 48_000;
  aligned = await cutOf(
    ring.map((each) => soundLater(each, -late)),
    FRAMES,
    true,
  );
});

/** Start of the first packet that is not before a frame, in samples. */
function startOf(segments: readonly Segment[], frame: number): number {
  const starts = segments.flatMap(({ init, fragment }) => parseFragment(parseInit(init), fragment).audio);
  return starts.map(({ pts }) => pts).find((pts) => pts >= (frame * 48_000) / 15) ?? raise('no sound');
}

function raise(what: string): never {
  throw new Error(what);
}

interface Planted {
  segments?: readonly Segment[];
  clip?: Partial<CutFacts>;
  audio?: (audio: FileAudio) => FileAudio;
  bytes?: Uint8Array;
  ffmpeg?: Ffmpeg;
}

/** Checks the sound of a clip against its ring, with planted changes. */
async function check(of: CheckedClip, planted: Planted = {}): Promise<void> {
  const { live } = liveGrantFor({ window: of.window, audio: true });
  const tables = tablesOf(of.bytes);
  const audio = tables.audio ?? raise('the clip has no sound');
  await checkSound({
    live,
    deps: depsFor(planted.ffmpeg ?? ffmpeg ?? raise('no ffmpeg'), planted.segments ?? of.segments),
    clip: { ...of.clip, ...planted.clip },
    tables: { ...tables, audio: planted.audio?.(audio) ?? audio },
    reader: readerOf(planted.bytes ?? of.bytes),
    readWindow: widened(of.window, 12_000_000, 5_000_000),
    signal: new AbortController().signal,
  });
}

const refusal = (detail: string) => expect.objectContaining({ code: 'clip_check_failed', facts: { detail } });
const foreign = refusal('sound that is not of the window');

/** The ring with its segments changed from a given one on. */
const from = (first: number, change: (segment: Segment) => Segment) =>
  ring.map((segment, at) => (at < first ? segment : change(segment)));

const next = (segment: Segment): Segment => ({ ...segment, recording: 'the-next-one' });

/** The segment with some bytes of its init segment replaced, after a box's name. */
function withInit(segment: Segment, name: string, was: readonly number[], now: readonly number[]): Segment {
  const init = Buffer.from(segment.init);
  const at = init.indexOf(Buffer.from(was), init.lastIndexOf(name));
  if (at < 0 || was.length !== now.length) raise('nothing to replace');
  init.set(now, at);
  return { ...segment, init: Uint8Array.from(init) };
}

/** AudioSpecificConfig of the ring's sound (AAC-LC, 48 kHz, one channel) and of others. */
const CONFIG = [0x11, 0x88];
const STEREO = [0x11, 0x90];
const HE_AAC = [0x29, 0x88];
const of32 = (value: number) => [value >> 24, value >> 16, value >> 8, value].map((byte) => byte & 255);

/** The segment as of a camera without a microphone: its sound track's boxes are renamed, so that they are ignored. */
function silent(segment: Segment): Segment {
  const hidden = (bytes: Uint8Array, name: string) => {
    const out = Buffer.from(bytes);
    out.write('free', out.lastIndexOf(name), 'latin1');
    return Uint8Array.from(out);
  };
  return { ...segment, init: hidden(segment.init, 'trak'), fragment: hidden(segment.fragment, 'traf') };
}

const ODD_RINGS: Record<string, () => Segment[]> = {
  'whose clock was set in the middle of a recording': () =>
    from(2, (segment) => ({
      ...segment,
      startUs: segment.startUs + 1_000,
      endUs: segment.endUs + 1_000,
      wallOffsetUs: segment.wallOffsetUs + 1_000,
    })),
  'in which a packet is missing': () => from(2, (segment) => soundLater(segment, PACKET)),
  'with a gap of half a packet': () => from(2, (segment) => soundLater(segment, PACKET / 2)),
  'with a gap of almost half a packet': () => from(2, (segment) => soundLater(segment, PACKET / 2 - 1)),
  'whose next recording begins with the time of the last packet': () =>
    from(2, (segment) => next(soundLater(segment, -PACKET))),
  'whose next recording begins before the last packet': () =>
    from(2, (segment) => next(soundLater(segment, -PACKET - 500))),
  'whose next recording has sound in stereo': () =>
    from(2, (segment) => next(withInit(segment, 'esds', CONFIG, STEREO))),
  'whose next recording has no sound': () => from(2, (segment) => next(silent(segment))),
  'whose next recording has sound that no clip has': () =>
    from(2, (segment) => next(withInit(segment, 'esds', CONFIG, HE_AAC))),
};

describe('sound passes', () => {
  it('of an ordinary ring', async () => {
    expect(plain.clip).toMatchObject({ method: 'copy', frames: 25 });
    await check(plain);
  });

  for (const [name, odd] of Object.entries(ODD_RINGS)) {
    it(`of a ring ${name}`, async () => {
      const cut = await cutOf(odd(), FRAMES, true);
      expect(cut.clip.audioPackets).toBeGreaterThan(30);
      await check(cut);
    });
  }

  it('that begins with the first frame, also if the window begins before it', async () => {
    const { segments, window, clip } = aligned;
    expect(tablesOf(aligned.bytes).audio?.delay).toBe(0);
    await check(aligned);
    const early = { ...aligned, window: { ...window, startUs: window.startUs - 10_000 } };
    await check(early);
    // A packet that begins a sample before the first frame is not in the clip.
    const before = segments.map((each) => soundLater(each, -1));
    await expect(check(early, { segments: before, clip })).rejects.toEqual(foreign);
  });

  it.each([10_098, 10_100])(
    'at times %d µs off the ring exactly if that is at most half a step and a tick of each clock',
    async (byUs) => {
      // Half of 20 ms; 48,000, 90,000 and 15,360 ticks a second, and 2 µs: 99 in all.
      expect(tablesOf(aligned.bytes).video.timescale).toBe(15_360);
      const { startUs, endUs } = aligned.clip.coverage;
      const checked = check(aligned, { clip: { coverage: { startUs: startUs - byUs, endUs } } });
      await (byUs < 10_099 ? checked : expect(checked).rejects.toEqual(foreign));
    },
  );
});

describe('sound is refused', () => {
  it.each([
    ['begins a movie unit after a whole step', (audio: FileAudio) => ({ ...audio, delay: audio.delay + 1 })],
    [
      'goes on at another time than it began',
      ({ times, ...audio }: FileAudio) => ({ ...audio, times: times.map((time, at) => (at < 9 ? time : time + 6)) }),
    ],
  ])('that %s', async (_, audio) => {
    await check(plain, { audio: (one) => one });
    await expect(check(plain, { audio })).rejects.toEqual(foreign);
  });

  /** The clip with one packet too many. */
  const withPacket = (packet: Uint8Array): Planted => ({
    bytes: concatBytes([plain.bytes, packet]),
    clip: { audioPackets: plain.clip.audioPackets + 1 },
    audio: ({ offsets, sizes, ...audio }) => ({
      ...audio,
      offsets: Float64Array.of(...offsets, plain.bytes.length),
      sizes: Uint32Array.of(...sizes, packet.length),
    }),
  });

  it('with a packet after it that holds text instead of sound, which a decoder ignores', async () => {
    const end = Uint8Array.of(0xe0);
    await expect(check(plain, withPacket(beforeSound(end, 'a camera', 'serial number 4711')))).rejects.toEqual(foreign);
  });

  it('with a packet of sound after it', async () => {
    const { offsets = [], sizes = [] } = tablesOf(plain.bytes).audio ?? {};
    const [at = 0, size = 0] = [offsets.at(-1), sizes.at(-1)];
    await expect(check(plain, withPacket(plain.bytes.slice(at, at + size)))).rejects.toEqual(foreign);
  });

  it('that the ring stamps in other units than samples, so that its time is unknown', async () => {
    const segments = ring.map((segment) => withInit(segment, 'mdhd', of32(48_000), of32(44_100)));
    await expect(check(plain, { segments })).rejects.toEqual(foreign);
  });

  it('that decodes to fewer samples than its packets should have', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-deaf-'));
    try {
      const path = join(folder, 'ffmpeg');
      const real = ffmpeg ?? raise('no ffmpeg');
      // Counting stops at the first error; the encoder and its decoder do not.
      const deaf = `case "$*" in *-xerror*) '${real.path}' "$@" | tail -c +4097 ;; *) exec '${real.path}' "$@" ;; esac`;
      await writeFile(path, `#!/bin/sh\n${deaf}\n`);
      await chmod(path, 0o755);
      await expect(check(plain, { ffmpeg: { ...real, path } })).rejects.toEqual(refusal('sound that does not decode'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
