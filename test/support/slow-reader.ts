// A client that takes an HTTP answer over a bare socket and stops reading in the middle of it, and a disk that counts what is read of some
// files.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type DiskFile, SystemDisk } from '../../device/base/disk.ts';

/** What became of an answer: all bytes that came, headers included. */
export interface Taken {
  bytes: number;
  head: string;
}

export interface SlowReader {
  /** Bytes that have come so far. */
  seen(): number;
  /** Whether the other side still has the connection open, as Linux' table has it: who does not read is told nothing. */
  isOpen(): boolean;
  /** Resolves once nothing moves on the connection any more: what the kernels keep of it is full. */
  stalled(): Promise<void>;
  /** Reads on to the end of the connection. */
  rest(): Promise<Taken>;
}

/** Sends a GET and resolves once `stopAt` bytes have come; it then reads no further until `rest`. */
export async function slowReader(url: string, headers: Record<string, string>, stopAt: number): Promise<SlowReader> {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  const taken: Taken = { bytes: 0, head: '' };
  const closed = new Promise<Taken>((resolve) => socket.once('close', () => resolve(taken)));
  socket.on('error', () => undefined);
  const stopped = new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      if (taken.bytes === 0) taken.head = bytes.toString('latin1').split('\r\n\r\n')[0] ?? '';
      taken.bytes += bytes.length;
      if (taken.bytes < stopAt) return;
      socket.pause();
      resolve();
    });
    socket.once('close', () => resolve());
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${lines.join('')}\r\n`);
  await stopped;
  const ends = [socket.localPort, Number(port)];
  return {
    seen: () => taken.bytes,
    isOpen: () => rowsBetween(ends).some(([, , state]) => state === '01'),
    stalled: async () => {
      for (let before = '', still = 0; still < STILL_LOOKS; ) {
        const queues = rowsBetween(ends).map(([, , , queue]) => queue);
        still = before === queues.join() ? still + 1 : 0;
        before = queues.join();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    rest: () => {
      socket.removeAllListeners('data');
      socket.on('data', (bytes) => {
        taken.bytes += bytes.length;
      });
      socket.resume();
      return closed;
    },
  };
}

/** So often in a row, ten times a second, the queues have to be the same. */
const STILL_LOOKS = 20;

/** Of both ends of a connection between these ports, the lines of Linux' table (proc_pid_net(5)): from, to, state, queues. */
function rowsBetween(ports: readonly (number | undefined)[]): string[][] {
  const portOf = (end = '') => Number.parseInt(end.split(':')[1] ?? '', 16);
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).slice(1));
  return rows.filter(([from, to]) => ports.includes(portOf(from)) && ports.includes(portOf(to)));
}

/** A disk that counts the bytes read of files whose path fits. */
export class CountingDisk extends SystemDisk {
  bytesRead = 0;
  private readonly counted: RegExp;

  constructor(counted: RegExp) {
    super();
    this.counted = counted;
  }

  override async open(path: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await super.open(path, options);
    if (!this.counted.test(path)) return file;
    return new Proxy(file, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name);
        if (typeof value !== 'function') return value;
        if (name !== 'read') return value.bind(of);
        return async (at: number, length: number) => {
          const bytes = await of.read(at, length);
          this.bytesRead += bytes.length;
          return bytes;
        };
      },
    });
  }

  /** Resolves once nothing is read any more. */
  async quiet(): Promise<void> {
    for (let before = -1, still = 0; still < 5; ) {
      still = before === this.bytesRead ? still + 1 : 0;
      before = this.bytesRead;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
