// Reads a finished clip's `ftyp` and `moov` and refuses any unexpected byte. Shares no code with the writer, so that one mistake cannot be
// in both.
import { clipFault, Fields } from './strict-boxes.ts';

export { clipFault } from './strict-boxes.ts';

/**
 * One track as its tables describe it, each sample with its position in the file. Times in units of `timescale`. Typed arrays, because
 * tables of 32 MiB list millions of samples.
 */
export interface FileTrack {
  timescale: number;
  times: Float64Array;
  lastDuration: number;
  offsets: Float64Array;
  sizes: Uint32Array;
}

/** The video track. */
export interface FileVideo extends FileTrack {
  width: number;
  height: number;
  /** Clockwise degrees by which players turn the coded picture. */
  rotation: number;
  /** 1 for each sample that is a keyframe according to `stss`. */
  keys: Uint8Array;
  sps: Uint8Array[];
  pps: Uint8Array[];
}

/** The sound track. */
export interface FileAudio extends FileTrack {
  config: Uint8Array;
  /** Delay of the sound at the start, in units of MOVIE_TIMESCALE. */
  delay: number;
}

/** The tracks of a finished clip's file. */
export interface FileTables {
  video: FileVideo;
  audio: FileAudio | null;
}

/** Units in a second of a finished clip's `mvhd`. */
export const MOVIE_TIMESCALE = 90_000;
/** `ftyp`, brand isom, version 0x200, compatible with isom, iso2, avc1, mp41. */
const FTYP = '00000020 66747970 69736f6d 00000200 69736f6d 69736f32 61766331 6d703431';
/** Bytes of a finished clip's `ftyp`. */
export const FTYP_BYTES = 32;
const IDENTITY = '00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000';
const ONE = 0x10000;

/** Throws `clip_check_failed` unless the bytes are the `ftyp` box of our clips. */
export function checkFtyp(bytes: Uint8Array): void {
  const file = new Fields(bytes, 'ftyp');
  file.expect(FTYP);
  file.end();
}

/** Reads a whole `moov` box, header included. Throws `clip_check_failed` at the first unexpected byte. */
export function readMoov(bytes: Uint8Array): FileTables {
  const file = new Fields(bytes);
  const moov = file.box('moov');
  file.end();
  const mvhd = moov.box('mvhd');
  const { numbers, duration } = mvhd.times(mvhd.version('000000', 1), 1);
  mvhd.expect(`00010000 0100 0000 ${'00'.repeat(8)} ${IDENTITY} ${'00'.repeat(24)}`);
  const nextTrack = mvhd.u32();
  mvhd.end();
  if (numbers[0] !== MOVIE_TIMESCALE) throw clipFault('an unexpected movie timescale');
  const video = readVideo(moov.box('trak'));
  const audio = moov.left > 0 ? readAudio(moov.box('trak')) : null;
  moov.end();
  if (nextTrack !== (audio ? 3 : 2)) throw clipFault('mvhd speaks of another number of tracks');
  if (duration !== Math.max(video.shownFor, audio?.shownFor ?? 0))
    throw clipFault('mvhd has another duration than the tracks');
  return { video, audio };
}

function readVideo(trak: Fields): FileVideo & { shownFor: number } {
  const tkhd = trak.box('tkhd');
  const shownFor = readTrackHeader(tkhd, 1, '0000 0000 0000 0000');
  const rotation = readMatrix(tkhd);
  const size = [tkhd.u32(), tkhd.u32()];
  tkhd.end();
  const { stbl, timescale, duration } = readMedia(trak.box('mdia'), '76696465', 'vmhd', '000001', '00'.repeat(8));
  trak.end();
  const stsd = stbl.box('stsd');
  stsd.version('000000');
  stsd.expect('00000001');
  const entry = readAvc1(stsd.box('avc1'));
  stsd.end();
  if (size[1] !== entry.height * ONE || (size[0] ?? 0) < ONE) throw clipFault('tkhd has another size than the picture');
  const tables = readTables(stbl, true);
  checkDurations(tables, timescale, duration, shownFor);
  return { ...entry, ...tables, rotation, timescale, shownFor };
}

function readAudio(trak: Fields): FileAudio & { shownFor: number } {
  const tkhd = trak.box('tkhd');
  const shownFor = readTrackHeader(tkhd, 2, '0000 0001 0100 0000');
  tkhd.expect(`${IDENTITY} ${'00'.repeat(8)}`);
  tkhd.end();
  const edit = trak.next() === 'edts' ? readDelay(trak.box('edts')) : { delay: 0, played: shownFor };
  const { stbl, timescale, duration } = readMedia(trak.box('mdia'), '736f756e', 'smhd', '000000', '00000000');
  trak.end();
  const stsd = stbl.box('stsd');
  stsd.version('000000');
  stsd.expect('00000001');
  const config = readMp4a(stsd.box('mp4a'));
  stsd.end();
  const tables = readTables(stbl, false);
  if (edit.delay + edit.played !== shownFor) throw clipFault('the edit list and tkhd disagree');
  checkDurations(tables, timescale, duration, edit.played);
  return { ...tables, timescale, config, delay: edit.delay, shownFor };
}

/** Reads `tkhd` up to the matrix; returns the duration in movie units. */
function readTrackHeader(tkhd: Fields, id: number, fixed: string): number {
  const { numbers, duration } = tkhd.times(tkhd.version('000003', 1), 2);
  if (numbers[0] !== id || numbers[1] !== 0) throw clipFault('an unexpected track id');
  tkhd.expect(`${'00'.repeat(8)} ${fixed}`);
  return duration;
}

/** One of the four right angles, in degrees. */
function readMatrix(tkhd: Fields): number {
  const row = () => [tkhd.i32(), tkhd.i32(), tkhd.i32()] as const;
  const [a, b, u] = row();
  const [c, d, v] = row();
  const [x, y, w] = row();
  const turned = [a, b, c, d].map((value) => value / ONE).join();
  const rotation = ['1,0,0,1', '0,1,-1,0', '-1,0,0,-1', '0,-1,1,0'].indexOf(turned) * 90;
  const placed = [x, y].every((value) => value >= 0 && value % ONE === 0);
  if (rotation < 0 || !placed || u !== 0 || v !== 0 || w !== 0x40000000)
    throw clipFault('an unexpected display matrix');
  return rotation;
}

/** An empty edit, then all of the track from its start. */
function readDelay(edts: Fields): { delay: number; played: number } {
  const elst = edts.box('elst');
  edts.end();
  const wide = elst.version('000000', 1) === 1;
  elst.expect('00000002');
  const delay = wide ? elst.u64() : elst.u32();
  elst.expect(`${wide ? 'ff'.repeat(8) : 'ff'.repeat(4)} 00010000`);
  const played = wide ? elst.u64() : elst.u32();
  elst.expect(`${wide ? '00'.repeat(8) : '00'.repeat(4)} 00010000`);
  elst.end();
  return { delay, played };
}

function readMedia(mdia: Fields, handler: string, header: string, flags: string, fixed: string) {
  const mdhd = mdia.box('mdhd');
  const { numbers, duration } = mdhd.times(mdhd.version('000000', 1), 1);
  mdhd.expect('55c4 0000');
  mdhd.end();
  const hdlr = mdia.box('hdlr');
  hdlr.expect(`00000000 00000000 ${handler} ${'00'.repeat(13)}`);
  hdlr.end();
  const minf = mdia.box('minf');
  mdia.end();
  const media = minf.box(header);
  media.version(flags);
  media.expect(fixed);
  media.end();
  const dinf = minf.box('dinf');
  dinf.expect('0000001c 64726566 00000000 00000001 0000000c 75726c20 00000001');
  dinf.end();
  const stbl = minf.box('stbl');
  minf.end();
  const timescale = numbers[0] ?? 0;
  if (timescale === 0) throw clipFault('a timescale of zero');
  return { stbl, timescale, duration };
}

function readAvc1(avc1: Fields): Pick<FileVideo, 'width' | 'height' | 'sps' | 'pps'> {
  avc1.expect(`00000000 0000 0001 ${'00'.repeat(16)}`);
  const [width, height] = [avc1.u16(), avc1.u16()];
  avc1.expect(`00480000 00480000 00000000 0001 ${'00'.repeat(32)} 0018 ffff`);
  const sets = readAvcC(avc1.box('avcC'));
  if (avc1.next() === 'pasp') {
    const pasp = avc1.box('pasp');
    if (pasp.u32() === 0 || pasp.u32() === 0) throw clipFault('pixels without a shape');
    pasp.end();
  }
  avc1.end();
  return { width, height, ...sets };
}

function readAvcC(avcC: Fields): { sps: Uint8Array[]; pps: Uint8Array[] } {
  avcC.expect('01');
  const profile = avcC.u8();
  avcC.take(2);
  avcC.expect('ff');
  const many = (count: number) => Array.from({ length: count }, () => avcC.take(avcC.u16()));
  const spsCount = avcC.u8();
  if (spsCount >> 5 !== 7) throw clipFault('unexpected bytes in avcC');
  const sps = many(spsCount & 31);
  const pps = many(avcC.u8());
  // Chroma 4:2:0, 8 bits, no extensions: the only format of encoded clips.
  if ([100, 110, 122, 144].includes(profile)) avcC.expect('fd f8 f8 00');
  avcC.end();
  return { sps, pps };
}

function readMp4a(mp4a: Fields): Uint8Array {
  mp4a.expect('00000000 0000 0001 00000000 00000000');
  if (mp4a.u16() > 8) throw clipFault('too many channels');
  mp4a.expect('0010 0000 0000');
  mp4a.u16();
  mp4a.expect('0000');
  const esds = mp4a.box('esds');
  mp4a.end();
  esds.expect('00000000 0319 0000 00 0411 40 15 000000 00000000 00000000 0502');
  const config = esds.take(2);
  esds.expect('060102');
  esds.end();
  return config;
}

/** `stts` to `stco`, in the order in which they are written; all must have the same number of samples. */
function readTables(stbl: Fields, video: boolean) {
  const stts = stbl.box('stts');
  const stss = video ? stbl.box('stss') : null;
  const stsc = stbl.box('stsc');
  const sizes = readSizes(stbl.box('stsz'));
  const offsets = placeSamples(stsc, readStarts(stbl), sizes);
  stbl.end();
  return { keys: readKeys(stss, sizes.length), sizes, offsets, ...readTimes(stts, sizes.length) };
}

function readSizes(stsz: Fields): Uint32Array {
  stsz.version('000000');
  stsz.expect('00000000');
  const sizes = new Uint32Array(stsz.count(4));
  for (let at = 0; at < sizes.length; at += 1) sizes[at] = stsz.u32();
  if (sizes.length === 0 || sizes.includes(0)) throw clipFault('a track or sample without data');
  return sizes;
}

function readKeys(stss: Fields | null, samples: number): Uint8Array {
  const keys = new Uint8Array(stss ? samples : 0);
  stss?.version('000000');
  let last = 0;
  for (let left = stss?.count(4) ?? 0; stss && left > 0; left -= 1) {
    const number = stss.u32();
    if (number <= last) throw clipFault('stss is not in order');
    if (number > samples) throw clipFault('a keyframe behind the last frame');
    keys[number - 1] = 1;
    last = number;
  }
  return keys;
}

function readTimes(stts: Fields, samples: number): Pick<FileTrack, 'times' | 'lastDuration'> & { total: number } {
  stts.version('000000');
  const times = new Float64Array(samples);
  let [filled, at, last] = [0, 0, 0];
  for (let left = stts.count(8); left > 0; left -= 1) {
    const count = stts.u32();
    last = stts.u32();
    if (last === 0) throw clipFault('a sample without duration');
    // Such an entry could hide an arbitrary number.
    if (count === 0) throw clipFault('a duration without samples');
    if (count > samples - filled) throw clipFault('stts and stsz count differently');
    for (const end = filled + count; filled < end; filled += 1, at += last) times[filled] = at;
  }
  if (filled !== samples) throw clipFault('stts and stsz count differently');
  return { times, lastDuration: last, total: at };
}

/** Where each chunk starts. */
function readStarts(stbl: Fields): { count: number; next: () => number } {
  const wide = stbl.next() === 'co64';
  const offsets = stbl.box(wide ? 'co64' : 'stco');
  offsets.version('000000');
  return { count: offsets.count(wide ? 8 : 4), next: () => (wide ? offsets.u64() : offsets.u32()) };
}

/** The position of each sample: `stsc` groups chunks by their number of samples (ISO/IEC 14496-12 §8.7.4). */
function placeSamples(stsc: Fields, starts: ReturnType<typeof readStarts>, sizes: Uint32Array): Float64Array {
  stsc.version('000000');
  const readGroup = () => {
    const group = { first: stsc.u32(), samples: stsc.u32() };
    stsc.expect('00000001');
    return group;
  };
  const offsets = new Float64Array(sizes.length);
  let [placed, chunk] = [0, 1];
  let left = stsc.count(12);
  let following = left > 0 ? readGroup() : null;
  while (following) {
    const { first, samples } = following;
    left -= 1;
    following = left > 0 ? readGroup() : null;
    const until = following?.first ?? starts.count + 1;
    if (first !== chunk || until <= first || samples === 0) throw clipFault('stsc is not in order');
    for (; chunk < until; chunk += 1) {
      if (chunk > starts.count || samples > sizes.length - placed) throw clipFault('a chunk without samples');
      let end = starts.next();
      for (const stop = placed + samples; placed < stop; placed += 1) {
        offsets[placed] = end;
        end += sizes[placed] ?? 0;
      }
    }
  }
  if (placed !== sizes.length || chunk !== starts.count + 1) throw clipFault('samples without a chunk');
  return offsets;
}

function checkDurations(tables: { total: number }, timescale: number, duration: number, played: number): void {
  if (tables.total !== duration) throw clipFault('mdhd has another duration than the samples');
  if (Math.abs((duration / timescale) * MOVIE_TIMESCALE - played) > 0.5) throw clipFault('tkhd has another duration');
}
