// Holds: a clip is taken only if it is a plain recording: each kind of hidden or foreign content is found.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkStructure } from '../../../cloud-bridge/intake/structure.ts';
import { concatBytes } from '../../../device/base/bytes.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { isFailure } from '../../../device/protocol/errors.ts';
import { fillerBox, findBox, grown, patched, plainMp4 } from '../../support/plain-mp4.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-structure-'));
});
afterAll(() => rm(folder, { recursive: true }));

const expected = { frames: 20, audioPackets: 8 };
const good = plainMp4(expected);

/** The audio track's labels changed to video. */
function twoVideoTracks(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes);
  text.write('vide', text.indexOf('soun', 0, 'latin1'), 'latin1');
  text.write('avc1', text.indexOf('mp4a', 0, 'latin1'), 'latin1');
  return new Uint8Array(text);
}

async function faultOf(bytes: Uint8Array, clip = expected): Promise<string> {
  const path = join(folder, 'clip.mp4');
  await writeFile(path, bytes);
  const file = await new SystemDisk().open(path, { create: false });
  try {
    await checkStructure(file, bytes.length, clip);
    return 'none';
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    expect(thrown.code).toBe('intake_structure');
    return thrown.message;
  } finally {
    await file.close();
  }
}

describe('a plain recording passes', () => {
  it.each([
    ['with audio', good, expected],
    ['without audio', plainMp4({ frames: 20, audioPackets: 0 }), { frames: 20, audioPackets: 0 }],
    ['of one frame', plainMp4({ frames: 1, audioPackets: 0 }), { frames: 1, audioPackets: 0 }],
    ['whose sound begins late', plainMp4({ ...expected, audioStart: 400 }), expected],
  ])('%s', async (_what, bytes, clip) => expect(await faultOf(bytes, clip)).toBe('none'));
});

describe('a clip is refused', () => {
  const { start: mdat } = findBox(good, 'mdat');
  const late = plainMp4({ ...expected, audioStart: 400 });
  const elst = findBox(late, 'elst').start;
  const cases: [string, Uint8Array, RegExp][] = [
    ['with a box behind it', concatBytes([good, fillerBox('free', 100)]), /other boxes/],
    ['with a box before it', concatBytes([fillerBox('free', 8), good]), /start with/],
    ['with a second body of media', concatBytes([good, fillerBox('mdat', 100)]), /other boxes/],
    ['with fragments', concatBytes([good, fillerBox('moof', 100)]), /other boxes/],
    ['with bytes behind its samples', grown(good, ['mdat'], new Uint8Array(50)), /no sample/],
    ['with user data', grown(good, ['moov'], fillerBox('udta', 40)), /'udta'/],
    ['with metadata', grown(good, ['moov'], fillerBox('meta', 40)), /'meta'/],
    ['with user data in a track', grown(good, ['moov', 'trak'], fillerBox('udta', 40)), /'udta'/],
    ['with filler in its description', grown(good, ['moov'], fillerBox('free', 40)), /'free'/],
    ['with an edit list over video', grown(good, ['moov', 'trak'], fillerBox('edts', 40)), /edit list over video/],
    ['with an edit list that hides audio', patched(late, elst + 16 + 12 + 4, [0, 0, 4, 0]), /hides audio/],
    ['with an edit list of another pace', patched(late, elst + 16 + 12 + 8, [0, 2, 0, 0]), /hides audio/],
    ['with a time of creation', patched(good, findBox(good, 'mvhd').start + 12, [0, 0, 0, 9]), /time of creation/],
    [
      'with a time of creation in a track',
      patched(good, findBox(good, 'tkhd').start + 12, [0, 0, 0, 9]),
      /time of creation/,
    ],
    ['with a time of modification', patched(good, findBox(good, 'mdhd').start + 16, [0, 0, 0, 9]), /time of creation/],
    [
      'with a text track',
      patched(good, findBox(good, 'hdlr').start + 16, [...Buffer.from('text')]),
      /neither video nor audio/,
    ],
    ['of another codec', patched(good, findBox(good, 'stsd').start + 20, [...Buffer.from('hvc1')]), /codec/],
    ['that refers to another file', patched(good, findBox(good, 'url ').start + 8, [0, 0, 0, 0]), /outside itself/],
    ['that is cut off', good.subarray(0, good.length - 1), /does not fit/],
    ['whose last box has no end', patched(good, mdat, [0, 0, 0, 0]), /no length/],
    ['whose samples overlap', patched(good, findBox(good, 'stco').start + 16, [0, 0, 0, 40]), /no sample/],
    [
      'whose sample count is absurd',
      patched(good, findBox(good, 'stsz').start + 16, [0xff, 0xff, 0xff, 0xff]),
      /too many/,
    ],
    [
      'whose chunk runs are absurd',
      patched(good, findBox(good, 'stsc').start + 20, [0xff, 0xff, 0xff, 0xff]),
      /more samples/,
    ],
    ['with a file type that goes on and on', grown(good, ['ftyp'], new Uint8Array(300)), /file type is too long/],
    [
      'with words in a handler’s name',
      grown(good, ['moov', 'trak', 'mdia', 'hdlr'], new Uint8Array(60)),
      /name is too long/,
    ],
    [
      'with two headers',
      grown(good, ['moov'], good.slice(findBox(good, 'mvhd').start, findBox(good, 'mvhd').end)),
      /one box 'mvhd'/,
    ],
    ['with a cut edit list', patched(late, elst + 12, [0, 0, 0, 1]), /edit list is cut off/],
    ['with two video tracks', twoVideoTracks(good), /more than one track of a kind/],
    ['whose times cover fewer samples', patched(good, findBox(good, 'stts').start + 16, [0, 0, 0, 1]), /no time/],
    ['whose sizes are cut off', patched(good, findBox(good, 'stsz').start + 16, [0, 0, 0, 21]), /sizes are cut off/],
    ['whose times are cut off', patched(good, findBox(good, 'stts').start + 12, [0, 0, 0, 9]), /times are cut off/],
    [
      'whose chunks are cut off',
      patched(good, findBox(good, 'stco').start + 12, [0, 0, 0, 9]),
      /chunk table is cut off/,
    ],
    [
      'whose chunk runs are cut off',
      patched(good, findBox(good, 'stsc').start + 12, [0, 0, 0, 9]),
      /chunk runs are cut off/,
    ],
    [
      'whose chunk runs leave samples out',
      patched(good, findBox(good, 'stsc').start + 20, [0, 0, 0, 5]),
      /in no chunk/,
    ],
    [
      'whose chunk runs are out of order',
      patched(good, findBox(good, 'stsc').start + 16, [0, 0, 0, 2]),
      /not in order/,
    ],
    ['that is not MP4', new Uint8Array(2_000).fill(9), /does not fit|start with/],
    ['that is empty', new Uint8Array(0), /no description/],
  ];
  it.each(cases)('%s', async (_what, bytes, fault) => expect(await faultOf(bytes)).toMatch(fault));

  it('with other numbers of frames or packets than its manifest says', async () => {
    expect(await faultOf(good, { frames: 19, audioPackets: 8 })).toMatch(/20 frames/);
    expect(await faultOf(good, { frames: 20, audioPackets: 0 })).toMatch(/8 audio packets/);
  });

  it('or found plain, but never crashes the check, when any one byte of its description is changed', {
    tags: ['long'],
  }, async () => {
    const end = findBox(good, 'mdat').start + 8;
    for (let at = 0; at < end; at += 3) {
      for (const value of [0, 1, 0xff]) expect(typeof (await faultOf(patched(good, at, [value])))).toBe('string');
    }
  });
});
