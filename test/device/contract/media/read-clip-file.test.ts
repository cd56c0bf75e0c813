// Holds: in a clip's file every byte outside the samples is checked, and every byte of media belongs to one sample; and no file makes the
// reader use more memory than its manifest allows, or fail other than by refusing it.
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { isFailure } from '../../../../device/contract/errors.ts';
import { parseSps } from '../../../../device/contract/media/parameter-sets.ts';
import { clipHeadBytesMax, readClipFile } from '../../../../device/contract/media/read-clip-file.ts';
import { fillerBox, findBox, grown, PPS, patched, plainMp4, SPS } from '../../../support/plain-mp4.ts';
import { Surgery } from '../../clip/support/surgery.ts';

const expected = { frames: 20, audioPackets: 8 };
const good = plainMp4(expected);
const MEDIA = 'bytes of mdat that belong to no sample, or to two';
const BEHIND = 'a parameter set with data behind it';
const TEXT = Buffer.from('12 Elm Street, Springfield');

const readerOf = (bytes: Uint8Array) => ({
  sizeBytes: bytes.length,
  read: async (at: number, length: number) => bytes.slice(at, at + length),
});

/** The fault of a file; `none` without one. */
async function faultOf(bytes: Uint8Array, counts = expected): Promise<string> {
  try {
    await readClipFile(readerOf(bytes), counts);
    return 'none';
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    expect(thrown.code).toBe('clip_check_failed');
    return String(thrown.facts['detail']);
  }
}

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer).reverse();

/** The clip with the two 32-bit numbers at a position swapped. */
function swapped(bytes: Uint8Array, at: number): Uint8Array {
  return patched(bytes, at, [...bytes.subarray(at + 4, at + 8), ...bytes.subarray(at, at + 4)]);
}

/** The clip with these bytes in place of its avcC's parameter sets. */
function withSets(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const units = (sets: readonly Uint8Array[]) =>
    concatBytes([Uint8Array.of(sets.length), ...sets.flatMap((set) => [Uint8Array.of(0, set.length), set])]);
  const all = concatBytes([units(sps), units(pps)]);
  all[0] = (all[0] ?? 0) | 0xe0;
  const file = new Surgery(good);
  const stsd = file.find('0/mdia/minf/stbl/stsd');
  const entry = Buffer.from(stsd.content);
  const avcC = entry.indexOf('avcC') - 4;
  const changed = concatBytes([entry.subarray(0, avcC + 13), all]);
  changed.set(word(changed.length - 8), 8);
  changed.set(word(changed.length - avcC), avcC);
  stsd.content = changed;
  return file.bytes();
}

describe('a plain recording is read', () => {
  it.each([
    ['with sound', good, expected],
    ['without sound', plainMp4({ frames: 20, audioPackets: 0 }), { frames: 20, audioPackets: 0 }],
    ['of one frame', plainMp4({ frames: 1, audioPackets: 0 }), { frames: 1, audioPackets: 0 }],
    ['whose sound begins late', plainMp4({ ...expected, audioStart: 400 }), expected],
    ['of two sequences', withSets([SPS.bytes, sequence(1)], [PPS]), expected],
  ])('%s', async (_what, bytes, counts) => expect(await faultOf(bytes, counts)).toBe('none'));

  it('from its beginning alone', async () => {
    const mostBytes = clipHeadBytesMax(expected);
    const reader = readerOf(good);
    let readTo = 0;
    const read = (at: number, length: number) => {
      readTo = Math.max(readTo, at + length);
      return reader.read(at, length);
    };
    await readClipFile({ ...reader, read }, expected);
    expect(readTo).toBe(findBox(good, 'mdat').start + 16);
    expect(readTo).toBeLessThan(mostBytes);
  });
});

/** The clip's SPS with another id, written over `ue(0)`. */
function sequence(id: number, change: (bits: string) => string = (bits) => bits): Uint8Array {
  const bits = [...SPS.bytes.subarray(4)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const code = (id + 1).toString(2);
  const changed = change('0'.repeat(code.length - 1) + code + bits.slice(1, bits.lastIndexOf('1') + 1));
  const padded = changed.padEnd(Math.ceil(changed.length / 8) * 8, '0');
  const bytes = padded.match(/.{8}/g)?.map((octet) => Number.parseInt(octet, 2)) ?? [];
  return Uint8Array.from([...SPS.bytes.subarray(0, 4), ...bytes]);
}

/** The clip without the bytes of its sound, whose table names the bytes of a frame instead. */
function soundOverPicture(): Uint8Array {
  const file = new Surgery(good);
  const tables = (track: number) => `${track}/mdia/minf/stbl/stco`;
  const [sound, soundBytes] = [file.chunkAt('1', 0), expected.audioPackets * 40];
  file.splicePayload(sound, soundBytes, new Uint8Array());
  file.setNumber(tables(1), 8, file.number(tables(0), 8));
  file.setNumber(tables(0), 12, file.number(tables(0), 12) - soundBytes);
  return file.bytes();
}

/** A width of 39 macroblocks instead of 40. */
const narrower = (bits: string) => bits.replace('00000101000', '00000100111');

describe('a clip is refused', () => {
  const { start: mdat } = findBox(good, 'mdat');
  const stco = findBox(good, 'stco').start;
  const cases: [string, Uint8Array, string][] = [
    ['with a box behind it', concatBytes([good, fillerBox('free', 100)]), 'data behind mdat'],
    ['with a box before it', concatBytes([fillerBox('free', 8), good]), 'unexpected bytes in ftyp'],
    ['with a second body of media', concatBytes([good, fillerBox('mdat', 100)]), 'data behind mdat'],
    ['with fragments', concatBytes([good, fillerBox('moof', 100)]), 'data behind mdat'],
    ['with another box for its media', patched(good, mdat + 4, [...Buffer.from('free')]), 'a box where mdat belongs'],
    ['with bytes behind its samples', grown(good, ['mdat'], new Uint8Array(50)), MEDIA],
    ['whose samples overlap', patched(good, stco + 16, [0, 0, 0, 40]), MEDIA],
    ['whose chunks lie in another order than their times', swapped(good, stco + 16), MEDIA],
    ['whose last sample lies outside', patched(good, findBox(good, 'stsz').start + 20 + 19 * 4, [0, 0, 9, 0]), MEDIA],
    ['whose sound lies where its picture does', soundOverPicture(), MEDIA],
    ['that is cut off', good.subarray(0, good.length - 1), 'data behind mdat'],
    ['whose last box has no end', patched(good, mdat, [0, 0, 0, 0]), 'data behind mdat'],
    ['that is no MP4', new Uint8Array(2_000).fill(9), 'unexpected bytes in ftyp'],
    ['that is empty', new Uint8Array(0), 'a file that ends before its moov box'],
    ['with text behind a sequence', withSets([concatBytes([SPS.bytes, TEXT])], [PPS]), BEHIND],
    ['with text behind a parameter set', withSets([SPS.bytes], [concatBytes([PPS, TEXT])]), BEHIND],
    ['with text as a parameter set', withSets([SPS.bytes], [PPS, concatBytes([Uint8Array.of(0x68), TEXT])]), BEHIND],
    ['with text as a sequence', withSets([SPS.bytes, concatBytes([Uint8Array.of(0x67), TEXT])], [PPS]), BEHIND],
    ['with a sequence of another size', withSets([SPS.bytes, sequence(1, narrower)], [PPS]), 'a foreign size'],
    [
      'with a unit that is no parameter set',
      withSets([SPS.bytes], [PPS, Uint8Array.of(6, 1)]),
      'a picture parameter set is none',
    ],
    ['with one parameter set twice', withSets([SPS.bytes], [PPS, PPS]), 'two sets with one id'],
    ['with one sequence twice', withSets([SPS.bytes, SPS.bytes], [PPS]), 'two sets with one id'],
    [
      'with a parameter set of no sequence',
      withSets([sequence(1)], [PPS]),
      'a parameter set of a sequence that is not there',
    ],
    ['without a parameter set', withSets([SPS.bytes], []), 'a clip without parameter sets'],
    [
      'with sets without end',
      withSets([SPS.bytes], Array(255).fill(concatBytes([PPS, new Uint8Array(28)]))),
      'parameter sets that are too long',
    ],
    [
      'with sound at a rate that it does not have',
      patched(good, findBox(good, 'esds').start + 34, [0x12, 0x10]),
      'sound of another kind than ours',
    ],
    [
      'with sound of another kind',
      patched(good, findBox(good, 'esds').start + 34, [0x29, 0x90]),
      'sound of another kind than ours',
    ],
  ];
  it.each(cases)('%s', async (_what, bytes, fault) => expect(await faultOf(bytes)).toBe(fault));

  it('with other numbers of frames or packets than its manifest says', async () => {
    expect(await faultOf(good, { frames: 19, audioPackets: 8 })).toBe(
      '20 frames, where its manifest or statement says 19',
    );
    expect(await faultOf(good, { frames: 20, audioPackets: 0 })).toBe(
      '8 packets of sound, where its manifest or statement says 0',
    );
  });

  it('before it is read, if its moov is longer than its samples need', async () => {
    const tried = (counts: typeof expected, moovBytes: number) => {
      const head = patched(good.slice(0, 40), 32, [...word(moovBytes)]);
      const read = async (at: number) => (at === 0 ? head : Promise.reject(new Error('it reads on')));
      return readClipFile({ sizeBytes: 2 ** 33, read }, counts);
    };
    const most = clipHeadBytesMax(expected) - 48;
    await expect(tried(expected, most + 1)).rejects.toThrow(/a moov box of an impossible length/);
    await expect(tried(expected, most)).rejects.toThrow(/^it reads on$/);
    const many = { frames: 2 ** 40, audioPackets: 0 };
    await expect(tried(many, 32 * 1024 * 1024 + 1)).rejects.toThrow(/a moov box of an impossible length/);
    await expect(tried(many, 32 * 1024 * 1024)).rejects.toThrow(/^it reads on$/);
  });

  it('or read, but never crashes the reader, after a change of any byte of its moov', {
    tags: ['long'],
  }, async () => {
    const end = findBox(good, 'mdat').start + 16;
    for (let at = 0; at < end; at += 1) {
      for (const value of [0, 1, 0xff]) expect(typeof (await faultOf(patched(good, at, [value])))).toBe('string');
    }
  });

  it('with the caller’s own error', async () => {
    const fault = (detail: string) => new Error(`no: ${detail}`);
    await expect(readClipFile(readerOf(good.subarray(0, 900)), expected, fault)).rejects.toThrow(/^no: /);
    const broken = new Error('a bad card');
    const read = () => Promise.reject(broken);
    await expect(readClipFile({ sizeBytes: good.length, read }, expected, fault)).rejects.toBe(broken);
  });
});

it('uses clips with the parameter sets of a camera', () => {
  expect(parseSps(sequence(1))).toMatchObject({ id: 1, width: 640, height: 360, clean: true });
});
