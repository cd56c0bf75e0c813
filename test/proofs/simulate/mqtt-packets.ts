// Parses the messages in a piece of an MQTT 3.1.1 stream, and writes a message as a packet, for a broker that repeats messages.

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The RETAIN flag. */
  readonly retained: boolean;
}

const PUBLISH = 3;
const SUBSCRIBE = 8;
const RETAIN = 1;

/** The messages of a piece that begins with a packet, and the piece without those that `takes` selects [MQTT-3.3]. */
export function parted(
  bytes: Uint8Array,
  takes: (message: MqttMessage) => boolean,
): { kept: Uint8Array; taken: MqttMessage[] } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept: Uint8Array[] = [];
  const taken: MqttMessage[] = [];
  let at = 0;
  while (at + 2 <= buffer.length) {
    const head = buffer[at] ?? 0;
    const { length, bodyAt } = remainingLength(buffer, at + 1);
    const end = bodyAt + length;
    if (end > buffer.length) break;
    const message = head >> 4 === PUBLISH ? messageIn(buffer, head, bodyAt, end) : null;
    if (message && takes(message)) taken.push(message);
    else kept.push(buffer.subarray(at, end));
    at = end;
  }
  // A truncated packet stays: its rest follows.
  return { kept: Buffer.concat([...kept, buffer.subarray(at)]), taken };
}

/** Several observers look at each piece: it is parsed once. */
const read = new WeakMap<Uint8Array, readonly MqttMessage[]>();

/** The messages in a piece that begins with a packet, without a truncated one. The piece must not change afterwards. */
export function messagesIn(bytes: Uint8Array): readonly MqttMessage[] {
  const before = read.get(bytes);
  if (before) return before;
  const messages = parted(bytes, () => true).taken;
  read.set(bytes, messages);
  return messages;
}

/** Whether a piece begins with a subscription to topics that contain a text [MQTT-3.8]. */
export function subscribesTo(part: string, bytes: Uint8Array): boolean {
  return (bytes[0] ?? 0) >> 4 === SUBSCRIBE && Buffer.from(bytes).includes(part);
}

function messageIn(buffer: Buffer, head: number, bodyAt: number, end: number): MqttMessage {
  const topicEnd = bodyAt + 2 + buffer.readUInt16BE(bodyAt);
  const payloadAt = topicEnd + ((head & 0x06) === 0 ? 0 : 2);
  return {
    topic: buffer.toString('utf8', bodyAt + 2, topicEnd),
    payload: new Uint8Array(buffer.subarray(payloadAt, end)),
    retained: (head & RETAIN) !== 0,
  };
}

/** A message as a packet of QoS 0, which needs no acknowledgement. */
export function packetOf({ topic, payload, retained }: MqttMessage): Uint8Array {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(name.length);
  const length = 2 + name.length + payload.length;
  return Buffer.concat([
    Buffer.from([(PUBLISH << 4) | (retained ? RETAIN : 0), ...lengthBytes(length)]),
    head,
    name,
    payload,
  ]);
}

/** [MQTT-2.2.3]: seven bits a byte, the lowest first. */
function remainingLength(buffer: Buffer, from: number): { length: number; bodyAt: number } {
  let length = 0;
  for (let at = from, shift = 0; at < buffer.length && shift < 28; at += 1, shift += 7) {
    const byte = buffer[at] ?? 0;
    length += (byte & 127) * 2 ** shift;
    if ((byte & 128) === 0) return { length, bodyAt: at + 1 };
  }
  return { length: Number.POSITIVE_INFINITY, bodyAt: buffer.length };
}

function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  for (let left = length; ; ) {
    const rest = Math.floor(left / 128);
    bytes.push((left % 128) + (rest > 0 ? 128 : 0));
    if (rest === 0) return bytes;
    left = rest;
  }
}
