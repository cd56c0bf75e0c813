// @module-tag long
// Holds: each frame of a clip is compared with the ring's, one by one: what is copied bit for bit, what is encoded by its number, its time
// and its parameter sets. The faults are planted into the tables that were read, or into the bytes of the samples.
// Not here: decoding what was encoded, the file's structure, sound (self-check.test.ts, clip-file-check.test.ts).
import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, utf8 } from '../../../device/base/bytes.ts';
import { type FileTables, type FileVideo, FTYP_BYTES, readMoov } from '../../../device/clip/clip-file-check.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { SampleCheck } from '../../../device/clip/frame-check.ts';
import { SampleReader } from '../../../device/clip/read-ahead.ts';
import type { Window } from '../../../device/protocol/shared-claims.ts';
import { type CheckedClip, HEAD, silentClips } from './support/checked-clips.ts';
import { readerOf } from './support/cutting.ts';
import { frameTimesUs } from './support/segmenter.ts';

/** A clip, the ring that it was cut from, and what its tables say. */
interface Cut extends Omit<CheckedClip, 'clip'> {
  clip: CutFacts;
  tables: FileTables;
}

let smart: Cut;
let copy: Cut;
let short: Cut;
let reordered: Cut;

beforeAll(async () => {
  const clips = await silentClips();
  [smart, copy, short, reordered] = [read(clips.smart), read(clips.copy), read(clips.short), read(clips.reordered)];
});

function read(clip: CheckedClip): Cut {
  const moovBytes = Buffer.from(clip.bytes).readUInt32BE(FTYP_BYTES);
  return { ...clip, tables: readMoov(clip.bytes.subarray(FTYP_BYTES, FTYP_BYTES + moovBytes)) };
}

/** Compares a clip with its ring; `changes` replace what is checked. */
async function compared(of: Cut, changes: Partial<Omit<Cut, 'clip'>> & { clip?: Partial<CutFacts> } = {}) {
  const { window, clip, tables, bytes, segments } = { ...of, ...changes, clip: { ...of.clip, ...changes.clip } };
  const check = new SampleCheck(window, clip, tables, new SampleReader(readerOf(bytes)));
  for (const segment of segments) await check.compare(segment);
  check.finish();
  return check;
}

/** The tables of a clip with other facts about its picture. */
function withVideo(of: Cut, change: (video: FileVideo) => Partial<FileVideo>): { tables: FileTables } {
  const { video } = of.tables;
  return { tables: { ...of.tables, video: { ...video, ...change(video) } } };
}

/** The clip's bytes with one bit turned in a frame, behind its slice header. */
function withBit(of: Cut, frame: number): { bytes: Uint8Array } {
  const bytes = of.bytes.slice();
  const at = (of.tables.video.offsets[frame] ?? 0) + 60;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return { bytes };
}

/** The parameter sets of the encoded head of `smart`. */
async function ownSets(): Promise<{ sps: Uint8Array; pps: Uint8Array }> {
  const [sps, pps] = (await compared(smart)).encoderSets();
  if (!sps || !pps) throw new Error('the head has no sets');
  return { sps, pps };
}

const changed = (set: Uint8Array, at: number, bits: number) =>
  set.map((byte, place) => (place === at ? byte ^ bits : byte));
const refusal = (detail: string) => expect.objectContaining({ code: 'clip_check_failed', facts: { detail } });

describe('a clip passes', () => {
  it('that begins in the middle of a GOP: its head is encoded, the rest is copied', async () => {
    expect(smart.clip).toMatchObject({ method: 'smart-cut', frames: 40 - 15 + HEAD, encodedFrames: HEAD });
    expect((await compared(smart)).encodedFrames).toBe(HEAD);
  });

  it('that begins with a keyframe: all of it is copied, and has no sets besides', async () => {
    expect(copy.clip).toMatchObject({ method: 'copy', frames: 25, encodedFrames: 0 });
    const check = await compared(copy);
    expect([check.encodedFrames, check.encoderSets()]).toEqual([0, []]);
  });

  it('whose footage ends before its window does', async () => {
    expect(short.clip.coverage.endUs).toBeLessThan(short.window.endUs);
    await compared(short);
  });

  it('that was encoded anew, in the order in which it is shown', async () => {
    expect(reordered.clip).toMatchObject({ method: 're-encode', frames: 32, encodedFrames: 32 });
    const check = await compared(reordered);
    expect([check.encodedFrames, check.encoderSets().length]).toEqual([32, 2]);
  });

  it('with a frame one tick of its own clock beside its time', async () => {
    const late = withVideo(smart, ({ times }) => ({ times: times.map((time, at) => (at === 5 ? time + 1 : time)) }));
    await compared(smart, late);
  });
});

it('the decoder may start as soon as a copied frame has shown how many are encoded, and with which sets', async () => {
  const known = async ({ window, clip, tables, bytes, segments }: Cut) => {
    const check = new SampleCheck(window, clip, tables, new SampleReader(readerOf(bytes)));
    const said: boolean[] = [];
    for (const segment of segments) {
      await check.compare(segment);
      said.push(check.encodedKnown);
    }
    return said;
  };
  expect(await known(smart)).toEqual([false, true, true]);
  expect(await known(copy)).toEqual([false, false, false]);
  expect(await known(reordered)).toEqual([false, false, false]);
});

describe('a copied clip is refused', () => {
  it.each([0, 3, 24])('with one bit turned in frame %d', async (frame) => {
    await expect(compared(copy, withBit(copy, frame))).rejects.toEqual(refusal(`frame ${frame} is not the ring's`));
  });

  it('with a parameter set of the camera that is another, or missing', async () => {
    const level = withVideo(copy, ({ sps }) => ({ sps: sps.map((set) => changed(set, 3, 1)) }));
    const foreignSet = refusal("a parameter set is not the ring's");
    await expect(compared(copy, level)).rejects.toEqual(foreignSet);
    await expect(
      compared(
        copy,
        withVideo(copy, () => ({ sps: [] })),
      ),
    ).rejects.toEqual(foreignSet);
    await expect(
      compared(
        copy,
        withVideo(copy, () => ({ pps: [] })),
      ),
    ).rejects.toEqual(refusal('frame 0 names a missing set'));
  });

  it('with two sets of one id', async () => {
    const twice = refusal('two sets with one id');
    await expect(
      compared(
        copy,
        withVideo(copy, ({ sps }) => ({ sps: [...sps, ...sps] })),
      ),
    ).rejects.toEqual(twice);
    await expect(
      compared(
        copy,
        withVideo(copy, ({ pps }) => ({ pps: [...pps, ...pps] })),
      ),
    ).rejects.toEqual(twice);
  });

  it('with sets that no frame uses: one, or one of each kind', async () => {
    const own = await ownSets();
    const unused = refusal('parameter sets nobody uses');
    const one = withVideo(copy, ({ sps }) => ({ sps: [...sps, own.sps] }));
    await expect(compared(copy, one)).rejects.toEqual(unused);
    const two = withVideo(copy, ({ sps, pps }) => ({ sps: [...sps, own.sps], pps: [...pps, own.pps] }));
    await expect(compared(copy, two)).rejects.toEqual(unused);
  });

  it('that calls itself a smart cut', async () => {
    await expect(compared(copy, { clip: { method: 'smart-cut' } })).rejects.toEqual(
      refusal('another method than it says'),
    );
  });
});

describe('a clip with an encoded head is refused', () => {
  const swapped = (sets: Uint8Array[], was: Uint8Array, now: Uint8Array[]) =>
    sets.flatMap((set) => (Buffer.compare(set, was) === 0 ? now : [set]));

  it('without sets of its own, or with one of them alone', async () => {
    const own = await ownSets();
    for (const now of [
      withVideo(smart, ({ sps, pps }) => ({ sps: swapped(sps, own.sps, []), pps: swapped(pps, own.pps, []) })),
      withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, []) })),
      withVideo(smart, ({ pps }) => ({ pps: swapped(pps, own.pps, []) })),
    ]) {
      await expect(compared(smart, now)).rejects.toEqual(refusal('parameter sets nobody uses'));
    }
  });

  it('with data behind one of its sets, or a picture set for another sequence', async () => {
    const own = await ownSets();
    const secret = (set: Uint8Array) => [concatBytes([set, utf8('serial number 4711')])];
    for (const now of [
      withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, secret(own.sps)) })),
      withVideo(smart, ({ pps }) => ({ pps: swapped(pps, own.pps, secret(own.pps)) })),
      // The bits behind the level are the set's id: 010 is 1, 011 is 2.
      withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, [changed(own.sps, 4, 0x20)]) })),
    ]) {
      await expect(compared(smart, now)).rejects.toEqual(refusal('a parameter set with data behind it'));
    }
  });

  it.each([{ width: 322 }, { height: 178 }])('that is encoded in another size than the file says: %o', async (size) => {
    await expect(
      compared(
        smart,
        withVideo(smart, () => size),
      ),
    ).rejects.toEqual(refusal('a foreign size'));
  });

  it('when a frame of it names a set that the file does not have', async () => {
    const own = await ownSets();
    const { tables } = withVideo(smart, ({ pps }) => ({ pps: swapped(pps, own.pps, []) }));
    const reader = new SampleReader(readerOf(smart.bytes));
    const check = new SampleCheck(smart.window, smart.clip, tables, reader);
    await expect(check.unitsOf(reader, 0)).rejects.toEqual(refusal('frame 0 names a missing set'));
    await expect(check.unitsOf(reader, HEAD)).resolves.toHaveLength(2);
  });

  it.each<[string, Partial<CutFacts>]>([
    ['a wrong frame count', { frames: 31 }],
    ['a wrong frame count', { encodedFrames: HEAD + 1 }],
    ['another method than it says', { method: 'copy' }],
  ])('that says something else of itself: %s', async (detail, clip) => {
    await expect(compared(smart, { clip })).rejects.toEqual(refusal(detail));
  });
});

describe('times', () => {
  const shifted = (of: Cut, frame: number, ticks: number) =>
    withVideo(of, ({ times }) => ({ times: times.map((time, at) => (at === frame ? time + ticks : time)) }));

  it.each([2, -2])('of a frame %d ticks beside its own are refused', async (ticks) => {
    await expect(compared(copy, shifted(copy, 5, ticks))).rejects.toEqual(refusal('frame 5 is at a wrong time'));
  });

  it('of a last frame that is shown beyond the window are refused', async () => {
    const long = withVideo(copy, ({ lastDuration }) => ({ lastDuration: lastDuration + 2 }));
    await expect(compared(copy, long)).rejects.toEqual(refusal('the last frame is shown beyond the window'));
  });

  it.each([1_000, -1_000])('of an end that is %d µs beside what the clip says are refused', async (byUs) => {
    const { startUs, endUs } = smart.clip.coverage;
    const clip = { coverage: { startUs, endUs: endUs + byUs } };
    await expect(compared(smart, { clip })).rejects.toEqual(refusal('the clip ends at another time than it says'));
  });

  it('of a start that is a microsecond beside what the clip says are refused', async () => {
    const { startUs, endUs } = smart.clip.coverage;
    const clip = { coverage: { startUs: startUs + 1, endUs } };
    await expect(compared(smart, { clip })).rejects.toEqual(refusal('the first frame is at another time than it says'));
  });
});

describe('frames of the window', () => {
  const windowOf = (from: number, to: number): { window: Window } => {
    const times = frameTimesUs(copy.segments);
    return { window: { startUs: times[from] ?? 0, endUs: times[to] ?? 0 } };
  };

  it('that the clip lacks, or has too many of, are found', async () => {
    await expect(compared(copy, windowOf(15, 41))).rejects.toEqual(refusal('frames of the window are missing'));
    await expect(compared(copy, windowOf(15, 39))).rejects.toEqual(refusal('frames that are not of the window'));
  });

  it('that a clock dated which could not be trusted are refused', async () => {
    const segments = copy.segments.map((segment) => ({ ...segment, clockTrusted: false }));
    await expect(compared(copy, { segments })).rejects.toEqual(refusal('footage of an untrusted clock'));
  });
});
