// Owns: one home of a simulated town: its doorbell, which can lose its power and come back, with its clock and its disk. Not here: its owner
// (town-owner.ts), what must hold (town-watch.ts), when something happens to it (town.ts).

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import { integerBelow } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import type { Receipt } from '@doorsill/contract/home-messages';
import { actorId } from '@doorsill/contract/ids';
import { makeBackup, restoreBackup } from '@doorsill/device/backup';
import { parseDeviceConfig } from '@doorsill/device/config';
import { Doorbell } from '@doorsill/device/doorbell';
import { loadDeviceKey, loadOrCreateDeviceKey } from '@doorsill/device/identity';
import { pairingSocketPath } from '@doorsill/device/owner/pairing-wire';
import { isFailure } from 'doorsill/errors';
import { BootClock, DeviceClock } from 'doorsill/world/device-clock';
import { type Footage, ffmpegTwin, TOWN_CAMERA, townCamera } from './ffmpeg-twin.ts';
import { MemoryDisk } from './memory-disk.ts';
import type { MemoryNetwork } from './memory-network.ts';
import type { DiskFault, HomePlan } from './plan.ts';
import { type OwnerSeams, type PairedOwner, type SignedOrder, TownOwner } from './town-owner.ts';

/** All homes of a town stand in one area of about 500 m. */
export const TOWN_PLACE = { longitude: -89.644, latitude: 39.799 };
const DISCLOSURE = { name: 'Robin Maple', address: '12 Maple Street' };
const EMAIL = 'robin@maple.example';
const RING_BYTES = 8 * 1024 * 1024;
/** What watches over a doorbell starts it again after so long. */
const START_AGAIN_MS = 5_000;
/** A doorbell notes the time of its clock at least this often while it runs, and trusts a clock that is behind by no more than this. */
const CLOCK_NOTED_US = 35_000_000;
const CLOCK_BEHIND_US_MAX = 2_000_000;
const LEDGER_BYTES_MAX = 32 * 1024 * 1024;
/** What fills its card. */
const BALLAST = '/ballast';
const PASSPHRASE = 'twelve maple leaves';

/** No hardware, and no program of the machine. */
const NO_PROGRAMS: Programs = {
  run: () => ({ ended: Promise.resolve({ missing: true, status: null, words: '' }), stop: () => undefined }),
};

export interface HomeSeams extends OwnerSeams {
  footage: Footage;
}

/** A home at rest whose doorbell is enrolled and whose owner is paired: towns may begin with copies of it. */
export interface SettledHome {
  readonly disk: MemoryDisk;
  readonly key: { readonly id: string; readonly publicKey: string };
  readonly account: { readonly user: string; readonly password: string };
  readonly owner: PairedOwner;
}

/** From one start of the doorbell to its end. */
interface Boot {
  clock: BootClock;
  network: ReturnType<MemoryNetwork['at']>;
  doorbell: Doorbell;
}

export class TownHome {
  readonly plan: HomePlan;
  readonly folder: string;
  readonly clock: DeviceClock;
  readonly owner: TownOwner;
  /** When each start of the camera began to film, in the device's wall time as it was set then or later. */
  readonly filmedFromUs: number[] = [];
  disk: MemoryDisk;
  /** How often it was started. */
  boots = 0;
  private readonly seams: HomeSeams;
  private account: SettledHome['account'] = { user: '', password: '' };
  private code: string | null = null;
  private key: SettledHome['key'] = { id: '', publicKey: '' };
  private boot: Boot | null = null;
  /** What is being stopped in order: the power can be cut meanwhile, too. */
  private ending: Boot | null = null;
  /** The latest time of its clock that it must know in this boot, and since when, in the world's time, the clock is behind that. */
  private known: { wallUs: number; behindSinceUs: number } | null = null;
  /** Since when it runs and its clock was not set. */
  private steadySinceUs = 0;
  private isStarted = false;
  /** A card that is slow is so after a power cut, too. */
  private isSlow = false;
  /** What of its ledger was altered, as it was before, and whether it is to be put right. */
  private altered: { readonly path: string; readonly whole: Uint8Array } | null = null;
  private isMended = false;
  /** Whether its card is filled; null if it never was. */
  private isFilled: boolean | null = null;

  constructor(plan: HomePlan, folder: string, seams: HomeSeams) {
    this.plan = plan;
    this.folder = folder;
    this.seams = seams;
    this.clock = new DeviceClock(seams.world);
    this.owner = new TownOwner(plan, seams);
    this.disk = new MemoryDisk({ clock: seams.world, random: seams.random });
  }

  /** The device's id, and the key that its statements are signed with. */
  get device(): { id: string; key: string } {
    return { id: this.key.id, key: this.key.publicKey };
  }

  get isUp(): boolean {
    return this.boot !== null;
  }

  /** Whether its doorbell runs, and takes in what it is told. */
  get isReady(): boolean {
    return this.boot !== null && this.isStarted;
  }

  /** Since when its clock is behind a time that it knows; null while that is not so. */
  get clockBehindSinceUs(): number | null {
    const { known } = this;
    if (!this.isReady || known === null) return null;
    return this.clock.wallUs() < known.wallUs - CLOCK_BEHIND_US_MAX ? known.behindSinceUs : null;
  }

  /** What its owner has signed, and was answered. */
  get orders(): readonly SignedOrder[] {
    return this.owner.orders;
  }

  get receipts(): readonly Receipt[] {
    return this.owner.receipts;
  }

  /** Starts the doorbell with a bridge's one-time code, and pairs its owner. */
  async start(code: string): Promise<void> {
    const { random, services } = this.seams;
    await this.disk.makeFolder(this.folder);
    const key = await loadOrCreateDeviceKey(this.disk, random, this.folder);
    this.key = { id: actorId('device', sha256Hex(key.publicKey)), publicKey: key.publicKey };
    this.account = await issueAccount(services.disk, random, services.path('accounts'), {
      role: 'device-home',
      id: this.key.id,
    });
    this.code = code;
    await this.bring();
    await this.owner.start(this.key.id, pairingSocketPath(this.folder));
  }

  /** Starts a copy of a doorbell that is enrolled and paired; its owner goes on with it. */
  async startFrom({ disk, key, account, owner }: SettledHome): Promise<void> {
    const { world, random } = this.seams;
    this.disk = disk.copy({ clock: world, random });
    this.key = key;
    this.account = account;
    await this.bring();
    await this.owner.resume(owner);
  }

  /** Stops it for good; what is left is what others may begin with. */
  async settle(): Promise<SettledHome> {
    await this.stop();
    const { disk, key, account, owner } = this;
    return { disk, key, account, owner: owner.paired };
  }

  /** Starts the doorbell, as what watches over it does: again and again while it cannot. */
  async keepUp(): Promise<void> {
    for (;;) {
      try {
        await this.bring();
        return;
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown;
        await this.seams.world.sleep(START_AGAIN_MS);
        if (this.boot) return;
      }
    }
  }

  /** Starts the doorbell. Throws what keeps it from starting. */
  private async bring(): Promise<void> {
    const { network, services, footage, log, random } = this.seams;
    await this.restoreCard();
    const clock = new BootClock(this.clock);
    const own = network.at(this.plan.name);
    const config = parseDeviceConfig(
      {
        ...{ name: this.plan.name, camera: TOWN_CAMERA, place: TOWN_PLACE },
        disclosure: this.plan.hasEmail ? { ...DISCLOSURE, email: EMAIL } : DISCLOSURE,
        ring: { kind: this.plan.ring, bytes: RING_BYTES },
        motion: { enabled: false },
        home: { url: services.url('broker'), ...this.account },
      },
      'the settings of a simulated home',
    );
    const twin = ffmpegTwin(footage, clock, () => this.filmedFromUs.push(clock.wallUs()));
    const doorbell = new Doorbell(
      {
        ...{ config, folder: this.folder, cameraKinds: [townCamera] },
        ...(this.code === null ? {} : { enrolmentCode: this.code }),
      },
      {
        ...{ clock, random, disk: this.disk, network: own, log: log(this.plan.name) },
        ...{ ffmpeg: twin, programs: NO_PROGRAMS },
      },
    );
    const boot = { clock, network: own, doorbell };
    this.boot = boot;
    this.boots += 1;
    this.known = null;
    this.isStarted = false;
    this.steadySinceUs = this.seams.world.passedUs;
    await doorbell.start().catch((thrown: unknown) => {
      clock.end();
      own.end();
      if (this.boot === boot) this.boot = null;
      throw thrown;
    });
    this.code = null;
    this.isStarted = true;
  }

  /** Stops the doorbell in order, and starts it again. */
  async reboot(): Promise<void> {
    const { boot } = this;
    if (!boot) return;
    await this.halt(boot);
    await this.keepUp();
  }

  /**
   * Stops it, takes the signed head of its ledger away or alters one bit of it, and starts it again: until `mendLedger` it decides nothing.
   * Throws the disk's error.
   */
  async alterLedger(): Promise<void> {
    const { boot, ledgerFolder } = this;
    const { random } = this.seams;
    if (!boot) return;
    await this.halt(boot);
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
      await this.keepUp();
    }
  }

  /** Its ledger is put right at its next start, which is now unless it is without power. */
  async mendLedger(): Promise<void> {
    this.isMended = true;
    await this.reboot();
  }

  /** All of its card is taken: what is there can be overwritten, and nothing can be added. Throws the disk's error. */
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

  /** It comes back from a backup, on a new card and without footage, and its owner pairs with it again. */
  async comeBack(): Promise<void> {
    const { boot, clock, folder } = this;
    const { world, random } = this.seams;
    if (!boot) return;
    await this.halt(boot);
    try {
      const backup = await makeBackup({ disk: this.disk, clock, random }, folder, PASSPHRASE);
      const card = new MemoryDisk({ clock: world, random });
      await restoreBackup({ disk: card, clock, random }, backup, folder, PASSPHRASE);
      this.disk = card;
    } finally {
      await this.keepUp();
    }
    await this.owner.pairAgain(pairingSocketPath(folder));
  }

  /** The key that whoever has its card can read there. Throws `state_damaged`. */
  stolenKey(): Promise<SigningKey | null> {
    return loadDeviceKey(this.disk, this.folder);
  }

  /** Whether its clock is known to be right. */
  trustClock(isTrusted: boolean): void {
    this.clock.trust(isTrusted);
  }

  /** Undoes what was done to its card, once that is over. */
  private async restoreCard(): Promise<void> {
    if (this.isMended && this.altered) {
      await this.disk.replaceFile(this.altered.path, this.altered.whole);
      this.altered = null;
      this.isMended = false;
    }
    if (this.isFilled === false) await this.disk.remove(BALLAST);
  }

  /** Cuts its power in a disk operation from now; `then` is called when that has happened. */
  crashIn(steps: number, then: () => void): void {
    this.disk.cutIn(steps, () => {
      for (const boot of [this.boot, this.ending]) {
        boot?.clock.end();
        boot?.network.end();
      }
      this.boot = null;
      this.ending = null;
      then();
    });
  }

  setDisk(state: DiskFault | 'ok'): void {
    this.isSlow = state === 'slow';
    this.disk.set(state);
  }

  /** Its power comes back, with what the disk has kept. Throws what keeps it from starting. */
  async recover(): Promise<void> {
    this.disk = this.disk.afterPowerCut();
    if (this.isSlow) this.disk.set('slow');
    await this.bring();
  }

  /** Sets its clock; what is being filmed is dated by it from then on. */
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
    this.boot?.doorbell.pressed({ button: 'front', source: 'local', atUs: this.clock.wallUs() });
  }

  async stop(): Promise<void> {
    await this.owner.stop();
    const { boot } = this;
    if (boot) await this.halt(boot);
  }

  private async halt(boot: Boot): Promise<void> {
    this.boot = null;
    this.ending = boot;
    await boot.doorbell.stop();
    boot.network.end();
    if (this.ending === boot) this.ending = null;
  }

  /** Where the ledger is. */
  get ledgerFolder(): string {
    return join(this.folder, 'consent');
  }

  /** The clock that its owner reads. */
  get ownersClock(): Clock {
    return this.seams.world;
  }
}
