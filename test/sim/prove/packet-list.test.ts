import { describe, expect, it } from 'vitest';
import { PacketList } from '../../../sim/prove/packet-list.ts';

const HEADER = Buffer.alloc(24);
HEADER.writeUInt32LE(0xa1b2c3d4, 0);
HEADER.writeUInt32LE(1, 20);

/** A packet of a capture; `frameBytes`: how long it was, when more than is there. */
function record(seconds: number, micros: number, frame: Buffer, frameBytes = frame.length): Buffer {
  const head = Buffer.alloc(16);
  for (const [at, value] of [seconds, micros, frame.length, frameBytes].entries()) head.writeUInt32LE(value, 4 * at);
  return Buffer.concat([head, frame]);
}

function ethernet(type: number, packet: Buffer): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(type, 12);
  return Buffer.concat([head, packet]);
}

/** `bytes`: of the payload, which is not there: a capture keeps the first bytes of a packet alone. */
function ipv4(protocol: number, port: number, bytes: number, changes: (packet: Buffer) => void = () => {}): Buffer {
  const transportBytes = protocol === 6 ? 32 : 8;
  const packet = Buffer.alloc(20 + transportBytes);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length + bytes, 2);
  packet[9] = protocol;
  packet.set([10, 128, 0, 2], 12);
  packet.set([10, 128, 0, 1], 16);
  packet.writeUInt16BE(port, 22);
  if (protocol === 6) packet[32] = 8 << 4;
  changes(packet);
  return ethernet(0x0800, packet);
}

function ipv6(next: number, ...parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  const head = Buffer.alloc(40);
  head[0] = 0x60;
  head.writeUInt16BE(payload.length, 4);
  head[6] = next;
  head.set([0xff, 0x02], 24);
  head[39] = 0x16;
  return ethernet(0x86dd, Buffer.concat([head, payload]));
}

function read(...records: Buffer[]) {
  const list = new PacketList();
  list.push(Buffer.concat([HEADER, ...records]));
  return list.packets;
}

describe('the packets of a capture', () => {
  it('are read with time, destination and payload length', () => {
    expect(read(record(100, 7, ipv4(6, 1883, 400)), record(101, 0, ipv4(17, 53, 31)))).toEqual([
      { atUs: 100_000_007, kind: 'tcp', to: '10.128.0.1:1883', bytes: 400 },
      { atUs: 101_000_000, kind: 'udp', to: '10.128.0.1:53', bytes: 31 },
    ]);
  });

  it('are the same however the capture is split into chunks', () => {
    const whole = Buffer.concat([HEADER, record(100, 7, ipv4(6, 1883, 400)), record(101, 0, ipv4(17, 53, 31))]);
    const list = new PacketList();
    expect(list.isOpen).toBe(false);
    for (const byte of whole) list.push(Uint8Array.of(byte));
    expect(list.isOpen).toBe(true);
    expect(list.packets).toEqual(read(whole.subarray(HEADER.length)));
    expect(list.packets).toHaveLength(2);
  });

  it('distinguish a kernel’s messages about the link', () => {
    const options = Buffer.from([58, 0, 5, 2, 0, 0, 1, 0]);
    const kinds = read(
      record(1, 0, ethernet(0x0806, Buffer.alloc(28))),
      record(1, 1, ipv6(0, options, Buffer.from([143, 0, 0, 0]))),
      record(1, 2, ipv6(58, Buffer.from([135, 0, 0, 0]))),
      // An echo request carries whatever its sender wants.
      record(1, 3, ipv6(58, Buffer.from([128, 0, 0, 0]))),
      record(1, 4, ipv6(17, Buffer.from([0, 1, 0x14, 0xe9, 0, 8, 0, 0]))),
    ).map(({ kind, to }) => `${kind} ${to}`);
    expect(kinds).toEqual([
      'link the link (ARP)',
      'link the link (ICMPv6)',
      'link the link (ICMPv6)',
      'other [ff02:0:0:0:0:0:0:16] (protocol 58)',
      'udp [ff02:0:0:0:0:0:0:16]:5353',
    ]);
  });

  it('include fragments, other protocols, other frames and truncated ones', () => {
    const fragment = ipv4(6, 1883, 10, (packet) => packet.writeUInt16BE(4, 6));
    const kinds = read(
      record(1, 0, fragment),
      record(1, 1, ipv4(1, 0, 10)),
      record(1, 2, ethernet(0x88cc, Buffer.alloc(20))),
      record(1, 3, ethernet(0x0800, Buffer.from([0x45, 0])), 99),
      record(1, 4, Buffer.alloc(3)),
    ).map(({ kind, to }) => `${kind} ${to}`);
    expect(kinds).toEqual([
      'other 10.128.0.1 (a fragment)',
      'other 10.128.0.1 (protocol 1)',
      'other a frame of type 0x88cc',
      'other a frame that could not be read',
      'other a frame that could not be read',
    ]);
  });

  it('are refused unless they are a capture of an Ethernet link', () => {
    const cooked = Buffer.from(HEADER);
    cooked.writeUInt32LE(276, 20);
    expect(() => new PacketList().push(cooked)).toThrow('Ethernet');
    expect(() => new PacketList().push(Buffer.alloc(24))).toThrow('microseconds');
  });
});
