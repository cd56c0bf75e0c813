// Owns: writing down what somebody sees, in order, each line with the step of the story in which it came; and TCP proxies that
// write down what passes. Not here: the story (homes.ts), comparing (anonymity.test.ts).
import { connect, createServer, type Socket } from 'node:net';
import { parser } from 'mqtt-packet';
import { SystemClock } from '../../../../device/base/clock.ts';
import type { Log, LogFacts } from '../../../../device/base/log.ts';

/** Everything that was seen, by who saw it. */
export class Recording {
  step = 0;
  /** Set: the story has ended, and what comes of taking it apart is none of it. */
  isOver = false;
  /** From the first step on: how long homes took to acknowledge each message at the area broker, in milliseconds. */
  readonly acknowledgedMs: number[] = [];
  /** Planted: by how much later everything that homes say reaches the area broker. */
  homesLaterMs = 0;
  private readonly lines = new Map<string, string[]>();
  /** Ports are the machine's, not the story's. */
  private readonly ports = new Map<string, string>();

  note(who: string, what: string): void {
    if (this.isOver) return;
    const lines = this.lines.get(who) ?? [];
    this.lines.set(who, lines);
    lines.push(`${this.step} ${what}`);
  }

  /** Has a port of this machine written by a name from now on. */
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

  /** A log whose lines are seen, whatever their level. */
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

/** A proxy; `stop` ends it. */
export interface Tap {
  port: number;
  stop(): Promise<void>;
}

/** What is made of one connection's pieces, as they pass. */
interface Ears {
  /** Each piece that the client sends. */
  heard(piece: Buffer): void;
  /** Each piece that it gets. */
  told?(piece: Buffer): void;
  /** By how many milliseconds what the client sends is kept back. */
  laterMs?(): number;
}

/** Passes everything on; `open` makes the ears of each connection. */
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

/** In front of a broker: each packet a client sends, under its role, without its number and without pings, which timers send. */
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

/** In front of a bridge: every byte that a home sends. */
export function tapBridge(target: number, recording: Recording): Promise<Tap> {
  return tap(target, () => ({ heard: (piece) => recording.note('bridge, from homes', piece.toString('latin1')) }));
}
