// Checks raw MQTT bytes before a parser buffers them: packet kinds and sizes [MQTT-2.2]. The parsers of mqtt and aedes would collect up to
// 256 MB for one announced packet.

/** Control packet types (the high half of a packet's first byte, [MQTT-2.2.1]) that a broker may send to a client. */
export const FROM_BROKER: ReadonlySet<number> = new Set([2, 3, 4, 9, 11, 13]);
/** Types that a client may send to a broker; QoS 2 is not supported, so its packets are missing. */
export const FROM_CLIENT: ReadonlySet<number> = new Set([1, 3, 4, 8, 10, 12, 14]);

const PUBLISH = 3;

/** Follows the packet boundaries of one direction of one connection. */
export class MqttGuard {
  private readonly kinds: ReadonlySet<number>;
  private readonly bytesMax: number;
  /** The next byte: a packet's first one, one of its length, or one of `bodyLeft` to skip. */
  private reading: 'kind' | 'length' | 'body' = 'kind';
  private length = 0;
  private lengthBytes = 0;
  private bodyLeft = 0;
  private seen = 0;

  /** `bytesMax`: the longest allowed "remaining length" of a packet. */
  constructor(kinds: ReadonlySet<number>, bytesMax: number) {
    this.kinds = kinds;
    this.bytesMax = bytesMax;
  }

  /** Number of packets so far, counted at the end of their headers. */
  get packets(): number {
    return this.seen;
  }

  /** Takes the next bytes; returns their fault, or null. After a fault the connection must be closed. */
  check(bytes: Uint8Array): string | null {
    let at = 0;
    while (at < bytes.length) {
      if (this.reading === 'body') {
        const step = Math.min(this.bodyLeft, bytes.length - at);
        at += step;
        this.bodyLeft -= step;
        if (this.bodyLeft === 0) this.reading = 'kind';
        continue;
      }
      const fault = this.reading === 'kind' ? this.kind(bytes[at] ?? 0) : this.lengthByte(bytes[at] ?? 0);
      if (fault) return fault;
      at += 1;
    }
    return null;
  }

  private kind(byte: number): string | null {
    const kind = byte >> 4;
    if (!this.kinds.has(kind)) return `an MQTT packet of type ${kind} does not belong here`;
    if (kind === PUBLISH && ((byte >> 1) & 3) > 1) return 'QoS 2 is not supported here';
    this.reading = 'length';
    this.length = 0;
    this.lengthBytes = 0;
    return null;
  }

  private lengthByte(byte: number): string | null {
    this.length += (byte & 127) * 128 ** this.lengthBytes;
    this.lengthBytes += 1;
    const more = byte > 127;
    // A remaining length has at most four bytes [MQTT-2.2.3].
    if ((more && this.lengthBytes === 4) || this.length > this.bytesMax) {
      return `an MQTT packet is larger than ${this.bytesMax} bytes`;
    }
    if (more) return null;
    this.seen += 1;
    this.bodyLeft = this.length;
    this.reading = this.length === 0 ? 'kind' : 'body';
    return null;
  }
}
