// A misbehaving broker: it replays, withholds and reorders owners' orders, delivers them as retained messages, and sends old revocation
// lists.
import type { Clock } from '@doorsill/base/clock';
import type { MemoryNetwork } from './memory-network.ts';
import { type MqttMessage, messagesIn, packetOf, parted } from './mqtt-packets.ts';

/** How many of the last messages it may replay. */
const REPLAYED_MAX = 200;
/** Delay of an old revocation list after a newer one. */
const OLD_LIST_AFTER_MS = 700;
const ORDER_TOPIC = /\/consent\/|\/command$/;
const REVOCATIONS_TOPIC = /\/area\/revocations$/;
const REQUESTS_TOPIC = /\/area\/[^/]+\/requests(\/\d+)?$/;

/** Brokers are untrusted: none of this may change what owners decide. */
export class UntrustedBroker {
  private readonly network: MemoryNetwork;
  private readonly clock: Clock;
  /** What owners have published. */
  private readonly published: MqttMessage[] = [];
  /** Orders withheld from a home. */
  private readonly withheld = new Map<string, MqttMessage[]>();
  /** Homes that get orders as retained messages. */
  private readonly retaining = new Set<string>();
  /** Homes that get old lists, with the withheld requests. */
  private readonly outdated = new Map<string, MqttMessage[]>();
  private oldestList: MqttMessage | null = null;

  constructor(network: MemoryNetwork, clock: Clock) {
    this.network = network;
    this.clock = clock;
  }

  /** Notes an owner's publication. */
  record(bytes: Uint8Array): void {
    this.published.push(...messagesIn(bytes));
    if (this.published.length > REPLAYED_MAX) this.published.splice(0, this.published.length - REPLAYED_MAX);
  }

  /** What a home gets of what it should get. */
  passOn(home: string, bytes: Uint8Array): Uint8Array {
    const isOrder = ({ topic }: MqttMessage) => ORDER_TOPIC.test(topic);
    let given = bytes;
    const withheld = this.withheld.get(home);
    if (withheld) {
      const { kept, taken } = parted(given, isOrder);
      withheld.push(...taken);
      given = kept;
    }
    if (this.retaining.has(home)) {
      const { kept, taken } = parted(given, isOrder);
      given = Buffer.concat([kept, ...taken.map((message) => packetOf({ ...message, retained: true }))]);
    }
    return this.lists(home, given);
  }

  /** Replays all orders of owners. */
  replay(home: string): void {
    for (const message of this.published) this.inject(home, message);
  }

  /** Withholds orders from a home until `release`. */
  withhold(home: string): void {
    this.withheld.set(home, []);
  }

  release(home: string, order: 'same' | 'reversed'): void {
    const messages = this.withheld.get(home) ?? [];
    this.withheld.delete(home);
    for (const message of order === 'same' ? messages : messages.reverse()) this.inject(home, message);
  }

  /** Delivers orders as retained messages, or stops that. */
  retain(home: string, isOn: boolean): void {
    if (isOn) this.retaining.add(home);
    else this.retaining.delete(home);
  }

  /** Sends an old revocation list after each newer one, and withholds requests; or stops that. */
  outdate(home: string, isOn: boolean): void {
    const late = this.outdated.get(home) ?? [];
    if (isOn) this.outdated.set(home, late);
    else this.outdated.delete(home);
    if (!isOn) for (const message of late) this.inject(home, message);
  }

  /** Delivers everything withheld, and is honest from now on. */
  behave(): void {
    for (const home of [...this.withheld.keys()]) this.release(home, 'reversed');
    for (const home of [...this.outdated.keys()]) this.outdate(home, false);
    this.retaining.clear();
  }

  private lists(home: string, bytes: Uint8Array): Uint8Array {
    const late = this.outdated.get(home);
    if (!late && this.oldestList) return bytes;
    const list = messagesIn(bytes).find(({ topic }) => REVOCATIONS_TOPIC.test(topic));
    this.oldestList ??= list ?? null;
    if (!late) return bytes;
    const { kept, taken } = parted(bytes, ({ topic }) => REQUESTS_TOPIC.test(topic));
    late.push(...taken);
    const old = this.oldestList;
    if (list && old && Buffer.compare(list.payload, old.payload) !== 0)
      this.clock.after(OLD_LIST_AFTER_MS, () => {
        if (this.outdated.has(home)) this.inject(home, old);
      });
    return kept;
  }

  private inject(home: string, message: MqttMessage): void {
    this.network.inject('broker', home, packetOf(message));
  }
}
