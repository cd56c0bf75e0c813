// One home of a scenario: its doorbell, its owners' sessions, its network links, and all its messages.

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { type Random, SeededRandom, SystemRandom } from '@doorsill/base/random';
import type { DeviceEvent, Receipt } from '@doorsill/contract/home-messages';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { OwnerSession } from '@doorsill/device/owner/owner-session';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import type { Signer } from '@doorsill/device/owner/sign-owner-messages';
import { failure } from '../../errors.ts';
import type { CameraFaults } from '../../replay/faulty-footage.ts';
import type { FootagePart } from '../../replay/footage.ts';
import { ReplayedDoorbell } from '../../replay/replayed-doorbell.ts';
import { DEMO_HOME, makeIdentity, NO_IDENTITY } from '../../world/home-identity.ts';
import { LinkProxy } from '../../world/link-proxy.ts';
import { type PowerCutLeaves, SimulatedDisk, type SimulatedDiskDeps } from '../../world/simulated-disk.ts';
import type { VirtualClock } from '../../world/virtual-clock.ts';
import type { ScenarioDoorbell } from '../language/scenario.ts';
import type { ServiceParts } from './service-parts.ts';

export interface HomeDeps {
  world: VirtualClock;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
  /** For the device: the same seed makes the same device. */
  random: Random;
  services: ServiceParts;
  /** Whether it is enrolled at a bridge. */
  hasBridge: boolean;
  ownServer: boolean;
  /** Faults of its camera, or null. */
  faults: CameraFaults | null;
}

/** A home's message, and when it was published, since the start of the world. */
export type HomeMessage = { publishedUs: number } & (
  | { kind: 'event'; event: DeviceEvent }
  | { kind: 'receipt'; receipt: Receipt }
  | { kind: 'notice'; notice: VerifiedNotice }
  | { kind: 'sighting'; sighting: VerifiedSighting }
);

interface Owner {
  signer: Signer;
  session: OwnerSession;
}

const LINK_SEED = 1;
const TEAR_SEED = 2;

export class ScenarioHome {
  readonly name: string;
  readonly setup: ScenarioDoorbell;
  readonly messages: HomeMessage[] = [];
  readonly links: Record<'home' | 'area' | 'bridge', LinkProxy>;
  private readonly folder: string;
  private readonly deps: HomeDeps;
  private readonly owners = new Map<string, Owner>();
  private readonly listeners = new Set<(message: HomeMessage) => void>();
  private readonly disks: SimulatedDiskDeps;
  private disk: SimulatedDisk;
  readonly doorbell: ReplayedDoorbell;
  private identity = NO_IDENTITY;

  constructor(setup: ScenarioDoorbell, footage: readonly FootagePart[], folder: string, deps: HomeDeps) {
    this.name = setup.name;
    this.setup = setup;
    this.folder = folder;
    this.deps = deps;
    const { world, services } = deps;
    // A separate generator, so that a link's jitter does not change the device's random values.
    const links = { clock: world, random: new SeededRandom(LINK_SEED) };
    this.links = {
      home: new LinkProxy(links, () => services.url('broker')),
      area: new LinkProxy(links, () => services.url('broker')),
      bridge: new LinkProxy(links, () => services.url('bridge')),
    };
    this.disks = { clock: world, random: new SeededRandom(TEAR_SEED) };
    this.disk = new SimulatedDisk(deps.disk, this.disks);
    this.doorbell = this.makeDoorbell(footage);
  }

  /** Empty before the home has started. */
  get id(): string {
    return this.identity.id;
  }

  /** Calls `listener` with every message of the home. */
  onMessage(listener: (message: HomeMessage) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Starts the links and the doorbell, and pairs its owners. */
  async start(): Promise<void> {
    const { disk, random, services, hasBridge } = this.deps;
    await Promise.all(Object.values(this.links).map((link) => link.start()));
    const accounts = { disk, random: new SystemRandom(), folder: services.path('accounts') };
    this.identity = await makeIdentity({ disk, random, folder: this.doorbell.home.folder }, accounts);
    if (hasBridge) this.doorbell.home.enrolWith(await services.enrolmentCode());
    await this.doorbell.start();
    for (const name of this.setup.owners) await this.addOwner(name);
  }

  async stop(): Promise<void> {
    for (const { session } of this.owners.values()) await session.stop();
    await this.doorbell.stop();
    await Promise.all(Object.values(this.links).map((link) => link.stop()));
  }

  /** Pairs an owner, and subscribes as that owner. */
  async addOwner(name: string): Promise<void> {
    const { world, disk, log, services } = this.deps;
    const random = new SystemRandom();
    const key = await loadOrCreateOwnerKey(disk, random, join(this.folder, 'owners', name, 'owner.key'));
    const home = await pairWithDevice({ clock: world }, this.doorbell.home.pairingSocket, key, name);
    // The owner is at home: faults of the doorbell's link do not affect theirs.
    const own = { ...home, account: { ...home.account, url: services.url('broker') } };
    const session = new OwnerSession(own, { clock: world, random, disk, log });
    const isFirst = this.owners.size === 0;
    session.listen({
      receipt: (receipt) => this.note({ kind: 'receipt', receipt }, isFirst),
      notice: (notice) => this.note({ kind: 'notice', notice }, isFirst),
      sighting: (sighting) => this.note({ kind: 'sighting', sighting }, isFirst),
    });
    await session.start();
    this.owners.set(name, { session, signer: { key, clock: world, random } });
  }

  /** An owner's session and signer. Throws `scenario_name_unknown` if not paired. */
  owner(name: string): Owner {
    const owner = this.owners.get(name);
    if (owner) return owner;
    throw failure('scenario_name_unknown', { place: this.name, detail: `${name} is not an owner of it yet.` });
  }

  /** The keys of the bridge and the registry that it is enrolled at. */
  trusts(): { bridgeKey: string; registryKey: string }[] {
    return [...this.owners.values()].flatMap(({ session }) => session.home.trust ?? []);
  }

  ownerKey(name: string): string {
    return this.owner(name).signer.key.publicKey;
  }

  /** The disk, to set its faults. */
  get diskNow(): SimulatedDisk {
    return this.disk;
  }

  /** Cuts its power for `forUs`. `leaves`: which unsynced writes remain. */
  async cutPower(forUs: number, leaves: PowerCutLeaves): Promise<void> {
    await this.doorbell.cutPower({ cut: () => this.disk.cut(leaves) });
    for (const link of Object.values(this.links)) link.cut();
    if (forUs > 0) await this.deps.world.sleep(forUs / 1_000);
    this.disk = new SimulatedDisk(this.deps.disk, this.disks);
    this.doorbell.deps.disk = this.disk;
    await this.doorbell.start();
  }

  async reboot(): Promise<void> {
    await this.doorbell.stop();
    await this.doorbell.start();
  }

  private makeDoorbell(footage: readonly FootagePart[]): ReplayedDoorbell {
    const { services, ownServer, faults, hasBridge } = this.deps;
    const { home, area, bridge } = this.links;
    const accounts = services.path('accounts');
    const doorbell = new ReplayedDoorbell(
      {
        name: this.name,
        folder: join(this.folder, 'doorbell'),
        ...{ footage, ownServer },
        ...(faults ? { faults } : {}),
        settings: { disclosure: DEMO_HOME.disclosure, ...this.setup.settings },
        around: () => ({
          home: { url: home.url, ...this.identity.account, accounts },
          place: this.setup.place,
          ...(hasBridge ? { bridgeUrl: bridge.url, areaUrl: area.url } : {}),
        }),
      },
      { ...this.deps, disk: this.disk },
    );
    doorbell.onEvent((event) => this.note({ kind: 'event', event }, true));
    return doorbell;
  }

  /** All owners receive the same messages; each is noted once. */
  private note(
    message: HomeMessage extends infer Each ? (Each extends HomeMessage ? Omit<Each, 'publishedUs'> : never) : never,
    isFirst: boolean,
  ): void {
    if (!isFirst) return;
    const noted = { ...message, publishedUs: this.deps.world.passedUs } as HomeMessage;
    this.messages.push(noted);
    for (const listener of [...this.listeners]) listener(noted);
  }
}
