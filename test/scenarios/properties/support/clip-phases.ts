// Reads every number in a clip's file and statement as a time, and compares the clips of one camera: a number with the same phase in the
// frame interval, or in the packets of sound, for most pairs of clips links them. Shares no code with the device's readers and writers.
import type { Window } from '../../../../device/contract/shared-claims.ts';

/** A clip as its recipient has it. */
export interface ReceivedClip {
  window: Window;
  file: Uint8Array;
  /** The claims of its statement. */
  statement: object;
}

/** A possible meaning of a number. `at` and `from` are compared with the camera's frame interval, `sound` with its packets of sound. */
interface Reading {
  place: string;
  us: number;
  /** A time, a span before the window's end, a span after its start, or a span between the first frame and a packet of sound. */
  as: 'moment' | 'before the end' | 'after the start' | 'sound after picture';
}

const CONTAINERS = new Set(['moov', 'trak', 'edts', 'mdia', 'minf', 'stbl']);
/** More than one tick of any clock in the files, and small compared with a frame: pairs agree by chance once in some hundred. */
const TOLERANCE_US = 80;
/** The maximum length of a span. */
const SPAN_US_MAX = 60_000_000;
const PACKET_SAMPLES = 1_024;

interface Leaf {
  place: string;
  content: Buffer;
}

function leavesOf(bytes: Buffer, place = ''): Leaf[] {
  const leaves: Leaf[] = [];
  const count = new Map<string, number>();
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = Math.max(8, bytes.readUInt32BE(at) || bytes.length - at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const number = count.get(type) ?? 0;
    count.set(type, number + 1);
    const name = `${place}/${type}${type === 'trak' ? number : ''}`;
    const content = bytes.subarray(at + 8, at + size);
    if (CONTAINERS.has(type)) leaves.push(...leavesOf(content, name));
    else if (type !== 'mdat') leaves.push({ place: name, content });
    at += size;
  }
  return leaves;
}

/** The 32-bit numbers at every second byte of a box, named by their distance from its start and its end. */
function numbersIn({ place, content }: Leaf): { place: string; value: number }[] {
  return Array.from({ length: Math.max(0, (content.length - 2) >> 1) }, (_, half) => {
    const value = content.readUInt32BE(half * 2);
    return [
      { place: `${place} +${half * 2}`, value },
      { place: `${place} -${content.length - half * 2}`, value },
    ];
  }).flat();
}

/** Every sum of a track's durations, from its first and from its last sample. */
function sumsIn({ place, content }: Leaf): { place: string; value: number }[] {
  if (!place.endsWith('stts')) return [];
  const durations: number[] = [];
  for (let at = 8; at + 8 <= content.length; at += 8) {
    for (let left = content.readUInt32BE(at); left > 0; left -= 1) durations.push(content.readUInt32BE(at + 4));
  }
  let value = 0;
  return durations.flatMap((duration, at) => {
    value += duration;
    return [
      { place: `${place} sum+${at}`, value },
      { place: `${place} sum-${durations.length - at}`, value },
    ];
  });
}

function timescaleOf(leaves: readonly Leaf[], place: string): number {
  return leaves.find((leaf) => leaf.place === place)?.content.readUInt32BE(12) ?? Number.NaN;
}

/** The most common duration of the camera's frames. */
function intervalUs(leaves: readonly Leaf[]): number {
  const stts = leaves.find(({ place }) => place === '/moov/trak0/mdia/minf/stbl/stts')?.content ?? Buffer.alloc(0);
  const spans = Array.from({ length: (stts.length - 8) / 8 }, (_, at) => stts.subarray(8 + at * 8, 16 + at * 8));
  const [most] = spans.sort((a, b) => b.readUInt32BE(0) - a.readUInt32BE(0));
  return ((most?.readUInt32BE(4) ?? 0) / timescaleOf(leaves, '/moov/trak0/mdia/mdhd')) * 1e6;
}

function readingsOf({ file, statement }: ReceivedClip): Map<string, Reading> {
  const leaves = leavesOf(Buffer.from(file));
  const scales = ['/moov/mvhd', '/moov/trak0/mdia/mdhd', '/moov/trak1/mdia/mdhd']
    .map((place) => timescaleOf(leaves, place))
    .filter((scale) => scale > 0);
  const told = JSON.stringify({ ...statement, window: null });
  const numbers = leaves.flatMap((leaf) => [...numbersIn(leaf), ...sumsIn(leaf)]);
  const readings: Reading[] = [...told.matchAll(/"(\w+)":(\d{16,})/g)].map(([, name, digits], at) => ({
    ...{ place: `statement ${name} ${at}`, us: Number(digits), as: 'moment' },
  }));
  for (const { place, value } of numbers) {
    for (const scale of scales) {
      const us = (value / scale) * 1e6;
      if (us > SPAN_US_MAX) continue;
      for (const as of ['before the end', 'after the start', 'sound after picture'] as const)
        readings.push({ place: `${place} at ${scale}/s, ${as}`, us, as });
    }
  }
  return new Map(readings.map((reading) => [reading.place, reading]));
}

/** Distance from the nearest multiple of a period. */
const beside = (us: number, periodUs: number) => Math.abs(us - Math.round(us / periodUs) * periodUs);

/** Whether a reading has the same phase in both clips. */
function agree(
  a: ReceivedClip,
  b: ReceivedClip,
  one: Reading,
  other: Reading,
  frameUs: number,
  packetUs: number,
): boolean {
  const spanUs = other.us - one.us;
  const startUs = b.window.startUs - a.window.startUs;
  const endUs = b.window.endUs - a.window.endUs;
  if (one.as === 'moment') return beside(spanUs, frameUs) <= TOLERANCE_US;
  if (one.as === 'before the end') return beside(endUs - spanUs, frameUs) <= TOLERANCE_US;
  if (one.as === 'after the start') return beside(startUs + spanUs, frameUs) <= TOLERANCE_US;
  // The clips' first frames are a whole number of intervals apart, about as far as the windows.
  const frames = Math.round(startUs / frameUs);
  return [-1, 0, 1].some((more) => beside(spanUs + (frames + more) * frameUs, packetUs) <= TOLERANCE_US);
}

/**
 * The places whose numbers agree in at least half of all pairs of clips. By chance a place agrees in one pair of forty at most, so with six
 * clips or more none does.
 */
export function linkingPlaces(clips: readonly ReceivedClip[], soundRate: number): string[] {
  const read = clips.map((clip) => readingsOf(clip));
  const frameUs = intervalUs(leavesOf(Buffer.from(clips[0]?.file ?? new Uint8Array(0))));
  const packetUs = (PACKET_SAMPLES / soundRate) * 1e6;
  const pairs = clips.flatMap((_, b) => clips.slice(0, b).map((_, a) => [a, b] as const));
  return [...(read[0]?.keys() ?? [])].filter((place) => {
    let left = pairs.length / 2;
    for (const [a, b] of pairs) {
      const [one, other, clip, next] = [read[a]?.get(place), read[b]?.get(place), clips[a], clips[b]];
      if (one && other && clip && next && !agree(clip, next, one, other, frameUs, packetUs)) left -= 1;
      if (!one || !other) left -= 1;
      if (left < 0) return false;
    }
    return true;
  });
}
