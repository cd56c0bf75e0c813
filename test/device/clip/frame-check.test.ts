// @module-tag long
// Each frame of a clip is compared with the ring's: copied ones bit for bit, encoded ones by number, time and parameter sets. Faults
// are planted into the parsed tables, or into the bytes of the samples.
import { beforeAll, describe, expect, it } from 'vitest';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { SampleCheck } from '../../../device/clip/frame-check.ts';
import { box, u32 } from '../../../device/clip/mp4-boxes.ts';
import { SampleReader } from '../../../device/clip/read-ahead.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import type { FileTables, FileVideo } from '../../../device/contract/media/clip-file-check.ts';
import { parseInit } from '../../../device/contract/media/fragment.ts';
import { splitSample } from '../../../device/contract/media/nal.ts';
import { parseSps } from '../../../device/contract/media/parameter-sets.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { type CheckedClip, HEAD, silentClips, tablesOf } from './support/checked-clips.ts';
import { readerOf } from './support/cutting.ts';
import { withSamples } from './support/planting.ts';
import { frameTimesUs } from './support/segmenter.ts';

/** A clip, the ring that it was cut from, and its tables. */
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
  return { ...clip, tables: tablesOf(clip.bytes) };
}

/** Compares a clip with its ring; `changes` replace parts. */
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

/** The clip's bytes with one bit flipped in a frame, after its slice header. */
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

/** The same bytes with some of them replaced. */
function replaced(bytes: Uint8Array, was: Uint8Array, now: Uint8Array): Uint8Array {
  const out = Buffer.from(bytes);
  const at = out.indexOf(was);
  if (at < 0 || was.length !== now.length) throw new Error('nothing to replace');
  out.set(now, at);
  return Uint8Array.from(out);
}

/** The parameter sets that the ring's footage begins with. */
function cameraSets(of: Cut): { sps: Uint8Array; pps: Uint8Array } {
  const { avc } = parseInit(of.segments[0]?.init ?? new Uint8Array()).video;
  const [[sps], [pps]] = [avc?.sps ?? [], avc?.pps ?? []];
  if (!sps || !pps) throw new Error('the camera has no sets');
  return { sps, pps };
}

/** The NAL units of a sample, each after a length of this many bytes. */
const prefixed = (units: readonly Uint8Array[], lengthBytes: number) =>
  concatBytes(units.flatMap((unit) => [u32([unit.length]).subarray(4 - lengthBytes), unit]));

const FREE = box('free');
const changed = (set: Uint8Array, at: number, bits: number) =>
  set.map((byte, place) => (place === at ? byte ^ bits : byte));
const refusal = (detail: string) => expect.objectContaining({ code: 'clip_check_failed', facts: { detail } });

describe('a clip passes', () => {
  it('that begins in the middle of a GOP, with an encoded head and copied frames', async () => {
    expect(smart.clip).toMatchObject({ method: 'smart-cut', frames: 40 - 15 + HEAD, encodedFrames: HEAD });
    expect((await compared(smart)).encodedFrames).toBe(HEAD);
  });

  it('that begins with a keyframe and is copied, without additional sets', async () => {
    expect(copy.clip).toMatchObject({ method: 'copy', frames: 25, encodedFrames: 0 });
    const check = await compared(copy);
    expect([check.encodedFrames, check.encoderSets()]).toEqual([0, []]);
  });

  it('whose footage ends before its window does', async () => {
    expect(short.clip.coverage.endUs).toBeLessThan(short.window.endUs);
    await compared(short);
  });

  it('that was encoded anew, in display order', async () => {
    expect(reordered.clip).toMatchObject({ method: 're-encode', frames: 32, encodedFrames: 32 });
    const check = await compared(reordered);
    expect([check.encodedFrames, check.encoderSets().length]).toEqual([32, 2]);
  });

  it('whose parameter sets the camera sent once, with a frame of an earlier GOP', async () => {
    const { sps, pps } = cameraSets(copy);
    // Another level, and another entropy coding: the first bit after the picture set's two ids.
    const level = replaced(copy.segments[0]?.init ?? sps, sps, changed(sps, 3, 1));
    const init = replaced(level, pps, changed(pps, 1, 0x20));
    const foreign = copy.segments.map((segment) => ({ ...segment, init }));
    await expect(compared(copy, { segments: foreign })).rejects.toEqual(refusal("a parameter set is not the ring's"));
    const sent = withSamples(
      foreign,
      (data, number) => (number === 0 ? concatBytes([prefixed([sps, pps], 4), data]) : data),
      (data) => data,
    );
    await compared(copy, { segments: sent });
    // Another init segment resets the sets.
    const reset = sent.map((segment, at) => (at === 0 ? segment : { ...segment, init: concatBytes([init, FREE]) }));
    await expect(compared(copy, { segments: reset })).rejects.toEqual(refusal("a parameter set is not the ring's"));
  });

  it('whose camera writes lengths of two bytes before its units', async () => {
    const { segments } = copy;
    const init = segments[0]?.init.slice() ?? new Uint8Array();
    const at = Buffer.from(init).indexOf('avcC') + 8;
    expect(init[at]).toBe(0xff);
    init[at] = 0xfd;
    const short = withSamples(
      segments,
      (data) => prefixed(splitSample(data, 4), 2),
      (data) => data,
    );
    await compared(copy, { segments: short.map((segment) => ({ ...segment, init })) });
  });

  it('with a frame one tick of its own clock off its time', async () => {
    const late = withVideo(smart, ({ times }) => ({ times: times.map((time, at) => (at === 5 ? time + 1 : time)) }));
    await compared(smart, late);
  });
});

it('the decoder may start as soon as a copied frame has shown the number of encoded frames, and their sets', async () => {
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
  // A later frame may use an additional set, so the encoder's two sets are not known yet. The bits of its id are 011, which is 2.
  const { pps: own } = await ownSets();
  const third = withVideo(smart, ({ pps }) => ({ pps: [...pps, changed(own, 1, 0x20)] }));
  expect(await known({ ...smart, ...third })).toEqual([false, false, false]);
  expect(await known(copy)).toEqual([false, false, false]);
  expect(await known(reordered)).toEqual([false, false, false]);
});

describe('a copied clip is refused', () => {
  it.each([0, 3, 24])('with one bit flipped in frame %d', async (frame) => {
    await expect(compared(copy, withBit(copy, frame))).rejects.toEqual(refusal(`frame ${frame} is not the ring's`));
  });

  it('with a changed or missing parameter set of the camera', async () => {
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
    ).rejects.toEqual(refusal('frame 0 refers to a missing set'));
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
    const unused = refusal('unused parameter sets');
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
      await expect(compared(smart, now)).rejects.toEqual(refusal('unused parameter sets'));
    }
  });

  it('with data after one of its sets, or a picture set for another sequence', async () => {
    const own = await ownSets();
    const secret = (set: Uint8Array) => [concatBytes([set, utf8('serial number 4711')])];
    for (const now of [
      withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, secret(own.sps)) })),
      withVideo(smart, ({ pps }) => ({ pps: swapped(pps, own.pps, secret(own.pps)) })),
      // The bits after the level are the set's id: 010 is 1, 011 is 2.
      withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, [changed(own.sps, 4, 0x20)]) })),
    ]) {
      await expect(compared(smart, now)).rejects.toEqual(refusal('a parameter set with data behind it'));
    }
  });

  it.each([{ width: 322 }, { height: 178 }])(
    'that is encoded in another size than the file states: %o',
    async (size) => {
      await expect(
        compared(
          smart,
          withVideo(smart, () => size),
        ),
      ).rejects.toEqual(refusal('encoded frames of another size'));
    },
  );

  it('with a frame that refers to a missing set', async () => {
    const own = await ownSets();
    const { tables } = withVideo(smart, ({ pps }) => ({ pps: swapped(pps, own.pps, []) }));
    const reader = new SampleReader(readerOf(smart.bytes));
    const check = new SampleCheck(smart.window, smart.clip, tables, reader);
    await expect(check.unitsOf(reader, 0)).rejects.toEqual(refusal('frame 0 refers to a missing set'));
    await expect(check.unitsOf(reader, HEAD)).resolves.toHaveLength(2);
    // The first frame with a slice of a copied one after its own: one of two sets is missing.
    const { offsets, sizes } = smart.tables.video;
    const sample = (at: number) => smart.bytes.subarray(offsets[at] ?? 0, (offsets[at] ?? 0) + (sizes[at] ?? 0));
    const mixed = concatBytes([sample(0), sample(HEAD)]);
    const video = {
      ...tables.video,
      offsets: Float64Array.of(smart.bytes.length, ...offsets.subarray(1)),
      sizes: Uint32Array.of(mixed.length, ...sizes.subarray(1)),
    };
    const grown = new SampleReader(readerOf(concatBytes([smart.bytes, mixed])));
    const again = new SampleCheck(smart.window, smart.clip, { ...tables, video }, grown);
    await expect(again.unitsOf(grown, 0)).rejects.toEqual(refusal('frame 0 refers to a missing set'));
  });

  it('whose encoded frames have another colour format than the rest', async () => {
    const own = await ownSets();
    // High 4:4:4, level 1.3, id 1, 320 by 176 pixels.
    const sps444 = Uint8Array.of(0x67, 0xf4, 0, 0x0d, 0x44, 0x65, 0xa0, 0x50, 0x5e, 0x40);
    expect(parseSps(sps444)).toMatchObject({
      id: parseSps(own.sps).id,
      chromaFormat: 3,
      width: 320,
      height: 176,
      clean: true,
    });
    const now = withVideo(smart, ({ sps }) => ({ sps: swapped(sps, own.sps, [sps444]) }));
    await expect(compared(smart, now)).rejects.toEqual(refusal('another colour format than 4:2:0'));
  });

  it.each<[string, Partial<CutFacts>]>([
    ['a wrong frame count', { frames: 31 }],
    ['a wrong frame count', { encodedFrames: HEAD + 1 }],
    ['another method than it says', { method: 'copy' }],
  ])('that states wrong facts about itself: %s', async (detail, clip) => {
    await expect(compared(smart, { clip })).rejects.toEqual(refusal(detail));
  });
});

describe('times', () => {
  const shifted = (of: Cut, frame: number, ticks: number) =>
    withVideo(of, ({ times }) => ({ times: times.map((time, at) => (at === frame ? time + ticks : time)) }));

  it.each([2, -2])('of a frame %d ticks off its own are refused', async (ticks) => {
    await expect(compared(copy, shifted(copy, 5, ticks))).rejects.toEqual(refusal('frame 5 is at a wrong time'));
  });

  it.each([1, -1])(
    'of a last frame that lasts %d tick more than most are refused: they would reveal when it was taken',
    async (ticks) => {
      const other = withVideo(copy, ({ lastDuration }) => ({ lastDuration: lastDuration + ticks }));
      const refused = refusal('the last frame lasts longer or shorter than most');
      await expect(compared(copy, other)).rejects.toEqual(refused);
    },
  );

  it.each([1_000, -1_000])('of an end %d µs off the stated one are refused', async (byUs) => {
    const { startUs, endUs } = smart.clip.coverage;
    const clip = { coverage: { startUs, endUs: endUs + byUs } };
    await expect(compared(smart, { clip })).rejects.toEqual(refusal('the clip ends at another time than it says'));
  });

  it('of a start a microsecond off the stated one are refused', async () => {
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

  it('that the clip lacks, or has in excess, are found', async () => {
    await expect(compared(copy, windowOf(15, 41))).rejects.toEqual(refusal('frames of the window are missing'));
    await expect(compared(copy, windowOf(15, 39))).rejects.toEqual(refusal('frames that are not of the window'));
  });

  it('that are not H.264 in the ring are refused, also outside the window', async () => {
    const [first, ...rest] = copy.segments;
    if (!first) throw new Error('no footage');
    const other = { ...first, init: replaced(first.init, utf8('avcC'), utf8('hvcC')) };
    await expect(compared(copy, { segments: [other, ...rest] })).rejects.toEqual(refusal('footage that is not H.264'));
  });

  it('that were dated by an untrusted clock are refused', async () => {
    const segments = copy.segments.map((segment) => ({ ...segment, clockTrusted: false }));
    await expect(compared(copy, { segments })).rejects.toEqual(refusal('footage of an untrusted clock'));
  });
});
