// Owns: one home of a simulated town: its doorbell, which can lose its power and come back, and its owner, who answers as planned.
// Not here: what must hold (town-watch.ts), when something happens to it (town.ts).
import { join } from 'node:path';
import {
  actorId,
  type Clock,
  Doorbell,
  generateSigningKey,
  type Home,
  isFailure,
  issueAccount,
  type Log,
  loadOrCreateDeviceKey,
  makeDenial,
  makeGrant,
  makeRevoke,
  OwnerSession,
  type Programs,
  pairingSocketPath,
  pairWithDevice,
  parseDeviceConfig,
  type Random,
  type Receipt,
  SeededRandom,
  type Signer,
  sha256Hex,
  type VerifiedNotice,
  type Window,
} from '../../device/index.ts';
import { BootClock, DeviceClock } from '../world/device-clock.ts';
import { MemoryDisk } from '../world/memory-disk.ts';
import type { MemoryNetwork } from '../world/memory-network.ts';
import type { VirtualClock } from '../world/virtual-clock.ts';
import { type Footage, ffmpegTwin, GOP_US, TOWN_CAMERA, townCamera } from './ffmpeg-twin.ts';
import type { HomePlan } from './plan.ts';
import type { TownServices } from './town-services.ts';

/** All homes of a town stand in one area of about 500 m. */
export const TOWN_PLACE = { longitude: -89.644, latitude: 39.799 };
const DISCLOSURE = { name: 'Robin Maple', address: '12 Maple Street', email: 'robin@maple.example' };
const RING_BYTES = 8 * 1024 * 1024;
/** An owner's app says again what was not answered. */
const AGAIN_MS = 15_000;
const AGAIN_MAX = 80;
/** What watches over a doorbell starts it again after so long. */
const START_AGAIN_MS = 5_000;
/** How long after the first receipt of a grant its owner takes it back. */
const REGRET_MS = { 'at-once': 0, soon: 3_000, late: 60_000 } as const;

/** No hardware, and no program of the machine. */
const NO_PROGRAMS: Programs = {
  run: () => ({ ended: Promise.resolve({ missing: true, status: null, words: '' }), stop: () => undefined }),
};

export interface HomeSeams {
  world: VirtualClock;
  random: Random;
  network: MemoryNetwork;
  services: TownServices;
  footage: Footage;
  log(part: string): Log;
}

/** An order that an owner has signed. */
export interface SignedOrder {
  readonly kind: 'grant' | 'deny' | 'revoke';
  readonly jti: string;
  readonly token: string;
  readonly request: string;
  /** Of a grant: its exact window and keys. Of a revocation: the grant. */
  readonly window?: Window;
  readonly disclose?: readonly string[];
  readonly grant?: string;
}

export class TownHome {
  readonly plan: HomePlan;
  readonly folder: string;
  readonly clock: DeviceClock;
  readonly orders: SignedOrder[] = [];
  readonly receipts: Receipt[] = [];
  /** When each start of the camera began to film, in the device's wall time as it was set then or later. */
  readonly filmedFromUs: number[] = [];
  disk: MemoryDisk;
  private readonly seams: HomeSeams;
  private readonly ownerRandom: Random;
  private account: { user: string; password: string } = { user: '', password: '' };
  private code: string | null = null;
  private key = { id: '', publicKey: '' };
  private boot: { clock: BootClock; network: ReturnType<MemoryNetwork['at']>; doorbell: Doorbell } | null = null;
  private session: OwnerSession | null = null;
  private signer: Signer | null = null;
  private readonly notices = new Map<string, VerifiedNotice>();

  constructor(plan: HomePlan, folder: string, seams: HomeSeams) {
    this.plan = plan;
    this.folder = folder;
    this.seams = seams;
    this.clock = new DeviceClock(seams.world);
    this.ownerRandom = new SeededRandom(Math.floor(seams.random.fraction() * 2 ** 32));
    this.disk = new MemoryDisk({ clock: seams.world, random: seams.random });
  }

  /** The device's id, and the key that its statements are signed with. */
  get device(): { id: string; key: string } {
    return { id: this.key.id, key: this.key.publicKey };
  }

  get isUp(): boolean {
    return this.boot !== null;
  }

  /** Whether an owner listens at all. */
  get isAttended(): boolean {
    return this.plan.manner !== 'away';
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
    await this.addOwner();
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
    const clock = new BootClock(this.clock);
    const own = network.at(this.plan.name);
    const config = parseDeviceConfig(
      {
        ...{ name: this.plan.name, camera: TOWN_CAMERA, place: TOWN_PLACE, disclosure: DISCLOSURE },
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
    await doorbell.start().catch((thrown: unknown) => {
      clock.end();
      own.end();
      if (this.boot === boot) this.boot = null;
      throw thrown;
    });
    this.code = null;
  }

  /** Stops the doorbell in order, and starts it again. */
  async reboot(): Promise<void> {
    const { boot } = this;
    if (!boot) return;
    this.boot = null;
    await boot.doorbell.stop();
    boot.network.end();
    await this.keepUp();
  }

  /** Cuts its power in a disk operation from now; `then` is called when that has happened. */
  crashIn(steps: number, then: () => void): void {
    this.disk.cutIn(steps, () => {
      this.boot?.clock.end();
      this.boot?.network.end();
      this.boot = null;
      then();
    });
  }

  /** Its power comes back, with what the disk has kept. Throws what keeps it from starting. */
  async recover(): Promise<void> {
    this.disk = this.disk.afterPowerCut();
    await this.bring();
  }

  /** Sets its clock; what is being filmed is dated by it from then on. */
  stepClock(byUs: number): void {
    this.clock.stepBy(byUs);
    this.filmedFromUs.push(...this.filmedFromUs.map((fromUs) => fromUs + byUs));
  }

  press(): void {
    this.boot?.doorbell.pressed({ button: 'front', source: 'local', atUs: this.clock.wallUs() });
  }

  async stop(): Promise<void> {
    await this.session?.stop();
    const { boot } = this;
    this.boot = null;
    await boot?.doorbell.stop();
  }

  private async addOwner(): Promise<void> {
    const { world, network, services, log } = this.seams;
    const random = this.ownerRandom;
    const key = generateSigningKey(random);
    const id = actorId('owner', sha256Hex(key.publicKey));
    const holder = { role: 'owner', id, homes: [this.key.id] };
    const own = await issueAccount(services.disk, random, services.path('accounts'), holder);
    const name = `owner-of-${this.plan.name}`;
    const seams = { clock: world, network: network.at(name) };
    const home: Home = await pairWithDevice(seams, pairingSocketPath(this.folder), key, 'owner', own);
    this.signer = { key, clock: world, random };
    if (!this.isAttended) return;
    this.session = new OwnerSession(home, { ...seams, random, disk: services.disk, log: log(name) });
    this.session.listen({
      notice: (notice) => this.noticed(notice),
      receipt: (receipt) => this.heard(receipt),
    });
    await this.session.start();
  }

  /** A request that was not answered yet. */
  private noticed(notice: VerifiedNotice): void {
    const request = notice.request.jti;
    if (this.plan.manner === 'ignores' || this.orders.some((order) => order.request === request)) return;
    const { signer } = this;
    if (!signer) return;
    this.notices.set(request, notice);
    const order = this.plan.manner === 'declines' ? denial(signer, notice) : this.grantOf(signer, notice);
    if (!order) return;
    this.orders.push(order);
    this.seams.world.after(this.plan.answerAfterMs, () => this.say(order, AGAIN_MAX));
  }

  /** Consent to some whole GOPs and part of one more, of the footage that the device says it has. */
  private grantOf(signer: Signer, notice: VerifiedNotice): SignedOrder | null {
    const { gops, part, disclose } = this.plan;
    const span = notice.coverage.at(-1);
    if (!span) return null;
    const held = Math.floor((span.endUs - span.startUs) / GOP_US);
    // Without a whole GOP and a half there is nothing worth showing.
    if (held < 2) return null;
    const taken = Math.min(gops, held - 1);
    const startUs = span.startUs + (held - 1 - taken) * GOP_US;
    const window = { startUs, endUs: startUs + taken * GOP_US + Math.round((part * GOP_US) / 1_000) * 1_000 };
    const keys = disclose.filter((key) => notice.askedKeys.includes(key));
    const { jti, token } = makeGrant(signer, notice, { window, disclose: keys });
    return { kind: 'grant', jti, token, request: notice.request.jti, window, disclose: keys };
  }

  /** Sends an order until the device has answered it. */
  private say(order: SignedOrder, times: number): void {
    const { session } = this;
    if (!session || times === 0 || this.receipts.some(({ answers }) => answers === order.jti)) return;
    const action = order.kind;
    session.answer(order.request, action, order.token).catch(() => undefined);
    this.seams.world.after(AGAIN_MS, () => this.say(order, times - 1));
  }

  private heard(receipt: Receipt): void {
    this.receipts.push(receipt);
    this.reconsider(receipt);
    const { regret, manner } = this.plan;
    const { request, grant, grantSha256, answers } = receipt;
    if (manner !== 'shares' || regret === 'never' || receipt.outcome !== 'granted') return;
    if (request === undefined || grant === undefined || grantSha256 === undefined || answers !== grant) return;
    if (this.orders.some((order) => order.kind === 'revoke' && order.grant === grant)) return;
    const { signer } = this;
    if (!signer) return;
    const { jti, token } = makeRevoke(signer, this.key.id, { request, grant, grantSha256 });
    const order: SignedOrder = { kind: 'revoke', jti, token, request, grant };
    this.orders.push(order);
    this.seams.world.after(REGRET_MS[regret], () => this.say(order, AGAIN_MAX));
  }

  /** An owner who took a clip back may share once more. */
  private reconsider({ answers, outcome }: Receipt): void {
    const { signer, orders } = this;
    const taken = orders.find((order) => order.kind === 'revoke' && order.jti === answers);
    const notice = this.notices.get(taken?.request ?? '');
    if (!this.plan.again || !signer || !taken || !notice || outcome === 'refused') return;
    if (orders.filter(({ kind, request }) => kind === 'grant' && request === taken.request).length > 1) return;
    const order = this.grantOf(signer, notice);
    if (!order) return;
    orders.push(order);
    this.seams.world.after(this.plan.answerAfterMs, () => this.say(order, AGAIN_MAX));
  }

  /** Whether everything that its owner said has been answered. */
  get isAnswered(): boolean {
    return this.orders.every((order) => this.receipts.some(({ answers }) => answers === order.jti));
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

function denial(signer: Signer, notice: VerifiedNotice): SignedOrder {
  const { jti, token } = makeDenial(signer, notice);
  return { kind: 'deny', jti, token, request: notice.request.jti };
}
