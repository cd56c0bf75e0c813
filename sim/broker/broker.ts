// The embedded MQTT 3.1.1 broker: logins, access and limits of its clients. The only file that imports aedes.

import { createServer, type Server, Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import { PAYLOAD_BYTES_MAX } from '@doorsill/contract/topics';
import { Aedes, type AedesPublishPacket, type AuthenticateError, type Client } from 'aedes';
import { failure } from '../errors.ts';
import {
  type AccessOptions,
  AccountAccess,
  isShared,
  mayPublish,
  mayReceive,
  maySubscribe,
  type Session,
} from './account-login.ts';
import { type BrokerLimits, DEFAULT_LIMITS, RateLimit, watchSocket } from './broker-limits.ts';
import { RetainedMessages } from './retained-messages.ts';
import { certificateUser, makeTlsServer, type TlsListenerOptions } from './tls-listener.ts';

/** Options of an embedded broker. */
export interface BrokerOptions extends AccessOptions {
  host: string;
  /** 0: a free port, which is `port` of the started broker. */
  port: number;
  limits?: Partial<BrokerLimits>;
  /** If set, only TLS is accepted. */
  tls?: TlsListenerOptions;
  /** How often accounts are checked; default ACCOUNTS_AGAIN_MS. */
  accountsAgainMs?: number;
  /** A simulated network; absent: the machine's. */
  network?: Network;
  clock: Clock;
  log: Log;
}

/** How often accounts are checked: all of them for removal, ACCOUNTS_READ_AGAIN of them for changes. */
const ACCOUNTS_AGAIN_MS = 2_000;
const ACCOUNTS_READ_AGAIN = 64;

type Message = { topic: string; payload: string | Uint8Array; retain?: boolean; qos?: number };
type Connect = { username?: string; clientId: string; clean?: boolean; will?: Message };

/** A broker on one TCP port. Retained messages are only in memory: after a restart their publishers publish them again. */
export class Broker {
  private readonly options: BrokerOptions;
  private readonly limits: BrokerLimits;
  private readonly access: AccountAccess;
  private readonly sockets = new Set<Socket>();
  /** Sockets without a login, the oldest first. */
  private readonly strangers = new Set<object>();
  /** Current sessions. A client's session stays in `granted` after it disconnects, because its will is published later. */
  private readonly sessions = new Map<Client, Session>();
  private readonly granted = new WeakMap<Client, Session>();
  private readonly wills = new WeakMap<Client, Message>();
  private readonly rates = new WeakMap<Client, RateLimit>();
  /** The user name in the client's certificate, where certificates are required; null: no usable certificate. */
  private readonly certified = new WeakMap<Client, string | null>();
  /** The account that published the retained message of each topic. */
  private readonly retainedBy = new Map<string, string>();
  private aedes: Aedes | null = null;
  private server: Server | null = null;
  private accountsTimer: Timer | null = null;
  private boundPort = 0;
  private logins = 0;
  private nextRead = 0;

  constructor(options: BrokerOptions) {
    this.options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.access = new AccountAccess(options);
  }

  /** The port it listens on once started. */
  get port(): number {
    return this.boundPort;
  }

  /** `mqtt://host:port`, or `mqtts:`, of the started broker. */
  get url(): string {
    return `${this.options.tls ? 'mqtts' : 'mqtt'}://${this.options.host}:${this.boundPort}`;
  }

  /** User names of the current sessions. */
  get connected(): string[] {
    return [...this.sessions.values()].map((session) => session.account.user).sort();
  }

  /** Number of retained messages. */
  get retained(): number {
    return this.retainedBy.size;
  }

  /** Listens. Throws `port_in_use`. */
  async start(): Promise<void> {
    const { limits } = this;
    const aedes = await Aedes.createBroker({
      // Delivery waits for no client: slow readers are disconnected (forward), so many slots do no harm.
      concurrency: 5_000,
      connectTimeout: limits.connectMs,
      drainTimeout: limits.connectMs,
      keepaliveLimit: limits.keepaliveS,
      queueLimit: limits.waitingPackets,
      maxTopicLevels: 16,
      preConnect: (client, packet, done) => this.admit(client, packet, done),
      authenticate: (client, user, password, done) => void this.authenticate(client, user, password, done),
      authorizePublish: (client, packet, done) => done(this.refusal(client, packet)),
      authorizeSubscribe: (client, asked, done) => done(null, this.subscribable(client, asked) ? asked : null),
      authorizeForward: (client, packet) => this.forward(client, packet),
    });
    replaceRetainedStore(aedes);
    aedes.on('clientDisconnect', (client) => this.sessions.delete(client));
    aedes.on('unsubscribe', (topics, client) => {
      for (const topic of topics) this.granted.get(client)?.filters.delete(topic);
    });
    const note = (_client: Client, error: Error) =>
      this.options.log.debug('a client’s connection to the broker failed', { detail: error.message });
    aedes.on('clientError', note);
    aedes.on('connectionError', note);
    this.aedes = aedes;
    this.server = this.makeServer();
    this.server.maxConnections = limits.connections;
    this.options.network?.adopt(this.server);
    try {
      await this.listen(this.server);
    } catch (thrown) {
      await this.stop();
      if (systemCode(thrown) !== 'EADDRINUSE') throw thrown;
      throw failure('port_in_use', { port: this.options.port, host: this.options.host });
    }
    this.checkAccountsLater();
  }

  /** Ends all sessions and closes the port. */
  async stop(): Promise<void> {
    this.accountsTimer?.cancel();
    this.accountsTimer = null;
    const { aedes, server } = this;
    this.aedes = null;
    this.server = null;
    const closed = server?.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : null;
    if (aedes) await new Promise<void>((resolve) => aedes.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
    this.sessions.clear();
  }

  private listen(server: Server): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.options.port, this.options.host, () => {
        server.off('error', reject);
        server.on('error', (error) =>
          this.options.log.warn('the broker could not accept a connection; others go on', { detail: error.message }),
        );
        const address = server.address();
        if (address && typeof address === 'object') this.boundPort = address.port;
        resolve();
      });
    });
  }

  private makeServer(): Server {
    const { tls } = this.options;
    const highWaterMark = this.limits.backlogBytes;
    if (!tls) return createServer({ highWaterMark, noDelay: true }, (socket) => this.accept(socket));
    const opened = (raw: Socket) => {
      this.sockets.add(raw);
      raw.once('close', () => this.sockets.delete(raw));
    };
    return makeTlsServer({ ...tls, highWaterMark }, opened, (socket) => {
      const client = this.accept(socket);
      if (client && tls.clientCa !== undefined) this.certified.set(client, certificateUser(socket));
    });
  }

  private accept(socket: Socket | TLSSocket): Client | null {
    const { aedes } = this;
    if (!aedes) {
      socket.destroy();
      return null;
    }
    this.sockets.add(socket);
    this.strangers.add(socket);
    const [oldest] = this.strangers;
    if (this.strangers.size > this.limits.strangers && oldest instanceof Socket) oldest.destroy();
    const client = aedes.handle(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.strangers.delete(socket);
      this.sessions.delete(client);
    });
    const rate = new RateLimit(this.options.clock, this.limits);
    this.rates.set(client, rate);
    watchSocket(socket, rate, (fault) => {
      this.options.log.debug('a client broke a limit and is disconnected', { fault });
      socket.destroy();
    });
    return client;
  }

  /** Overrides what a client must not choose: its id follows from its account, and its session ends with its connection. */
  private admit(client: Client, packet: Connect, done: (error: Error | null, success: boolean) => void): void {
    if (this.logins >= this.limits.logins) {
      done(new Error('too many logins at once'), false);
      return;
    }
    const certified = this.certified.get(client);
    if (certified !== undefined) packet.username = certified ?? '';
    // The id takes effect only after the password was checked, so taking over a session needs the account's password.
    packet.clientId = this.access.clientIdOf(packet.username, packet.clientId);
    packet.clean = true;
    if (packet.will) this.wills.set(client, packet.will);
    done(null, true);
  }

  private async authenticate(
    client: Client,
    user: string | undefined,
    password: Uint8Array | undefined,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): Promise<void> {
    this.logins += 1;
    let session: Session | null = null;
    try {
      const certified = this.certified.get(client);
      if (certified !== undefined) session = certified === null ? null : await this.access.sessionOf(certified);
      else session = user && password ? await this.access.login(user, new TextDecoder().decode(password)) : null;
    } catch (thrown) {
      this.options.log.warn('an account could not be read, so its login is refused (check the folder of accounts)', {
        detail: systemCode(thrown) ?? 'unknown',
      });
    } finally {
      this.logins -= 1;
    }
    const will = this.wills.get(client);
    if (!session || client.closed || this.overbooked(session) || (will && publishFault(session, will))) {
      // 4: bad user name or password [MQTT-3.2.2-4], for every reason, so that accounts cannot be probed.
      done(Object.assign(new Error('refused'), { returnCode: 4 }), false);
      return;
    }
    this.strangers.delete(client.conn);
    this.logTakeover(session.account.user);
    this.sessions.set(client, session);
    this.granted.set(client, session);
    done(null, true);
  }

  /** Why a message or will may not be published; null when it may. */
  private refusal(client: Client | null, message: Message): Error | null {
    const session = client && this.granted.get(client);
    const fault = publishFault(session, message);
    if (fault || !session || !message.retain) return fault;
    if (message.payload.length === 0) this.retainedBy.delete(message.topic);
    else this.retainedBy.set(message.topic, session.account.user);
    return null;
  }

  private overbooked(session: Session): boolean {
    const same = [...this.sessions.values()].filter((other) => other.account.user === session.account.user);
    return same.length >= this.limits.connectionsPerAccount;
  }

  /** Logged here, because MQTT 3.1.1 cannot tell the first client why its session ends. */
  private logTakeover(user: string): void {
    if (isShared(user) || ![...this.sessions.values()].some(({ account }) => account.user === user)) return;
    this.options.log.info('a second client logged in with an account; the session of the first ends', { user });
  }

  private subscribable(client: Client, asked: { topic: string; qos: number }): boolean {
    const session = this.granted.get(client);
    // One packet can request thousands of filters, each of which is checked: they count like packets.
    if (!this.rates.get(client)?.use(1, 0)) {
      client.conn.destroy();
      return false;
    }
    if (!session || asked.qos > 1 || !maySubscribe(session.access, asked.topic)) return false;
    if (!session.filters.has(asked.topic) && session.filters.size >= this.limits.subscriptions) return false;
    session.filters.add(asked.topic);
    return true;
  }

  /** Checks access again at delivery: an account may have lost a home since its subscription. */
  private forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const session = this.granted.get(client);
    if (!session || !mayReceive(session.access, packet.topic)) return null;
    if ('writableLength' in client.conn && client.conn.writableLength > this.limits.backlogBytes) {
      client.conn.destroy();
      return null;
    }
    return packet;
  }

  private checkAccountsLater(): void {
    this.accountsTimer = this.options.clock.after(this.options.accountsAgainMs ?? ACCOUNTS_AGAIN_MS, () => {
      const failed = (thrown: unknown) =>
        this.options.log.warn('the accounts could not be checked; sessions of removed ones stay until the next check', {
          detail: systemCode(thrown) ?? 'unknown',
        });
      void this.checkAccounts()
        .catch(failed)
        .then(() => {
          if (this.accountsTimer) this.checkAccountsLater();
        });
    });
  }

  /**
   * Ends the sessions of accounts that were removed or reissued, and clears the retained messages of removed ones. Subscribers receive the
   * empty messages: Home Assistant removes a doorbell when its discovery document is empty. Reads only some of a fleet's files each time.
   */
  private async checkAccounts(): Promise<void> {
    const kept = await this.access.users();
    // A will that is published when its session ends is cleared the next time.
    for (const [topic, user] of this.retainedBy) if (!kept.has(user)) await this.clearRetained(topic);
    const sessions = [...this.sessions];
    const from = sessions.length === 0 ? 0 : this.nextRead % sessions.length;
    this.nextRead = from + ACCOUNTS_READ_AGAIN;
    for (const [at, [client, session]] of sessions.entries()) {
      const isRead = (at - from + sessions.length) % sessions.length < ACCOUNTS_READ_AGAIN;
      if (kept.has(session.account.user) && (!isRead || (await this.access.stillHolds(session)))) continue;
      this.options.log.info('a session is ended: its account was removed or issued anew', {
        user: session.account.user,
      });
      client.close();
    }
  }

  private clearRetained(topic: string): Promise<void> {
    this.retainedBy.delete(topic);
    const message = { cmd: 'publish', topic, payload: Buffer.alloc(0), qos: 1, retain: true, dup: false } as const;
    return new Promise((resolve) => {
      if (this.aedes) this.aedes.publish(message, () => resolve());
      else resolve();
    });
  }
}

/** Why this session may not publish a message or a will; null when it may. */
function publishFault(session: Session | null | undefined, message: Message): Error | null {
  if (!session) return new Error('no session');
  if (message.payload.length > PAYLOAD_BYTES_MAX) return new Error('payload too large');
  if ((message.qos ?? 0) > 1) return new Error('QoS 2 is not spoken here');
  return mayPublish(session.access, message.topic, message.retain ?? false) ? null : new Error('not allowed');
}

/** The part of aedes' persistence that is used here; aedes' types omit it. */
interface AedesMemory {
  storeRetained(message: AedesPublishPacket): Promise<void>;
  createRetainedStreamCombi(filters: readonly string[]): Readable;
}

/** Replaces aedes' list of retained messages, all of which it compares with each subscription. */
function replaceRetainedStore(aedes: Aedes): void {
  const kept = new RetainedMessages<AedesPublishPacket>();
  const { persistence } = aedes as unknown as { persistence: AedesMemory };
  const found = function* (filters: readonly string[]) {
    for (const filter of filters) yield* kept.matching(filter);
  };
  persistence.storeRetained = async (message) => kept.keep(Object.assign({}, message));
  persistence.createRetainedStreamCombi = (filters) => Readable.from(found(filters));
}
