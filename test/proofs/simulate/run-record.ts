// The record of a run: a hash over everything delivered and logged, the last lines, and coverage.
import { createHash } from 'node:crypto';
import type { Log, LogFacts } from '@doorsill/base/log';
import type { Piece } from './memory-network.ts';
import { messagesIn } from './mqtt-packets.ts';

const TRACE_LINES_MAX = 4_000;

export class RunRecord {
  /** The last lines of the trace. */
  readonly trace: string[] = [];
  /** What was reached, e.g. `ledger granted`, `receipt refused consent_request_expired`, and how often. */
  readonly covered = new Map<string, number>();
  /** Delivered bytes. */
  bytes = 0;
  private readonly hash = createHash('sha256');
  /** The final hash; nothing is recorded afterwards. */
  private digested: string | null = null;
  private readonly passedUs: () => number;

  /** `passedUs`: microseconds since the start. */
  constructor(passedUs: () => number) {
    this.passedUs = passedUs;
  }

  /** A delivered piece. */
  piece({ from, to, bytes }: Piece): void {
    if (this.digested !== null) return;
    this.bytes += bytes.length;
    this.hash.update(`${this.passedUs()} ${from} ${to} ${bytes.length}\n`);
    // MQTT packet ids are drawn by a library, and mean nothing.
    if (from === 'broker' || to === 'broker') for (const { payload } of messagesIn(bytes)) this.hash.update(payload);
    else this.hash.update(withoutDate(bytes));
  }

  note(line: string): void {
    if (this.digested !== null) return;
    const text = `${(this.passedUs() / 1_000_000).toFixed(3)} ${line}`;
    this.hash.update(`${text}\n`);
    this.trace.push(text);
    if (this.trace.length > TRACE_LINES_MAX) this.trace.splice(0, this.trace.length - TRACE_LINES_MAX);
  }

  cover(what: string): void {
    this.covered.set(what, (this.covered.get(what) ?? 0) + 1);
  }

  /** The log of one part. */
  log(part: string): Log {
    const line = (level: string) => (message: string, facts?: LogFacts) => {
      const code = facts?.['code'];
      if (typeof code === 'string') this.cover(`logged ${code}`);
      if (level === 'debug') return;
      this.note(`${part}: ${message}${facts ? ` ${JSON.stringify(facts)}` : ''}`);
    };
    const log: Log = {
      ...{ debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      child: () => log,
    };
    return log;
  }

  /** SHA-256 of everything, at the end. */
  digest(): string {
    this.digested ??= this.hash.digest('hex');
    return this.digested;
  }
}

/** Removes the `Date` header, which is in the machine's time. */
function withoutDate(bytes: Uint8Array): Uint8Array | string {
  if (bytes[0] !== 0x48 || bytes[1] !== 0x54) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .replace(/\r\nDate: [^\r]*/i, '');
}
