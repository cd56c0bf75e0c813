// A TCP proxy before a broker that writes down every packet a client sends [MQTT-2.2].
import { connect, createServer, type Socket } from 'node:net';

export interface RecordedPublish {
  topic: string;
  payload: string;
  retain: boolean;
  qos: number;
}

export interface MqttRecorder {
  url: string;
  /** Every byte of every client, in the order of arrival. */
  bytes(): Buffer;
  published(): RecordedPublish[];
  /** Breaks all connections without goodbye. */
  cut(): void;
  stop(): Promise<void>;
}

const PUBLISH = 3;

export async function recordBefore(port: number): Promise<MqttRecorder> {
  const streams: Buffer[][] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    streams.push(chunks);
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      target.write(chunk);
    });
    target.on('data', (chunk: Buffer) => client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `mqtt://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`,
    bytes: () => Buffer.concat(streams.flat()),
    published: () => streams.flatMap((chunks) => publishesIn(Buffer.concat(chunks))),
    cut,
    async stop() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function publishesIn(stream: Buffer): RecordedPublish[] {
  const found: RecordedPublish[] = [];
  let at = 0;
  while (at < stream.length) {
    const head = stream[at] ?? 0;
    let length = 0;
    let next = at + 1;
    for (let shift = 0; ; shift += 7) {
      const byte = stream[next] ?? 0;
      next += 1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const body = stream.subarray(next, next + length);
    at = next + length;
    if (head >> 4 !== PUBLISH) continue;
    const topicBytes = body.readUInt16BE(0);
    const qos = (head >> 1) & 3;
    found.push({
      topic: body.toString('utf8', 2, 2 + topicBytes),
      payload: body.toString('utf8', 2 + topicBytes + (qos > 0 ? 2 : 0)),
      retain: (head & 1) === 1,
      qos,
    });
  }
  return found;
}
