// Owns: what the broker of a simulated town does to homes that it should not: it says again what owners have said, withholds it and brings it in
// another order, delivers it as if it had kept it, and shows old revocation lists. Not here: the broker itself (sim/broker), when (plan.ts).
import type { Clock } from '@doorsill/base/clock';
import type { MemoryNetwork } from './memory-network.ts';
import { type MqttMessage, messagesIn, packetOf, parted } from './mqtt-packets.ts';

/** Messages that it may say again, the last of each town. */
const HEARD_MAX = 200;
/** It brings an old revocation list so long after a newer one. */
const OLD_LIST_AFTER_MS = 700;
const ORDER_TOPIC = /\/consent\/|\/command$/;
const REVOCATIONS_TOPIC = /\/area\/revocations$/;
const REQUESTS_TOPIC = /\/area\/[^/]+\/requests(\/\d+)?$/;

/** Brokers are untrusted: whatever this one does, owners decide. */
export class UntrustedBroker {
  private readonly network: MemoryNetwork;
  private readonly clock: Clock;
  /** What owners have published. */
  private readonly heard: MqttMessage[] = [];
  /** Orders that it keeps from a home for a while. */
  private readonly withheld = new Map<string, MqttMessage[]>();
  /** Homes that are given orders as if the broker had kept them. */
  private readonly retaining = new Set<string>();
  /** Homes that are shown old lists, with the documents of requests that they are to get later. */
  private readonly outdated = new Map<string, MqttMessage[]>();
  private oldestList: MqttMessage | null = null;

  constructor(network: MemoryNetwork, clock: Clock) {
    this.network = network;
    this.clock = clock;
  }

  /** Notes what an owner has published. */
  hear(bytes: Uint8Array): void {
    this.heard.push(...messagesIn(bytes));
    if (this.heard.length > HEARD_MAX) this.heard.splice(0, this.heard.length - HEARD_MAX);
  }

  /** What a home is given of what it should be given. */
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

  /** Says again all that owners have said. */
  replay(home: string): void {
    for (const message of this.heard) this.say(home, message);
  }

  /** Keeps orders from a home until `release`. */
  withhold(home: string): void {
    this.withheld.set(home, []);
  }

  release(home: string, order: 'same' | 'reversed'): void {
    const messages = this.withheld.get(home) ?? [];
    this.withheld.delete(home);
    for (const message of order === 'same' ? messages : messages.reverse()) this.say(home, message);
  }

  /** Delivers orders as retained ones, or no longer. */
  retain(home: string, isOn: boolean): void {
    if (isOn) this.retaining.add(home);
    else this.retaining.delete(home);
  }

  /** Brings an old revocation list after each newer one, and keeps the documents of requests back; or no longer. */
  outdate(home: string, isOn: boolean): void {
    const late = this.outdated.get(home) ?? [];
    if (isOn) this.outdated.set(home, late);
    else this.outdated.delete(home);
    if (!isOn) for (const message of late) this.say(home, message);
  }

  /** Everything that was kept back is delivered, and all is passed on from now on. */
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
        if (this.outdated.has(home)) this.say(home, old);
      });
    return kept;
  }

  private say(home: string, message: MqttMessage): void {
    this.network.inject('broker', home, packetOf(message));
  }
}
