// One simulated home: its doorbell, with power, clock and disk.

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import { integerBelow } from '@doorsill/base/random';
import type { Receipt } from '@doorsill/contract/home-messages';
import type { DisclosedValues } from '@doorsill/contract/shared-claims';
import { makeBackup, restoreBackup } from '@doorsill/device/backup';
import { loadDeviceKey } from '@doorsill/device/identity';
import { isFailure } from 'doorsill/errors';
import { type BootClock, DeviceClock } from 'doorsill/world/device-clock';
import { DEMO_HOME, type HomeIdentity, makeIdentity, NO_IDENTITY } from 'doorsill/world/home-identity';
import { type BootParts, NO_PROGRAMS, VirtualHome } from 'doorsill/world/virtual-home';
import { type Footage, ffmpegTwin, SIMULATED_CAMERA, simulatedCamera } from './ffmpeg-twin.ts';
import { MemoryDisk } from './memory-disk.ts';
import type { DiskFault, HomePlan } from './plan.ts';
import { type OwnerSeams, type PairedOwner, type SignedOrder, SimulatedOwner } from './simulated-owner.ts';

/** All homes are in one area of about 500 m. */
export const HOMES_PLACE = DEMO_HOME.place;
const RING_BYTES = 8 * 1024 * 1024;
/** The supervisor restarts a doorbell after this time. */
const START_AGAIN_MS = 5_000;
/** A running doorbell records its clock at least this often, and trusts a clock that is behind by no more than this. */
const CLOCK_NOTED_US = 35_000_000;
const CLOCK_BEHIND_US_MAX = 2_000_000;
const LEDGER_BYTES_MAX = 32 * 1024 * 1024;
/** Fills its card. */
const BALLAST = '/ballast';
const PASSPHRASE = 'twelve maple leaves';

export interface HomeSeams extends OwnerSeams {
  footage: Footage;
}

/** A stopped home whose doorbell is enrolled and whose owner is paired: runs may begin with copies of it. */
export interface SettledHome {
  readonly disk: MemoryDisk;
  readonly identity: HomeIdentity;
  readonly owner: PairedOwner;
}

export class SimulatedHome {
  readonly plan: HomePlan;
  readonly folder: string;
  readonly clock: DeviceClock;
  readonly owner: SimulatedOwner;
  /** When each start of the camera began to film, in the device's wall time, corrected for later changes. */
  readonly filmedFromUs: number[] = [];
  disk: MemoryDisk;
  boots = 0;
  private readonly seams: HomeSeams;
  private readonly home: VirtualHome;
  private identity = NO_IDENTITY;
  /** The latest time that its clock must know in this boot, and since when, in simulated time, the clock is behind it. */
  private known: { wallUs: number; behindSinceUs: number } | null = null;
  /** Since when it runs with an unchanged clock. */
  private steadySinceUs = 0;
  /** A slow card stays slow after a power cut. */
  private isSlow = false;
  /** The altered part of its ledger as it was before, and whether it is to be restored. */
  private altered: { readonly path: string; readonly whole: Uint8Array } | null = null;
  private isMended = false;
  /** Whether its card is filled; null if it never was. */
  private isFilled: boolean | null = null;

  constructor(plan: HomePlan, folder: string, seams: HomeSeams) {
    this.plan = plan;
    this.folder = folder;
    this.seams = seams;
    this.clock = new DeviceClock(seams.world);
    this.home = new VirtualHome(folder, this.clock, (clock) => this.bootParts(clock));
    this.owner = new SimulatedOwner(plan, seams);
    this.disk = new MemoryDisk({ clock: seams.world, random: seams.random });
  }

  /** The device's id, and the key of its statements. */
  get device(): { id: string; key: string } {
    return this.identity;
  }

  get isUp(): boolean {
    return this.home.isUp;
  }

  /** Whether its doorbell runs and processes messages. */
  get isReady(): boolean {
    return this.home.isReady;
  }

  /** Since when its clock is behind a known time; null if it is not. */
  get clockBehindSinceUs(): number | null {
    const { known } = this;
    if (!this.isReady || known === null) return null;
    return this.clock.wallUs() < known.wallUs - CLOCK_BEHIND_US_MAX ? known.behindSinceUs : null;
  }

  /** What it may disclose of its home; no two homes have the same address or e-mail address. */
  get facts(): DisclosedValues {
    const { name, hasEmail } = this.plan;
    const { name: person, email } = DEMO_HOME.disclosure;
    return { name: person, address: `${name}, 12 Maple Street`, ...(hasEmail ? { email: `${name}.${email}` } : {}) };
  }

  /** Its owner's signed orders, with answers. */
  get orders(): readonly SignedOrder[] {
    return this.owner.orders;
  }

  get receipts(): readonly Receipt[] {
    return this.owner.receipts;
  }

  /** Starts the doorbell with a bridge's one-time code, and pairs its owner. */
  async start(code: string): Promise<void> {
    const { random, services } = this.seams;
    const accounts = { disk: services.disk, random, folder: services.path('accounts') };
    this.identity = await makeIdentity({ disk: this.disk, random, folder: this.folder }, accounts);
    this.home.enrolWith(code);
    await this.startDoorbell();
    await this.owner.start(this.identity.id, this.home.pairingSocket);
  }

  /** Starts a copy of an enrolled and paired doorbell; its owner continues. */
  async startFrom({ disk, identity, owner }: SettledHome): Promise<void> {
    const { world, random } = this.seams;
    this.disk = disk.copy({ clock: world, random });
    this.identity = identity;
    await this.startDoorbell();
    await this.owner.resume(owner);
  }

  /** Stops it for good; the result can be copied. */
  async settle(): Promise<SettledHome> {
    await this.stop();
    const { disk, identity, owner } = this;
    return { disk, identity, owner: owner.paired };
  }

  /** Starts the doorbell as its supervisor does, with retries. */
  async startWithRetries(): Promise<void> {
    for (;;) {
      try {
        await this.startDoorbell();
        return;
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown;
        await this.seams.world.sleep(START_AGAIN_MS);
        if (this.isUp) return;
      }
    }
  }

  /** Starts the doorbell. Throws the reason of a failure. */
  private async startDoorbell(): Promise<void> {
    await this.restoreCard();
    await this.home.start();
  }

  private bootParts(clock: BootClock): BootParts {
    const { network, services, footage, log, random, world } = this.seams;
    const { name, ring } = this.plan;
    const own = network.at(name);
    this.boots += 1;
    this.known = null;
    this.steadySinceUs = world.passedUs;
    return {
      settings: {
        ...{ name, camera: SIMULATED_CAMERA, place: HOMES_PLACE },
        disclosure: this.facts,
        ring: { kind: ring, bytes: RING_BYTES },
        motion: { enabled: false },
        home: { url: services.url('broker'), ...this.identity.account },
      },
      options: { cameraKinds: [simulatedCamera] },
      seams: {
        ...{ random, disk: this.disk, network: own, log: log(name), programs: NO_PROGRAMS },
        ffmpeg: ffmpegTwin(footage, clock, () => this.filmedFromUs.push(clock.wallUs())),
      },
      over: () => own.end(),
    };
  }

  /** Stops and restarts the doorbell. */
  async reboot(): Promise<void> {
    if (!this.isUp) return;
    await this.home.stop();
    await this.startWithRetries();
  }

  /**
   * Stops it, removes the signed head of its ledger or flips one bit of it, and restarts it: until `restoreLedger` it decides nothing. Throws
   * the disk's error.
   */
  async alterLedger(): Promise<void> {
    const { ledgerFolder } = this;
    const { random } = this.seams;
    if (!this.isUp) return;
    await this.home.stop();
    try {
      const isHead = random.fraction() < 0.7;
      const path = join(ledgerFolder, isHead ? 'ledger-head.json' : 'ledger.jsonl');
      const whole = await this.disk.readFile(path, LEDGER_BYTES_MAX);
      if (!whole || whole.length === 0) return;
      this.altered = { path, whole };
      if (isHead) return await this.disk.remove(path);
      const bytes = whole.slice();
      const at = integerBelow(random, bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await this.disk.replaceFile(path, bytes);
    } finally {
      await this.startWithRetries();
    }
  }

  /** Restores its ledger at its next start, which is now unless it has no power. */
  async restoreLedger(): Promise<void> {
    this.isMended = true;
    await this.reboot();
  }

  /** Fills its card: existing bytes can be overwritten, and nothing can be added. Throws the disk's error. */
  async fillCard(): Promise<void> {
    const { disk } = this;
    this.isFilled = true;
    const file = await disk.open(BALLAST, { create: true });
    await file.truncate(await disk.freeBytes('/'));
    await file.close();
  }

  async emptyCard(): Promise<void> {
    this.isFilled = false;
    await this.disk.remove(BALLAST);
  }

  /** Restores it from a backup, on a new card and without footage, and pairs its owner again. */
  async restoreFromBackup(): Promise<void> {
    const { clock, folder } = this;
    const { world, random } = this.seams;
    if (!this.isUp) return;
    await this.home.stop();
    try {
      const backup = await makeBackup({ disk: this.disk, clock, random }, folder, PASSPHRASE);
      const card = new MemoryDisk({ clock: world, random });
      await restoreBackup({ disk: card, clock, random }, backup, folder, PASSPHRASE);
      this.disk = card;
    } finally {
      await this.startWithRetries();
    }
    await this.owner.pairAgain(this.home.pairingSocket);
  }

  /** The key that is readable on its card. Throws `state_damaged`. */
  stolenKey(): Promise<SigningKey | null> {
    return loadDeviceKey(this.disk, this.folder);
  }

  /** Sets whether its clock is known to be right. */
  trustClock(isTrusted: boolean): void {
    this.clock.trust(isTrusted);
  }

  /** Undoes changes of its card. */
  private async restoreCard(): Promise<void> {
    if (this.isMended && this.altered) {
      await this.disk.replaceFile(this.altered.path, this.altered.whole);
      this.altered = null;
      this.isMended = false;
    }
    if (this.isFilled === false) await this.disk.remove(BALLAST);
  }

  /** Cuts its power in a later disk operation; then calls `then`. */
  crashIn(steps: number, then: () => void): void {
    this.disk.cutIn(steps, () => {
      this.home.cutPower();
      then();
    });
  }

  setDisk(state: DiskFault | 'ok'): void {
    this.isSlow = state === 'slow';
    this.disk.set(state);
  }

  /** Restores its power, with the disk as it survived. Throws the reason of a failed start. */
  async recover(): Promise<void> {
    this.disk = this.disk.afterPowerCut();
    if (this.isSlow) this.disk.set('slow');
    await this.startDoorbell();
  }

  /** Sets its clock, which also dates current footage. */
  stepClock(byUs: number): void {
    const { passedUs } = this.seams.world;
    const wasBehind = this.clockBehindSinceUs !== null;
    const knownUs = passedUs - this.steadySinceUs > CLOCK_NOTED_US ? this.clock.wallUs() - CLOCK_NOTED_US : 0;
    this.steadySinceUs = passedUs;
    this.known = {
      wallUs: Math.max(knownUs, this.known?.wallUs ?? 0),
      behindSinceUs: wasBehind ? (this.known?.behindSinceUs ?? passedUs) : passedUs,
    };
    this.clock.stepBy(byUs);
    this.filmedFromUs.push(...this.filmedFromUs.map((fromUs) => fromUs + byUs));
  }

  press(): void {
    if (this.isUp) this.home.doorbell.pressed({ button: 'front', source: 'local', atUs: this.clock.wallUs() });
  }

  async stop(): Promise<void> {
    await this.owner.stop();
    await this.home.stop();
  }

  get ledgerFolder(): string {
    return join(this.folder, 'consent');
  }

  /** The clock of its owner. */
  get ownersClock(): Clock {
    return this.seams.world;
  }
}
