// Polls /proc for the remote addresses of the sockets of a process and its children. A socket that opens and closes between two looks is
// missed.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Clock } from '@doorsill/base/clock';

/** A remote address that a socket was connected to, and when it was first seen. */
export interface SeenEnd {
  /** `tcp 127.0.0.1:8080`; `udp (any)` for a socket that may send anywhere. */
  end: string;
  firstUs: number;
}

export interface SocketLooks {
  looks: number;
  /** The longest time in which a connection could be missed: from the start of a look to the end of the next. */
  blindMs: number;
  ends: SeenEnd[];
}

const EVERY_MS = 20;
const TABLES = ['tcp', 'tcp6', 'udp', 'udp6'] as const;
/** The state of a socket that only listens (include/net/tcp_states.h). */
const LISTENS = '0A';

export class ProcessSockets {
  private readonly clock: Clock;
  private readonly ends = new Map<string, SeenEnd>();
  private readonly stopping = new AbortController();
  private pid: number | null = null;
  private looks = 0;
  private lookedMs: number | null = null;
  private blindMs = 0;
  private looking: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether this system shows processes and their sockets. */
  static get areShown(): boolean {
    return existsSync('/proc/self/net/tcp') && existsSync('/proc/self/fd');
  }

  /** Polls this process from now on, in place of the one before. */
  watch(pid: number): void {
    const isFirst = this.pid === null;
    this.pid = pid;
    if (isFirst) this.looking = this.lookOn();
  }

  async stop(): Promise<SocketLooks> {
    this.stopping.abort();
    await this.looking;
    return { looks: this.looks, blindMs: Math.ceil(this.blindMs), ends: [...this.ends.values()] };
  }

  private async lookOn(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      this.look();
      await this.clock.sleep(EVERY_MS, signal).catch(() => undefined);
    }
  }

  private look(): void {
    const beganMs = this.clock.monotonicMs();
    for (const pid of familyOf(this.pid ?? 0)) {
      for (const end of endsOf(pid)) {
        if (!this.ends.has(end)) this.ends.set(end, { end, firstUs: this.clock.wallUs() });
      }
    }
    this.looks += 1;
    this.blindMs = Math.max(this.blindMs, this.clock.monotonicMs() - (this.lookedMs ?? beganMs));
    this.lookedMs = beganMs;
  }
}

/** A process and its running descendants. */
function familyOf(pid: number): number[] {
  const found = [pid];
  for (const each of found) {
    for (const task of names(`/proc/${each}/task`)) {
      const children = text(`/proc/${each}/task/${task}/children`).trim();
      if (children !== '') found.push(...children.split(' ').map(Number));
    }
  }
  return found;
}

/** The remote addresses of a process's sockets. */
function endsOf(pid: number): string[] {
  const own = new Set(
    names(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    }),
  );
  if (own.size === 0) return [];
  return TABLES.flatMap((table) => readTable(table, text(`/proc/${pid}/net/${table}`), own));
}

/** The remote addresses of the sockets with these inodes in a table (proc(5), /proc/net/tcp). */
export function readTable(table: string, rows: string, own: ReadonlySet<string>): string[] {
  const protocol = table.slice(0, 3);
  return rows
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const [, , far = '', state, , , , , , inode = ''] = row.trim().split(/\s+/);
      if (!own.has(inode) || (protocol === 'tcp' && state === LISTENS)) return [];
      const [address = '', port = ''] = far.split(':');
      // An unconnected TCP socket has sent nothing yet; an unconnected UDP socket may send anywhere.
      if (Number.parseInt(port, 16) === 0) return protocol === 'udp' ? ['udp (any)'] : [];
      return [`${protocol} ${addressOf(address)}:${Number.parseInt(port, 16)}`];
    });
}

/** An address of the table: words of four bytes in the machine's byte order, which is little-endian wherever Node runs. */
function addressOf(hex: string): string {
  const bytes = [...hex.matchAll(/.{8}/g)].flatMap(([word]) =>
    [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)),
  );
  const isMapped = bytes.length === 16 && bytes.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255';
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join('.');
  const words = Array.from({ length: 8 }, (_, at) =>
    ((bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return `[${words.join(':')}]`;
}

// The process may have ended: then there is nothing to read.
function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
