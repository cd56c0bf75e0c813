// An HTTP proxy before a server that speaks S3, which can be slow or full; it says when it is.
import { createServer, request, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** As MinIO answers when its disks are full, and Ceph when a quota is. */
const FULL = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>`;

export class BucketProxy {
  /** Takes no more objects: each is refused with status 507. */
  isFull = false;
  /** How late each call is answered. */
  lateMs = 0;
  /** Objects that were refused since the start, and calls that were late. */
  refused = 0;
  late = 0;
  private readonly server: Server;

  /** `port`: of the server behind it, on this machine. */
  constructor(port: number) {
    this.server = createServer(async (from, to) => {
      if (this.isFull && from.method === 'PUT') {
        this.refused += 1;
        from.resume().once('end', () => to.writeHead(507, { 'content-type': 'application/xml' }).end(FULL));
        return;
      }
      if (this.lateMs > 0) {
        this.late += 1;
        await sleep(this.lateMs);
      }
      const { method, url: path, headers } = from;
      const onwards = request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(to);
      });
      onwards.once('error', () => to.destroy());
      to.once('close', () => onwards.destroy());
      from.pipe(onwards);
    });
  }

  get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
