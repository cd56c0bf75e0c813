// Reads a capture file (pcap, Linux cooked v2): packets with their flow, and reassembled TCP streams.

/** One end of a flow. Port 0 if the protocol has none. */
export interface End {
  address: string;
  port: number;
}

export interface Packet {
  /** Counts from 1, as in tshark. */
  number: number;
  protocol: 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'arp' | 'igmp' | 'other';
  from: End;
  to: End;
  payload: Uint8Array;
  /** The ICMPv6 type, or the number of an `other` protocol. */
  kind: number;
  tcp?: { sequence: number; syn: boolean; ack: boolean; fin: boolean; rst: boolean };
}

/** Bytes of a stream, and the packet that carried them. */
export interface Chunk {
  packet: number;
  bytes: Uint8Array;
}

/** One TCP connection, from its client's view. */
export interface Stream {
  client: End;
  server: End;
  up: Chunk[];
  down: Chunk[];
}

const LINUX_SLL2 = 276;
const SLL2_BYTES = 20;

/** All packets of a capture file, oldest first. Throws on a file not written by tcpdump, or a truncated packet. */
export function readCapture(file: Uint8Array): Packet[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (view.getUint32(0, true) !== 0xa1b2c3d4) throw new Error('not a capture file of this machine');
  if (view.getUint32(20, true) !== LINUX_SLL2) throw new Error('not a capture on all interfaces');
  const packets: Packet[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const bytes = view.getUint32(at + 8, true);
    if (view.getUint32(at + 12, true) !== bytes) throw new Error(`packet ${packets.length + 1} was cut short`);
    // The last packet may still be being written.
    if (at + 16 + bytes > file.length) break;
    packets.push(readPacket(packets.length + 1, file.subarray(at + 16, at + 16 + bytes)));
    at += 16 + bytes;
  }
  return packets;
}

function readPacket(number: number, frame: Uint8Array): Packet {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const type = view.getUint16(0);
  const body = frame.subarray(SLL2_BYTES);
  const nowhere = { address: '', port: 0 };
  if (type === 0x0806) return { number, protocol: 'arp', from: nowhere, to: nowhere, payload: body, kind: 0 };
  if (type === 0x0800) return readIpv4(number, body);
  if (type === 0x86dd) return readIpv6(number, body);
  return { number, protocol: 'other', from: nowhere, to: nowhere, payload: body, kind: type };
}

function readIpv4(number: number, body: Uint8Array): Packet {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const address = (at: number) => body.subarray(at, at + 4).join('.');
  // A fragment: there are none on this link, so it belongs to no flow.
  const isFragment = (view.getUint16(6) & 0x3fff) !== 0;
  const kind = isFragment ? 255 : view.getUint8(9);
  const inner = body.subarray(headerBytes, view.getUint16(2));
  return readTransport(number, kind, address(12), address(16), inner);
}

function readIpv6(number: number, body: Uint8Array): Packet {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const address = (at: number) =>
    Array.from({ length: 8 }, (_, word) => view.getUint16(at + 2 * word).toString(16)).join(':');
  let kind = view.getUint8(6);
  let inner = body.subarray(40, 40 + view.getUint16(4));
  // Hop-by-hop options precede the kernel's multicast reports (RFC 8200 §4.3, RFC 3810 §5).
  if (kind === 0 && inner.length >= 8) {
    kind = inner[0] ?? 255;
    inner = inner.subarray(8 * (1 + (inner[1] ?? 0)));
  }
  return readTransport(number, kind, address(8), address(24), inner);
}

const PROTOCOLS = new Map([
  [1, 'icmp'],
  [2, 'igmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp6'],
] as const);

function readTransport(number: number, kind: number, from: string, to: string, inner: Uint8Array): Packet {
  const view = new DataView(inner.buffer, inner.byteOffset, inner.length);
  const protocol = [...PROTOCOLS].find(([value]) => value === kind)?.[1] ?? 'other';
  const end = (address: string, at: number) => ({ address, port: view.getUint16(at) });
  if (protocol === 'tcp') {
    const flags = view.getUint8(13);
    const has = (bit: number) => (flags & bit) !== 0;
    const tcp = { sequence: view.getUint32(4), fin: has(1), syn: has(2), rst: has(4), ack: has(16) };
    const payload = inner.subarray((view.getUint8(12) >> 4) * 4);
    return { number, protocol, from: end(from, 0), to: end(to, 2), payload, kind, tcp };
  }
  if (protocol === 'udp') {
    return { number, protocol, from: end(from, 0), to: end(to, 2), payload: inner.subarray(8), kind };
  }
  const none = (address: string) => ({ address, port: 0 });
  const type = protocol === 'icmp6' || protocol === 'icmp' ? (inner[0] ?? 255) : kind;
  return { number, protocol, from: none(from), to: none(to), payload: inner, kind: type };
}

/** Reassembles one direction of a connection; every byte once. */
class Direction {
  readonly chunks: Chunk[] = [];
  private next: number | null = null;
  private readonly early = new Map<number, Chunk>();

  take(packet: Packet): void {
    const { tcp, payload } = packet;
    if (!tcp) return;
    if (tcp.syn) {
      this.next = (tcp.sequence + 1) >>> 0;
      return;
    }
    if (payload.length === 0) return;
    if (this.next === null) throw new Error(`packet ${packet.number}: the start of its connection was not captured`);
    this.put(tcp.sequence, { packet: packet.number, bytes: payload });
    for (let waits = this.early.get(this.next ?? -1); waits; waits = this.early.get(this.next ?? -1)) {
      this.early.delete(this.next ?? -1);
      this.put(this.next ?? 0, waits);
    }
  }

  private put(sequence: number, chunk: Chunk): void {
    const ahead = (sequence - (this.next ?? 0)) | 0;
    if (ahead > 0) {
      this.early.set(sequence, chunk);
      return;
    }
    const fresh = chunk.bytes.subarray(-ahead);
    if (-ahead >= chunk.bytes.length) return;
    this.chunks.push({ packet: chunk.packet, bytes: fresh });
    this.next = ((this.next ?? 0) + fresh.length) >>> 0;
  }

  /** Throws if bytes between two captured pieces are missing. */
  check(name: string): void {
    if (this.early.size > 0) throw new Error(`the capture of ${name} has a hole`);
  }
}

interface Connection {
  stream: Stream;
  up: Direction;
  down: Direction;
  /** The sequence number of its SYN. */
  opened: number;
}

/** The TCP connections of a capture in the order of their first packets. Throws if bytes of one are missing. */
export function tcpStreams(packets: readonly Packet[]): Stream[] {
  const open = new Map<string, Connection>();
  const all: Connection[] = [];
  for (const packet of packets) {
    const { from, to, tcp } = packet;
    if (!tcp) continue;
    const there = `${from.address} ${from.port} ${to.address} ${to.port}`;
    const back = `${to.address} ${to.port} ${from.address} ${from.port}`;
    // A SYN with another number is a new connection, even on the same ports; with the same number it is a repetition.
    if (tcp.syn && !tcp.ack && open.get(there)?.opened !== tcp.sequence) {
      const [up, down] = [new Direction(), new Direction()];
      const stream = { client: from, server: to, up: up.chunks, down: down.chunks };
      const entry = { stream, up, down, opened: tcp.sequence };
      all.push(entry);
      open.set(there, entry);
      open.delete(back);
    }
    const entry = open.get(there);
    if (entry) entry.up.take(packet);
    else {
      const answered = open.get(back);
      if (!answered) {
        if (packet.payload.length > 0) throw new Error(`packet ${packet.number} belongs to no connection`);
        continue;
      }
      answered.down.take(packet);
    }
  }
  for (const { stream, up, down } of all) {
    up.check(`what ${stream.client.port} sent`);
    down.check(`what ${stream.client.port} heard`);
  }
  return all.map(({ stream }) => stream);
}
