// Holds: every byte of a clip's tables is checked: changing it is refused, or changes the result of reading.
import { describe, expect, it } from 'vitest';
import { box, u32 } from '../../../../device/clip/mp4-boxes.ts';
import { layOut } from '../../../../device/clip/mp4-layout.ts';
import { concatBytes } from '../../../../device/contract/bytes.ts';
import { isFailure } from '../../../../device/contract/errors.ts';
import { checkFtyp, type FileTables, FTYP_BYTES, readMoov } from '../../../../device/contract/media/clip-file-check.ts';
import { plainMp4 } from '../../../support/plain-mp4.ts';
import { Surgery } from '../../clip/support/surgery.ts';

const FRAMES = 30;
const PACKETS = 12;
const ONE = 0x10000;
const CLIP = plainMp4({ frames: FRAMES, audioPackets: PACKETS, audioStart: 500 });
const MUTE = plainMp4({ frames: FRAMES, audioPackets: 0 });

/** The tables of a file, read as the self-check does. */
function read(file: Uint8Array): FileTables {
  checkFtyp(file.subarray(0, FTYP_BYTES));
  const moovBytes = Buffer.from(file).readUInt32BE(FTYP_BYTES);
  return readMoov(file.subarray(FTYP_BYTES, FTYP_BYTES + moovBytes));
}

function changed(change: (file: Surgery) => void, of = CLIP): Uint8Array {
  const file = new Surgery(of);
  change(file);
  return file.bytes();
}

const refusal = (detail: string) => expect.objectContaining({ code: 'clip_check_failed', facts: { detail } });

it('reads the tables of a plain clip', () => {
  const { video, audio } = read(CLIP);
  const ramp = (count: number, step: number) => Array.from({ length: count }, (_, at) => at * step);
  expect(video).toMatchObject({
    timescale: 90_000,
    times: Float64Array.from(ramp(FRAMES, 6_000)),
    lastDuration: 6_000,
    width: 640,
    height: 360,
  });
  expect([...video.sizes]).toEqual(Array.from({ length: FRAMES }, (_, at) => 500 + at));
  expect([[...video.keys], video.sps.length, video.pps.length]).toEqual([[1, ...Array(FRAMES - 1).fill(0)], 1, 1]);
  expect(audio).toMatchObject({
    timescale: 48_000,
    times: Float64Array.from(ramp(PACKETS, 1_024)),
    lastDuration: 1_024,
  });
  expect([audio?.delay, [...(audio?.sizes ?? [])], [...(audio?.config ?? [])]]).toEqual([
    938,
    Array(PACKETS).fill(40),
    [0x11, 0x90],
  ]);
  // Half of the frames, the sound, the other half, without a gap.
  const [sound, half] = [audio?.offsets ?? [], video.offsets[15] ?? 0];
  expect([(video.offsets[14] ?? 0) + 514, (sound[PACKETS - 1] ?? 0) + 40]).toEqual([sound[0], half]);
  expect((video.offsets[FRAMES - 1] ?? 0) + 529).toBe(CLIP.length);
  expect(read(MUTE).audio).toBeNull();
});

const TKHD_MATRIX = 40;
const STBL = 'mdia/minf/stbl';

describe('a clip is refused', () => {
  it.each<[string, string, (file: Surgery) => void]>([
    ['in other units than ours', 'an unexpected movie timescale', (file) => file.setNumber('mvhd', 12, 90_001)],
    ['with a version that there is not', 'an unknown version of mvhd', (file) => file.setNumber('mvhd', 0, 2 << 24)],
    ['with flags', 'unexpected bytes in mvhd', (file) => file.setNumber('mvhd', 0, 1)],
    ['that will have more tracks', 'mvhd speaks of another number of tracks', (file) => file.setNumber('mvhd', 96, 4)],
    [
      'that is said to be shorter',
      'mvhd has another duration than the tracks',
      (file) => file.setNumber('mvhd', 16, 1),
    ],
    ['whose first track is not the first', 'an unexpected track id', (file) => file.setNumber('0/tkhd', 12, 2)],
    ['with a secret behind the track’s id', 'an unexpected track id', (file) => file.setNumber('0/tkhd', 16, 7)],
    ['whose second track is not the second', 'an unexpected track id', (file) => file.setNumber('1/tkhd', 12, 1)],
    ['that is not shown', 'unexpected bytes in tkhd', (file) => file.setNumber('0/tkhd', 0, 2)],
    [
      'shown in another height',
      'tkhd has another size than the picture',
      (file) => file.setNumber('0/tkhd', 80, 361 * ONE),
    ],
    ['shown without width', 'tkhd has another size than the picture', (file) => file.setNumber('0/tkhd', 76, ONE - 1)],
    ['skewed', 'an unexpected display matrix', (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 4, 1)],
    ['mirrored', 'an unexpected display matrix', (file) => file.setNumber('0/tkhd', TKHD_MATRIX, -ONE >>> 0)],
    ['in perspective', 'an unexpected display matrix', (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 8, 1)],
    ['in another perspective', 'an unexpected display matrix', (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 20, 1)],
    ['in no scale', 'an unexpected display matrix', (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 32, 1)],
    [
      'moved to the left',
      'an unexpected display matrix',
      (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 24, -ONE >>> 0),
    ],
    [
      'moved by part of a pixel',
      'an unexpected display matrix',
      (file) => file.setNumber('0/tkhd', TKHD_MATRIX + 28, 1),
    ],
    ['with time that never passes', 'a timescale of zero', (file) => file.setNumber('0/mdia/mdhd', 12, 0)],
    ['in a language', 'unexpected bytes in mdhd', (file) => file.setNumber('0/mdia/mdhd', 20, 0x15c70000)],
    [
      'of another media duration',
      'mdhd has another duration than the samples',
      (file) => file.setNumber('0/mdia/mdhd', 16, 9),
    ],
    ['of another duration', 'tkhd has another duration', (file) => file.setNumber('0/tkhd', 20, 180_001)],
    ['with data elsewhere', 'unexpected bytes in dinf', (file) => file.patch('0/mdia/minf/dinf', 27, Uint8Array.of(0))],
    ['with two sample entries', 'unexpected bytes in stsd', (file) => file.setNumber(`0/${STBL}/stsd`, 4, 2)],
    ['with frames that are none', 'a track or sample without data', (file) => file.setNumber(`0/${STBL}/stsz`, 12, 0)],
    ['with frames of one size', 'unexpected bytes in stsz', (file) => file.setNumber(`0/${STBL}/stsz`, 4, 500)],
    [
      'with more frames than sizes',
      'stsz is not as long as it says',
      (file) => file.setNumber(`0/${STBL}/stsz`, 8, FRAMES + 1),
    ],
    ['with fewer times', 'stts and stsz count differently', (file) => file.setNumber(`0/${STBL}/stts`, 8, FRAMES - 1)],
    ['with frames of no time', 'a sample without duration', (file) => file.setNumber(`0/${STBL}/stts`, 12, 0)],
    [
      'with a duration that no frame has',
      'a duration without samples',
      (file) => content(file, `0/${STBL}/stts`, [0, 2, FRAMES, 6_000, 0, 0x5ec8e7]),
    ],
    ['with chunks from the second on', 'stsc is not in order', (file) => file.setNumber(`0/${STBL}/stsc`, 8, 2)],
    ['with empty chunks', 'stsc is not in order', (file) => file.setNumber(`0/${STBL}/stsc`, 12, 0)],
    ['with a second description', 'unexpected bytes in stsc', (file) => file.setNumber(`0/${STBL}/stsc`, 16, 2)],
    ['with chunks that are too long', 'a chunk without samples', (file) => file.setNumber(`0/${STBL}/stsc`, 12, 16)],
    ['with chunks that are too short', 'samples without a chunk', (file) => file.setNumber(`0/${STBL}/stsc`, 12, 14)],
    [
      'with a chunk that is nowhere',
      'a chunk without samples',
      (file) => content(file, `0/${STBL}/stsc`, [0, 2, 1, 10, 1, 4, 1, 1]),
    ],
    ['with no frame at all', 'a track or sample without data', (file) => content(file, `0/${STBL}/stsz`, [0, 0, 0])],
    ['with a chunk less', 'samples without a chunk', (file) => content(file, `0/${STBL}/stco`, [0, 1, 2_000])],
    [
      'with groups out of order',
      'stsc is not in order',
      (file) => content(file, `0/${STBL}/stsc`, [0, 2, 1, 15, 1, 1, 15, 1]),
    ],
    [
      'with a group behind all chunks',
      'stsc is not in order',
      (file) => content(file, `0/${STBL}/stsc`, [0, 2, 1, 15, 1, 3, 15, 1]),
    ],
    ['with keyframes out of order', 'stss is not in order', (file) => content(file, `0/${STBL}/stss`, [0, 2, 3, 2])],
    [
      'with a keyframe behind the last frame',
      'a keyframe behind the last frame',
      (file) => content(file, `0/${STBL}/stss`, [0, 2, 1, FRAMES + 1]),
    ],
    ['with one keyframe twice', 'stss is not in order', (file) => content(file, `0/${STBL}/stss`, [0, 2, 2, 2])],
    [
      'with sound of nine channels',
      'too many channels',
      (file) => file.patch(`1/${STBL}/stsd`, 32, Uint8Array.of(0, 9)),
    ],
    [
      'with a later start than its edit list says',
      'the edit list and tkhd disagree',
      (file) => file.setNumber('1/tkhd', 20, 9),
    ],
    ['with three edits', 'unexpected bytes in elst', (file) => file.setNumber('1/edts/elst', 4, 3)],
    ['that skips some sound', 'unexpected bytes in elst', (file) => file.setNumber('1/edts/elst', 24, 1)],
    ['with sound at another speed', 'unexpected bytes in elst', (file) => file.setNumber('1/edts/elst', 28, 0x20000)],
    [
      'with data behind moov’s tracks',
      'data behind what belongs into moov',
      (file) => file.insert('moov', 'udta', u32([1])),
    ],
    [
      'with data behind the tables',
      'data behind what belongs into stbl',
      (file) => file.insert(`0/${STBL}`, 'sbgp', u32([1])),
    ],
    [
      'with data behind the picture’s track',
      'data behind what belongs into trak',
      (file) => file.insert('0', 'udta', u32([1])),
    ],
    ['without a picture', 'a mdia box where tkhd belongs', (file) => void file.find('0').children?.shift()],
    ['without a track', 'a missing box where trak belongs', (file) => void file.top('moov').children?.splice(1, 2)],
    [
      'of a kind of media that we do not make',
      'unexpected bytes in hdlr',
      (file) => file.setNumber('0/mdia/hdlr', 8, 0x74657874),
    ],
  ])('%s', (_what, detail, change) => {
    expect(() => read(changed(change))).toThrow(refusal(detail));
  });

  it.each([
    ['an avcC of another version', 8, Uint8Array.of(2)],
    ['unit lengths of another size', 12, Uint8Array.of(0xfe)],
    ['bits that are reserved', 13, Uint8Array.of(0x61)],
  ])('with %s', (_what, at, bytes) => {
    const file = Buffer.from(CLIP);
    file.set(bytes, file.indexOf('avcC') - 4 + at);
    expect(() => read(file)).toThrow(refusal('unexpected bytes in avcC'));
  });

  it('with too few bytes for a box after a sample entry', () => {
    const file = new Surgery(CLIP);
    const stsd = file.find(`0/${STBL}/stsd`);
    const grown = Buffer.concat([stsd.content, Uint8Array.of(1, 2, 3, 4)]);
    grown.writeUInt32BE(grown.readUInt32BE(8) + 4, 8);
    stsd.content = grown;
    expect(() => read(file.bytes())).toThrow(refusal('data behind what belongs into avc1'));
  });

  it('with a box that ends after the box around it', () => {
    const file = Buffer.from(CLIP);
    const at = file.indexOf('stco') - 4;
    file.writeUInt32BE(file.readUInt32BE(at) + 8, at);
    expect(() => read(file)).toThrow(refusal('a stco box where stco belongs'));
  });

  it('without its brands, or with data after them', () => {
    expect(() => checkFtyp(CLIP.subarray(0, FTYP_BYTES - 1))).toThrow();
    expect(() => checkFtyp(CLIP.subarray(0, FTYP_BYTES + 1))).toThrow(refusal('data behind what belongs into ftyp'));
    expect(() => checkFtyp(new Uint8Array(FTYP_BYTES))).toThrow(refusal('unexpected bytes in ftyp'));
  });

  it('with bytes after moov, or with a header of 16 bytes', () => {
    const end = FTYP_BYTES + Buffer.from(CLIP).readUInt32BE(FTYP_BYTES);
    expect(() => readMoov(CLIP.subarray(FTYP_BYTES, end + 1))).toThrow(refusal('data behind what belongs into file'));
    const moov = CLIP.subarray(FTYP_BYTES + 8, end);
    const wide = concatBytes([u32([1]), Buffer.from('moov'), u32([0, moov.length + 16]), moov]);
    expect(() => readMoov(wide)).toThrow(expect.objectContaining({ code: 'fragment_malformed' }));
  });
});

/** Replaces 32-bit numbers of a box. */
function content(file: Surgery, path: string, numbers: number[]): void {
  file.find(path).content = u32(numbers);
}

describe('a clip is accepted', () => {
  it.each<[string, (file: Surgery) => void]>([
    ['turned to the right', (file) => turn(file, [0, ONE, 0, -ONE, 0, 0, 360 * ONE, 0])],
    ['upside down', (file) => turn(file, [-ONE, 0, 0, 0, -ONE, 0, 640 * ONE, 360 * ONE])],
    ['turned to the left', (file) => turn(file, [0, -ONE, 0, ONE, 0, 0, 0, 640 * ONE])],
    ['shown wider than it is', (file) => file.setNumber('0/tkhd', 76, 800 * ONE)],
    ['a pixel wide', (file) => file.setNumber('0/tkhd', 76, ONE)],
    ['with its chunks in two groups', (file) => content(file, `0/${STBL}/stsc`, [0, 2, 1, 15, 1, 2, 15, 1])],
    ['with more keyframes', (file) => content(file, `0/${STBL}/stss`, [0, 2, 1, 16])],
    ['with sound of eight channels', (file) => file.patch(`1/${STBL}/stsd`, 32, Uint8Array.of(0, 8))],
  ])('%s', (_what, change) => {
    expect(() => read(changed(change))).not.toThrow();
  });

  it('with a pixel aspect ratio that is not square, but not with one of zero', () => {
    const withPixels = (across: number, down: number) => {
      const file = new Surgery(CLIP);
      const stsd = file.find(`0/${STBL}/stsd`);
      const grown = Buffer.concat([stsd.content, box('pasp', u32([across, down]))]);
      grown.writeUInt32BE(grown.readUInt32BE(8) + 16, 8);
      stsd.content = grown;
      return file.bytes();
    };
    expect(() => read(withPixels(4, 3))).not.toThrow();
    expect(() => read(withPixels(0, 3))).toThrow(refusal('pixels without a shape'));
    expect(() => read(withPixels(4, 0))).toThrow(refusal('pixels without a shape'));
  });

  it('with a duration that is rounded by half a tick of the movie either way, but not by more', () => {
    const lasting = (movieTicks: number) => {
      const file = new Surgery(plainMp4({ frames: 1, audioPackets: 0 }));
      file.setNumber('0/mdia/mdhd', 12, 131_072);
      file.setNumber('0/mdia/mdhd', 16, 4_096);
      content(file, `0/${STBL}/stts`, [0, 1, 1, 4_096]);
      for (const [path, at] of [
        ['0/tkhd', 20],
        ['mvhd', 16],
      ] as const)
        file.setNumber(path, at, movieTicks);
      return () => read(file.bytes());
    };
    expect(lasting(2_812)).not.toThrow();
    expect(lasting(2_813)).not.toThrow();
    expect(lasting(2_814)).toThrow(refusal('tkhd has another duration'));
  });

  it('without an edit list, if its sound begins with the picture', () => {
    const { video, audio } = read(plainMp4({ frames: FRAMES, audioPackets: PACKETS }));
    expect([audio?.delay, audio?.sizes.length, video.sizes.length]).toEqual([0, PACKETS, FRAMES]);
    const noEdits = changed(
      (file) => file.setNumber('1/tkhd', 20, 9),
      plainMp4({ frames: FRAMES, audioPackets: PACKETS }),
    );
    expect(() => read(noEdits)).toThrow(refusal('tkhd has another duration'));
  });

  it('with sound that is longer than the picture', () => {
    const long = plainMp4({ frames: 2, audioPackets: 100, audioStart: 500 });
    expect(read(long).audio?.sizes).toHaveLength(100);
    expect(() => read(changed((file) => file.setNumber('mvhd', 16, 12_000), long))).toThrow(
      refusal('mvhd has another duration than the tracks'),
    );
  });

  it.each([100, 110, 122, 144])(
    'of the high profile %d with the bit depths of our encoder, and no others',
    (profile) => {
      const withDepths = (depths: number[], says = profile) => {
        const file = new Surgery(CLIP);
        const stsd = file.find(`0/${STBL}/stsd`);
        const grown = Buffer.concat([stsd.content, Uint8Array.from(depths)]);
        const avcC = grown.indexOf('avcC') - 4;
        for (const start of [8, avcC]) grown.writeUInt32BE(grown.readUInt32BE(start) + depths.length, start);
        grown[avcC + 9] = says;
        stsd.content = grown;
        return () => read(file.bytes());
      };
      expect(withDepths([0xfd, 0xf8, 0xf8, 0])).not.toThrow();
      expect(withDepths([0xfd, 0xfa, 0xf8, 0])).toThrow(refusal('unexpected bytes in avcC'));
      expect(withDepths([])).toThrow(expect.objectContaining({ code: 'fragment_malformed' }));
      expect(withDepths([0xfd, 0xf8, 0xf8, 0], 66)).toThrow(refusal('data behind what belongs into avcC'));
    },
  );

  it('with offsets beyond 4 GiB, and sound that begins after 13 hours', () => {
    const hours = 14 * 3_600;
    const sps = read(CLIP).video.sps[0] ?? new Uint8Array(0);
    const facts = {
      id: 0,
      profileIdc: 66,
      constraints: 0xc0,
      levelIdc: 30,
      chromaFormat: 1,
      bitDepthLuma: 8,
      bitDepthChroma: 8,
      frameNumBits: 4,
      gapsAllowed: false,
    };
    const picture = {
      ...facts,
      progressive: true,
      width: 640,
      height: 360,
      aspect: [1, 1] as [number, number],
      colour: null,
    };
    const { header } = layOut(
      {
        ...{
          timescale: 90_000,
          ticks: [0, 2_200_000_000, hours * 90_000],
          sizes: [3_000_000_000, 2_000_000_000, 7],
          lastDuration: 6_000,
          keys: [0],
        },
        ...{ sps: [{ ...picture, bytes: sps, clean: true }], pps: [Uint8Array.of(0x68, 0xcb)], rotation: 0 as const },
      },
      {
        ...{ sound: { config: Uint8Array.of(0x11, 0x90), sampleRate: 48_000, channels: 2 }, ticks: [hours * 48_000] },
        ...{ sizes: [40], lastDuration: 1_024 },
      },
      [
        { track: 'video', samples: 3 },
        { track: 'audio', samples: 1 },
      ],
    );
    const { video, audio } = read(header);
    expect([...video.offsets]).toEqual([0, 3_000_000_000, 5_000_000_000].map((at) => header.length + at));
    expect([[...(audio?.offsets ?? [])], audio?.delay]).toEqual([[header.length + 5_000_000_007], hours * 90_000]);
  });
});

function turn(file: Surgery, matrix: number[]): void {
  file.patch('0/tkhd', TKHD_MATRIX, u32(matrix.map((value) => value >>> 0)));
}

it('refuses a change of any byte, or reads another result, except for three fields that no check needs', {
  tags: ['long'],
}, () => {
  /** Fields that may change unnoticed: the width at which the picture is shown, the level in avcC, the sample rate that mp4a repeats. */
  const free = new Set<string>();
  const before = read(CLIP);
  const end = FTYP_BYTES + Buffer.from(CLIP).readUInt32BE(FTYP_BYTES);
  for (let at = 0; at < end; at += 1) {
    for (const mask of [1, 0x80, 0xff]) {
      const file = CLIP.slice();
      file[at] = (file[at] ?? 0) ^ mask;
      try {
        expect(read(file)).not.toEqual(before);
      } catch (thrown) {
        if (isFailure(thrown)) expect(['clip_check_failed', 'fragment_malformed']).toContain(thrown.code);
        else free.add(placeOf(at));
      }
    }
  }
  expect([...free].sort()).toEqual(['avcC', 'mp4a', 'tkhd']);
});

/** The innermost box around a byte of the clip. */
function placeOf(at: number): string {
  const types = [
    'tkhd',
    'mdhd',
    'hdlr',
    'avcC',
    'avc1',
    'mp4a',
    'esds',
    'stts',
    'stsz',
    'stsc',
    'stco',
    'mvhd',
    'elst',
  ];
  const file = Buffer.from(CLIP);
  let best = 'other';
  let from = -1;
  for (const type of types) {
    for (let found = file.indexOf(type); found >= 0; found = file.indexOf(type, found + 4)) {
      const start = found - 4;
      if (start <= at && at < start + file.readUInt32BE(start) && start > from) [best, from] = [type, start];
    }
  }
  return best;
}
