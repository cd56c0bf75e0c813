// A camera's RTSP 1.0 server (RFC 2326), with connection limits and the faults of connections.
import type { Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '@doorsill/base/clock';
import { keepForTransfer } from '@doorsill/base/http/connection-limit';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { toHex } from '@doorsill/contract/bytes';
import type { AccessUnit } from './access-units.ts';
import { DigestLogin, type Login } from './digest-login.ts';
import type { FaultName } from './fault-table.ts';
import { sessionDescription, TRACK_PATHS } from './rtp-packets.ts';
import {
  answerBytes,
  interleaved,
  type RtspAnswer,
  type RtspInput,
  RtspReader,
  type RtspRequest,
  type WantedTransport,
  wantedTransports,
} from './rtsp-messages.ts';
import { type PacketWay, RtspSession, SESSION_S_MAX, type ServedStream } from './rtsp-session.ts';
import { endConnections, limitConnections, listenAt, PortPair, type ServedAddress } from './served-address.ts';

export const SESSIONS_MAX = 64;
/** A channel number is one byte (RFC 2326 §10.12). */
const CHANNEL_MAX = 255;
/** Bytes buffered for a slow connection; beyond it, pictures are skipped up to the next keyframe. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/** Unanswered requests of one connection. */
const WAITING_MAX = 2_000;
const SWEEP_MS = 5_000;
/** How long the fault `dies` refuses connections. */
const DEAD_US = 2_000_000;
const METHODS = ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'PAUSE', 'TEARDOWN', 'GET_PARAMETER'] as const;

export interface RtspServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stream: ServedStream;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: RtspReader;
  /** Sessions with interleaved packets in this connection. */
  readonly sessions: Set<RtspSession>;
  /** The fault `two-cameras`: the other camera answers. */
  readonly isOther: boolean;
  /** The lowest channel without a track. */
  freeChannel: number;
  lastInputMs: number;
  answered: number;
  /** Unanswered requests. */
  waiting: number;
  turn: Promise<void>;
}

export class RtspServer {
  private readonly address: Pick<ServedAddress, 'host' | 'port' | 'path'>;
  private readonly deps: RtspServerDeps;
  private readonly login: Login | null;
  private readonly digest: DigestLogin;
  private readonly connections = new Set<Connection>();
  private readonly sessions = new Map<string, RtspSession>();
  /** UDP sessions by the sender of their RTCP reports, `address:port`. */
  private readonly byReports = new Map<string, RtspSession>();
  private server: Server | null = null;
  private readonly ports: PortPair;
  private sweeper: Timer | null = null;
  private accepted = 0;
  private readonly described: { session: number; version: number };

  constructor(address: Pick<ServedAddress, 'host' | 'port' | 'path'>, login: Login | null, deps: RtspServerDeps) {
    this.address = address;
    this.deps = deps;
    this.login = login;
    const nobody = { user: 'nobody', password: toHex(deps.random.bytes(16)) };
    this.digest = new DigestLogin(login ?? nobody, deps);
    this.ports = new PortPair(address, (from) => this.byReports.get(from)?.touch(), deps.log);
    this.described = { session: Math.floor(deps.clock.wallUs() / 1_000_000), version: 1 };
  }

  /** Listens; returns its port. Throws `port_in_use`, `camera_address_unserved`. */
  async start(): Promise<number> {
    const server = createServer((socket) => this.accept(socket));
    limitConnections(server);
    const port = await listenAt(server, this.address, this.deps.log);
    this.server = server;
    this.sweep();
    return port;
  }

  get viewers(): number {
    return [...this.sessions.values()].filter((session) => session.playing).length;
  }

  /** Sends a unit to all sessions. */
  unit(unit: AccessUnit): void {
    if (this.isDead) {
      for (const { socket } of this.connections) socket.destroy();
      for (const session of [...this.sessions.values()]) this.end(session);
    }
    for (const session of this.sessions.values()) session.unit(unit);
  }

  /** The codec has changed: every session ends, because its description is no longer valid. */
  codecChanged(): void {
    for (const session of [...this.sessions.values()]) this.end(session);
    for (const { socket, answered } of this.connections) if (answered > 0) socket.end();
    this.described.version += 1;
  }

  /** Sends RTCP BYE to every viewer and ends all connections. */
  async stop(): Promise<void> {
    this.sweeper?.cancel();
    const { server } = this;
    this.server = null;
    const byUdp = new Set([...this.byReports.keys()].map((from) => from.slice(0, from.lastIndexOf(':'))));
    const open = [...this.connections].map(({ socket, sessions }) => {
      return { socket, isToldElsewhere: sessions.size === 0 && byUdp.has(socket.remoteAddress ?? '') };
    });
    for (const session of [...this.sessions.values()]) this.end(session);
    if (server) await endConnections(server, open, this.deps.clock);
    await this.ports.close();
  }

  private fault(name: FaultName): number | string | null {
    const { stream } = this.deps;
    return stream.faults.at(name, stream.nowUs())?.value ?? null;
  }

  /** Whether the fault `dies` has just ended all connections. */
  private get isDead(): boolean {
    const { stream } = this.deps;
    const nowUs = stream.nowUs();
    const fault = stream.faults.at('dies', nowUs);
    if (!fault) return false;
    const sinceUs = nowUs - fault.fromUs;
    return sinceUs >= Number(fault.value) && sinceUs % Number(fault.value) < DEAD_US;
  }

  private accept(socket: Socket): void {
    if (this.isDead) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    const isOther = this.fault('two-cameras') !== null && this.accepted % 2 === 0;
    this.accepted += 1;
    const connection: Connection = {
      socket,
      isOther,
      reader: new RtspReader(),
      sessions: new Set<RtspSession>(),
      freeChannel: 0,
      lastInputMs: this.deps.clock.monotonicMs(),
      answered: 0,
      waiting: 0,
      turn: Promise.resolve(),
    };
    this.connections.add(connection);
    socket.on('error', (thrown) => this.deps.log.debug('an RTSP connection broke', { detail: thrown.message }));
    socket.on('close', () => {
      this.connections.delete(connection);
      for (const session of connection.sessions) this.end(session);
    });
    socket.on('data', (part: Buffer) => this.hear(connection, part));
  }

  private hear(connection: Connection, part: Uint8Array): void {
    if (this.fault('half-open') !== null) return;
    connection.lastInputMs = this.deps.clock.monotonicMs();
    for (const session of connection.sessions) session.touch();
    for (const input of connection.reader.push(part)) {
      // An interleaved packet from a viewer is an RTCP report: it shows that the viewer is alive.
      if (input.kind === 'packet') continue;
      connection.waiting += 1;
      const isTooMuch = connection.waiting > WAITING_MAX || connection.socket.writableLength > BACKLOG_BYTES_MAX;
      if (isTooMuch) connection.socket.destroy();
      connection.turn = connection.turn
        .then(() => this.respond(connection, input))
        .catch((thrown: unknown) => {
          this.deps.log.error('an RTSP request could not be answered, and its connection is ended', {
            detail: String(thrown),
          });
          connection.socket.destroy();
        });
    }
  }

  private async respond(connection: Connection, input: Exclude<RtspInput, { kind: 'packet' }>): Promise<void> {
    const { socket } = connection;
    connection.waiting -= 1;
    if (input.kind === 'refused') {
      socket.end(answerBytes({ status: input.status }, input.cseq));
      return;
    }
    await this.deps.stream.ready;
    await this.delay(connection);
    if (socket.destroyed) return;
    const answer = await this.answer(connection, input.request);
    if (answer && !socket.destroyed) socket.write(answerBytes(answer, input.request.cseq));
  }

  /** The fault `slow-start`: the first answer of each connection is late. */
  private async delay(connection: Connection): Promise<void> {
    const us = this.fault('slow-start');
    connection.answered += 1;
    if (us !== null && connection.answered === 1) await this.deps.clock.sleep(Number(us) / 1_000);
  }

  /** Null if the camera sends something other than an answer. */
  private async answer(connection: Connection, request: RtspRequest): Promise<RtspAnswer | null> {
    const { method, headers } = request;
    const required = headers.get('require');
    if (required !== undefined) return { status: 551, headers: [['Unsupported', required]] };
    if (this.fault('web-page') !== null) {
      connection.socket.end(
        'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>Camera</title>\n',
      );
      return null;
    }
    if (method === 'OPTIONS') return { status: 200, headers: [['Public', METHODS.join(', ')]] };
    const allowed = this.allowed(request);
    if (allowed) return allowed;
    const known = METHODS.find((one) => one === method);
    if (!known || known === 'OPTIONS') {
      const isOthers = ['ANNOUNCE', 'RECORD', 'REDIRECT', 'SET_PARAMETER'].includes(method);
      return isOthers ? { status: 405, headers: [['Allow', METHODS.join(', ')]] } : { status: 501 };
    }
    const place = this.placeOf(request.url);
    if (!place || connection.isOther || this.fault('not-found') !== null) return { status: 404 };
    if (known === 'DESCRIBE') return this.describe(connection, request);
    if (known === 'SETUP') return this.setUp(connection, request, place.track);
    const answer = this.inSession(request, known);
    if (known === 'PLAY' && answer.status === 200) keepForTransfer(connection.socket);
    return answer;
  }

  /** The refusal of an unauthorized request; null if it is allowed. */
  private allowed({ method, url, headers }: RtspRequest): RtspAnswer | null {
    const isRefused = this.fault('wrong-password') !== null;
    if (!this.login && !isRefused) return null;
    // Clients may name the whole stream where they request one track.
    const isAsked = (uri: string) => uri === url || this.placeOf(uri) !== null;
    const verdict = isRefused ? 'no' : this.digest.accepts(method, headers.get('authorization'), isAsked);
    if (verdict === 'elsewhere') return { status: 400 };
    if (verdict === 'yes') return null;
    return { status: 401, headers: [['WWW-Authenticate', this.digest.challenge(verdict === 'stale')]] };
  }

  /** The part of the stream that a URL names; null if it names another stream. */
  private placeOf(url: string): { track: AccessUnit['track'] | null } | null {
    if (url === '*') return { track: null };
    if (!URL.canParse(url)) return null;
    const { pathname } = new URL(url);
    const { path } = this.address;
    if (pathname === path || pathname === `${path}/`) return { track: null };
    for (const track of ['video', 'audio'] as const) if (pathname === `${path}/${TRACK_PATHS[track]}`) return { track };
    return null;
  }

  private describe({ socket }: Connection, { url, headers }: RtspRequest): RtspAnswer {
    const target = this.fault('redirect');
    if (target !== null) return { status: 302, headers: [['Location', String(target)]] };
    const accept = headers.get('accept');
    if (accept !== undefined && !/application\/sdp|application\/\*|\*\/\*/i.test(accept)) return { status: 406 };
    const facts = {
      host: socket.localAddress ?? this.address.host,
      ...this.described,
      withSets: this.fault('no-sets') === null,
    };
    const body = sessionDescription(this.deps.stream.format(), facts);
    const base = url.endsWith('/') ? url : `${url}/`;
    return {
      status: 200,
      headers: [
        ['Content-Base', base],
        ['Content-Type', 'application/sdp'],
      ],
      body,
    };
  }

  private async setUp(
    connection: Connection,
    request: RtspRequest,
    named: AccessUnit['track'] | null,
  ): Promise<RtspAnswer> {
    const hasSound = this.deps.stream.format().sound !== null;
    const track = named ?? (hasSound ? null : 'video');
    if (!track) return { status: 459 };
    if (track === 'audio' && !hasSound) return { status: 404 };
    const [id] = (request.headers.get('session') ?? '').split(';');
    const found = id ? this.sessions.get(id) : undefined;
    if (id && !found) return { status: 454 };
    if (found?.playing) return { status: 455 };
    if (this.fault('busy') !== null || (!found && this.sessions.size >= SESSIONS_MAX)) return { status: 453 };
    const isUdpOnly = this.fault('udp-only') !== null;
    const offers = wantedTransports(request.headers.get('transport') ?? '');
    const wanted = offers.find(({ kind }) => kind === 'udp' || !isUdpOnly);
    if (!wanted || (wanted.kind === 'tcp' && (wanted.channel ?? connection.freeChannel) + 1 > CHANNEL_MAX))
      return { status: 461 };
    const session = found ?? new RtspSession(toHex(this.deps.random.bytes(8)), this.deps.stream, this.deps);
    const way =
      wanted.kind === 'tcp' ? this.tcpWay(connection, session, wanted) : await this.udpWay(connection, session, wanted);
    if (!way) return { status: 503 };
    session.setUp(track, way);
    this.sessions.set(session.id, session);
    const ssrc = session.ssrcOf(track).toString(16).padStart(8, '0').toUpperCase();
    return {
      status: 200,
      headers: [
        ['Session', `${session.id};timeout=${SESSION_S_MAX}`],
        ['Transport', `${way.transport};ssrc=${ssrc};mode="PLAY"`],
      ],
    };
  }

  private tcpWay(
    connection: Connection,
    session: RtspSession,
    { channel }: WantedTransport & { kind: 'tcp' },
  ): PacketWay {
    const { socket } = connection;
    const first = channel ?? connection.freeChannel;
    connection.freeChannel = Math.max(connection.freeChannel, first + 2);
    connection.sessions.add(session);
    const write = (to: number, packet: Uint8Array) => {
      if (socket.destroyed || socket.writableLength > BACKLOG_BYTES_MAX) return false;
      socket.write(interleaved(to, packet));
      return true;
    };
    return {
      transport: `RTP/AVP/TCP;unicast;interleaved=${first}-${first + 1}`,
      rtp: (packet) => write(first, packet),
      rtcp: (packet) => write(first + 1, packet),
    };
  }

  /** UDP packets go only to the requesting host, whatever the request names. Null if no UDP ports are free. */
  private async udpWay(
    { socket }: Connection,
    session: RtspSession,
    { rtpPort, rtcpPort }: WantedTransport & { kind: 'udp' },
  ): Promise<PacketWay | null> {
    const sockets = await this.ports.open();
    const host = socket.remoteAddress;
    if (!sockets || host === undefined) return null;
    const [rtp, rtcp] = sockets;
    this.byReports.set(`${host}:${rtcpPort}`, session);
    const send = (from: UdpSocket, port: number) => (packet: Uint8Array) => {
      from.send(packet, port, host, () => undefined);
      return true;
    };
    return {
      transport: `RTP/AVP;unicast;client_port=${rtpPort}-${rtcpPort};server_port=${rtp.address().port}-${rtcp.address().port}`,
      rtp: send(rtp, rtpPort),
      rtcp: send(rtcp, rtcpPort),
    };
  }

  private inSession(
    { url, headers }: RtspRequest,
    method: 'PLAY' | 'PAUSE' | 'TEARDOWN' | 'GET_PARAMETER',
  ): RtspAnswer {
    const [id = ''] = (headers.get('session') ?? '').split(';');
    const session = this.sessions.get(id);
    if (!session) return method === 'GET_PARAMETER' && id === '' ? { status: 200 } : { status: 454 };
    session.touch();
    const sessionHeader = [['Session', `${session.id};timeout=${SESSION_S_MAX}`]] as const;
    switch (method) {
      case 'PLAY': {
        const base = url.replace(/\/$/, '');
        const info = session.play((track) => `${base}/${TRACK_PATHS[track]}`);
        return { status: 200, headers: [...sessionHeader, ['Range', 'npt=0.000-'], ['RTP-Info', info]] };
      }
      case 'PAUSE':
        session.pause();
        return { status: 200, headers: sessionHeader };
      case 'TEARDOWN':
        this.end(session);
        return { status: 200 };
      case 'GET_PARAMETER':
        return { status: 200, headers: sessionHeader };
    }
  }

  private end(session: RtspSession): void {
    session.end();
    this.sessions.delete(session.id);
    for (const { sessions } of this.connections) sessions.delete(session);
    for (const [from, one] of this.byReports) if (one === session) this.byReports.delete(from);
  }

  /** Ends sessions of silent viewers, and idle connections. */
  private sweep(): void {
    const { clock } = this.deps;
    this.sweeper = clock.after(SWEEP_MS, () => this.sweep());
    for (const session of [...this.sessions.values()]) if (session.isSilent) this.end(session);
    const oldestMs = clock.monotonicMs() - SESSION_S_MAX * 1_000;
    for (const { socket, sessions, lastInputMs } of this.connections) {
      if (sessions.size === 0 && lastInputMs < oldestMs) socket.destroy();
    }
  }
}
