// Splits a TCP stream into messages of its protocol, with every byte in exactly one.
import { parser } from 'mqtt-packet';
import type { Chunk } from './capture-file.ts';

/** One message, or unparsable bytes. `packet`: the one with its last byte. */
export type Message = { packet: number; bytes: Uint8Array } & (
  | { kind: 'connect'; user: string; password: string; will: string }
  | { kind: 'publish'; topic: string; payload: Uint8Array }
  | { kind: 'subscribe'; topics: string[] }
  | { kind: 'mqtt'; type: string }
  /** Not `isWhole`: the connection ended before its body did. */
  | { kind: 'http'; method: string; path: string; headers: Map<string, string>; body: Uint8Array; isWhole: boolean }
  | { kind: 'strange' }
  /** A message truncated by the end of its connection. */
  | { kind: 'unfinished' }
);

/** Consecutive bytes with the packets that carried them. */
class Run {
  readonly bytes: Buffer;
  private readonly ends: { end: number; packet: number }[] = [];

  constructor(chunks: readonly Chunk[]) {
    this.bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
    let end = 0;
    for (const { bytes, packet } of chunks) {
      end += bytes.length;
      this.ends.push({ end, packet });
    }
  }

  /** The packet of the byte before `position`. */
  packetBefore(position: number): number {
    let [low, high] = [0, this.ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ends[middle]?.end ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return this.ends[low]?.packet ?? 0;
  }
}

/** A client's messages in an MQTT connection. */
export function mqttMessages(chunks: readonly Chunk[]): Message[] {
  let isFirst = true;
  return cut(chunks, (rest) => {
    const frame = mqttFrame(rest);
    if (typeof frame === 'string') return frame;
    const message = readMqtt(frame);
    // A client's first packet, and no other, is a CONNECT [MQTT-3.1.0-1] [MQTT-3.1.0-2].
    const isInPlace = (message.kind === 'connect') === isFirst;
    isFirst = false;
    return message.kind === 'strange' || !isInPlace ? 'strange' : { end: frame.length, message };
  });
}

/** A client's messages in an HTTP/1.1 connection. */
export function httpRequests(chunks: readonly Chunk[]): Message[] {
  return cut(chunks, (rest) => {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return /^[A-Z]{3,7} \//.test(rest.toString('latin1', 0, 9)) ? 'unfinished' : 'strange';
    const [first = '', ...lines] = rest.toString('latin1', 0, headEnd).split('\r\n');
    const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.1$/.exec(first) ?? [];
    if (method === undefined || path === undefined) return 'strange';
    const headers = new Map(
      lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
    );
    if (headers.has('transfer-encoding')) return 'strange';
    const end = headEnd + 4 + Number(headers.get('content-length') ?? 0);
    const isWhole = rest.length >= end;
    const body = rest.subarray(headEnd + 4, end);
    return { end: Math.min(end, rest.length), message: { kind: 'http', method, path, headers, body, isWhole } };
  });
}

type Body = Message extends infer Each ? (Each extends Message ? Omit<Each, 'packet' | 'bytes'> : never) : never;

/** `read` returns the message at the start of the rest, or why the rest is none. */
function cut(
  chunks: readonly Chunk[],
  read: (rest: Buffer) => { end: number; message: Body } | 'unfinished' | 'strange',
): Message[] {
  const run = new Run(chunks);
  const messages: Message[] = [];
  for (let at = 0; at < run.bytes.length; ) {
    const rest = run.bytes.subarray(at);
    const found = read(rest);
    const { end, message } =
      typeof found === 'string' ? { end: rest.length, message: { kind: found } as const } : found;
    messages.push({ ...message, packet: run.packetBefore(at + end), bytes: rest.subarray(0, end) });
    at += end;
  }
  return messages;
}

/** One MQTT packet (MQTT 3.1.1 §2.2). */
function mqttFrame(rest: Buffer): Buffer | 'unfinished' | 'strange' {
  let length = 0;
  for (let at = 1; at <= 4; at += 1) {
    const digit = rest[at];
    if (digit === undefined) return 'unfinished';
    length |= (digit & 127) << (7 * (at - 1));
    if (digit < 128) return rest.length < at + 1 + length ? 'unfinished' : rest.subarray(0, at + 1 + length);
  }
  return 'strange';
}

function readMqtt(frame: Buffer): Body {
  let body: Body = { kind: 'strange' };
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => {
    if (packet.cmd === 'connect') {
      const { username = '', password = '', will } = packet;
      body = {
        kind: 'connect',
        user: username,
        password: String(password),
        will: will ? `${will.topic} ${will.payload}` : '',
      };
    } else if (packet.cmd === 'publish') {
      body = { kind: 'publish', topic: packet.topic, payload: Buffer.from(packet.payload) };
    } else if (packet.cmd === 'subscribe') {
      body = { kind: 'subscribe', topics: packet.subscriptions.map(({ topic }) => topic) };
    } else body = { kind: 'mqtt', type: packet.cmd };
  });
  reader.on('error', () => undefined);
  reader.parse(frame);
  return body;
}
