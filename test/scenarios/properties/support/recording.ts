// Records what each observer sees, in order, with the step of the story; and TCP proxies that record traffic.
import { connect, createServer, type Socket } from 'node:net';
import { parser } from 'mqtt-packet';
import { SystemClock } from '../../../../device/base/clock.ts';
import type { Log, LogFacts } from '../../../../device/base/log.ts';

/** All recordings, by observer. */
export class Recording {
  step = 0;
  /** Set at the end of the story, so that its shutdown is not recorded. */
  isOver = false;
  /** From the first step on: the times in which homes acknowledged messages at the area broker, in milliseconds. */
  readonly acknowledgedMs: number[] = [];
  /** Planted delay of everything that homes send to the area broker. */
  homesLaterMs = 0;
  private readonly lines = new Map<string, string[]>();
  /** Port numbers are replaced by names, because they differ in each run. */
  private readonly ports = new Map<string, string>();

  note(who: string, what: string): void {
    if (this.isOver) return;
    const lines = this.lines.get(who) ?? [];
    this.lines.set(who, lines);
    lines.push(`${this.step} ${what}`);
  }

  /** Replaces a port number of this machine by a name from now on. */
  namePort(port: number | string, name: string): void {
    this.ports.set(String(port), name);
  }

  of(who: string): string[] {
    const named = (line: string) =>
      line.replaceAll(/127\.0\.0\.1:(\d+)/g, (all, port: string) =>
        this.ports.has(port) ? `${this.ports.get(port)}` : all,
      );
    return (this.lines.get(who) ?? []).map(named);
  }

  who(): string[] {
    return [...this.lines.keys()].sort();
  }

  /** A log that records every level. */
  log(who: string, more: LogFacts = {}): Log {
    const at =
      (level: string) =>
      (message: string, facts: LogFacts = {}) =>
        this.note(who, `${level} ${message} ${JSON.stringify({ ...more, ...facts })}`);
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (facts) => this.log(who, { ...more, ...facts }),
    };
  }
}

export interface Tap {
  port: number;
  stop(): Promise<void>;
}

/** Handles the pieces of one connection. */
interface Ears {
  /** Called with each piece from the client. */
  heard(piece: Buffer): void;
  /** Called with each piece to the client. */
  told?(piece: Buffer): void;
  /** Delay of pieces from the client, in milliseconds. */
  laterMs?(): number;
}

/** A proxy; `open` is called for each connection. */
async function tap(target: number, open: () => Ears): Promise<Tap> {
  const sockets = new Set<Socket>();
  const clock = new SystemClock();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const ears = open();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const pass = (piece: Buffer) => {
      ears.heard(piece);
      upstream.write(piece);
    };
    client.on('data', (piece: Buffer) => {
      const laterMs = ears.laterMs?.() ?? 0;
      if (laterMs > 0) clock.after(laterMs, () => pass(piece));
      else pass(piece);
    });
    upstream.on('data', (piece: Buffer) => {
      ears.told?.(piece);
      client.write(piece);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  return {
    port: address.port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A proxy of a broker: records each client packet under its role, without packet id, and without pings, which timers send. */
export function tapBroker(target: number, recording: Recording): Promise<Tap> {
  return tap(target, () => {
    const [reader, toldReader] = [parser(), parser()];
    let user = 'nobody';
    const isHome = () => !user.startsWith('bridge');
    const toldMs = new Map<number, number>();
    toldReader.on('packet', (packet) => {
      if (packet.cmd === 'publish') toldMs.set(packet.messageId ?? 0, performance.now());
    });
    reader.on('packet', (packet) => {
      if (packet.cmd === 'connect') user = packet.username ?? 'nobody';
      if (packet.cmd === 'pingreq') return;
      const sinceMs = packet.cmd === 'puback' ? toldMs.get(packet.messageId ?? 0) : undefined;
      if (sinceMs !== undefined && isHome() && recording.step > 0 && !recording.isOver)
        recording.acknowledgedMs.push(performance.now() - sinceMs);
      const who = isHome() ? 'area broker, from homes' : 'area broker, from the bridge';
      const said = 'payload' in packet ? { payload: String(packet.payload) } : {};
      const topic = 'topic' in packet ? { topic: packet.topic, retain: packet.retain, qos: packet.qos } : {};
      recording.note(who, `${user} ${packet.cmd} ${JSON.stringify({ ...topic, ...said })}`);
    });
    return {
      heard: (piece) => void reader.parse(piece),
      told: (piece) => void toldReader.parse(piece),
      laterMs: () => (isHome() ? recording.homesLaterMs : 0),
    };
  });
}

/** A proxy of a bridge: records every byte that a home sends. */
export function tapBridge(target: number, recording: Recording): Promise<Tap> {
  return tap(target, () => ({ heard: (piece) => recording.note('bridge, from homes', piece.toString('latin1')) }));
}
