// One run from its plan to its verdict: all parts on one clock, one network and one seed.

import { systemCode } from '@doorsill/base/disk';
import { SeededRandom } from '@doorsill/base/random';
import { isFailure } from 'doorsill/errors';
import { settled } from 'doorsill/world/quiet';
import { SERVICES, type ServiceName } from 'doorsill/world/service-set';
import { VirtualClock } from 'doorsill/world/virtual-clock';
import { CapturedBridge } from './captured-bridge.ts';
import { watchCiphers } from './cipher-watch.ts';
import { Reached } from './coverage.ts';
import { type InitialState, PREPARED_US } from './initial-state.ts';
import { type CarriedPiece, type Filter, MemoryNetwork } from './memory-network.ts';
import { type Breach, NetworkWatch } from './network-watch.ts';
import { type Act, type Plan, RUN_MS } from './plan.ts';
import { happenRarely } from './rare-acts.ts';
import { replacePlatform } from './replace-platform.ts';
import { RunRecord } from './run-record.ts';
import { isAtRest, judgeRun } from './run-verdict.ts';
import { SimulatedAgencies } from './simulated-agencies.ts';
import { SimulatedHome } from './simulated-home.ts';
import { SimulatedServices } from './simulated-services.ts';
import { UntrustedBroker } from './untrusted-broker.ts';

/** How long after the preparation a run begins. */
const BEGINS_US = PREPARED_US + 3_600_000_000;
/** Delay before a service is restarted after a failed start. */
const RESTART_MS = 5_000;
/** How long a run may take to come to rest after its last fault, and how often that is checked. */
const REST_MS_MAX = 6 * 60_000;
const LOOK_MS = 10_000;
/** In every fourth run homes are enrolled and paired during the run; in the others they are prepared. */
const FROM_NOTHING_EVERY = 4;
/** Recipients of clips, which arrive in parts of about one GOP, so that anything may happen during a transfer. */
const CLIP_HOLDERS: ReadonlySet<string> = new Set(['bridge', 'vault']);
const WINDOW_BYTES = 4_096;
/** Maximum times for a run and for its stop, after which it counts as hanging. */
const LIFE_MS_MAX = RUN_MS + REST_MS_MAX + 30 * 60_000;
const STOP_MS_MAX = 30 * 60_000;

/** Events that would end a process of the product. */
const STRAY_EVENTS = ['unhandledRejection', 'uncaughtException'] as const;

export interface RunResult {
  readonly breaches: readonly Breach[];
  /** SHA-256 over every delivered piece with time, sender and receiver, and every logged line. */
  readonly hash: string;
  readonly pieces: number;
  readonly bytes: number;
  readonly simulatedMs: number;
  readonly trace: readonly string[];
  /** What was provoked, e.g. `ledger granted`, `receipt refused consent_request_expired`, and how often. */
  readonly covered: ReadonlyMap<string, number>;
}

/** Runs a plan to its end. Rejects only for a bug of the simulation itself. */
export async function runPlan(plan: Plan, ground: InitialState): Promise<RunResult> {
  const run = new Run(plan, ground);
  return run.toEnd();
}

class Run {
  private readonly plan: Plan;
  private readonly ground: InitialState;
  private readonly world: VirtualClock;
  private readonly random: SeededRandom;
  private readonly network: MemoryNetwork;
  private readonly services: SimulatedServices;
  private readonly agencies: SimulatedAgencies;
  private readonly homes: readonly SimulatedHome[];
  private readonly watch: NetworkWatch;
  private readonly record: RunRecord;
  private readonly reached: Reached;
  private readonly broker: UntrustedBroker;
  /** Homes whose clock was ahead: they distrust the corrected clock for as long as it was ahead. */
  private readonly misled = new Set<SimulatedHome>();
  private captured: CapturedBridge | null = null;

  constructor(plan: Plan, ground: InitialState) {
    const { footage, folders, prepared } = ground;
    this.plan = plan;
    this.ground = ground;
    this.world = new VirtualClock({ startUs: BEGINS_US, quiet: settled });
    this.random = new SeededRandom(plan.seed);
    const { world, random } = this;
    this.network = new MemoryNetwork({
      ...{ clock: world, random, seen: (piece) => this.onPiece(piece) },
      filter: ({ from, to }) => this.filterOf(from, to),
      windowBytes: ({ to }) => (CLIP_HOLDERS.has(to) ? WINDOW_BYTES : Number.POSITIVE_INFINITY),
    });
    this.broker = new UntrustedBroker(this.network, world);
    this.record = new RunRecord(() => world.passedUs);
    this.reached = new Reached((what) => this.record.cover(what));
    const log = (part: string) => this.record.log(part);
    folders.restore();
    const disk = prepared.disk.copy({ clock: world, random });
    const { network } = this;
    this.services = new SimulatedServices(folders.live, disk, { clock: world, random, network, log }, prepared);
    const { services } = this;
    this.agencies = new SimulatedAgencies(plan.agencies, { clock: world, random, services });
    this.watch = new NetworkWatch(footage, () => world.passedUs / 1_000);
    this.homes = plan.homes.map(
      (home) => new SimulatedHome(home, `/${home.name}`, { world, random, network, services, footage, log }),
    );
    for (const home of this.homes) this.watch.add(home);
  }

  async toEnd(): Promise<RunResult> {
    const restore = replacePlatform(this.network.at('services'), this.world);
    const strays = STRAY_EVENTS.map((event) => {
      const noted = (thrown: unknown) => this.stray(thrown);
      process.on(event, noted);
      return () => process.off(event, noted);
    });
    const unwatch = watchCiphers(
      (what) => this.watch.breach('no nonce or file key twice', what),
      new Map(this.ground.sealed),
    );
    const running = this.pass();
    try {
      await this.within(LIFE_MS_MAX, 'it runs', this.live());
    } finally {
      await this.within(STOP_MS_MAX, 'it stops', this.end());
      this.world.stop();
      await running;
      restore();
      for (const unnoted of strays) unnoted();
      unwatch();
    }
    return {
      ...{ breaches: this.watch.breaches, hash: this.record.digest(), pieces: this.network.delivered },
      ...{ bytes: this.record.bytes, simulatedMs: Math.round(this.world.passedUs / 1_000) },
      ...{ trace: this.record.trace, covered: this.record.covered },
    };
  }

  /** Advances time until the run has ended. An error in a timer would end a process of the product: it is a breach, and time goes on. */
  private async pass(): Promise<void> {
    for (let isOver = false; !isOver; ) {
      try {
        await this.world.run();
        isOver = true;
      } catch (thrown) {
        this.stray(thrown);
      }
    }
  }

  private stray(thrown: unknown): void {
    this.watch.breach('no stray error', describe(thrown));
  }

  /** Performs a part of the run; a rejection, or exceeding this simulated time, breaks `rule`. */
  private async within(ms: number, rule: string, work: Promise<void>): Promise<void> {
    const done = work.then(
      () => null,
      (thrown: unknown) => describe(thrown),
    );
    const late = this.world.sleep(ms).then(() => `not within ${ms / 60_000} minutes`);
    const what = await Promise.race([done, late]);
    if (what !== null) this.watch.breach(rule, what);
  }

  private async live(): Promise<void> {
    const { world, services, homes, plan } = this;
    await services.start();
    await this.agencies.open();
    for (const home of homes) await this.startHome(home);
    const { random, network, agencies } = this;
    const seams = { clock: world, random, network, services, agencies };
    if (plan.isCaptured) this.captured = await CapturedBridge.capture(seams);
    this.watch.open();
    const startedMs = world.passedUs / 1_000;
    for (const act of plan.acts) world.after(act.atMs - (world.passedUs / 1_000 - startedMs), () => this.begin(act));
    await world.sleep(RUN_MS);
    await this.heal();
    await this.rest();
    const { watch } = this;
    const { isCaptured } = plan;
    const judged = await judgeRun({ homes, services, watch, agencies, isCaptured });
    for (const line of judged.lines) this.record.note(line);
    for (const what of judged.reached) this.record.cover(what);
  }

  private async startHome(home: SimulatedHome): Promise<void> {
    const { plan, services, ground } = this;
    const settled = plan.seed % FROM_NOTHING_EVERY === 0 ? undefined : ground.homes[this.homes.indexOf(home)];
    this.record.cover(settled ? 'home settled before' : 'home from nothing');
    await (settled ? home.startFrom(settled) : home.start(await services.enrolmentCode()));
  }

  private begin(act: Act): void {
    const { number, atMs: _at, ...what } = act;
    this.record.note(`act ${number} ${JSON.stringify(what)}`);
    this.record.cover(`act ${act.do}`);
    this.perform(act).catch((thrown: unknown) => {
      if (!isFailure(thrown)) this.watch.breach('no stray error', `act ${number}: ${describe(thrown)}`);
      else {
        this.record.note(`act ${number} ended with ${thrown.code}`);
        this.record.cover(`refused ${thrown.code}`);
      }
    });
  }

  private async perform(act: Act): Promise<void> {
    const { world, agencies, services } = this;
    switch (act.do) {
      case 'ask':
        this.record.note(`asked ${await agencies.ask(act.agency, act.lifeS)}`);
        return;
      case 'withdraw':
        return agencies.withdraw(act.agency);
      case 'end-agency':
        return agencies.end(act.agency);
      case 'service':
        await services.end(act.part);
        await world.sleep(act.forMs);
        return services.bring(act.part);
      case 'kill':
        return services.killIn(act.part, act.steps, () => this.died(act.part, [act.part], act.forMs));
      case 'power':
        return services.cutPowerIn(act.steps, () => this.died('power', SERVICES, act.forMs));
      default:
        return this.performAt(act, this.homes[act.home]);
    }
  }

  private async performAt(act: Extract<Act, { home: number }>, home: SimulatedHome | undefined): Promise<void> {
    const { world, network } = this;
    if (!home) return;
    switch (act.do) {
      case 'press':
        return home.press();
      case 'crash':
        if (!home.isUp) return;
        return home.crashIn(act.steps, () => {
          this.record.note(`${home.plan.name} lost its power`);
          this.record.cover('crash');
          world.after(act.forMs, () => this.back(home));
        });
      case 'reboot':
        return home.reboot();
      case 'link':
        network.set(home.plan.name, act.to, act.state);
        await world.sleep(act.forMs);
        return network.set(home.plan.name, act.to, 'ok');
      case 'disk':
        home.setDisk(act.state);
        await world.sleep(act.forMs);
        return home.setDisk('ok');
      case 'clock':
        home.stepClock(act.byMs * 1_000);
        await world.sleep(act.forMs);
        if (act.byMs > 0) this.misled.add(home);
        return home.stepClock(-act.byMs * 1_000);
      case 'lie':
        return this.captured?.lieTo(home, act.lie, act.forMs);
      case 'rare': {
        const { random, services, agencies, watch } = this;
        const breach = (rule: string, what: string) => watch.breach(rule, what);
        const stolen = (upload: string) => void watch.stolen.add(upload);
        const forged = (clip: string) => void watch.forged.add(clip);
        return happenRarely(act, home, { world, random, services, agencies, breach, stolen, forged });
      }
      default:
        return this.performAtBroker(act);
    }
  }

  /** The broker misbehaves towards a home. */
  private async performAtBroker(
    act: Extract<Act, { do: 'replay' | 'withhold' | 'retain' | 'outdate' }>,
  ): Promise<void> {
    const { world, broker, plan } = this;
    const { name } = plan.homes[act.home] ?? { name: '' };
    switch (act.do) {
      case 'replay':
        return broker.replay(name);
      case 'withhold':
        broker.withhold(name);
        await world.sleep(act.forMs);
        return broker.release(name, act.order);
      case 'retain':
        broker.retain(name, true);
        await world.sleep(act.forMs);
        return broker.retain(name, false);
      case 'outdate':
        broker.outdate(name, true);
        await world.sleep(act.forMs);
        return broker.outdate(name, false);
    }
  }

  /** The filter between two parts: brokers and captured bridges change what they carry. */
  private filterOf(from: string, to: string): Filter | null {
    if (from === 'broker') return (bytes) => this.broker.passOn(to, bytes);
    return from === 'bridge' ? (bytes) => this.captured?.answered(to, bytes) ?? bytes : null;
  }

  /** Services were killed, and come back. */
  private died(what: string, parts: readonly ServiceName[], forMs: number): void {
    this.record.note(`services end in the middle of something: ${parts.join(', ')}`);
    this.record.cover(`kill ${what}`);
    this.world.after(forMs, () => {
      for (const part of parts) {
        this.bringBack(part).catch((thrown: unknown) => {
          this.watch.breach('7', `${part} does not start after its end: ${describe(thrown)}`);
        });
      }
    });
  }

  /** Starts a service as its supervisor does: again later, if its disk is full. */
  private async bringBack(part: ServiceName): Promise<void> {
    for (;;) {
      try {
        return await this.services.bring(part);
      } catch (thrown) {
        if (systemCode(thrown) !== 'ENOSPC') throw thrown;
        await this.world.sleep(RESTART_MS);
      }
    }
  }

  private back(home: SimulatedHome): void {
    home.recover().catch((thrown: unknown) => {
      this.watch.breach('7', `${home.plan.name} does not start after a power cut: ${describe(thrown)}`);
    });
  }

  /** Ends every fault. */
  private async heal(): Promise<void> {
    this.record.note('every fault ends');
    this.network.heal();
    this.broker.behave();
    this.services.spare();
    for (const home of this.homes) {
      home.setDisk('ok');
      home.disk.cutIn(Number.POSITIVE_INFINITY, () => undefined);
    }
    for (const name of SERVICES) await this.services.bring(name);
    await this.services.setUnencryptedClips('admitted');
    for (const { owner } of this.misled) void owner.vouchForClock();
  }

  /** Waits until nothing is left to do. */
  private async rest(): Promise<void> {
    const { world, homes, network, services } = this;
    for (let waitedMs = 0; waitedMs < REST_MS_MAX; waitedMs += LOOK_MS) {
      await world.sleep(LOOK_MS);
      if (await isAtRest(homes, services)) break;
    }
    if (!this.plan.isCaptured && !(await isAtRest(homes, services)))
      this.watch.breach('it comes to rest', await this.unrest());
    const most = 4 + homes.length * 8;
    if (network.openCount > most) this.watch.breach('bounded memory', `${network.openCount} connections are open`);
  }

  private async unrest(): Promise<string> {
    const states = this.homes.map(({ plan, isUp, owner: { isAnswered }, orders }) => {
      const kinds = orders.map(({ kind, jti }) => `${kind} ${jti.slice(0, 16)}`).join(', ');
      return `${plan.name} ${isUp ? 'is up' : 'is down'}, ${isAnswered ? 'all is answered' : 'not all is answered'} of ${kinds || 'nothing'}`;
    });
    return `after ${REST_MS_MAX / 1_000} s without faults: ${states.join('; ')}`;
  }

  private async end(): Promise<void> {
    for (const home of this.homes)
      await home.stop().catch((thrown: unknown) => this.watch.breach('it stops', describe(thrown)));
    await this.services.stop().catch((thrown: unknown) => this.watch.breach('it stops', describe(thrown)));
  }

  private onPiece(piece: CarriedPiece): void {
    const { from, to, bytes } = piece;
    this.record.piece(piece);
    this.reached.piece(piece);
    if (from.startsWith('owner-of-') && to === 'broker') this.broker.record(bytes);
    if (to === 'bridge') this.captured?.record(from, bytes);
    if (from === 'broker') this.captured?.learn(bytes);
    this.watch.seen(piece);
  }
}

function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return `${thrown.message} ${(thrown.stack ?? '').split('\n').slice(1, 4).join(' ').trim()}`;
}
