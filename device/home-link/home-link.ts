// The device's session on the home broker: publishes status, state, events, requests, receipts and upload progress; passes consent
// messages and commands on unverified.
import type { Clock, Timer } from '@doorsill/base/clock';
import { LastingTrouble } from '@doorsill/base/lasting-trouble';
import { linkFailure } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import { type IncomingMessage, type LinkState, MqttLink } from '@doorsill/base/mqtt-link';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import type { TlsSource } from '@doorsill/base/tls';
import { assert } from '@doorsill/contract/assert';
import type {
  DeviceEvent,
  DeviceState,
  RequestNotice,
  SightingNotice,
  UploadProgress,
} from '@doorsill/contract/home-messages';
import { PAYLOAD_BYTES_MAX, topicsUnder } from '@doorsill/contract/topics';

/** The part of a session that the home link uses. */
type BrokerSession = Pick<MqttLink, 'state' | 'dropped' | 'onState' | 'start' | 'stop' | 'publish'> & {
  subscribe(...terms: Parameters<MqttLink['subscribe']>): void;
};

class NoBroker implements BrokerSession {
  readonly state: LinkState = { online: false, error: null };
  readonly dropped = 0;

  onState(): () => void {
    return () => undefined;
  }

  start(): void {}

  async stop(): Promise<void> {}

  async publish(): Promise<void> {}

  subscribe(): void {}
}

export interface HomeLinkOptions {
  device: string;
  /** Topic prefix of the home broker. */
  prefix: string;
  /** Null: there is no broker, and owners use the device's own server alone. */
  url: string | null;
  user: string;
  password?: string | undefined;
  tls?: TlsSource | undefined;
  /** Minimum interval between two published states; of those in between only the latest is kept. */
  stateEveryMs?: number;
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

const STATE_EVERY_MS = 300;

/** A message to the owners as it is published: receipts as signed tokens. */
export type HomeMessage =
  | { kind: 'state'; state: DeviceState }
  | { kind: 'event'; event: DeviceEvent }
  | { kind: 'receipt'; receipt: string }
  | { kind: 'request'; request: RequestNotice }
  | { kind: 'sighting'; sighting: SightingNotice }
  | { kind: 'upload'; upload: UploadProgress };

/** One device's session at its home broker. */
export class HomeLink {
  private readonly options: HomeLinkOptions;
  private readonly topics: ReturnType<typeof topicsUnder>;
  private readonly link: BrokerSession;
  private readonly offline: LastingTrouble;
  private readonly messageListeners = new Set<(message: IncomingMessage) => void>();
  private readonly connectListeners = new Set<() => void>();
  private readonly homeMessageListeners = new Set<(message: HomeMessage) => void>();
  private started = false;
  private stopping = false;
  private latestState: DeviceState | null = null;
  private stateDirty = false;
  private stateUnderWay = false;
  private stateTimer: Timer | null = null;

  constructor(options: HomeLinkOptions) {
    this.options = options;
    this.topics = topicsUnder(options.prefix);
    this.offline = new LastingTrouble(
      options,
      'the home broker cannot be reached: owners get no messages from it; recording does not need it',
    );
    const { url } = options;
    if (url === null) {
      this.link = new NoBroker();
      return;
    }
    this.link = new MqttLink({
      ...options,
      url,
      // A device has one session: connecting ends an old session, and its will, before `online` is published.
      single: true,
      will: { topic: this.topics.status(options.device), payload: 'offline', retain: true },
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      unreachable: linkFailure('the home broker'),
      log: options.log.child({ link: 'home' }),
    });
  }

  /** Whether the broker is connected, and why not. */
  get state(): LinkState {
    return this.link.state;
  }

  /** Number of messages dropped since the start: the broker was unreachable too long, or never acknowledged them. */
  get dropped(): number {
    return this.link.dropped;
  }

  /** Connects and keeps trying. Add listeners before. */
  start(): void {
    assert(!this.started, 'a home link is started once');
    this.started = true;
    const { device } = this.options;
    this.link.onState((state) => {
      this.offline.is(state.online ? null : state.error);
      if (state.online) this.arrived();
    });
    this.link.subscribe([this.topics.consentFilter(device), this.topics.command(device)], (message) => {
      for (const listener of [...this.messageListeners]) listener(message);
    });
    this.link.start();
  }

  /** Sends queued messages, publishes offline and disconnects. */
  async stop(): Promise<void> {
    if (this.stateDirty && this.link.state.online) this.sendState();
    this.stopping = true;
    this.stateTimer?.cancel();
    this.stateTimer = null;
    await this.link.stop();
    this.offline.is(null);
  }

  /** Calls `listener` with every message on the device's consent and command topics, retained ones included, unverified. */
  onMessage(listener: (message: IncomingMessage) => void): () => void {
    this.messageListeners.add(listener);
    return () => void this.messageListeners.delete(listener);
  }

  /** Calls `listener` on each connection to the broker, to republish what is not retained. */
  onConnect(listener: () => void): () => void {
    this.connectListeners.add(listener);
    return () => void this.connectListeners.delete(listener);
  }

  /** Calls `listener` with every message to the owners when it is published, whether or not the broker is connected. */
  onHomeMessage(listener: (message: HomeMessage) => void): () => void {
    this.homeMessageListeners.add(listener);
    return () => void this.homeMessageListeners.delete(listener);
  }

  /** Publishes the state, retained. In a burst intermediate states are skipped, never the last. */
  publishState(state: DeviceState): void {
    this.notify({ kind: 'state', state });
    this.latestState = state;
    this.stateDirty = true;
    this.stateSoon();
  }

  /** Publishes an event; resolves once the broker has it. Rejects with `unreachable` if it was dropped. */
  publishEvent(event: DeviceEvent): Promise<void> {
    this.notify({ kind: 'event', event });
    return this.link.publish(this.topics.event(this.options.device), JSON.stringify(event));
  }

  /** Publishes a signed receipt. Rejects with `unreachable` if it was dropped, so that the caller can send it again. */
  publishReceipt(token: string): Promise<void> {
    this.notify({ kind: 'receipt', receipt: token });
    return this.link.publish(this.topics.receipt(this.options.device), token, { keep: true });
  }

  /** Publishes the notice of an open request. Rejects with `unreachable` if it was dropped. */
  publishRequest(notice: RequestNotice): Promise<void> {
    this.notify({ kind: 'request', request: notice });
    return this.link.publish(this.topics.request(this.options.device), JSON.stringify(notice));
  }

  /** Publishes the possible sighting of a searched pet. Rejects with `unreachable` if it was dropped. */
  publishSighting(notice: SightingNotice): Promise<void> {
    this.notify({ kind: 'sighting', sighting: notice });
    return this.link.publish(this.topics.sighting(this.options.device), JSON.stringify(notice));
  }

  /** Publishes an upload's progress. Rejects with `unreachable` if it was dropped. */
  publishUpload(progress: UploadProgress): Promise<void> {
    this.notify({ kind: 'upload', upload: progress });
    return this.link.publish(this.topics.upload(this.options.device), JSON.stringify(progress));
  }

  /** Publishes on a topic of home-assistant.ts. Rejects with `unreachable` if it was dropped. */
  publishOn(topic: string, payload: string, options: { retain: boolean; keep?: boolean }): Promise<void> {
    return this.link.publish(topic, payload, options);
  }

  /** Subscribes for home-assistant.ts; its messages include retained ones and are unverified. */
  subscribeTo(filters: readonly string[], handler: (message: IncomingMessage) => void): void {
    this.link.subscribe(filters, handler);
  }

  private notify(message: HomeMessage): void {
    for (const listener of [...this.homeMessageListeners]) listener(message);
  }

  private arrived(): void {
    this.link.publish(this.topics.status(this.options.device), 'online', { retain: true }).catch(() => undefined);
    // The broker may have forgotten retained messages when it restarted.
    this.stateDirty = this.latestState !== null;
    this.stateSoon();
    for (const listener of [...this.connectListeners]) listener();
  }

  private stateSoon(): void {
    if (this.stopping || !this.stateDirty || !this.link.state.online) return;
    if (!this.stateUnderWay && !this.stateTimer) this.sendState();
  }

  /** Sends the latest state unless one is queued or in flight: a slow broker gets the newest instead of a backlog. */
  private sendState(): void {
    const state = this.latestState;
    if (!state) return;
    this.stateDirty = false;
    this.stateUnderWay = true;
    this.stateTimer?.cancel();
    this.stateTimer = this.options.clock.after(this.options.stateEveryMs ?? STATE_EVERY_MS, () => {
      this.stateTimer = null;
      this.stateSoon();
    });
    const done = () => {
      this.stateUnderWay = false;
      this.stateSoon();
    };
    this.link.publish(this.topics.state(this.options.device), JSON.stringify(state), { retain: true }).then(done, done);
  }
}
