// A seeded in-memory network: listeners, and links between named parts that are late, slow, silent or cut.
import { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Network, NetworkPlace } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { MemorySocket, reset } from './memory-socket.ts';

/** `lost`: open connections are reset, and none can be made; `silent`: nothing arrives, without an error, until the link is restored. */
export type MemoryLinkState = 'ok' | 'slow' | 'silent' | 'lost';

/** Delay of each piece in simulated time. */
const DELAY_MS = { ok: { least: 0.2, most: 8 }, slow: { least: 800, most: 2_500 } };
const FIRST_PORT = 40_000;

export interface MemoryNetworkOptions {
  clock: Clock;
  /** Decides the delay of each piece. */
  random: Random;
  /** Called with every piece as it is delivered, in order. */
  seen?: (piece: CarriedPiece) => void;
  /** Changes what one end of a new connection sends, as the carrier could. */
  filter?: (connection: { from: string; to: string }) => Filter | null;
  /** How many undelivered bytes one end of a new connection may have; the rest waits with the sender. Absent: no limit. */
  windowBytes?: (connection: { from: string; to: string }) => number;
}

/** Bytes that arrived, from part to part. */
export interface Piece {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
  /** When the first of them was sent, in the clock's wall time. */
  readonly sentUs: number;
}

/** A piece, and the number of its connection. */
export interface CarriedPiece extends Piece {
  readonly connection: number;
}

/** Returns the bytes that are delivered instead. */
export type Filter = (bytes: Uint8Array) => Uint8Array;

interface Listener {
  readonly name: string;
  readonly server: Server;
}

/** A part's attempt to connect. */
interface Attempt {
  readonly from: string;
  readonly to: NetworkPlace;
  readonly socket: MemorySocket;
  /** Whether the part has lost its power: then the attempt has no result. */
  readonly isOver: () => boolean;
}

/** One direction of one connection. */
class Pipe {
  private readonly network: MemoryNetwork;
  private readonly filter: Filter | null;
  private readonly windowBytes: number;
  private readonly connection: number;
  readonly from: string;
  readonly to: string;
  readonly target: MemorySocket;
  private readonly source: MemorySocket;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private whenRoom: () => void = () => undefined;
  private sentUs = 0;
  private isEnding = false;
  private timer: Timer | null = null;

  constructor(
    network: MemoryNetwork,
    { from, to, connection }: Omit<CarriedPiece, 'bytes' | 'sentUs'>,
    ends: { source: MemorySocket; target: MemorySocket },
  ) {
    this.network = network;
    this.from = from;
    this.to = to;
    this.connection = connection;
    this.source = ends.source;
    this.target = ends.target;
    this.filter = network.filterOf(from, to);
    this.windowBytes = network.windowOf(from, to);
  }

  send(bytes: Uint8Array, whenRoom: () => void): number {
    const taken = Math.min(bytes.length, this.windowBytes - this.waitingBytes);
    if (taken > 0) this.carry(bytes.subarray(0, taken));
    if (taken < bytes.length) this.whenRoom = whenRoom;
    return taken;
  }

  /** Sends bytes for which there is room. */
  carry(bytes: Uint8Array): void {
    if (this.waiting.length === 0) this.sentUs = this.network.nowUs;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.later();
  }

  end(): void {
    this.isEnding = true;
    this.later();
  }

  /** Drops the bytes in transit. */
  drop(): void {
    this.timer?.cancel();
    this.timer = null;
    this.waiting = [];
    this.waitingBytes = 0;
    this.isEnding = false;
  }

  /** The link is restored. */
  again(): void {
    if (this.waiting.length > 0 || this.isEnding) this.later();
  }

  private later(): void {
    this.timer ??= this.network.afterDelay(this.from, this.to, () => {
      this.timer = null;
      this.deliver();
    });
  }

  /** Bytes that were sent meanwhile arrive along with it, as in TCP. */
  private deliver(): void {
    if (this.network.stateOf(this.from, this.to) === 'silent') return;
    const pieces = this.waiting;
    this.waiting = [];
    this.waitingBytes = 0;
    // The other end is gone: TCP would reset the connection.
    if (pieces.length > 0 && this.target.destroyed) return void this.source.destroy(reset());
    if (pieces.length > 0) {
      const sent = pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
      const bytes = this.filter ? this.filter(sent) : sent;
      const { from, to, connection, sentUs } = this;
      if (bytes.length > 0) this.network.arrived({ from, to, connection, bytes, sentUs });
      this.target.arrive(bytes);
      this.goOn();
    }
    if (!this.isEnding) return;
    this.isEnding = false;
    this.target.arriveEnd();
  }

  /** There is room again. */
  private goOn(): void {
    const { whenRoom } = this;
    this.whenRoom = () => undefined;
    whenRoom();
  }
}

/** A connection from a client to a server. */
class Connection {
  readonly from: string;
  readonly to: string;
  private readonly network: MemoryNetwork;
  private readonly near: MemorySocket;
  private readonly far: MemorySocket;
  private readonly there: Pipe;
  private readonly back: Pipe;

  constructor(network: MemoryNetwork, number: number, { from, socket: near }: Attempt, { name: to, server }: Listener) {
    this.network = network;
    this.from = from;
    this.to = to;
    this.near = near;
    this.far = new MemorySocket({ allowHalfOpen: Reflect.get(server, 'allowHalfOpen') === true });
    const connection = number;
    this.there = new Pipe(network, { from, to, connection }, { source: near, target: this.far });
    this.back = new Pipe(network, { from: to, to: from, connection }, { source: this.far, target: near });
    this.near.attach(this.there, () => this.closed(this.there));
    this.far.attach(this.back, () => this.closed(this.back));
  }

  open(server: Server): void {
    this.far.connected();
    this.near.connected();
    server.emit('connection', this.far);
  }

  /** Both ends see a reset. */
  reset(): void {
    this.there.drop();
    this.back.drop();
    this.near.destroy(reset());
    this.far.destroy(reset());
  }

  again(): void {
    this.there.again();
    this.back.again();
  }

  inject(from: string, to: string, bytes: Uint8Array): void {
    for (const pipe of [this.there, this.back]) if (pipe.from === from && pipe.to === to) pipe.carry(bytes);
  }

  private closed(pipe: Pipe): void {
    pipe.end();
    if (this.near.destroyed && this.far.destroyed) this.network.forget(this);
  }
}

/** Parts connect and listen under names; each has its own view by `at`. */
export class MemoryNetwork {
  private readonly options: MemoryNetworkOptions;
  private readonly listeners = new Map<string, Listener>();
  private readonly connections = new Set<Connection>();
  private readonly states = new Map<string, MemoryLinkState>();
  /** Attempts that wait for a silent link. */
  private readonly attempts = new Set<Attempt>();
  private nextPort = FIRST_PORT;
  private nextConnection = 1;
  private pieces = 0;

  constructor(options: MemoryNetworkOptions) {
    this.options = options;
  }

  /** Pieces delivered so far. */
  get delivered(): number {
    return this.pieces;
  }

  get nowUs(): number {
    return this.options.clock.wallUs();
  }

  get openCount(): number {
    return this.connections.size;
  }

  /** The network as seen by the part of this name. After `end` it has no power: it neither connects nor accepts. */
  at(name: string): Network & { end(): void } {
    let isOver = false;
    return {
      connect: (to) => {
        const socket = new MemorySocket({ allowHalfOpen: false });
        this.attempt({ from: name, to, socket, isOver: () => isOver });
        return socket;
      },
      adopt: (server) => this.adopt(name, server, () => isOver),
      end: () => {
        if (isOver) return;
        isOver = true;
        for (const [place, listener] of this.listeners) if (listener.name === name) this.listeners.delete(place);
        this.resetAll((one) => one.from === name || one.to === name);
      },
    };
  }

  /** Sets the link between two parts, both ways. */
  set(one: string, other: string, state: MemoryLinkState): void {
    this.states.set(linkOf(one, other), state);
    const isOfLink = (each: { from: string; to: string }) => linkOf(each.from, each.to) === linkOf(one, other);
    if (state === 'lost') this.resetAll(isOfLink);
    if (state === 'silent') return;
    for (const each of this.connections) if (isOfLink(each)) each.again();
    for (const attempt of [...this.attempts]) {
      this.attempts.delete(attempt);
      this.attempt(attempt);
    }
  }

  /** Injects bytes into every open connection between two parts, as the carrier could. */
  inject(from: string, to: string, bytes: Uint8Array): void {
    for (const connection of this.connections) connection.inject(from, to, bytes);
  }

  /** Restores every link. */
  heal(): void {
    for (const link of [...this.states.keys()]) {
      const [one = '', other = ''] = link.split(' ');
      this.set(one, other, 'ok');
    }
  }

  stateOf(one: string, other: string): MemoryLinkState {
    return this.states.get(linkOf(one, other)) ?? 'ok';
  }

  filterOf(from: string, to: string): Filter | null {
    return this.options.filter?.({ from, to }) ?? null;
  }

  windowOf(from: string, to: string): number {
    return this.options.windowBytes?.({ from, to }) ?? Number.POSITIVE_INFINITY;
  }

  arrived(piece: CarriedPiece): void {
    this.pieces += 1;
    this.options.seen?.(piece);
  }

  forget(connection: Connection): void {
    this.connections.delete(connection);
  }

  afterDelay(from: string, to: string, call: () => void): Timer {
    const { clock, random } = this.options;
    const { least, most } = this.stateOf(from, to) === 'slow' ? DELAY_MS.slow : DELAY_MS.ok;
    return clock.after(least + random.fraction() * (most - least), call);
  }

  private resetAll(which: (connection: Connection) => boolean): void {
    for (const connection of [...this.connections]) if (which(connection)) connection.reset();
  }

  private attempt(attempt: Attempt): void {
    const { from, to, socket, isOver } = attempt;
    if (isOver()) return;
    const place = nameOfPlace(to);
    this.afterDelay(from, this.listeners.get(place)?.name ?? '', () => {
      if (socket.destroyed || isOver()) return;
      const listener = this.listeners.get(place);
      const state = this.stateOf(from, listener?.name ?? '');
      if (!listener || state === 'lost') {
        socket.destroy(Object.assign(new Error(`connect ECONNREFUSED ${place}`), { code: 'ECONNREFUSED' }));
      } else if (state === 'silent') this.attempts.add(attempt);
      else {
        const connection = new Connection(this, this.nextConnection++, attempt, listener);
        this.connections.add(connection);
        connection.open(listener.server);
      }
    });
  }

  /** Gives a server `listen`, `address` and `close` on this network; without power it never listens. */
  private adopt(name: string, server: Server, isOver: () => boolean): void {
    const closeReally = server.close.bind(server);
    // Node measures these by the machine's clock: on a busy machine a simulated request would be too late.
    if (server instanceof HttpServer) Object.assign(server, { headersTimeout: 0, requestTimeout: 0 });
    let place: NetworkPlace | null = null;
    const listen = (...asked: unknown[]) => {
      if (isOver()) return server;
      const wanted = this.wanted(asked);
      const done = asked.find((each): each is () => void => typeof each === 'function');
      const isTaken = this.listeners.has(nameOfPlace(wanted));
      if (!isTaken) {
        place = wanted;
        this.listeners.set(nameOfPlace(wanted), { name, server });
        if (done) server.once('listening', done);
      }
      process.nextTick(() => {
        if (isTaken) server.emit('error', Object.assign(new Error('address in use'), { code: 'EADDRINUSE' }));
        else server.emit('listening');
      });
      return server;
    };
    const close = (done?: () => void) => {
      if (place) this.listeners.delete(nameOfPlace(place));
      place = null;
      if (done) server.once('close', () => done());
      closeReally();
      return server;
    };
    const address = () =>
      place === null || 'path' in place
        ? (place?.path ?? null)
        : { address: place.host, port: place.port, family: 'IPv4' };
    Object.assign(server, { listen, close, address });
    Object.defineProperty(server, 'listening', { get: () => place !== null });
  }

  /** The address in the arguments of `listen`; port 0 is a free one. */
  private wanted([first, second]: readonly unknown[]): NetworkPlace {
    if (typeof first === 'string') return { path: first };
    const options = typeof first === 'object' && first !== null ? first : { port: first, host: second };
    const asked = 'port' in options ? Number(options.port) : 0;
    const port = asked > 0 ? asked : this.nextPort++;
    return { host: 'host' in options && typeof options.host === 'string' ? options.host : '127.0.0.1', port };
  }
}

function linkOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

/** All addresses are of this one machine. */
function nameOfPlace(place: NetworkPlace): string {
  return 'path' in place ? place.path : `port ${place.port}`;
}
