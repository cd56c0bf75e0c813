// One doorbell of a fleet: the product's own, with its own folder, key, account, ring and ledger, a camera on a shared loop, its owner, and
// its drawn events.
import { createConnection, Socket } from 'node:net';
import { join } from 'node:path';
import { Backoff } from '@doorsill/base/backoff';
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import type { TaskQueue } from '@doorsill/base/task-queue';
import { assert } from '@doorsill/contract/assert';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure, isFailure } from '../errors.ts';
import { DeviceClock, MachineTime } from '../world/device-clock.ts';
import { DEMO_HOME, type HomeIdentity, makeIdentity } from '../world/home-identity.ts';
import { type BootParts, NO_PROGRAMS, VirtualHome } from '../world/virtual-home.ts';
import { type DrawnDoorbell, type Happening, happeningsOf } from './draw-fleet.ts';
import type { FleetLog } from './fleet-log.ts';
import { FleetOwner, type OwnerMoment } from './fleet-owner.ts';
import type { FleetTally } from './fleet-process-tally.ts';
import type { FleetProfile } from './fleet-profile.ts';
import type { Loop } from './loop.ts';
import { LOOP_CAMERA, LoopCamera, type LoopTimebase } from './loop-camera.ts';

/** The brokers and the bridge of a fleet. */
export interface FleetLinks {
  /** The home broker, and the folder in which each doorbell and its owner get an account. */
  readonly home: { readonly url: string; readonly accounts: string };
  /** Override the addresses that the bridge gives at enrolment. */
  readonly areaUrl?: string;
  readonly bridgeUrl?: string;
  /** A code that is valid for one more doorbell. */
  enrolmentCode(): Promise<string>;
}

/** Shared by the doorbells of a process. */
export interface FleetContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: FleetLog;
  readonly ffmpeg: Ffmpeg;
  readonly profile: FleetProfile;
  readonly timebase: LoopTimebase;
  readonly loops: ReadonlyMap<string, Loop>;
  readonly links: FleetLinks;
  readonly tally: FleetTally;
  /** Each doorbell has a folder of its own in it. */
  readonly folder: string;
}

/** The least that a doorbell's settings accept. */
export const RING_BYTES_MIN = 8 * 1024 * 1024;
const RETENTION_S_MIN = 10;
const AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 60_000;
const UNEXPECTED_MAX = 3;

export class FleetDoorbell {
  readonly drawn: DrawnDoorbell;
  readonly camera: LoopCamera;
  readonly owner: FleetOwner;
  private readonly context: FleetContext;
  private readonly cuts: TaskQueue;
  readonly log: Log;
  private readonly clock: DeviceClock;
  private readonly network: AbsentNetwork | null;
  private readonly happenings: Iterator<Happening, void>;
  private readonly stopping = new AbortController();
  private startedMs = 0;
  readonly home: VirtualHome;
  /** Starts, stops and reboots run one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private next: Timer | null = null;
  private hasCode = false;
  private identity: HomeIdentity | null = null;
  /** Grants whose clips are on their way, by request. */
  private readonly underWay = new Set<string>();

  /** `cuts`: the queue in which it waits to cut a clip. */
  constructor(drawn: DrawnDoorbell, context: FleetContext, cuts: TaskQueue) {
    const loop = context.loops.get(drawn.scene);
    assert(loop, 'every scene of a fleet has its loop');
    this.drawn = drawn;
    this.context = context;
    this.cuts = cuts;
    this.camera = new LoopCamera(loop, context.timebase, { startAtUs: drawn.startAtUs, reports: 'some' });
    this.clock = new DeviceClock(new MachineTime(context.clock));
    this.clock.stepBy(drawn.clock.offsetMs * 1_000);
    this.clock.drift(drawn.clock.driftPpm);
    this.network = drawn.absencesPerDay > 0 ? new AbsentNetwork() : null;
    this.happenings = happeningsOf(drawn, context.profile.startHour);
    this.log = context.log.of(drawn.name);
    const { log } = this;
    this.home = new VirtualHome(join(context.folder, drawn.name), this.clock, () => this.bootParts());
    const { disk, random, clock } = context;
    this.owner = new FleetOwner(drawn.owner, { disk, random, clock, log }, (moment) => this.ownerActed(moment));
    context.tally.counts.doorbells += 1;
  }

  get isUp(): boolean {
    return this.home.isReady;
  }

  /**
   * Makes its folder, key and account, enrols and starts it, and pairs its owner. Retryable failures are tried again, with growing pauses,
   * until it succeeds or `stop`. Throws failures that are not retryable.
   */
  start(): Promise<void> {
    return this.untilDone(() => this.startOnce());
  }

  /** Runs `work` in its turn, and again while its failures are retryable. */
  private async untilDone(work: () => Promise<void>): Promise<void> {
    const { tally, random } = this.context;
    const backoff = new Backoff(random, AGAIN_MS, AGAIN_MS_MAX);
    let unexpected = 0;
    while (!this.stopping.signal.aborted) {
      try {
        await this.inTurn(work);
        return;
      } catch (thrown) {
        if (this.stopping.signal.aborted) return;
        if (!isFailure(thrown)) throw thrown;
        tally.code(thrown.code);
        // On a machine that is too slow, an abandoned pairing may still run and make the next one fail.
        if (thrown.code === 'internal') unexpected += 1;
        if (!thrown.retryable && (unexpected === 0 || unexpected > UNEXPECTED_MAX)) {
          tally.counts.failed += 1;
          throw thrown;
        }
        tally.counts.retries += 1;
        await this.context.clock.sleep(backoff.nextMs(), this.stopping.signal).catch(() => undefined);
      }
    }
  }

  /** Makes no more presses, motions, reboots and absences; uploads go on. */
  stopEvents(): void {
    this.next?.cancel();
    this.next = null;
  }

  /** Whether a granted clip is on its way to the bridge. */
  get isSending(): boolean {
    return this.underWay.size > 0;
  }

  async stop(): Promise<void> {
    this.stopping.abort(failure('interrupted', { signal: 'the end of the fleet' }));
    this.stopEvents();
    await this.owner.stop();
    await this.inTurn(() => this.end());
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async startOnce(): Promise<void> {
    const { disk, random, links } = this.context;
    const own = { disk, random, folder: this.home.folder };
    this.identity ??= await makeIdentity(own, { ...own, folder: links.home.accounts });
    if (!this.hasCode) this.home.enrolWith(await links.enrolmentCode());
    this.hasCode = true;
    await this.boot();
    if (this.owner.home === null) await this.owner.pair(this.home.pairingSocket);
    await this.owner.start();
    this.startedMs = this.context.clock.monotonicMs();
    this.scheduleNext();
  }

  /** Starts the doorbell itself, unless it runs. */
  private async boot(): Promise<void> {
    if (this.isUp || this.stopping.signal.aborted) return;
    await this.home.start();
    this.context.tally.counts.up += 1;
  }

  private bootParts(): BootParts {
    const { disk, ffmpeg, tally, links, profile, random } = this.context;
    const { drawn, clock, log, network, identity } = this;
    const { kind, bytes } = drawn.ring;
    assert(identity, 'a doorbell has its account before it starts');
    return {
      settings: {
        name: drawn.name,
        camera: LOOP_CAMERA,
        place: drawn.place,
        disclosure: DEMO_HOME.disclosure,
        ring: {
          kind,
          bytes: Math.max(RING_BYTES_MIN, bytes),
          retentionS: Math.max(RETENTION_S_MIN, Math.ceil(profile.ring.length / 1_000_000)),
        },
        home: { ...links.home, ...identity.account },
        ...(links.areaUrl === undefined ? {} : { areaUrl: links.areaUrl }),
        ...(links.bridgeUrl === undefined ? {} : { bridgeUrl: links.bridgeUrl }),
      },
      options: {
        cameraKinds: [this.camera.kind],
        heard: (event) => this.countEvent(event),
        stored: ({ endUs }) => tally.stored((clock.wallUs() - endUs) / 1_000),
      },
      seams: {
        random,
        disk,
        log,
        ffmpeg: this.camera.ffmpeg(ffmpeg),
        programs: NO_PROGRAMS,
        cuts: this.cuts,
        ...(network ? { network } : {}),
      },
    };
  }

  private async end(): Promise<void> {
    if (!this.isUp) return;
    this.context.tally.counts.up -= 1;
    await this.home.stop();
  }

  /** Waits for the next drawn event. */
  private scheduleNext(): void {
    if (this.stopping.signal.aborted) return;
    const { clock } = this.context;
    const happening = this.happenings.next();
    if (happening.done) return;
    const { atMs, what } = happening.value;
    this.next = clock.after(Math.max(0, this.startedMs + atMs - clock.monotonicMs()), () => {
      this.happen(what);
      this.scheduleNext();
    });
  }

  /** Makes one event happen now. */
  happen(what: Happening['what']): void {
    const { tally } = this.context;
    if (what === 'motion') this.camera.reportNextMotion();
    if (what === 'press') this.home.press({ button: 'front', source: 'scene', atUs: this.clock.wallUs() });
    if (what === 'reboot') {
      tally.counts.reboots += 1;
      this.reboot().catch((thrown: unknown) => this.rebootFailed(thrown));
    }
    if (what === 'absence' && this.network) {
      tally.counts.absences += 1;
      this.network.leave();
      this.context.clock.after(this.drawn.awayMs, () => this.network?.comeBack());
    }
  }

  private async reboot(): Promise<void> {
    await this.inTurn(() => this.end());
    await this.context.clock.sleep(this.drawn.rebootTakesMs, this.stopping.signal).catch(() => undefined);
    await this.untilDone(() => this.boot());
  }

  /** It did not come back after a reboot. */
  private rebootFailed(thrown: unknown): void {
    if (!isFailure(thrown)) throw thrown;
    this.log.error('a simulated doorbell did not start again after its reboot; it stays off until its next reboot', {
      code: thrown.code,
      detail: thrown.message,
    });
  }

  private countEvent({ type }: DeviceEvent): void {
    const { counts } = this.context.tally;
    counts.events += 1;
    if (type === 'ring') counts.presses += 1;
    if (type === 'motion-start') counts.motions += 1;
  }

  /** Counts what its owner did or received. */
  private ownerActed({ what, request, afterMs, code }: OwnerMoment): void {
    const { tally } = this.context;
    const { counts } = tally;
    if (code !== undefined) tally.code(code);
    if (what === 'seen') counts.requests += 1;
    if (what === 'denied') counts.denials += 1;
    if (what === 'revoked') counts.revocations += 1;
    if (what === 'refused') counts.refusals += 1;
    if (what === 'unanswered') counts.unanswered += 1;
    if (what === 'failed') counts.clipsFailed += 1;
    if (what === 'granted') {
      counts.grants += 1;
      this.underWay.add(request);
      counts.clipsUnderWay += 1;
    }
    if (what === 'sent') {
      counts.clipsStored += 1;
      tally.delivered.add(afterMs);
    }
    const isOver = what === 'sent' || what === 'failed' || what === 'revoked';
    if (isOver && this.underWay.delete(request)) counts.clipsUnderWay -= 1;
  }
}

/** The machine's network, from which a doorbell can be absent: its connections are reset, and it gets no new ones. */
class AbsentNetwork implements Network {
  private readonly sockets = new Set<Socket>();
  private isAway = false;

  connect(to: Parameters<Network['connect']>[0]): Socket {
    const socket = this.isAway ? new Socket() : createConnection(to);
    if (this.isAway) socket.destroy(Object.assign(new Error('the network is unreachable'), { code: 'ENETUNREACH' }));
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }

  adopt(): void {
    // Its listener stays on the machine's network, for pairing.
  }

  leave(): void {
    this.isAway = true;
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  comeBack(): void {
    this.isAway = false;
  }
}
