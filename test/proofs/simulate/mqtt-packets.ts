// Owns: the messages in a piece of an MQTT 3.1.1 stream, and a message as a packet: for a broker that says again what it has heard.
// Not here: MQTT itself (device/base, sim/broker).

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether it is delivered as one that the broker had kept. */
  readonly retained: boolean;
}

const PUBLISH = 3;
const RETAIN = 1;

/** What is in a piece that begins with a packet: its messages, and the piece without those that `takes` wants [MQTT-3.3]. */
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
  // A packet that is cut off stays: its rest follows.
  return { kept: Buffer.concat([...kept, buffer.subarray(at)]), taken };
}

/** Every piece is looked at by several: what is in it is read once. */
const read = new WeakMap<Uint8Array, readonly MqttMessage[]>();

/** The messages in a piece that begins with a packet; one that is cut off is left out. A piece does not change any more. */
export function messagesIn(bytes: Uint8Array): readonly MqttMessage[] {
  const before = read.get(bytes);
  if (before) return before;
  const messages = parted(bytes, () => true).taken;
  read.set(bytes, messages);
  return messages;
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

/** A message as a packet of QoS 0, which nobody has to acknowledge. */
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
