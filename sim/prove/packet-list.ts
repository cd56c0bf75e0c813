// Reads the packets of a capture while it is written (pcap of an Ethernet link): time, kind, destination, payload length.

export interface Packet {
  /** Wall time, as the kernel saw it. */
  atUs: number;
  /** `link`: a kernel's own messages about the link: ARP, neighbour discovery, multicast membership. */
  kind: 'tcp' | 'udp' | 'link' | 'other';
  /** `address:port` of TCP and UDP; a description of others. */
  to: string;
  /** Payload bytes of TCP and UDP, by the IP header; of others, bytes of the frame. */
  bytes: number;
}

/** Bytes to capture of each packet: Ethernet, IPv6 with an option header, the first fields of TCP. */
export const SNAP_BYTES = 128;

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_HEADER_BYTES = 14;
const MAGIC = 0xa1b2c3d4;
const LINK_ETHERNET = 1;
const [IPV4, ARP, IPV6] = [0x0800, 0x0806, 0x86dd];
const [TCP, UDP, ICMP6] = [6, 17, 58];
/** Router solicitation, neighbour solicitation and advertisement (RFC 4861 §4), membership report (RFC 3810 §5.2). */
const LINK_ICMP6 = new Set([133, 135, 136, 143]);

/** Reads a capture piece by piece. */
export class PacketList {
  readonly packets: Packet[] = [];
  private rest: Uint8Array = new Uint8Array();
  private isLittle: boolean | null = null;

  /** Whether the file's header has arrived: from then on every packet is captured. */
  get isOpen(): boolean {
    return this.isLittle !== null;
  }

  /** Takes the next bytes of the capture. Throws on a format that tcpdump does not write. */
  push(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.rest.length + chunk.length);
    bytes.set(this.rest);
    bytes.set(chunk, this.rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    if (this.isLittle === null) {
      if (bytes.length < FILE_HEADER_BYTES) {
        this.rest = bytes;
        return;
      }
      this.isLittle = readHeader(view);
      at = FILE_HEADER_BYTES;
    }
    while (at + RECORD_HEADER_BYTES <= bytes.length) {
      const word = (index: number) => view.getUint32(at + 4 * index, this.isLittle === true);
      const end = at + RECORD_HEADER_BYTES + word(2);
      if (end > bytes.length) break;
      const frame = bytes.subarray(at + RECORD_HEADER_BYTES, end);
      this.packets.push({ atUs: word(0) * 1_000_000 + word(1), ...readFrame(frame, word(3)) });
      at = end;
    }
    this.rest = bytes.slice(at);
  }
}

/** Whether the numbers of the capture are little-endian. */
function readHeader(view: DataView): boolean {
  const isLittle = view.getUint32(0, true) === MAGIC;
  if (!isLittle && view.getUint32(0, false) !== MAGIC) throw new Error('this is not a capture in microseconds');
  if (view.getUint32(20, isLittle) !== LINK_ETHERNET) throw new Error('this is not a capture of an Ethernet link');
  return isLittle;
}

type Read = Omit<Packet, 'atUs'>;

/** A frame by its first bytes; `bytes`: its whole length. */
function readFrame(frame: Uint8Array, bytes: number): Read {
  const unreadable: Read = { kind: 'other', to: 'a frame that could not be read', bytes };
  if (frame.length < ETHERNET_HEADER_BYTES) return unreadable;
  const type = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint16(12);
  if (type === ARP) return { kind: 'link', to: 'the link (ARP)', bytes };
  const packet = frame.subarray(ETHERNET_HEADER_BYTES);
  try {
    if (type === IPV4) return readIpv4(packet);
    if (type === IPV6) return readIpv6(packet);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    return unreadable;
  }
  return { kind: 'other', to: `a frame of type 0x${type.toString(16).padStart(4, '0')}`, bytes };
}

/** RFC 791 §3.1. Throws RangeError for a truncated packet. */
function readIpv4(packet: Uint8Array): Read {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const headerBytes = (view.getUint8(0) & 15) * 4;
  const bytes = view.getUint16(2) - headerBytes;
  const to = [16, 17, 18, 19].map((at) => view.getUint8(at)).join('.');
  // A later fragment has no ports; on our own link none is sent.
  if ((view.getUint16(6) & 0x1fff) !== 0) return { kind: 'other', to: `${to} (a fragment)`, bytes };
  return readTransport(view, { protocol: view.getUint8(9), at: headerBytes, bytes, to });
}

/** RFC 8200 §3. Throws RangeError for a truncated packet. */
function readIpv6(packet: Uint8Array): Read {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const to = `[${Array.from({ length: 8 }, (_, word) => view.getUint16(24 + 2 * word).toString(16)).join(':')}]`;
  let [protocol, at, bytes] = [view.getUint8(6), 40, view.getUint16(4)];
  // Hop-by-hop options precede a kernel's multicast reports (RFC 3810 §5).
  if (protocol === 0) {
    const optionBytes = 8 * (1 + view.getUint8(41));
    [protocol, at, bytes] = [view.getUint8(40), 40 + optionBytes, bytes - optionBytes];
  }
  if (protocol === ICMP6 && LINK_ICMP6.has(view.getUint8(at))) return { kind: 'link', to: 'the link (ICMPv6)', bytes };
  return readTransport(view, { protocol, at, bytes, to });
}

function readTransport(
  view: DataView,
  { protocol, at, bytes, to }: { protocol: number; at: number; bytes: number; to: string },
): Read {
  if (protocol === UDP) return { kind: 'udp', to: `${to}:${view.getUint16(at + 2)}`, bytes: bytes - 8 };
  if (protocol !== TCP) return { kind: 'other', to: `${to} (protocol ${protocol})`, bytes };
  const headerBytes = (view.getUint8(at + 12) >> 4) * 4;
  return { kind: 'tcp', to: `${to}:${view.getUint16(at + 2)}`, bytes: bytes - headerBytes };
}
