// @module-tag long
// Nothing can be hidden in the boxes of a clip: every planted byte is refused by the device's own check, by the bridge, to which a lying
// device uploads it with valid documents, and by `verify`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { box, fullBox, u32 } from '../../../device/clip/mp4-boxes.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import { Window, type Zone } from '../../../device/contract/shared-claims.ts';
import { type CheckedClip, clipWithSound, ffmpeg, silentClips } from '../../device/clip/support/checked-clips.ts';
import { cut, depsFor, readerOf } from '../../device/clip/support/cutting.ts';
import { Surgery } from '../../device/clip/support/surgery.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { claimsOf } from '../../support/parties.ts';

let fixture: BridgeFixture;
let request: string;
let good: CheckedClip;

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  good = await clipWithSound();
});
afterAll(() => fixture.close());

const ADDRESS = 'Casey, 12 Elm Street, Springfield; casey@home.example. ';
const text = (bytes: number) => utf8(ADDRESS.repeat(Math.ceil(bytes / ADDRESS.length)).slice(0, bytes));
const WORDS = text(ADDRESS.length);
const LETTER = text(100_000);
const FILM = text(30 * 1024 * 1024);
const STBL = 'mdia/minf/stbl';

/** Appends bytes to a box's content. */
const behind =
  (path: string, bytes = WORDS) =>
  (file: Surgery): void => {
    const node = file.find(path);
    node.content = concatBytes([node.content, bytes]);
  };
/** Overwrites bytes of a box from `at` on. */
const over =
  (path: string, at: number, bytes: Uint8Array) =>
  (file: Surgery): void =>
    file.patch(path, at, bytes);
const inserted =
  (path: string, type: string, bytes: Uint8Array = WORDS) =>
  (file: Surgery): void =>
    file.insert(path, type, bytes);

/** Inserts bytes into a track's sample entry, inside these of its boxes, and adjusts their lengths. */
const inEntry =
  (track: 0 | 1, within: readonly string[], bytes: Uint8Array, place?: (entry: Buffer) => number) =>
  (file: Surgery): void => {
    const stsd = file.find(`${track}/${STBL}/stsd`);
    const entry = Buffer.from(stsd.content);
    const starts = within.map((type) => entry.indexOf(type) - 4);
    const last = starts.at(-1) ?? 0;
    const at = place?.(entry) ?? last + entry.readUInt32BE(last);
    for (const start of starts) entry.writeUInt32BE(entry.readUInt32BE(start) + bytes.length, start);
    stsd.content = concatBytes([entry.subarray(0, at), bytes, entry.subarray(at)]);
  };

/** Where the SPS list of an avcC begins, after its count. */
function spsAt(entry: Buffer): number {
  return entry.indexOf('avcC') + 4 + 6;
}
function ppsAt(entry: Buffer): number {
  let at = spsAt(entry);
  for (let left = (entry[at - 1] ?? 0) & 31; left > 0; left -= 1) at += 2 + entry.readUInt16BE(at);
  return at + 1;
}

/** An additional parameter set before the others. */
const oneMoreSet =
  (kind: 'sps' | 'pps', unit: Uint8Array) =>
  (file: Surgery): void => {
    const place = kind === 'sps' ? spsAt : ppsAt;
    inEntry(0, ['avc1', 'avcC'], concatBytes([Uint8Array.of(unit.length >> 8, unit.length & 255), unit]), place)(file);
    const { content } = file.find(`0/${STBL}/stsd`);
    const at = place(Buffer.from(content)) - 1;
    content[at] = (content[at] ?? 0) + 1;
  };

/** Text after an existing parameter set, with adjusted length. */
const behindSet =
  (kind: 'sps' | 'pps') =>
  (file: Surgery): void => {
    const place = (entry: Buffer) => {
      const at = kind === 'sps' ? spsAt(entry) : ppsAt(entry);
      return at + 2 + entry.readUInt16BE(at);
    };
    inEntry(0, ['avc1', 'avcC'], WORDS, place)(file);
    const stsd = file.find(`0/${STBL}/stsd`);
    const entry = Buffer.from(stsd.content);
    const at = kind === 'sps' ? spsAt(entry) : ppsAt(entry);
    entry.writeUInt16BE(entry.readUInt16BE(at) + WORDS.length, at);
    stsd.content = entry;
  };

const free = (bytes: Uint8Array) => box('free', bytes);

/** The plants, by box. */
const PLANTS: Record<string, (file: Surgery) => void> = {
  'ftyp: one brand more': behind('ftyp', utf8('home')),
  'ftyp: another version': over('ftyp', 4, utf8('Elm ')),
  'moov: a box of user data': inserted('moov', 'udta'),
  'moov: a box of metadata': inserted('moov', 'meta'),
  'moov: a free box': inserted('moov', 'free'),
  'moov: a track of text': (file) => {
    const trak = file.find('1');
    file.find('moov').children?.push({ ...trak });
    file.setNumber('mvhd', 96, 4);
  },
  'mvhd: text behind it': behind('mvhd'),
  'mvhd: 100 kB behind it': behind('mvhd', LETTER),
  'mvhd: text in its reserved fields': over('mvhd', 26, text(10)),
  'mvhd: text in place of its matrix': over('mvhd', 36, text(36)),
  'mvhd: text in what was predefined': over('mvhd', 72, text(24)),
  'mvhd: a time of creation': over('mvhd', 4, u32([3_900_000_000])),
  'trak: a box of user data': inserted('0', 'udta'),
  'trak: an edit list over video': inserted('0', 'edts', fullBox('elst', 0, 0, u32([1, 90_000, 0, 0x10000]))),
  'trak: the name of a track reference': inserted('0', 'tref'),
  'tkhd: text behind it': behind('0/tkhd'),
  'tkhd: text in its reserved fields': over('0/tkhd', 24, text(8)),
  'tkhd: a time of modification': over('0/tkhd', 8, u32([3_900_000_000])),
  'tkhd: text behind that of the sound': behind('1/tkhd'),
  'elst: text behind it': behind('1/edts/elst'),
  'edts: a box behind its list': inserted('1/edts', 'free'),
  'mdia: a box of its own': inserted('0/mdia', 'elng'),
  'mdhd: text behind it': behind('0/mdia/mdhd'),
  'mdhd: a language': over('0/mdia/mdhd', 20, Uint8Array.of(0x15, 0xc7)),
  'mdhd: text behind that of the sound': behind('1/mdia/mdhd'),
  'hdlr: an address as name': behind('0/mdia/hdlr', utf8('12 Elm Street\0')),
  'hdlr: the same for the sound': behind('1/mdia/hdlr', utf8('12 Elm Street\0')),
  'hdlr: text in its reserved fields': over('0/mdia/hdlr', 12, text(12)),
  'minf: a box of its own': inserted('0/mdia/minf', 'nmhd'),
  'vmhd: text behind it': behind('0/mdia/minf/vmhd'),
  'vmhd: text as colour': over('0/mdia/minf/vmhd', 4, text(8)),
  'smhd: text behind it': behind('1/mdia/minf/smhd'),
  'dinf: the address of another file': over('0/mdia/minf/dinf', 24, u32([0])),
  'dinf: text behind it': behind('0/mdia/minf/dinf'),
  'stsd: text behind its entry': behind(`0/${STBL}/stsd`),
  'stsd: 100 kB behind its entry': behind(`0/${STBL}/stsd`, LETTER),
  'stsd: text behind that of the sound': behind(`1/${STBL}/stsd`),
  'avc1: text in it': inEntry(0, ['avc1'], WORDS),
  'avc1: 30 MiB in it': inEntry(0, ['avc1'], free(FILM)),
  'avc1: the name of a compressor': over(`0/${STBL}/stsd`, 8 + 50, text(32)),
  'avc1: text in its reserved fields': over(`0/${STBL}/stsd`, 8 + 24, text(12)),
  'avcC: text behind its sets': inEntry(0, ['avc1', 'avcC'], WORDS),
  'avcC: 100 kB behind its sets': inEntry(0, ['avc1', 'avcC'], LETTER),
  'avcC: 60 kB as one parameter set more': oneMoreSet('pps', concatBytes([Uint8Array.of(0x68), text(60_000)])),
  'avcC: text as one parameter set more': oneMoreSet('pps', concatBytes([Uint8Array.of(0x68), WORDS])),
  'avcC: text as one sequence more': oneMoreSet('sps', concatBytes([Uint8Array.of(0x67), WORDS])),
  'avcC: a unit that is no parameter set': oneMoreSet('pps', concatBytes([Uint8Array.of(6), WORDS])),
  'avcC: text behind a parameter set': behindSet('pps'),
  'avcC: text behind a sequence': behindSet('sps'),
  'mp4a: a box behind its description': inEntry(1, ['mp4a'], free(WORDS)),
  'esds: text behind it': inEntry(1, ['mp4a', 'esds'], WORDS),
  'stbl: megabytes of sdtp': inserted(`0/${STBL}`, 'sdtp', text(4_000_000)),
  'stbl: megabytes of sgpd': inserted(`0/${STBL}`, 'sgpd', text(4_000_000)),
  'stbl: megabytes of sbgp': inserted(`1/${STBL}`, 'sbgp', text(4_000_000)),
  'stbl: a little of sdtp': inserted(`0/${STBL}`, 'sdtp'),
  'stbl: composition times': inserted(`0/${STBL}`, 'ctts'),
  'stts: text behind it': behind(`0/${STBL}/stts`),
  'stts: a duration that no frame has': (file) => {
    behind(`0/${STBL}/stts`, u32([0, 0x456c6d20]))(file);
    file.setNumber(`0/${STBL}/stts`, 4, file.number(`0/${STBL}/stts`, 4) + 1);
  },
  'stss: text behind it': behind(`0/${STBL}/stss`),
  'stss: 100 kB behind it': behind(`0/${STBL}/stss`, LETTER),
  'stss: keyframes beyond the last frame': (file) => {
    behind(`0/${STBL}/stss`, u32([0x456c6d20, 0x53747265]))(file);
    file.setNumber(`0/${STBL}/stss`, 4, file.number(`0/${STBL}/stss`, 4) + 2);
  },
  'stsc: text behind it': behind(`0/${STBL}/stsc`),
  'stsz: text behind it': behind(`0/${STBL}/stsz`),
  'stco: text behind it': behind(`0/${STBL}/stco`, text(56)),
  'mdat: bytes behind the last sample': behind('mdat'),
  'mdat: bytes before the first sample': (file) => {
    file.splicePayload(0, 0, WORDS);
    file.offsetShift += WORDS.length;
  },
  'the file: a box behind its media': (file) => {
    file.tail = free(WORDS);
  },
  'the file: bytes behind its media': (file) => {
    file.tail = WORDS;
  },
};

/** A clip with true documents, for another hour of the same length. */
function parcelOf({ window, clip }: CheckedClip, bytes: Uint8Array, zones: Zone[] = []): Parcel {
  const asked = Window.parse(claimsOf(request)['window']);
  const later = asked.startUs + 60_000_000 - window.startUs;
  const moved = (span: Window) => ({ startUs: span.startUs + later, endUs: span.endUs + later });
  const { frames, audioPackets, method, encodedFrames, redacted, coverage, gaps } = clip;
  const counts = { frames, audioPackets, method, encodedFrames, redacted };
  return fixture.parcel(request, {
    clip: bytes,
    grant: { window: moved(window), zones },
    manifest: { ...counts, coverage: moved(coverage), gaps: gaps.map(moved) },
  });
}

async function* inParts(clip: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < clip.length; at += 65_536) yield clip.subarray(at, at + 65_536);
}

/** The answers of the three to a clip with these bytes; `taken` if accepted. */
async function saidOf(
  made: CheckedClip,
  bytes: Uint8Array,
  zones: Zone[] = [],
): Promise<Record<'device' | 'bridge' | 'verify' | 'by statement', string>> {
  if (!ffmpeg) throw new Error('no ffmpeg');
  const codeOf = (thrown: { code?: string }) => thrown.code ?? String(thrown);
  const { live } = liveGrantFor({ window: made.window, audio: made.clip.audioPackets > 0, zones });
  const facts: CutFacts = { ...made.clip, sizeBytes: bytes.length };
  const checked = selfCheck(live, facts, readerOf(bytes), depsFor(ffmpeg, made.segments));
  const device = await checked.then(() => 'taken', codeOf);
  const parcel = parcelOf(made, bytes, zones);
  const delivered = await fixture.deliver(parcel);
  const bridge = delivered.status === 204 ? 'taken' : String(delivered.body['code']);
  const verified = (token: string) => verifyClip(inParts(bytes), token).then(() => 'taken', codeOf);
  const [verify, byStatement] = [await verified(parcel.manifestToken), await verified(parcel.statement)];
  return { device, bridge, verify, 'by statement': byStatement };
}

describe('bytes hidden in a box of a clip are refused by the device, the bridge and verify', () => {
  it.each(Object.entries(PLANTS))('%s', async (_where, plant) => {
    const file = new Surgery(good.bytes);
    plant(file);
    expect(await saidOf(good, file.bytes())).toEqual({
      device: 'clip_check_failed',
      bridge: 'intake_structure',
      verify: 'verify_failed',
      'by statement': 'verify_failed',
    });
  });
});

const TAKEN = { device: 'taken', bridge: 'taken', verify: 'taken', 'by statement': 'taken' };

describe('a clip made by the device is accepted by all three', () => {
  it('of copied and encoded frames with sound, without any hint of its origin', async () => {
    expect(await saidOf(good, new Surgery(good.bytes).bytes())).toEqual(TAKEN);
    const stored = await fixture.disk.list(join(fixture.bridgeFolder, 'clips'));
    expect(stored).toHaveLength(1);
    const bytes = await readFile(join(fixture.bridgeFolder, 'clips', String(stored[0]), 'clip.mp4'));
    expect(bytes.includes('Elm Street')).toBe(false);
  });

  it.each(['smart', 'copy', 'short', 'reordered'] as const)('without sound: %s', async (kind) => {
    const made = (await silentClips())[kind];
    expect(await saidOf(made, made.bytes)).toEqual(TAKEN);
  });

  it('with a blacked-out zone', async () => {
    const zones = [{ left: 0, top: 0, width: 5_000, height: 5_000 }];
    const { segments, window } = (await silentClips()).smart;
    const made = await madeFrom(segments, window, zones);
    expect(made.clip).toMatchObject({ redacted: true, method: 're-encode' });
    expect(await saidOf(made, made.bytes, zones)).toEqual(TAKEN);
  });

  it('of a camera mounted on its side', async () => {
    const { segments, window } = (await silentClips()).smart;
    const made = await madeFrom(
      segments.map((segment) => ({ ...segment, init: turned(segment.init) })),
      window,
    );
    expect(made.bytes).not.toEqual((await silentClips()).smart.bytes);
    expect(await saidOf(made, made.bytes)).toEqual(TAKEN);
  });
});

async function madeFrom(segments: Segment[], window: Window, zones: Zone[] = []): Promise<CheckedClip> {
  if (!ffmpeg) throw new Error('no ffmpeg');
  return { segments, window, ...(await cut(liveGrantFor({ window, zones }).live, depsFor(ffmpeg, segments))) };
}

/** An init segment whose track header rotates the picture by 90 degrees. */
function turned(init: Uint8Array): Uint8Array {
  const bytes = Buffer.from(init);
  const matrix = bytes.indexOf(u32(UPRIGHT), bytes.indexOf('tkhd'));
  u32([0, ONE, 0, -ONE, 0, 0, 0, 0, 0x40000000]).forEach((byte, at) => void bytes.writeUInt8(byte, matrix + at));
  return bytes;
}

const ONE = 0x10000;
const UPRIGHT = [ONE, 0, 0, 0, ONE, 0, 0, 0, 0x40000000];
