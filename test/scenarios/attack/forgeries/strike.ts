// Delivers a forgery to a gate and determines its fate only from counters, receipts, effects and the ledger.
import { integerBelow, type SeededRandom } from '../../../../device/base/random.ts';
import type { ErrorCode } from '../../../../device/contract/errors.ts';
import type { Effects } from '../../../device/consent/gate-rig.ts';
import type { Scene } from './scene.ts';

/** A message as it arrives. */
export interface Message {
  topic: string;
  payload: Uint8Array;
  retained: boolean;
}

/** The only allowed effect of a forgery: a counter, a refusing receipt, or none. */
export type Fate = { how: 'counted' | 'told'; codes: readonly ErrorCode[] } | { how: 'ignored' };

export interface Forgery extends Message {
  fate: Fate;
}

/** Seeded random choices. */
export class Draw {
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  /** An integer from 0 up to, excluding, `below`. */
  below(below: number): number {
    return integerBelow(this.random, below);
  }

  pick<Item>(from: readonly Item[]): Item {
    const item = from[this.below(from.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  bytes(length: number): Uint8Array {
    return this.random.bytes(length);
  }
}

/** One way of forging. */
export interface Kind {
  name: string;
  /**
   * `local`: only for the gate itself, because no broker delivers it. `paced`: a document signed by the bridge, of which the gate processes
   * one a second.
   */
  needs?: 'local' | 'paced';
  make(scene: Scene, draw: Draw): Forgery;
}

/** Delivers a message to the gate; resolves when it has been processed. */
export type Deliver = (message: Message) => Promise<void>;

export const counted = (...codes: ErrorCode[]): Fate => ({ how: 'counted', codes });
export const told = (...codes: ErrorCode[]): Fate => ({ how: 'told', codes });
export const ignored: Fate = { how: 'ignored' };

const text = (fate: Fate): string => (fate.how === 'ignored' ? 'ignored' : `${fate.how}: ${fate.codes.join(' or ')}`);

export class Striker {
  private readonly scene: Scene;
  private readonly deliver: Deliver;
  private counts: Partial<Record<ErrorCode, number>>;

  constructor(scene: Scene, deliver: Deliver) {
    this.scene = scene;
    this.deliver = deliver;
    this.counts = scene.rig.gate.unbelievedCounts();
  }

  /** Resets the observations, after messages that must be accepted. */
  settle(): void {
    clear(this.scene.rig.effects);
    this.counts = this.scene.rig.gate.unbelievedCounts();
  }

  /** Delivers a forgery. Returns its fate as text; throws if it differs from the expected one. */
  async strike(kind: Kind, forgery: Forgery): Promise<string> {
    const { rig, live } = this.scene;
    const { entries, hash } = rig.gate.head;
    await this.deliver(forgery);
    const seen = this.look();
    const after = rig.gate.head;
    const wanted = forgery.fate;
    const fits =
      seen.length === (wanted.how === 'ignored' ? 0 : 1) &&
      (wanted.how === 'ignored' || wanted.codes.some((code) => seen[0] === `${wanted.how}: ${code}`));
    if (!fits || after.entries !== entries || after.hash !== hash || live.signal.aborted) {
      const moved = after.hash === hash ? '' : ', the ledger has moved';
      const ended = live.signal.aborted ? ', a live grant has ended' : '';
      const what = `${kind.name}: [${seen.join(', ')}]${moved}${ended}; it should have been ${text(wanted)}`;
      throw new Error(`${what}\n${forgery.topic}\n${Buffer.from(forgery.payload).toString('latin1').slice(0, 4_000)}`);
    }
    return seen[0] ?? 'ignored';
  }

  /** All events at the gate since the last call. */
  private look(): string[] {
    const { effects, gate } = this.scene.rig;
    const counts = gate.unbelievedCounts();
    const seen: string[] = [];
    for (const [code, count] of Object.entries(counts)) {
      const before = Object.entries(this.counts).find(([name]) => name === code)?.[1] ?? 0;
      for (let more = before; more < count; more += 1) seen.push(`counted: ${code}`);
    }
    this.counts = counts;
    for (const { outcome, code } of effects.receipts) {
      seen.push(outcome === 'refused' ? `told: ${code}` : `receipt ${outcome}`);
    }
    for (const [name, list] of lists(effects)) {
      if (name !== 'receipts' && name !== 'order' && list.length > 0) seen.push(`EFFECT ${name}`);
    }
    if (seen.length > 0) clear(effects);
    return seen;
  }
}

function lists(effects: Effects): [string, unknown[]][] {
  return Object.entries(effects).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
}

function clear(effects: Effects): void {
  for (const [, list] of lists(effects)) list.length = 0;
}
