// A network camera whose answers a test scripts, and another host that counts connections. It speaks RTSP (RFC 2326) as far as DESCRIBE,
// SETUP and PLAY, and sends no pictures.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** The camera's answer to a request; null: the usual one. */
export type Answer = (method: string, cseq: string) => string | Uint8Array | null;

export interface ScriptedCamera {
  readonly port: number;
  /** Methods in the order received. */
  readonly requests: string[];
  stop(): Promise<void>;
}

export async function startScriptedCamera(answer: Answer): Promise<ScriptedCamera> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end);
        text = text.slice(end + 4);
        const method = request.split(' ', 1)[0] ?? '';
        const cseq = /^CSeq: *(\d+)/im.exec(request)?.[1] ?? '0';
        requests.push(method);
        socket.write(answer(method, cseq) ?? usual(method, cseq));
      }
    });
  });
  const port = await listening(server, '127.0.0.1');
  return { port, requests, stop: () => closed(server, sockets) };
}

/** An answer with headers and a body. */
export function rtspAnswer(status: string, cseq: string, headers: readonly string[], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return [`RTSP/1.0 ${status}`, `CSeq: ${cseq}`, ...headers, ...length, '', body].join('\r\n');
}

/** A session description of one H.264 track. */
export const sdp = (connection = 'IN IP4 0.0.0.0', control = 'track1', port = 0) =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', `c=${connection}`, 't=0 0', `m=video ${port} RTP/AVP 96`],
    'a=rtpmap:96 H264/90000',
    'a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkAoD2hAAADAAEAAAMAHg8WLkg=,aMuDyyA=',
    ...[`a=control:${control}`, ''],
  ].join('\r\n');

export const PLAYABLE = ['Session: 7', 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1'];

function usual(method: string, cseq: string): string {
  switch (method) {
    case 'OPTIONS':
      return rtspAnswer('200 OK', cseq, ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN']);
    case 'DESCRIBE':
      return rtspAnswer('200 OK', cseq, ['Content-Type: application/sdp'], sdp());
    case 'SETUP':
      return rtspAnswer('200 OK', cseq, PLAYABLE);
    default:
      return rtspAnswer('200 OK', cseq, ['Session: 7']);
  }
}

/** A host that must not be contacted: it counts every connection and packet. */
export interface Elsewhere {
  readonly host: string;
  readonly port: number;
  visits: number;
  stop(): Promise<void>;
}

export async function startElsewhere(host = '127.0.0.2'): Promise<Elsewhere> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    elsewhere.visits += 1;
  });
  const port = await listening(server, host);
  const packets = createSocket('udp4', () => {
    elsewhere.visits += 1;
  });
  packets.bind(port, host);
  await once(packets, 'listening');
  const elsewhere: Elsewhere = {
    host,
    port,
    visits: 0,
    stop: async () => {
      packets.close();
      await closed(server, sockets);
    },
  };
  return elsewhere;
}

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const gone = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await gone;
}
