import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { RtpTrack, sessionDescription } from '../../../sim/camera-server/rtp-packets.ts';
import { FORMAT, packet, picture, slice } from './support/fake-stream.ts';

const START = { ssrc: 0x11223344, sequence: 65_534, timestamp: 2 ** 32 - 90_000 };

/** An RTP packet's fields (RFC 3550 §5.1). */
function fields(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    version: view.getUint8(0) >> 6,
    marker: view.getUint8(1) >> 7 === 1,
    type: view.getUint8(1) & 127,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(12),
  };
}

/** The NAL units in payloads, reassembled as in RFC 6184. */
function units(payloads: readonly Uint8Array[]): string[] {
  const found: Uint8Array[] = [];
  let open: Uint8Array[] = [];
  for (const payload of payloads) {
    const [first = 0, second = 0] = payload;
    if ((first & 31) === 24) {
      for (let at = 1; at < payload.length; ) {
        const length = (payload[at] ?? 0) * 256 + (payload[at + 1] ?? 0);
        found.push(payload.subarray(at + 2, at + 2 + length));
        at += 2 + length;
      }
    } else if ((first & 31) === 28) {
      if (second & 0x80) open = [Uint8Array.of((first & 0xe0) | (second & 31))];
      open.push(payload.subarray(2));
      if (second & 0x40) found.push(concatBytes(open));
    } else found.push(payload);
  }
  return found.map((unit) => Buffer.from(unit).toString('hex'));
}

describe('a picture as RTP packets', () => {
  it.each([1, 1_387, 1_388, 1_389, 2_772, 2_773, 2_774, 100_000])(
    'is whole again from a slice of %i bytes',
    (length) => {
      const track = new RtpTrack('video', FORMAT, START);
      const unit = { ...picture(0), parts: [FORMAT.sps, FORMAT.pps, slice(true, length)] };
      const packets = track.packets(unit);
      const read = packets.map(fields);
      expect(packets.every((bytes) => bytes.length <= 1_400)).toBe(true);
      expect(units(read.map(({ payload }) => payload))).toEqual(
        unit.parts.map((part) => Buffer.from(part).toString('hex')),
      );
      expect(read.map(({ marker }) => marker)).toEqual(read.map((_, at) => at === read.length - 1));
      expect(new Set(read.map(({ timestamp }) => timestamp)).size).toBe(1);
      expect(read.map(({ sequence }) => sequence)).toEqual(read.map((_, at) => (65_534 + at) % 65_536));
      expect(read[0]).toMatchObject({ version: 2, type: 96, ssrc: 0x11223344 });
    },
  );

  it('has timestamps of 90 kHz that wrap', () => {
    const track = new RtpTrack('video', FORMAT, START);
    const times = [0, 15, 30].map((at) => fields(track.packets(picture(at))[0] ?? new Uint8Array(12)).timestamp);
    // 15 pictures of 66,667 us are 5 us more than a second.
    expect(times).toEqual([2 ** 32 - 90_000, 0, 90_001]);
  });
});

describe('sound as RTP packets', () => {
  it('follows its length; a fragment’s header has the length of the whole', () => {
    const track = new RtpTrack('audio', FORMAT, START);
    const [short] = track.packets(packet(0, 200)).map(fields);
    expect([...(short?.payload.subarray(0, 4) ?? [])]).toEqual([0, 16, 200 >> 5, (200 & 31) << 3]);
    expect(short).toMatchObject({ marker: true, type: 97 });
    const long = track.packets(packet(1, 3_000)).map(fields);
    expect(long.map(({ marker }) => marker)).toEqual([false, false, true]);
    expect(long.map(({ payload }) => [...payload.subarray(2, 4)])).toEqual(
      Array(3).fill([3_000 >> 5, (3_000 & 31) << 3]),
    );
    expect(long.reduce((sum, { payload }) => sum + payload.length - 4, 0)).toBe(3_000);
  });
});

describe("the sender's report", () => {
  it('contains a timestamp’s wall time, the packet counts and the source', () => {
    const track = new RtpTrack('video', FORMAT, { ...START, timestamp: 1_000 });
    const sent = track.packets(picture(0));
    const bytes = track.report(1_000_000, 1_800_000_000_500_000);
    const view = new DataView(bytes.buffer);
    expect([view.getUint8(0), view.getUint8(1), view.getUint16(2)]).toEqual([0x80, 200, 6]);
    expect(view.getUint32(8)).toBe(1_800_000_000 + 2_208_988_800);
    expect(view.getUint32(12)).toBe(2 ** 31);
    expect(view.getUint32(16)).toBe(91_000);
    expect(view.getUint32(20)).toBe(sent.length);
    expect(view.getUint32(24)).toBe(sent.reduce((sum, one) => sum + one.length - 12, 0));
    // A compound packet: SDES after the report, and BYE after both.
    expect([view.getUint8(28), view.getUint8(29)]).toEqual([0x81, 202]);
    expect(bytes.length).toBe(28 + (view.getUint16(30) + 1) * 4);
    const bye = track.goodbye(0, 0);
    expect([bye.at(-8), bye.at(-7), bye.length % 4]).toEqual([0x81, 203, 0]);
  });
});

describe('the description', () => {
  it('contains both tracks, and the parameter sets unless they are to be in the stream only', () => {
    const facts = { host: '127.0.0.1', session: 7, version: 1 };
    const text = sessionDescription(FORMAT, { ...facts, withSets: true });
    expect(text).toContain('packetization-mode=1;profile-level-id=42c01e;sprop-parameter-sets=');
    expect(text).toContain('a=rtpmap:97 mpeg4-generic/48000/1');
    expect(text).toContain('config=1188');
    expect(sessionDescription(FORMAT, { ...facts, withSets: false })).not.toContain('sprop');
    expect(sessionDescription({ ...FORMAT, sound: null }, { ...facts, withSets: true })).not.toContain('audio');
  });
});
