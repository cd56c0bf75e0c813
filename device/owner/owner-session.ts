// An owner's session with a device over the home link: verifies the device's messages, and sends signed answers.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import { linkFailure } from '@doorsill/base/link-failure';
import type { Log } from '@doorsill/base/log';
import { MqttLink } from '@doorsill/base/mqtt-link';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { tlsSource } from '@doorsill/base/tls';
import { fromUtf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isErrorCode, isFailure, reportedFailure } from '@doorsill/contract/errors';
import { DeviceEvent, DeviceState, type Receipt, statusSchema, UploadProgress } from '@doorsill/contract/home-messages';
import { noOrderYet } from '@doorsill/contract/owner-orders';
import { type Reading, readNotice, type VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { readSighting, type VerifiedSighting } from '@doorsill/contract/read-sighting';
import { type ConsentAction, PAYLOAD_BYTES_MAX, topicsUnder } from '@doorsill/contract/topics';
import type { PairedDevice } from './paired-devices.ts';
import { readReceipt } from './read-receipt.ts';

/** A session's events. A payload that does not verify is dropped, counted, and never shown. */
export interface OwnerListeners {
  /** Called after a reconnection: messages of the device may have been missed. */
  returned?: () => void;
  status?: (status: 'online' | 'offline') => void;
  state?: (state: DeviceState) => void;
  event?: (event: DeviceEvent) => void;
  notice?: (notice: VerifiedNotice) => void;
  sighting?: (sighting: VerifiedSighting) => void;
  receipt?: (receipt: Receipt, token: string) => void;
  upload?: (progress: UploadProgress) => void;
}

/** An owner session's dependencies, and the device that it is with. */
export interface OwnerSessionDeps {
  /** Absent: the machine's network. */
  network?: Network | undefined;
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
}

const REACHED_MS_MAX = 10_000;
/** The broker sends the retained state right after the subscription; a device that never published one has none. */
const STATE_MS_MAX = 1_000;

/** The topics of a home that its owner subscribes to. */
const TOPICS = ['status', 'state', 'event', 'request', 'sighting', 'receipt', 'upload'] as const;
type TopicName = (typeof TOPICS)[number];

/** An owner's connection to the home link of one device. */
export class OwnerSession {
  readonly home: PairedDevice;
  private readonly deps: OwnerSessionDeps;
  private readonly link: MqttLink;
  private readonly listeners = new Set<OwnerListeners>();
  /** Ends the pending waits when the session stops: a remaining timer would keep the process alive. */
  private readonly waits = new Set<(thrown: unknown) => void>();
  private unverified = 0;
  private unasked: NonNullable<DeviceState['unasked']> = [];
  /** The device's last accepted order by the newest message that named it. */
  private namedOrder: { sha256: string; isSigned: boolean } | null = null;

  constructor(home: PairedDevice, deps: OwnerSessionDeps) {
    this.home = home;
    this.deps = deps;
    this.link = new MqttLink({
      url: home.account.url,
      user: home.account.user,
      password: home.account.password,
      tls: tlsSource(deps.disk, '/', home.tls, home.account.ca),
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      unreachable: linkFailure('the home broker'),
      ...deps,
    });
  }

  /** Why the device's newest state says that owners cannot be asked about a request; null when the state does not list it. */
  whyUnasked(request: string | undefined): Failure | null {
    const about = this.unasked.find((one) => one.request === request) ?? this.unasked.find((one) => !one.request);
    return about && isErrorCode(about.code) ? reportedFailure(about.code, about.detail) : null;
  }

  /** Number of messages that did not verify since the start. */
  get unbelievedCount(): number {
    return this.unverified;
  }

  /**
   * The chained hash of the device's last accepted order, for the next command to name. It may be wrong: before the first receipt
   * it comes from the unsigned state, and another owner may give an order meanwhile. The device then refuses the command in a
   * signed receipt that names the right one.
   */
  async lastOrder(): Promise<string> {
    if (this.namedOrder === null) {
      await this.waitFor<void>("the device's state", STATE_MS_MAX, (found) => ({
        state: () => found(),
        receipt: () => found(),
      })).catch((thrown: unknown) => {
        if (!isFailure(thrown) || thrown.code !== 'timed_out') throw thrown;
      });
    }
    return this.namedOrder?.sha256 ?? sha256Hex(noOrderYet(this.home.device));
  }

  /** Connects and subscribes. Throws `unreachable`, and at once the `tls_*` failures that waiting cannot fix. */
  async start(): Promise<void> {
    const { device } = this.home;
    const topics = topicsUnder(this.home.account.prefix);
    const nameOf = new Map<string, TopicName>(TOPICS.map((name) => [topics[name](device), name]));
    this.link.subscribe([...nameOf.keys()], (message) => {
      const name = nameOf.get(message.topic);
      const text = fromUtf8(message.payload);
      if (!name || text === null) return;
      try {
        this.receive(name, text);
      } catch (thrown) {
        this.unverified += 1;
        this.deps.log.warn('a message is ignored: it is not verifiably from the doorbell', {
          topic: name,
          detail: thrown instanceof Error ? thrown.message : '',
        });
      }
    });
    this.link.start();
    await this.reached();
    this.link.onState(({ online }) => {
      if (online) for (const each of [...this.listeners]) each.returned?.();
    });
  }

  private async reached(): Promise<void> {
    let forget = () => {};
    const hopeless = new Promise<never>((_resolve, reject) => {
      forget = this.link.onState((state) => {
        if (!state.online && isFailure(state.error) && !state.error.retryable) reject(state.error);
      });
    });
    await Promise.race([this.link.reached(REACHED_MS_MAX), hopeless]).finally(forget);
  }

  /** Ends the session; pending waits reject with `interrupted`. */
  async stop(): Promise<void> {
    for (const endWait of [...this.waits]) endWait(failure('interrupted', { signal: 'the end of the session' }));
    await this.link.stop();
  }

  /** Adds a listener; returns a function that removes it. */
  listen(listeners: OwnerListeners): () => void {
    this.listeners.add(listeners);
    return () => void this.listeners.delete(listeners);
  }

  /** Publishes a signed answer on its own topic; resolves when the broker has it. Only a receipt proves that it was carried out. */
  async answer(request: string, action: ConsentAction, token: string): Promise<void> {
    await this.link.publish(topicsUnder(this.home.account.prefix).consent(this.home.device, request, action), token);
  }

  /** Publishes a signed command. */
  async command(token: string): Promise<void> {
    await this.link.publish(topicsUnder(this.home.account.prefix).command(this.home.device), token);
  }

  /**
   * Waits for the first event that a listener picks. `begin` runs after the listener is added, so that no answer is missed.
   * Throws `timed_out`, the signal's reason, or `interrupted` when the session is stopped.
   */
  async waitFor<Found>(
    what: string,
    withinMs: number,
    pick: (found: (value: Found) => void, failed: (thrown: unknown) => void) => OwnerListeners,
    begin?: () => Promise<unknown>,
    signal?: AbortSignal,
  ): Promise<Found> {
    signal?.throwIfAborted();
    return new Promise<Found>((resolve, reject) => {
      const end = () => {
        timer.cancel();
        stopListening();
        this.waits.delete(failed);
        signal?.removeEventListener('abort', aborted);
      };
      const settle =
        <Value>(call: (value: Value) => void) =>
        (value: Value) => {
          end();
          call(value);
        };
      const failed = settle<unknown>(reject);
      const aborted = () => failed(signal?.reason);
      const stopListening = this.listen(pick(settle(resolve), failed));
      this.waits.add(failed);
      const timer = this.deps.clock.after(withinMs, () =>
        failed(failure('timed_out', { what, seconds: Math.round(withinMs / 1000) })),
      );
      signal?.addEventListener('abort', aborted, { once: true });
      begin?.().catch(failed);
    });
  }

  /** The keys and time that documents are read with. */
  private get reading(): Reading {
    return { nowS: wallSeconds(this.deps.clock), sha256Hex, verify: verifySignature };
  }

  private receive(name: TopicName, text: string): void {
    const all = [...this.listeners];
    if (name === 'status') {
      const status = statusSchema.parse(text);
      for (const each of all) each.status?.(status);
    } else if (name === 'state') {
      const state = DeviceState.parse(JSON.parse(text));
      if (!this.namedOrder?.isSigned) this.namedOrder = { sha256: state.lastOrder, isSigned: false };
      this.unasked = state.unasked ?? [];
      for (const each of all) each.state?.(state);
    } else if (name === 'event') {
      const event = DeviceEvent.parse(JSON.parse(text));
      for (const each of all) each.event?.(event);
    } else if (name === 'request') {
      if (!this.home.trust) return;
      const notice = readNotice(text, { ...this.home.trust, device: this.home.device }, this.reading);
      for (const each of all) each.notice?.(notice);
    } else if (name === 'sighting') {
      if (!this.home.trust) return;
      const sighting = readSighting(text, { ...this.home.trust, device: this.home.device }, this.reading);
      for (const each of all) each.sighting?.(sighting);
    } else if (name === 'receipt') {
      const receipt = readReceipt(text, { id: this.home.device, key: this.home.deviceKey });
      this.namedOrder = { sha256: receipt.lastOrder, isSigned: true };
      for (const each of all) each.receipt?.(receipt, text.trim());
    } else {
      const progress = UploadProgress.parse(JSON.parse(text));
      for (const each of all) each.upload?.(progress);
    }
  }
}
