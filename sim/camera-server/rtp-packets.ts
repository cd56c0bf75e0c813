// Access units as RTP packets (RFC 3550): H.264 (RFC 6184, packetization-mode 1), AAC (RFC 3640, AAC-hbr); sender reports; SDP (RFC 4566).
import { concatBytes, toHex, utf8 } from '@doorsill/contract/bytes';
import { type AccessUnit, type H264Format, isParameterSet, jpegOf, type StreamFormat } from './access-units.ts';
import { jpegPayloads } from './rtp-jpeg.ts';

/** Maximum size of an RTP packet in bytes: with IP and UDP it fits into an Ethernet frame, and into most tunnels. */
const PACKET_BYTES_MAX = 1_400;
const RTP_HEAD_BYTES = 12;
const PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - RTP_HEAD_BYTES;

/** Dynamic payload types, and JPEG's static one (RFC 3551 §6). */
const PAYLOAD_TYPES = { h264: 96, mjpeg: 26, audio: 97 } as const;
const VIDEO_CLOCK = 90_000;

/** NAL unit types of RFC 6184 §5.2. */
const STAP_A = 24;
const FU_A = 28;

/** Seconds from NTP's epoch, 1900, to 1970 (RFC 5905 §6). */
const NTP_1970_S = 2_208_988_800;

const SENDER_REPORT = 200;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const CNAME = 1;

/** Values that RFC 3550 §5.1 wants to be random. */
export interface RtpStart {
  ssrc: number;
  sequence: number;
  timestamp: number;
}

/** One track of one viewer. */
export class RtpTrack {
  readonly clockRate: number;
  private readonly kind: 'h264' | 'mjpeg' | 'audio';
  private readonly start: RtpStart;
  private sequence: number;
  private packetsSent = 0;
  private bytesSent = 0;

  constructor(track: AccessUnit['track'], format: StreamFormat, start: RtpStart) {
    this.kind = track === 'video' ? format.codec : track;
    this.start = start;
    this.sequence = start.sequence;
    this.clockRate = clockRateOf(track, format);
  }

  /** The sequence number of the next packet. */
  get nextSequence(): number {
    return this.sequence & 0xffff;
  }

  get ssrc(): number {
    return this.start.ssrc >>> 0;
  }

  /** A camera time as this track's RTP timestamp. */
  timestampOf(us: number): number {
    const ticks = this.start.timestamp + Math.round((us * this.clockRate) / 1_000_000);
    return ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
  }

  /** The packets of a unit, in order; the last one has the marker bit. */
  packets(unit: AccessUnit): Uint8Array[] {
    const payloads = this.payloads(unit);
    const timestamp = this.timestampOf(unit.ptsUs);
    return payloads.map((payload, at) => this.packet(payload, timestamp, at === payloads.length - 1));
  }

  /** None for a picture of another codec than the described one. */
  private payloads(unit: AccessUnit): Uint8Array[] {
    if (this.kind === 'audio') return soundPayloads(unit.parts);
    const jpeg = jpegOf(unit);
    if (this.kind === 'mjpeg') return jpeg ? jpegPayloads(jpeg, PAYLOAD_BYTES_MAX) : [];
    return jpeg ? [] : picturePayloads(unit.parts);
  }

  /** A sender report and an SDES CNAME (RFC 3550 §6.4.1, §6.5): camera time `us` corresponds to wall time `wallUs`. */
  report(us: number, wallUs: number): Uint8Array {
    const report = new Uint8Array(28);
    const view = new DataView(report.buffer);
    view.setUint32(0, controlHead(0, SENDER_REPORT, report.length));
    view.setUint32(4, this.ssrc);
    view.setUint32(8, (Math.floor(wallUs / 1_000_000) + NTP_1970_S) >>> 0);
    view.setUint32(12, Math.floor(((((wallUs % 1_000_000) + 1_000_000) % 1_000_000) * 2 ** 32) / 1_000_000));
    view.setUint32(16, this.timestampOf(us));
    view.setUint32(20, this.packetsSent >>> 0);
    view.setUint32(24, this.bytesSent >>> 0);
    return concatBytes([report, this.sourceDescription()]);
  }

  /** A BYE (§6.6) after the report that begins every compound packet (§6.1). */
  goodbye(us: number, wallUs: number): Uint8Array {
    const bye = new Uint8Array(8);
    const view = new DataView(bye.buffer);
    view.setUint32(0, controlHead(1, GOODBYE, bye.length));
    view.setUint32(4, this.ssrc);
    return concatBytes([this.report(us, wallUs), bye]);
  }

  private packet(payload: Uint8Array, timestamp: number, marker: boolean): Uint8Array {
    const packet = new Uint8Array(RTP_HEAD_BYTES + payload.length);
    const view = new DataView(packet.buffer);
    view.setUint8(0, 0x80);
    view.setUint8(1, (marker ? 0x80 : 0) | PAYLOAD_TYPES[this.kind]);
    view.setUint16(2, this.nextSequence);
    view.setUint32(4, timestamp);
    view.setUint32(8, this.ssrc);
    packet.set(payload, RTP_HEAD_BYTES);
    this.sequence += 1;
    this.packetsSent += 1;
    this.bytesSent += payload.length;
    return packet;
  }

  private sourceDescription(): Uint8Array {
    const name = utf8('doorsill');
    // One SDES chunk: SSRC, CNAME item, then zeros to the next multiple of four bytes, at least one.
    const used = 4 + 4 + 2 + name.length;
    const bytes = new Uint8Array(used + (4 - (used % 4)));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, controlHead(1, SOURCE_DESCRIPTION, bytes.length));
    view.setUint32(4, this.ssrc);
    bytes.set([CNAME, name.length], 8);
    bytes.set(name, 10);
    return bytes;
  }
}

function controlHead(count: number, type: number, bytes: number): number {
  return (((0x80 | count) << 24) | (type << 16) | (bytes / 4 - 1)) >>> 0;
}

function clockRateOf(kind: AccessUnit['track'], { sound }: StreamFormat): number {
  return kind === 'video' ? VIDEO_CLOCK : (sound?.sampleRate ?? VIDEO_CLOCK);
}

/** A picture's NAL units: parameter sets together (STAP-A), others alone or, if too long, in fragments (FU-A). */
function picturePayloads(units: readonly Uint8Array[]): Uint8Array[] {
  const sets = units.filter(isParameterSet);
  const together = 1 + sets.reduce((sum, unit) => sum + 2 + unit.length, 0);
  const isTogether = sets.length > 1 && together <= PAYLOAD_BYTES_MAX;
  const payloads: Uint8Array[] = isTogether ? [aggregate(sets)] : [];
  for (const unit of units) {
    if (isTogether && isParameterSet(unit)) continue;
    if (unit.length <= PAYLOAD_BYTES_MAX) payloads.push(unit);
    else payloads.push(...fragments(unit));
  }
  return payloads;
}

/** RFC 6184 §5.7.1. */
function aggregate(units: readonly Uint8Array[]): Uint8Array {
  const importance = Math.max(...units.map((unit) => (unit[0] ?? 0) & 0x60));
  const sized = units.flatMap((unit) => [Uint8Array.of(unit.length >> 8, unit.length & 255), unit]);
  return concatBytes([Uint8Array.of(importance | STAP_A), ...sized]);
}

/** RFC 6184 §5.8. */
function fragments(unit: Uint8Array): Uint8Array[] {
  const first = unit[0] ?? 0;
  const bytesMax = PAYLOAD_BYTES_MAX - 2;
  const parts: Uint8Array[] = [];
  for (let at = 1; at < unit.length; at += bytesMax) {
    const isLast = at + bytesMax >= unit.length;
    const flags = (at === 1 ? 0x80 : 0) | (isLast ? 0x40 : 0);
    const head = Uint8Array.of((first & 0xe0) | FU_A, flags | (first & 0x1f));
    parts.push(concatBytes([head, unit.subarray(at, at + bytesMax)]));
  }
  return parts;
}

/** One AAC packet with its AU header (RFC 3640 §3.2.1, §3.3.6); if too long, in fragments whose header has the whole length. */
function soundPayloads([packet = new Uint8Array()]: readonly Uint8Array[]): Uint8Array[] {
  const head = Uint8Array.of(0, 16, (packet.length >> 5) & 255, (packet.length & 31) << 3);
  const bytesMax = PAYLOAD_BYTES_MAX - head.length;
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < packet.length; at += bytesMax) {
    parts.push(concatBytes([head, packet.subarray(at, at + bytesMax)]));
  }
  return parts;
}

/** A track's control address, relative to the stream's. */
export const TRACK_PATHS = { video: 'track=video', audio: 'track=audio' } as const;

export interface DescriptionFacts {
  host: string;
  session: number;
  /** The SDP session version (RFC 4566 §5.2). */
  version: number;
  /** Whether it contains the parameter sets. */
  withSets: boolean;
}

/** The SDP of both tracks; `host` is an IP address. */
export function sessionDescription(format: StreamFormat, facts: DescriptionFacts): string {
  const { host, session, version, withSets } = facts;
  const { sound } = format;
  const family = host.includes(':') ? 'IP6' : 'IP4';
  const lines = [
    ...[
      'v=0',
      `o=- ${session} ${version} IN ${family} ${host}`,
      's=doorsill camera',
      `c=IN ${family} ${family === 'IP4' ? '0.0.0.0' : '::'}`,
    ],
    ...['t=0 0', 'a=range:npt=now-', 'a=control:*'],
    ...(format.codec === 'h264' ? h264Lines(format, withSets) : JPEG_LINES),
    `a=control:${TRACK_PATHS.video}`,
    ...(sound
      ? [
          `m=audio 0 RTP/AVP ${PAYLOAD_TYPES.audio}`,
          `a=rtpmap:${PAYLOAD_TYPES.audio} mpeg4-generic/${sound.sampleRate}/${sound.channels}`,
          `a=fmtp:${PAYLOAD_TYPES.audio} streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=${toHex(sound.config)}`,
          `a=control:${TRACK_PATHS.audio}`,
        ]
      : []),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

const JPEG_LINES = [`m=video 0 RTP/AVP ${PAYLOAD_TYPES.mjpeg}`, `a=rtpmap:${PAYLOAD_TYPES.mjpeg} JPEG/${VIDEO_CLOCK}`];

function h264Lines({ sps, pps }: H264Format, withSets: boolean): string[] {
  const sets = [sps, pps].map((set) => Buffer.from(set).toString('base64')).join(',');
  const said = withSets ? `;sprop-parameter-sets=${sets}` : '';
  return [
    `m=video 0 RTP/AVP ${PAYLOAD_TYPES.h264}`,
    `a=rtpmap:${PAYLOAD_TYPES.h264} H264/${VIDEO_CLOCK}`,
    `a=fmtp:${PAYLOAD_TYPES.h264} packetization-mode=1;profile-level-id=${toHex(sps.subarray(1, 4))}${said}`,
  ];
}
