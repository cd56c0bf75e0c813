// Broker, registry, bridge and vault of a scenario's world, each of which can stop and come back; optionally mosquitto instead of the
// embedded broker.

import { dirname } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { actorId } from '@doorsill/contract/ids';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { Mosquitto } from '../../broker/mosquitto.ts';
import { pinBridge } from '../../officer/evidence-client.ts';
import {
  type RunningService,
  SERVICES,
  type ServiceName,
  type ServiceSeams,
  ServiceSet,
} from '../../world/service-set.ts';
import type { VirtualClock } from '../../world/virtual-clock.ts';
import type { Scenario } from '../language/scenario.ts';

export interface ServiceDeps {
  world: VirtualClock;
  disk: Disk;
  log: Log;
  /** The broker of homes and area; mosquitto is an external program, in the machine's time. */
  broker: Scenario['broker'];
}

/** How often parts poll; steps notify them of changes at once. */
const LOOK_AGAIN_S = 300;

export class ServiceParts extends ServiceSet {
  readonly disk: Disk;
  private readonly deps: ServiceDeps;
  private readonly random = new SystemRandom();
  private readonly running = new Map<ServiceName, RunningService>();
  private mosquitto: Mosquitto | null = null;

  /** `folder`: absolute, inside one that only this user can open. */
  constructor(folder: string, deps: ServiceDeps) {
    super(folder, { lookAgainS: LOOK_AGAIN_S, stateAgencies: false });
    this.deps = deps;
    this.disk = notifyingDisk(deps.disk, this.path('accounts'), async () => this.mosquitto?.reload());
  }

  protected seamsOf(): ServiceSeams {
    const { disk, random, deps } = this;
    return { clock: deps.world, log: deps.log, random, disk };
  }

  async start(): Promise<void> {
    for (const name of SERVICES) await this.bring(name);
    await pinBridge({ disk: this.disk }, this.vault, this.keys.bridge);
  }

  /** Starts a part on its former port. */
  async bring(name: ServiceName): Promise<void> {
    if (this.running.has(name)) return;
    await this.disk.makeFolder(this.path(name));
    await this.disk.makeFolder(this.path('accounts'));
    this.running.set(name, await this.startPart(name));
  }

  /** Ends a part; its folder and port stay. */
  async end(name: ServiceName): Promise<void> {
    const part = this.running.get(name);
    this.running.delete(name);
    await part?.stop();
  }

  async stop(): Promise<void> {
    for (const name of [...SERVICES].reverse()) await this.end(name);
  }

  get bridge(): { id: string; url: string; folder: string } {
    return { id: this.idOf('bridge'), url: this.url('bridge'), folder: this.path('bridge') };
  }

  get registry(): { registryUrl: string; registry: string; folder: string } {
    return { registryUrl: this.url('registry'), registry: this.idOf('registry'), folder: this.path('registry') };
  }

  get vault(): { url: string; folder: string; key: string } {
    return { url: this.url('vault'), folder: this.path('vault'), key: this.keys.vault };
  }

  /** The id of a part, also while it is stopped. */
  private idOf(name: 'bridge' | 'registry'): string {
    return actorId(name, sha256Hex(this.keys[name]));
  }

  /** Has the bridge fetch revocations at once instead of every few minutes. A stopped bridge fetches them when it starts. */
  async refreshRevocations(): Promise<void> {
    if (this.running.has('bridge')) await this.part('bridge').refreshRevocations();
  }

  protected override startBroker(): Promise<RunningService> {
    return this.deps.broker === 'mosquitto' ? this.startMosquitto() : super.startBroker();
  }

  private async startMosquitto(): Promise<RunningService> {
    const access = { disk: this.disk, accounts: this.path('accounts'), prefix: DEFAULT_PREFIX };
    const mosquitto = await Mosquitto.start(access, this.path('broker'), this.ports.broker || undefined);
    this.mosquitto = mosquitto;
    this.ports.broker = mosquitto.port;
    const hasEnded = this.deps.world.running();
    return {
      stop: async () => {
        this.mosquitto = null;
        await mosquitto.stop();
        hasEnded();
      },
    };
  }
}

/** A disk whose write of the accounts file returns only after the broker has reloaded it: a new password then works at once. */
function notifyingDisk(disk: Disk, accounts: string, notify: () => Promise<void>): Disk {
  const notifyOf = async (path: string) => {
    if (dirname(path) === accounts) await notify();
  };
  const notifying: Pick<Disk, 'replaceFile' | 'remove'> = {
    async replaceFile(path, bytes) {
      await disk.replaceFile(path, bytes);
      await notifyOf(path);
    },
    async remove(path) {
      await disk.remove(path);
      await notifyOf(path);
    },
  };
  return Object.assign(Object.create(disk), notifying);
}
