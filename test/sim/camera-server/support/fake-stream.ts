// A stream for tests of servers: hand-made units, and a clock of its own.
import { fromHex } from '../../../../device/contract/bytes.ts';
import { soundConfigOf } from '../../../../device/contract/media/aac.ts';
import type { AccessUnit, H264Format, StreamFormat } from '../../../../sim/camera-server/access-units.ts';
import { FaultSet } from '../../../../sim/camera-server/faults.ts';
import type { ServedStream } from '../../../../sim/camera-server/rtsp-session.ts';

/** Parameter sets of 640x480, as x264 wrote them. */
const SPS =
  fromHex('67 42 c0 1e d9 00 a0 3d a1 00 00 03 00 01 00 00 03 00 1e 0f 16 2e 48'.replaceAll(' ', '')) ??
  new Uint8Array();
const PPS = fromHex('68 cb 83 cb 20'.replaceAll(' ', '')) ?? new Uint8Array();

export const FORMAT: H264Format = { codec: 'h264', sps: SPS, pps: PPS, sound: soundConfigOf(48_000, 1) };

/** A slice of `length` bytes, filled with `fill`. */
export const slice = (key: boolean, length: number, fill = 0xaa) =>
  Uint8Array.from({ length }, (_, at) => (at === 0 ? (key ? 0x65 : 0x41) : fill));

const FRAME_US = 66_667;

/** Picture number `at` of 15 a second, a keyframe each second. */
export function picture(at: number, length = 100): AccessUnit {
  const key = at % 15 === 0;
  const us = at * FRAME_US;
  const parts = [...(key ? [SPS, PPS] : []), slice(key, length, at % 250 || 1)];
  return { track: 'video', ptsUs: us, dtsUs: us, dueUs: us, key, parts };
}

/** Packet of sound number `at`. */
export function packet(at: number, length = 200): AccessUnit {
  const us = Math.round((at * 1024 * 1_000_000) / 48_000);
  return {
    track: 'audio',
    ptsUs: us,
    dtsUs: us,
    dueUs: us,
    key: true,
    parts: [new Uint8Array(length).fill((at % 250) + 1)],
  };
}

/** A stream whose time the test sets. */
export class FakeStream implements ServedStream {
  readonly ready = Promise.resolve();
  readonly faults = new FaultSet();
  atUs = 0;
  private readonly shown: StreamFormat;

  constructor(format: StreamFormat = FORMAT) {
    this.shown = format;
  }

  nowUs(): number {
    return this.atUs;
  }

  wallUs(us: number): number {
    return 1_800_000_000_000_000 + us;
  }

  format(): StreamFormat {
    return this.shown;
  }
}
