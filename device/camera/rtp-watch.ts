// Detects, from a network camera's RTP headers (RFC 3550), lost packets and a camera clock that jumps or stands still.
import type { Clock } from '@doorsill/base/clock';
import { CLOCK_STEP_US_MIN, DRIFT_US_MAX } from './source-timeline.ts';

/** Findings since the connection began. */
export interface PacketFacts {
  /** Packets missing when a later one arrived. */
  readonly lost: number;
  /** How long all pictures have had the same time, in microseconds; 0 while the camera's clock runs. */
  readonly stillUs: number;
  /** By how much the camera's clock jumped, in microseconds; negative: back; null if it did not. */
  readonly jumpUs: number | null;
}

/** An RTP packet's header (RFC 3550 §5.1). */
interface RtpHead {
  readonly type: number;
  /** Whether the packet is the last of a picture. */
  readonly isLast: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly source: number;
}

const HEAD_BYTES = 12;
const VERSION = 2;
/** Clock rate of video whose description states none (RFC 3551 §6). */
const VIDEO_CLOCK = 90_000;
/** A second byte in this range marks RTCP (RFC 5761 §4). */
const REPORT_FROM = 192;
const REPORT_TO = 223;

/** A larger step ahead or back means that the sequence restarted (RFC 3550 §A.1). */
const DROPOUT_MAX = 3_000;
const MISORDER_MAX = 100;

/** Clocks are judged only after this time: many cameras first send buffered pictures. */
const KNOWN_AFTER_US = 3_000_000;
/** By how much a camera's clock may run slower than the device's, as a share, without its pictures counting as early. */
const SLOWNESS_MAX = 0.0002;
/** This many pictures with equal timestamps, over `DRIFT_US_MAX`, mean a broken clock and not one slow picture. */
const STILL_PICTURES_MIN = 4;

/** Watches one connection. */
export class RtpWatch implements PacketFacts {
  private readonly clock: Pick<Clock, 'monotonicMs' | 'wallUs'>;
  private readonly rates = new Map<number, number>();
  private readonly sequences = new Map<number, Sequence>();
  private readonly clocks = new Map<number, PictureClock>();
  private jumpedUs: number | null = null;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'wallUs'>) {
    this.clock = clock;
  }

  get lost(): number {
    return [...this.sequences.values()].reduce((sum, { lost }) => sum + lost, 0);
  }

  get stillUs(): number {
    return Math.max(0, ...[...this.clocks.values()].map(({ stillUs }) => stillUs));
  }

  get jumpUs(): number | null {
    return this.jumpedUs;
  }

  /** Takes a session description, for the payload types of video and their clock rates (RFC 4566 §5.14, §6). */
  described(description: string): void {
    let isVideo = false;
    for (const line of description.split(/\r?\n/)) {
      const media = /^m=(\w{1,20}) .{1,40}? RTP\/\w{1,10} ([\d ]{1,200})$/.exec(line.trimEnd());
      if (line.startsWith('m=')) isVideo = media?.[1] === 'video';
      if (media && isVideo) for (const type of (media[2] ?? '').split(' ')) this.rates.set(Number(type), VIDEO_CLOCK);
      const [, type = '', rate = ''] = /^a=rtpmap:(\d{1,3}) [^/\s]{1,40}\/([1-9]\d{0,6})/.exec(line) ?? [];
      if (isVideo && this.rates.has(Number(type))) this.rates.set(Number(type), Number(rate));
    }
  }

  /** Whether a channel's packet may be forwarded: not a repeated one, and none after the clock has jumped. */
  passes(channel: number, packet: Uint8Array): boolean {
    if (this.jumpedUs !== null) return false;
    const head = readHead(packet);
    if (!head) return true;
    const sequence = this.sequences.get(channel) ?? new Sequence();
    this.sequences.set(channel, sequence);
    if (!sequence.take(head, packet)) return false;
    const rate = this.rates.get(head.type);
    if (rate === undefined) return true;
    const clock = this.clocks.get(channel) ?? new PictureClock(rate);
    this.clocks.set(channel, clock);
    this.jumpedUs = clock.take(head, this.clock.monotonicMs() * 1_000, this.clock.wallUs());
    return this.jumpedUs === null;
  }
}

/** Null for RTCP, and for packets that are not RTP. */
function readHead(packet: Uint8Array): RtpHead | null {
  const second = packet[1] ?? 0;
  if (packet.length < HEAD_BYTES || (packet[0] ?? 0) >> 6 !== VERSION) return null;
  if (second >= REPORT_FROM && second <= REPORT_TO) return null;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return {
    type: second & 0x7f,
    isLast: (second & 0x80) !== 0,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    source: view.getUint32(8),
  };
}

/** The sequence numbers of one channel. */
class Sequence {
  private source: number | null = null;
  private last = 0;
  private before: Uint8Array = new Uint8Array();
  private packets = 0;
  private gaps = 0;
  private missing = 0;

  /** 0 if more than half of the packets have a gap before them: such a camera does not number its packets correctly. */
  get lost(): number {
    return this.gaps * 2 > this.packets ? 0 : this.missing;
  }

  /** Returns false for a packet that repeats the one before. */
  take({ sequence, source }: RtpHead, packet: Uint8Array): boolean {
    const isSame = this.before.length === packet.length && Buffer.compare(this.before, packet) === 0;
    if (isSame) return false;
    this.before = packet;
    const ahead = (sequence - this.last + 0x10000) % 0x10000;
    const isNew = this.source !== source;
    this.source = source;
    this.packets += 1;
    if (isNew || ahead < 0x10000 - MISORDER_MAX) this.last = sequence;
    if (!isNew && ahead > 1 && ahead < DROPOUT_MAX) {
      this.gaps += 1;
      this.missing += ahead - 1;
    }
    return true;
  }
}

/** The camera's clock on one channel, compared with this device's. */
class PictureClock {
  private readonly rate: number;
  private source: number | null = null;
  private lastTicks = 0;
  /** Wall time of monotonic time 0 at the last packet. */
  private bootWallUs = 0;
  private sinceUs = 0;
  /** Time elapsed by the camera's clock. */
  private passedUs = 0;
  /** Monotonic time at which the camera's clock began, estimated from its least delayed picture. */
  private leastUs = 0;
  private movedAtUs = 0;
  private lastUs = 0;
  private pictures = 0;

  constructor(rate: number) {
    this.rate = rate;
  }

  get stillUs(): number {
    const us = this.lastUs - this.movedAtUs;
    return this.pictures >= STILL_PICTURES_MIN && us >= DRIFT_US_MAX ? us : 0;
  }

  /** Takes a packet that arrived at these times; returns by how much the clock has jumped, null if it has not. */
  take({ timestamp, source, isLast }: RtpHead, monotonicUs: number, wallUs: number): number | null {
    const bootWallUs = wallUs - monotonicUs;
    // If the machine slept or its clock was set, the elapsed time is unknown.
    const isStepped = Math.abs(bootWallUs - this.bootWallUs) >= CLOCK_STEP_US_MIN;
    this.bootWallUs = bootWallUs;
    this.lastUs = monotonicUs;
    if (this.source !== source || isStepped) {
      this.source = source;
      this.begin(timestamp, monotonicUs);
      return null;
    }
    // Signed 32-bit difference, because timestamps wrap.
    const movedUs = (((timestamp - this.lastTicks) | 0) * 1_000_000) / this.rate;
    if (movedUs === 0) {
      this.pictures += isLast ? 1 : 0;
      return null;
    }
    this.lastTicks = timestamp;
    this.movedAtUs = monotonicUs;
    this.pictures = isLast ? 1 : 0;
    this.passedUs += movedUs;
    const beganUs = monotonicUs - this.passedUs;
    const earlyUs = this.leastUs - beganUs;
    this.leastUs = Math.min(beganUs, this.leastUs + Math.max(0, movedUs) * SLOWNESS_MAX);
    if (monotonicUs - this.sinceUs < KNOWN_AFTER_US) return null;
    // A stalling network makes pictures late; it never moves their times back, nor delivers one before it was taken.
    if (movedUs < -DRIFT_US_MAX) return Math.round(movedUs);
    return earlyUs > DRIFT_US_MAX ? Math.round(earlyUs) : null;
  }

  private begin(timestamp: number, monotonicUs: number): void {
    this.lastTicks = timestamp;
    this.sinceUs = monotonicUs;
    this.passedUs = 0;
    this.leastUs = monotonicUs;
    this.movedAtUs = monotonicUs;
    this.pictures = 0;
  }
}
