// A TCP proxy in front of a real server that counts what a client sends, reads the server's acknowledgements of a tus upload as they pass,
// and cuts, holds or refuses connections.
import { connect, createServer, type Socket } from 'node:net';

export interface CountingProxy {
  port: number;
  url: string;
  /** All bytes clients have sent so far: bodies, headers, everything. */
  sentBytes: number;
  /** The highest `Upload-Offset` that a client has been told. */
  acknowledgedBytes: number;
  connections: number;
  /** Called with `sentBytes` after every piece that came from a client. */
  onSent: ((sentBytes: number) => void) | null;
  /** Holds the server's answers back. */
  holdAnswers: boolean;
  /** Swallows what clients send, goodbyes included: the server hears nothing of them any more. */
  swallow: boolean;
  /** Turns new connections away. */
  refuse: boolean;
  /** Breaks all connections without goodbye. */
  cut(): void;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCountingProxy(targetPort: number): Promise<CountingProxy> {
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const server = createServer((client) => {
    proxy.connections += 1;
    if (proxy.refuse) {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    open.add(client);
    for (const socket of [client, target]) socket.on('error', () => undefined);
    client.on('data', (piece) => {
      proxy.sentBytes += piece.length;
      if (!proxy.swallow) target.write(piece);
      proxy.onSent?.(proxy.sentBytes);
    });
    target.on('data', (piece) => {
      if (proxy.holdAnswers) return;
      for (const [, offset] of piece.toString('latin1').matchAll(/upload-offset: (\d+)/gi)) {
        proxy.acknowledgedBytes = Math.max(proxy.acknowledgedBytes, Number(offset));
      }
      client.write(piece);
    });
    target.on('close', () => client.destroy());
    client.on('close', () => {
      if (!proxy.swallow) target.destroy();
      open.delete(client);
      if (open.size === 0) for (const resolve of waiting.splice(0)) resolve();
    });
  });
  const proxy: CountingProxy = {
    port: 0,
    url: '',
    sentBytes: 0,
    acknowledgedBytes: 0,
    connections: 0,
    onSent: null,
    holdAnswers: false,
    swallow: false,
    refuse: false,
    cut: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  proxy.port = address.port;
  proxy.url = `http://127.0.0.1:${proxy.port}`;
  return proxy;
}
