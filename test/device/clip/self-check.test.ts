// The self-check finds every kind of fault that could leak data or falsify a clip: each is planted into a clip that passes, and must
// be named.
import { beforeAll, describe, expect, it } from 'vitest';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { ClipRecode } from '../../../device/clip/clip-deps.ts';
import type { ClipReader, CutFacts } from '../../../device/clip/finished-clip.ts';
import { box, u32 } from '../../../device/clip/mp4-boxes.ts';
import { SelfCheck, selfCheck } from '../../../device/clip/self-check.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import { failure } from '../../../device/contract/errors.ts';
import { FTYP_BYTES } from '../../../device/contract/media/clip-file-check.ts';
import { parseInit } from '../../../device/contract/media/fragment.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { describeWithEachFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { type CheckedClip, clipWithSound, ffmpeg } from './support/checked-clips.ts';
import { childProcesses, cut, depsFor, readerOf } from './support/cutting.ts';
import { behindSlices, withSamples } from './support/planting.ts';
import { frameTimesUs, soundLater } from './support/segmenter.ts';
import { Surgery } from './support/surgery.ts';

/** Encoded frames of the clip; the others are copied. */
const ENCODED = 12;
const STSZ = '0/mdia/minf/stbl/stsz';
const AUDIO_STSZ = '1/mdia/minf/stbl/stsz';
const AVC1_COMPRESSOR_AT = 8 + 8 + 42;

let segments: Segment[] = [];
let window: Window;
let good: CheckedClip;

beforeAll(async () => {
  good = await clipWithSound();
  ({ segments, window } = good);
});

/** From frame `from` up to frame `to`, moved by `startMs` and `endMs`. */
function windowOf(from: number, to: number, startMs = 0, endMs = 0): Window {
  const times = frameTimesUs(segments);
  return { startUs: (times[from] ?? 0) + startMs * 1000, endUs: (times[to] ?? 0) + endMs * 1000 };
}

interface Check {
  bytes?: Uint8Array;
  clip?: Partial<CutFacts>;
  window?: Window;
  audio?: boolean;
  segments?: Segment[];
  recode?: ClipRecode;
  byteLimit?: number;
}

async function check(planted: Check, decoder: Ffmpeg = ffmpeg): Promise<void> {
  const { byteLimit } = planted;
  const { live } = liveGrantFor({
    ...{ window: planted.window ?? window, audio: planted.audio ?? true },
    ...(byteLimit === undefined ? {} : { byteLimit }),
  });
  const bytes = planted.bytes ?? good.bytes;
  const clip: CutFacts = { ...good.clip, sizeBytes: bytes.length, ...planted.clip };
  await selfCheck(
    live,
    clip,
    readerOf(bytes),
    depsFor(decoder, planted.segments ?? segments, { recode: planted.recode ?? 'when-needed' }),
  );
}

/** The bytes with another 32-bit number at a position. */
function withNumber(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = Buffer.from(bytes);
  changed.writeUInt32BE(value, at);
  return Uint8Array.from(changed);
}

/** Start of the samples' box. */
function mdatAt(): number {
  return FTYP_BYTES + Buffer.from(good.bytes).readUInt32BE(FTYP_BYTES);
}

function raise(): never {
  throw new Error('there is none');
}

/** The good clip with a change. */
function operated(change: (file: Surgery) => void): Uint8Array {
  const file = new Surgery(good.bytes);
  change(file);
  return file.bytes();
}

/** Inserts units before a sample's own, with correct sizes and offsets. */
function unitsBefore(file: Surgery, sample: number, units: Uint8Array): void {
  changeSample(file, sample, (data) => concatBytes([units, data]));
}

/** Replaces a frame's bytes, with correct sizes and offsets. */
function changeSample(file: Surgery, sample: number, change: (data: Uint8Array) => Uint8Array): void {
  const { chunk, at, size } = placeOf(file, sample);
  const before = file.top('mdat').content.slice(at, at + size);
  const after = change(before);
  file.splicePayload(at, size, after);
  file.setNumber(STSZ, 12 + sample * 4, after.length);
  const chunkAt = file.number('0/mdia/minf/stbl/stco', 8 + chunk * 4);
  for (const track of ['0', '1']) {
    const path = `${track}/mdia/minf/stbl/stco`;
    for (let entry = 0; entry < file.number(path, 4); entry += 1) {
      const offset = file.number(path, 8 + entry * 4);
      if (offset > chunkAt) file.setNumber(path, 8 + entry * 4, offset + after.length - size);
    }
  }
}

/** A frame's position in the payload: 12 encoded frames in the first chunk, then the copied ones in the second. */
function placeOf(file: Surgery, sample: number): { chunk: number; at: number; size: number } {
  const first = sample < ENCODED ? 0 : ENCODED;
  const chunk = sample < ENCODED ? 0 : 1;
  let at = file.chunkAt('0', chunk);
  for (let each = first; each < sample; each += 1) at += file.number(STSZ, 12 + each * 4);
  return { chunk, at, size: file.number(STSZ, 12 + sample * 4) };
}

/** Removes the last unit of a frame. */
function withoutLastUnit(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 0;
  while (at + 4 + view.getUint32(at) < frame.length) at += 4 + view.getUint32(at);
  return frame.subarray(0, at);
}

const SECRET = utf8('serial number 4711');
const SEI = concatBytes([
  u32([SECRET.length + 19]),
  Uint8Array.of(6, 5, SECRET.length + 16),
  new Uint8Array(16),
  SECRET,
]);

const FAULTS: Record<string, [RegExp, () => Check]> = {
  'a frame in front of the first sample that no table names': [
    /belong to no sample/,
    () => ({
      bytes: operated((file) => {
        file.splicePayload(0, 0, new Uint8Array(500));
        file.offsetShift = 500;
      }),
    }),
  ],
  'data behind the last sample inside mdat': [
    /belong to no sample/,
    () => ({ bytes: operated((file) => file.splicePayload(file.top('mdat').content.length, 0, new Uint8Array(9))) }),
  ],
  'trailing bytes': [
    /behind mdat/,
    () => ({
      bytes: operated((file) => {
        file.tail = SECRET;
      }),
    }),
  ],
  'a free box with data at the end': [
    /behind mdat/,
    () => ({
      bytes: operated((file) => {
        file.tail = box('free', SECRET);
      }),
    }),
  ],
  'a free box with data inside moov': [
    /free box where|behind what belongs/,
    () => ({ bytes: operated((file) => file.insert('moov', 'free', SECRET)) }),
  ],
  'user data in moov': [
    /behind what belongs/,
    () => ({ bytes: operated((file) => file.insert('moov', 'udta', box('name', SECRET))) }),
  ],
  'user data in the video track': [
    /behind what belongs/,
    () => ({ bytes: operated((file) => file.insert('0', 'udta', SECRET)) }),
  ],
  'a third track with text': [
    /behind what belongs/,
    () => ({ bytes: operated((file) => file.top('moov').children?.push({ ...file.find('1') })) }),
  ],
  'a foreign brand': [/ftyp/, () => ({ bytes: operated((file) => file.patch('ftyp', 0, utf8('qt  '))) })],
  'a creation time in mvhd': [
    /unexpected bytes in mvhd/,
    () => ({ bytes: operated((file) => file.setNumber('mvhd', 4, 3_900_000_000)) }),
  ],
  'a modification time in tkhd': [
    /unexpected bytes in tkhd/,
    () => ({ bytes: operated((file) => file.setNumber('0/tkhd', 8, 3_900_000_000)) }),
  ],
  'a creation time in mdhd': [
    /unexpected bytes in mdhd/,
    () => ({ bytes: operated((file) => file.setNumber('1/mdia/mdhd', 4, 1)) }),
  ],
  'a handler with a name': [
    /hdlr/,
    () => ({
      bytes: operated((file) => {
        const hdlr = file.find('0/mdia/hdlr');
        hdlr.content = concatBytes([hdlr.content.subarray(0, 20), utf8('VideoHandler\0')]);
      }),
    }),
  ],
  'an encoder string in the sample entry': [
    /avc1/,
    () => ({
      bytes: operated((file) => file.patch('0/mdia/minf/stbl/stsd', 8 + AVC1_COMPRESSOR_AT, utf8('\x04Lavc'))),
    }),
  ],
  'an edit list over video': [
    /edts box where/,
    () => ({
      bytes: operated((file) => {
        const elst = { type: 'elst', children: null, content: u32([0, 1, 90_000, 5_000, 0x10000]) };
        file.find('0').children?.splice(1, 0, { type: 'edts', children: [elst], content: new Uint8Array(0) });
      }),
    }),
  ],
  'an edit list over sound that skips some of it': [
    /elst/,
    () => ({ bytes: operated((file) => file.setNumber('1/edts/elst', 24, 1024)) }),
  ],
  'sound that does not start where it did': [
    /sound that is not of the window/,
    () => ({
      bytes: operated((file) => moveSound(file, -900)),
    }),
  ],
  'an altered byte of a copied slice': [
    /frame 12 is not the ring's/,
    () => ({
      bytes: operated((file) => {
        // The second chunk of video begins with the first copied frame.
        const at = file.chunkAt('0', 1) + 400;
        const mdat = file.top('mdat').content;
        mdat[at] = (mdat[at] ?? 0) ^ 1;
      }),
    }),
  ],
  'SEI user data in a frame': [
    /other units than slices/,
    () => ({ bytes: operated((file) => unitsBefore(file, 0, SEI)) }),
  ],
  'a filler with data in a frame': [
    /other units than slices/,
    () => ({
      bytes: operated((file) => unitsBefore(file, 11, concatBytes([u32([9]), Uint8Array.of(12), new Uint8Array(8)]))),
    }),
  ],
  'a copied frame whose last slice is missing': [
    /frame 15 is not the ring's/,
    () => ({ bytes: operated((file) => changeSample(file, 15, withoutLastUnit)) }),
  ],
  'zeros behind the slices of a copied frame': [
    /data behind a slice/,
    () => ({
      bytes: operated((file) => changeSample(file, 15, (data) => behindSlices(data, Uint8Array.of(0, 0, 3)))),
      segments: withFrame(18 + 15, (data) => behindSlices(data, Uint8Array.of(0, 0, 3))),
    }),
  ],
  'text behind the slices of a frame that is copied with it': [
    /frame 15 may hold data that is not picture/,
    () => ({
      bytes: operated((file) => changeSample(file, 15, (data) => behindSlices(data, SECRET))),
      segments: withFrame(18 + 15, (data) => behindSlices(data, SECRET)),
    }),
  ],
  "data behind a camera's parameter set": [
    /a parameter set with data behind it/,
    () => ({
      bytes: operated((file) => {
        const stsd = file.find('0/mdia/minf/stbl/stsd');
        stsd.content = withLongerSet(stsd.content, cameraSps(), SECRET);
      }),
      segments: withSamples(
        segments,
        (data, number) => (number === 30 ? concatBytes([prefixed(concatBytes([cameraSps(), SECRET])), data]) : data),
        (data) => data,
      ),
    }),
  ],
  'footage of a clock that was not trusted': [
    /untrusted clock/,
    () => ({ segments: segments.map((segment) => ({ ...segment, clockTrusted: false })) }),
  ],
  'copied frames where the settings allow none': [/against the settings/, () => ({ recode: 'always' })],
  'an empty unit in a frame': [/empty units/, () => ({ bytes: operated((file) => unitsBefore(file, 3, u32([0]))) })],
  'a frame before the window': [
    /another|wrong|not the ring's|are not of the window/,
    () => ({ window: windowOf(19, 40) }),
  ],
  'a frame beyond the end': [/not of the window/, () => ({ window: windowOf(18, 39) })],
  'a missing frame at the start': [/missing|not the ring's|method|wrong/, () => ({ window: windowOf(17, 40) })],
  'a missing frame at the end': [/frames of the window are missing/, () => ({ window: windowOf(18, 41) })],
  // Ring and clip agree on another time of the sound, but then some of it is outside the window.
  'sound beyond the end': [
    /sound that is not of the window/,
    () => ({
      bytes: operated((file) => moveSound(file, 1_800)),
      segments: segments.map((each) => soundLater(each, 960)),
    }),
  ],
  'sound before the start': [
    /sound that is not of the window/,
    () => ({
      bytes: operated((file) => moveSound(file, -1_440)),
      segments: segments.map((each) => soundLater(each, -840)),
    }),
  ],
  'sound that was not granted': [/not granted/, () => ({ audio: false })],
  'an altered byte of sound': [
    /sound that is not of the window/,
    () => ({
      bytes: operated((file) => {
        const mdat = file.top('mdat').content;
        mdat[mdat.length - 3] = (mdat[mdat.length - 3] ?? 0) ^ 16;
      }),
    }),
  ],
  'data behind the last packet of sound': [
    /sound that is not of the window/,
    () => ({
      bytes: operated((file) => {
        const last = 8 + 4 * file.number(AUDIO_STSZ, 8);
        file.setNumber(AUDIO_STSZ, last, file.number(AUDIO_STSZ, last) + SECRET.length);
        file.splicePayload(file.top('mdat').content.length, 0, SECRET);
      }),
    }),
  ],
  'another number of sound packets than it says': [
    /packets of sound, where its manifest or statement says/,
    () => ({ clip: { audioPackets: good.clip.audioPackets - 1 } }),
  ],
  'a foreign sound configuration': [
    /esds|sound/,
    () => ({
      bytes: operated((file) => {
        const { content } = file.find('1/mdia/minf/stbl/stsd');
        file.patch('1/mdia/minf/stbl/stsd', content.length - 4, Uint8Array.of(0x10));
      }),
    }),
  ],
  'a wrong duration of the media': [
    /mdhd has another duration/,
    () => ({ bytes: operated((file) => file.setNumber('0/mdia/mdhd', 16, file.number('0/mdia/mdhd', 16) + 90_000)) }),
  ],
  'a wrong duration of the movie': [
    /mvhd has another duration/,
    () => ({ bytes: operated((file) => file.setNumber('mvhd', 16, 1)) }),
  ],
  'a window that ends a millisecond after the last frame begins': [
    /ends at another time/,
    () => ({ window: windowOf(18, 39, 0, 1) }),
  ],
  'frames at other times': [
    /at a wrong time|another duration/,
    () => ({
      bytes: operated((file) => {
        const [first, second] = [100, file.number('0/mdia/minf/stbl/stts', 12)];
        const stts = file.find('0/mdia/minf/stbl/stts');
        const frames = file.number('0/mdia/minf/stbl/stts', 8);
        stts.content = u32([0, 3, 1, first, 1, second * 2 - first, frames - 2, second]);
      }),
    }),
  ],
  'samples that overlap': [
    /overlap|not the ring's|belong to no sample/,
    () => ({
      bytes: operated((file) => {
        const path = '0/mdia/minf/stbl/stco';
        file.setNumber(path, 12, file.number(path, 12) - 10);
      }),
    }),
  ],
  'a keyframe that is none': [
    /wrongly marked/,
    () => ({ bytes: operated((file) => file.setNumber('0/mdia/minf/stbl/stss', 12, 9)) }),
  ],
  'a parameter set that no frame uses': [
    /unused parameter sets/,
    () => ({
      bytes: operated((file) => {
        const stsd = file.find('0/mdia/minf/stbl/stsd');
        stsd.content = withExtraPps(stsd.content);
      }),
    }),
  ],
  'an encoded frame that does not decode': [
    /encoded frames decode|counting frames/,
    () => ({
      bytes: operated((file) => changeSample(file, 6, (data) => prefixed(data.subarray(4, 28)))),
    }),
  ],
  'a second picture inside an encoded frame': [
    /13 of 12 encoded frames decode/,
    () => ({
      bytes: operated((file) => {
        const { at, size } = file.sampleAt(6);
        unitsBefore(file, 6, file.top('mdat').content.slice(at, at + size));
      }),
    }),
  ],
  "an encoded frame that names the camera's parameter sets": [
    /encoded frames decode|counting frames|unused parameter sets/,
    () => ({
      bytes: operated((file) => {
        // The first copied frame in place of the first encoded one, padded to its size.
        const { at, size } = file.sampleAt(0);
        const mdat = file.top('mdat').content;
        const from = file.chunkAt('0', 1);
        mdat.set(mdat.slice(from + 4, from + size), at + 4);
      }),
    }),
  ],
  'another number of frames than it says': [
    /frames, where its manifest or statement says/,
    () => ({ clip: { frames: 21 } }),
  ],
  'another number of encoded frames than it says': [/frame count/, () => ({ clip: { encodedFrames: 3 } })],
  'a gap over its first frame': [/begins or ends/, () => ({ clip: { gaps: [window] } })],
  'another method than it says': [/method/, () => ({ clip: { method: 'copy' } })],
  'another coverage than it says': [
    /time than it says|sound/,
    () => ({ clip: { coverage: { startUs: window.startUs + 1000, endUs: window.endUs } } }),
  ],
  'a length that is not the file': [/an unexpected length/, () => ({ clip: { sizeBytes: 1 } })],
  'a byte more than the grant allows': [/an unexpected length/, () => ({ byteLimit: good.bytes.length - 1 })],
  'a file that ends with its brands': [
    /ends before its moov/,
    () => ({ bytes: good.bytes.subarray(0, FTYP_BYTES + 7) }),
  ],
  'tables that are longer than the file': [
    /moov box of an impossible length/,
    () => ({ bytes: withNumber(good.bytes, FTYP_BYTES, good.bytes.length - FTYP_BYTES - 15) }),
  ],
  'samples in another box': [
    /a box where mdat belongs/,
    () => ({ bytes: withNumber(good.bytes, mdatAt() + 4, 0x66726565) }),
  ],
  'tables with a box that ends outside': [
    /outside its box|longer than/,
    () => ({ bytes: withNumber(good.bytes, Buffer.from(good.bytes).indexOf('mvhd') - 4, 9) }),
  ],
  'a frame that is no whole unit': [
    /torn NAL unit/,
    () => ({ bytes: operated((file) => changeSample(file, 15, (data) => data.subarray(0, data.length - 1))) }),
  ],
};

/** Faults that the decoder finds. */
const DECODED = [
  'an encoded frame that does not decode',
  'a second picture inside an encoded frame',
  "an encoded frame that names the camera's parameter sets",
];

/** The ring with changed bytes in one frame. */
function withFrame(frame: number, change: (data: Uint8Array) => Uint8Array): Segment[] {
  return withSamples(
    segments,
    (data, number) => (number === frame ? change(data) : data),
    (data) => data,
  );
}

function cameraSps(): Uint8Array {
  return parseInit(segments[0]?.init ?? raise()).video.avc?.sps[0] ?? raise();
}

const prefixed = (unit: Uint8Array) => concatBytes([u32([unit.length]), unit]);

/** An stsd box's content with more bytes at the end of one parameter set. */
function withLongerSet(stsd: Uint8Array, set: Uint8Array, tail: Uint8Array): Uint8Array {
  const bytes = Buffer.from(stsd);
  const at = bytes.indexOf(set);
  const grown = Buffer.concat([bytes.subarray(0, at + set.length), tail, bytes.subarray(at + set.length)]);
  grown.writeUInt16BE(set.length + tail.length, at - 2);
  for (const start of [bytes.indexOf('avcC') - 4, 8]) {
    grown.writeUInt32BE(grown.readUInt32BE(start) + tail.length, start);
  }
  return grown;
}

/** Changes the sound's delay by movie units. */
function moveSound(file: Surgery, units: number): void {
  const [delay, played] = [file.number('1/edts/elst', 8) + units, file.number('1/edts/elst', 20)];
  file.setNumber('1/edts/elst', 8, delay);
  file.setNumber('1/tkhd', 20, delay + played);
  file.setNumber('mvhd', 16, Math.max(file.number('0/tkhd', 20), delay + played));
}

/** Adds a picture parameter set of an unused id to the avcC inside an stsd box's content. */
function withExtraPps(stsd: Uint8Array): Uint8Array {
  const bytes = Buffer.from(stsd);
  const avcC = bytes.indexOf('avcC') - 4;
  const record = avcC + 8;
  let at = record + 6;
  for (let left = (bytes[record + 5] ?? 0) & 31; left > 0; left -= 1) at += 2 + bytes.readUInt16BE(at);
  const count = bytes[at] ?? 0;
  // As x264 writes it, under id 2.
  const extra = Uint8Array.of(0x68, 0x72, 0xe0, 0xf2, 0xc8);
  const grown = Buffer.concat([
    bytes.subarray(0, at),
    Uint8Array.of(count + 1, 0, extra.length),
    extra,
    bytes.subarray(at + 1),
  ]);
  for (const start of [avcC, 8]) grown.writeUInt32BE(grown.readUInt32BE(start) + 2 + extra.length, start);
  return grown;
}

describe('the self-check', () => {
  it('passes the clip as cut', async () => {
    await check({});
    expect(good.clip).toMatchObject({ method: 'smart-cut', frames: 22, encodedFrames: 12 });
    expect(good.clip.audioPackets).toBeGreaterThan(60);
  });

  it('passes the clip after parsing and rebuilding it', async () => {
    const bytes = operated(() => {});
    expect(Buffer.compare(bytes, good.bytes)).toBe(0);
    await check({ bytes });
  });

  it('passes a clip of exactly as many bytes as the grant allows', async () => {
    await check({ byteLimit: good.bytes.length });
  });

  it('passes a clip whose samples’ box has a header of 16 bytes, as beyond 4 GiB', async () => {
    const bytes = operated((file) => {
      file.offsetShift = 8;
    });
    const at = mdatAt();
    const wide = concatBytes([u32([1]), utf8('mdat'), u32([0, bytes.length - at + 8])]);
    await check({ bytes: concatBytes([bytes.subarray(0, at), wide, bytes.subarray(at + 8)]) });
  });

  it('passes a clip without sound, one copied, one encoded, and one whose window begins between frames', async () => {
    const pass = async (cutTo: Window, audio: boolean, recode: ClipRecode) => {
      const { live } = liveGrantFor({ window: cutTo, audio });
      const deps = depsFor(ffmpeg, segments, { recode });
      const { clip, bytes } = await cut(live, deps);
      await selfCheck(live, clip, readerOf(bytes), deps);
      return [clip.method, clip.audioPackets > 0];
    };
    expect(await pass(window, false, 'when-needed')).toEqual(['smart-cut', false]);
    expect(await pass(windowOf(15, 40), true, 'when-needed')).toEqual(['copy', true]);
    expect(await pass(window, true, 'always')).toEqual(['re-encode', true]);
    // The sound begins with the first frame, not with the window.
    expect(await pass(windowOf(18, 40, -30), true, 'when-needed')).toEqual(['smart-cut', true]);
  });

  it('passes sound across two recordings, but not as of one recording', async () => {
    const apart = segments.map((segment, at) => (at < 2 ? segment : { ...segment, recording: 'the-next-one' }));
    const { live } = liveGrantFor({ window, audio: true });
    const { clip, bytes } = await cut(live, depsFor(ffmpeg, apart));
    expect(clip.audioPackets).toBeGreaterThan(0);
    await check({ bytes, clip, segments: apart });
    await expect(check({ bytes, clip })).rejects.toThrow(/sound/);
    await expect(check({ segments: apart })).rejects.toThrow(/sound/);
  });

  it('leaves no decoder behind when it is stopped before the file exists', async () => {
    const { live } = liveGrantFor({ window, audio: true });
    const started = new SelfCheck(live, good.clip, depsFor(ffmpeg, segments));
    expect(await childProcesses()).toBe(1);
    await started.stop();
    expect(await childProcesses()).toBe(0);
  });

  it('reports lost footage if the ring no longer has the first frame, else a wrong clip', async () => {
    // The window begins in the second segment.
    const later = segments.slice(2);
    const startUs = later[0]?.startUs ?? 0;
    expect(startUs).toBeGreaterThan(good.clip.coverage.startUs);
    await expect(check({ segments: later })).rejects.toMatchObject({ code: 'clip_footage_gone' });
    await expect(check({ segments: [] })).rejects.toMatchObject({ code: 'clip_footage_gone' });
    // A truncated or invalid file is a fault of the clip.
    const cutShort = good.bytes.subarray(0, good.bytes.length - 1);
    await expect(check({ segments: [], bytes: cutShort })).rejects.toMatchObject({ code: 'clip_check_failed' });
    await expect(check({ segments: segments.slice(0, 2) })).rejects.toMatchObject({ code: 'clip_check_failed' });
  });

  it('names a fault of the clip once, rethrows every other error unchanged, and leaves no decoder behind', async () => {
    const deps = depsFor(ffmpeg, segments);
    const { live } = liveGrantFor({ window, audio: true });
    const bytes = concatBytes([good.bytes, SECRET]);
    const detail = 'data behind mdat';
    await expect(check({ bytes })).rejects.toMatchObject({ code: 'clip_check_failed', facts: { detail } });
    for (const other of [new Error('a bad card'), failure('grant_dead', { detail: 'it was revoked' })]) {
      const broken: ClipReader = { ...readerOf(good.bytes), read: () => Promise.reject(other) };
      await expect(selfCheck(live, good.clip, broken, deps)).rejects.toBe(other);
    }
    expect(await childProcesses()).toBe(0);
  });

  it('reports a wrong clip, too, if it claims to begin exactly where the ring does', async () => {
    const coverage = { ...good.clip.coverage, startUs: segments[0]?.startUs ?? 0 };
    await expect(check({ clip: { coverage } })).rejects.toMatchObject({ code: 'clip_check_failed' });
  });

  it.each(Object.keys(FAULTS).filter((name) => !DECODED.includes(name)))('finds %s', (name) => expectFault(name));
});

async function expectFault(name: string, decoder: Ffmpeg = ffmpeg): Promise<void> {
  const [detail, plant] = FAULTS[name] ?? raise();
  const fault = check(plant(), decoder);
  await expect(fault).rejects.toMatchObject({ code: 'clip_check_failed' });
  await expect(fault).rejects.toThrow(detail);
}

describeWithEachFfmpeg('the self-check with ffmpeg $version', (one) => {
  // The clip's sound can be checked by the ffmpeg that made it alone.
  const start: Ffmpeg['start'] = (args, options) => startFfmpeg(args.includes('h264') ? one : ffmpeg, args, options);
  const decoder = { ...ffmpeg, start };

  it('passes the clip as cut', () => check({}, decoder));

  it.each(DECODED)('finds %s', (name) => expectFault(name, decoder));
});
