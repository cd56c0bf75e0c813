// An HTTP proxy in front of a real server that changes what it is told to: requests on their way, answers on their way back.
import { request as ask, createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';

export interface Passing {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

type Lie = Passing | Answered | 'silence';

/** What becomes of a request: passed on as it is returned, answered at once, or left without an answer. */
export interface Lies {
  onRequest?: (passing: Passing) => Lie | Promise<Lie>;
  onAnswer?: (passing: Passing, answered: Answered) => Answered;
}

export class LyingProxy {
  lies: Lies = {};
  port = 0;
  private readonly server: Server;

  private constructor(target: number) {
    this.server = createServer(async (incoming, outgoing) => {
      const { method = '', url: path = '' } = incoming;
      const passing = { method, path, headers: incoming.headers, body: await whole(incoming) };
      const decided = (await this.lies.onRequest?.(passing)) ?? passing;
      if (decided === 'silence') return;
      const answered = 'status' in decided ? decided : await pass(target, incoming, decided);
      const { status, headers, body } = this.lies.onAnswer?.(passing, answered) ?? answered;
      const length = method === 'HEAD' ? String(headers['content-length'] ?? '0') : body.length;
      outgoing.writeHead(status, { ...headers, 'content-length': length });
      outgoing.end(method === 'HEAD' ? undefined : body);
    });
  }

  static async open(target: number): Promise<LyingProxy> {
    const proxy = new LyingProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    const address = proxy.server.address();
    proxy.port = address && typeof address === 'object' ? address.port : 0;
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function pass(port: number, { headers }: IncomingMessage, { method, path, body }: Passing): Promise<Answered> {
  return new Promise((resolve, reject) => {
    // The host is part of what was signed.
    const length = headers['content-length'] === undefined ? {} : { 'content-length': body.length };
    const outgoing = ask({ port, host: '127.0.0.1', method, path, headers: { ...headers, ...length } }, (answer) => {
      whole(answer).then((bytes) => {
        const { 'transfer-encoding': _framing, ...kept } = answer.headers;
        resolve({ status: answer.statusCode ?? 0, headers: kept, body: bytes });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
