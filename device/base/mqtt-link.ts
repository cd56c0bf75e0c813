// One MQTT 3.1.1 session that reconnects by itself: QoS 1, clean sessions, a bounded queue. The only file that imports mqtt.
import type { Socket } from 'node:net';
import { assert } from '@doorsill/contract/assert';
import { utf8 } from '@doorsill/contract/bytes';
import type { IClientOptions, MqttClient } from 'mqtt';
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import { sha256Hex } from './keys.ts';
import type { Log } from './log.ts';
import { MqttQueue, type OutgoingMessage, type QueueLimits } from './mqtt-queue.ts';
import { type BrokerAddress, brokerAddress, openBrokerSocket, showAddress } from './mqtt-socket.ts';
import {
  afterAwake,
  type IncomingMessage,
  type MqttSubscription,
  Subscription,
  Subscriptions,
} from './mqtt-subscription.ts';
import { isTopicName, TOPIC_BYTES_MAX } from './mqtt-topic.ts';
import type { Network } from './network.ts';
import { freshId, type Random } from './random.ts';
import type { TlsMaterial, TlsSource } from './tls.ts';
import { TlsFault, type TlsFaultKind } from './tls-fault.ts';

export type { IncomingMessage, MqttSubscription } from './mqtt-subscription.ts';

/** The will: the broker publishes it when the session ends without DISCONNECT, and this link before it sends one. */
interface LastMessage {
  topic: string;
  payload: string;
  retain: boolean;
}

/** Settings and seams of a link. */
export interface MqttLinkOptions {
  /** `mqtt://host:port` or `mqtts://host:port`; ports default to 1883 and 8883. Credentials in it are ignored. */
  url: string;
  user: string;
  /** Absent where a client certificate is the login. */
  password?: string | undefined;
  /** The account has one session at a time: a new one ends the old. */
  single?: boolean;
  /** For `mqtts:`. Absent: the system's authorities, and no certificate of our own. */
  tls?: TlsSource | undefined;
  will?: LastMessage;
  keepaliveS?: number;
  payloadBytesMax: number;
  queue?: QueueLimits;
  /** Makes the coded failure for callers. `where`: the broker's address without credentials; `fault`: why TLS failed. */
  unreachable: (where: string, detail: string, fault?: TlsFaultKind) => Error;
  /** Absent: the machine's own. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

/**
 * `error`: why the last attempt failed or the connection was lost; null before the first and after `stop`. `trouble`: the broker soon ended
 * the sessions before this one.
 */
export type LinkState = { online: true; trouble?: Error } | { online: false; error: Error | null };

/**
 * A broker ends an older session with the same client id [MQTT-3.1.4-2], and not every broker binds ids to accounts. So that no other
 * account can end this session, its id cannot be guessed and depends on the password. Where a certificate is the login there is no
 * password, so the id is a new one at each start.
 */
function clientIdOf({ user, password, single, random }: MqttLinkOptions): string {
  if (!single || password === undefined) return freshId(random, user);
  return `${user}-${sha256Hex(`client id\n${user}\n${password}`).slice(0, 32)}`;
}

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 30_000;
/** A broker that stops loses all clients at once: each waits a random time of up to this, so that they do not all return together. */
const SPREAD_MS = 2_000;
/** A session of this length resets the backoff; after shorter ones waits keep growing (two clients may end each other's sessions). */
const STABLE_MS = 10_000;
/** After this number of sessions in a row that the broker ended this soon, something else is taken to log in with the account. */
const SHORT = { sessions: 3, ms: 60_000 };
const ENDED_AGAIN =
  'the broker ends each session soon: most likely something else logs in with this account, such as a copy of this device’s card or backup';
/** For TCP, TLS and CONNACK together; and for each SUBACK and PUBACK. */
const ANSWER_MS_MAX = 10_000;
const CONNECT_MS_NEVER = 3_600_000;
const DRAIN_MS_MAX = 2_000;
const FILTERS_MAX = 200;
const QUEUE_DEFAULT: QueueLimits = { messages: 1_000, bytes: 4 * 1024 * 1024 };

/** One session with one broker. Messages that are published while it is offline wait in a bounded queue. */
export class MqttLink {
  private readonly options: MqttLinkOptions;
  private readonly clientId: string;
  private readonly address: BrokerAddress | null;
  private readonly queue: MqttQueue;
  private readonly backoff: Backoff;
  private readonly subscriptions: Subscriptions;
  private readonly listeners = new Set<(state: LinkState) => void>();
  private current: LinkState = { online: false, error: null };
  private lastError: Error | null = null;
  /** Whether the last failure was one of TLS, and the detail that was last logged. */
  private isTlsAtFault = false;
  private loggedDetail: string | undefined;
  private shortSessions = 0;
  private onlineSinceMs = 0;
  private client: MqttClient | null = null;
  private socket: Socket | null = null;
  private answerTimer: Timer | null = null;
  private running: { controller: AbortController; done: Promise<void> } | null = null;
  private stopping = false;
  private drained: (() => void) | null = null;
  private readonly awaiting = new Set<(error: Error) => void>();

  constructor(options: MqttLinkOptions) {
    this.options = options;
    this.address = brokerAddress(options.url);
    this.clientId = clientIdOf(options);
    this.queue = new MqttQueue(options.queue ?? QUEUE_DEFAULT);
    this.backoff = new Backoff(options.random, RETRY_FIRST_MS, RETRY_MOST_MS);
    this.subscriptions = new Subscriptions({
      ...options,
      answerMsMax: ANSWER_MS_MAX,
      unanswered: () => this.socket?.destroy(),
      refusal: (detail) => this.failure(detail),
    });
  }

  get state(): LinkState {
    const { current } = this;
    if (!current.online || current.trouble === undefined) return current;
    // A session that has lasted this long is not contested.
    return this.options.clock.monotonicMs() - this.onlineSinceMs < SHORT.ms ? current : { online: true };
  }

  /** Messages dropped, because the queue was full or the broker never accepted them. */
  get dropped(): number {
    return this.queue.dropped;
  }

  /** The broker's address without credentials. */
  get where(): string {
    return showAddress(this.address);
  }

  /** Begins to connect and keeps trying until `stop`. Does not wait. */
  start(): void {
    assert(this.running === null, 'a link is started once');
    const controller = new AbortController();
    this.running = { controller, done: this.run(controller.signal) };
  }

  /** Sends queued messages (for a short while), then the will's message, then DISCONNECT, and ends. Never rejects. */
  async stop(): Promise<void> {
    const running = this.running;
    if (!running || this.stopping) return running?.done;
    this.stopping = true;
    const last = this.options.will;
    if (last && this.current.online) this.publish(last.topic, last.payload, { retain: last.retain }).catch(() => {});
    const drained = this.current.online ? await this.drain() : true;
    if (drained) await this.goodbye();
    running.controller.abort();
    this.socket?.destroy();
    await running.done;
    this.running = null;
    this.stopping = false;
    this.queue.clear('the link was stopped');
    for (const giveUp of [...this.awaiting]) giveUp(this.failure('the link was stopped'));
    this.subscriptions.rejectAll(this.failure('the link was stopped'));
  }

  /** Resolves when the link is online; rejects with the last `unreachable` after `withinMs`, or when the link is stopped. */
  reached(withinMs: number): Promise<void> {
    if (this.current.online) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel();
        forget();
        this.awaiting.delete(giveUp);
      };
      const giveUp = (error: Error) => {
        end();
        reject(error);
      };
      const forget = this.onState((state) => {
        if (!state.online) return;
        end();
        resolve();
      });
      const timer = this.options.clock.after(withinMs, () => giveUp(this.lastError ?? this.failure('no answer')));
      this.awaiting.add(giveUp);
    });
  }

  /** Calls `listener` on every change; returns a function that removes it. Subscriptions are answered before `online`. */
  onState(listener: (state: LinkState) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Receives every message that the filters match, now and after every reconnect, until closed. At most 200 filters for one link. */
  subscribe(filters: readonly string[], handler: (message: IncomingMessage) => void): MqttSubscription {
    assert(filters.length > 0, 'a subscription has a filter');
    const subscription = new Subscription(this, filters, handler);
    this.subscriptions.add(subscription);
    assert(this.subscriptions.filters().length <= FILTERS_MAX, 'a link has a bounded number of filters');
    if (this.client?.connected) this.ask(this.client, filters, () => undefined);
    return subscription;
  }

  /** For Subscription.close. */
  forget(subscription: Subscription): void {
    const unused = this.subscriptions.remove(subscription);
    if (this.client?.connected && unused.length > 0) this.client.unsubscribe(unused, () => undefined);
  }

  /**
   * Resolves when the broker has acknowledged the message; rejects with `unreachable` when it was dropped. `keep`: when the queue is full,
   * other messages are dropped first.
   */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: { retain?: boolean; keep?: boolean } = {},
  ): Promise<void> {
    const bytes = typeof payload === 'string' ? utf8(payload) : payload;
    assert(isTopicName(topic), 'a message has a topic without wildcards');
    assert(bytes.length <= this.options.payloadBytesMax, 'a payload is within the limit');
    return new Promise((resolve, reject) => {
      this.queue.push({
        topic,
        payload: bytes,
        retain: options.retain ?? false,
        keep: options.keep ?? false,
        acknowledged: resolve,
        dropped: (why) => reject(this.failure(why)),
      });
      this.flush();
    });
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted) {
      const onlineMs = await this.session();
      if (onlineMs >= STABLE_MS) this.backoff.reset();
      if (onlineMs >= SHORT.ms) this.shortSessions = 0;
      if (signal.aborted) return;
      const spreadMs = onlineMs > 0 ? Math.round(this.options.random.fraction() * SPREAD_MS) : 0;
      const waitMs = this.backoff.nextMs() + spreadMs;
      this.logOffline(waitMs);
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** One connection from its first byte to its last. Resolves with the milliseconds for which it was online. */
  private async session(): Promise<number> {
    const { address } = this;
    try {
      if (!address) throw new Error('the address is not mqtt://HOST:PORT or mqtts://HOST:PORT');
      const tls = address.secure ? await this.options.tls?.() : undefined;
      // Loaded only when connecting: most commands end before that, and loading takes a tenth of a second.
      const { MqttClient: Client } = await import('mqtt');
      return this.stopping ? 0 : await this.converse(Client, address, tls ?? {});
    } catch (thrown) {
      this.setOffline(this.failureOf(thrown));
      return 0;
    }
  }

  private converse(Client: typeof MqttClient, address: BrokerAddress, tls: TlsMaterial): Promise<number> {
    const { clock, network } = this.options;
    const packetBytesMax = this.options.payloadBytesMax + TOPIC_BYTES_MAX + 4;
    const connection = openBrokerSocket(address, tls, packetBytesMax, network);
    this.socket = connection.socket;
    return new Promise((resolve) => {
      let error: Error | null = null;
      let onlineSinceMs: number | null = null;
      const late = () => connection.socket.destroy(new Error('connack timeout'));
      const connecting = afterAwake(clock, ANSWER_MS_MAX, late);
      const client = new Client(() => connection.socket, this.clientOptions());
      this.client = client;
      client.on('error', (thrown) => {
        error = thrown;
        connection.socket.destroy();
      });
      client.on('connect', () => {
        connecting.cancel();
        this.ask(client, this.subscriptions.filters(), () => {
          onlineSinceMs = clock.monotonicMs();
          this.setOnline();
        });
      });
      client.on('message', (topic, payload, packet) => this.deliver(topic, payload, packet.retain));
      client.once('close', () => {
        connecting.cancel();
        this.answerTimer?.cancel();
        this.answerTimer = null;
        this.subscriptions.sessionEnded();
        this.client = null;
        this.socket = null;
        this.queue.connectionLost();
        this.drained?.();
        const fault = connection.fault() ?? error ?? connection.error();
        if (connection.socket.readableEnded && onlineSinceMs !== null) this.shortSessions += 1;
        const cause = fault ?? new Error(this.isContested ? ENDED_AGAIN : 'the connection was closed');
        this.setOffline(this.stopping ? null : this.failureOf(cause));
        const onlineMs = onlineSinceMs === null ? 0 : clock.monotonicMs() - onlineSinceMs;
        client.end(true, () => resolve(onlineMs));
      });
    });
  }

  private clientOptions(): IClientOptions {
    const { user, password, keepaliveS, will } = this.options;
    return {
      clientId: this.clientId,
      username: user,
      ...(password === undefined ? {} : { password }),
      keepalive: keepaliveS ?? 30,
      timerVariant: 'native',
      protocolVersion: 4,
      // Its default loggers take memory for each connection, and nobody reads them.
      log: () => undefined,
      clean: true,
      resubscribe: false,
      reconnectPeriod: 0,
      // This link ends the wait for CONNACK itself, without counting time in which this process did not run.
      connectTimeout: CONNECT_MS_NEVER,
      ...(will ? { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: will.retain } } : {}),
    };
  }

  /** Subscribes to the filters in this session; `then` runs once the broker has answered, granted or not. */
  private ask(client: MqttClient, filters: readonly string[], then: () => void): void {
    this.subscriptions.ask(
      (wanted, answered) => {
        client.subscribe([...wanted], { qos: 1 }, (_error, _subscriptions, packet) => {
          if (packet && client === this.client) answered(packet.granted.map(Number));
        });
      },
      filters,
      then,
    );
  }

  private deliver(topic: string, payload: Uint8Array, retained: boolean): void {
    if (this.stopping || !isTopicName(topic) || payload.length > this.options.payloadBytesMax) return;
    this.subscriptions.deliver(topic, payload, retained);
  }

  /** Sends as many queued messages as may be in flight at once. */
  private flush(): void {
    const client = this.client;
    while (client && this.current.online) {
      const message = this.queue.take();
      if (!message) break;
      this.send(client, message);
    }
    if (this.queue.size === 0) this.drained?.();
  }

  private send(client: MqttClient, message: OutgoingMessage): void {
    this.answerTimer ??= this.untilSilent();
    client.publish(message.topic, Buffer.from(message.payload), { qos: 1, retain: message.retain }, (error) => {
      // After a lost connection the message is back in the queue, and a late callback must not touch it.
      if (error || client !== this.client || !this.queue.acknowledge(message)) return;
      this.answerTimer?.cancel();
      this.answerTimer = this.queue.underWay > 0 ? this.untilSilent() : null;
      this.flush();
    });
  }

  /** Ends the connection of a broker that does not answer. */
  private untilSilent(): Timer {
    return afterAwake(this.options.clock, ANSWER_MS_MAX, () => this.socket?.destroy());
  }

  /** Waits until the queue is empty or the connection is lost; resolves with whether it became empty. */
  private drain(): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = () => {
        timer.cancel();
        this.drained = null;
        resolve(this.queue.size === 0);
      };
      const timer = this.options.clock.after(DRAIN_MS_MAX, finish);
      this.drained = finish;
      this.flush();
    });
  }

  /** DISCONNECT, so that the broker drops the will [MQTT-3.14.4-3]; the broker then closes the connection. */
  private goodbye(): Promise<void> {
    const client = this.client;
    if (!client?.connected) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.options.clock.after(DRAIN_MS_MAX, resolve);
      client.once('close', () => {
        timer.cancel();
        resolve();
      });
      client.end(false);
    });
  }

  private setOnline(): void {
    this.options.log.info('connected to an MQTT broker', { where: this.where });
    this.loggedDetail = undefined;
    this.onlineSinceMs = this.options.clock.monotonicMs();
    this.change({ online: true, ...(this.isContested ? { trouble: this.failure(ENDED_AGAIN) } : {}) });
    this.flush();
  }

  private get isContested(): boolean {
    return this.options.single === true && this.shortSessions >= SHORT.sessions;
  }

  private setOffline(error: Error | null): void {
    this.lastError = error ?? this.lastError;
    this.change({ online: false, error });
  }

  private change(state: LinkState): void {
    this.current = state;
    for (const listener of [...this.listeners]) listener(state);
  }

  /** Logs each failed attempt: a new TLS fault as a warning, others at info level. */
  private logOffline(retryInMs: number): void {
    const detail = this.lastError?.message;
    const level = !this.isTlsAtFault || detail === this.loggedDetail ? 'info' : 'warn';
    this.options.log[level]('not connected to an MQTT broker; it is tried again after retryInMs', {
      where: this.where,
      detail,
      retryInMs,
    });
    this.loggedDetail = detail;
  }

  private failure(detail: string): Error {
    return this.options.unreachable(this.where, detail);
  }

  private failureOf(thrown: unknown): Error {
    const detail = thrown instanceof Error ? thrown.message : 'the connection could not be opened';
    this.isTlsAtFault = thrown instanceof TlsFault;
    return thrown instanceof TlsFault
      ? this.options.unreachable(this.where, detail, thrown.kind)
      : this.failure(detail);
  }
}
