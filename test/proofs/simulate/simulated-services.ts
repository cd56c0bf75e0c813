// Broker, registry, vault and bridge of a run: their initial state, and how they stop and come back.

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import {
  type RunningService,
  SERVICES,
  type ServiceName,
  type ServiceSeams,
  ServiceSet,
} from 'doorsill/world/service-set';
import { MemoryDisk } from './memory-disk.ts';
import type { MemoryNetwork } from './memory-network.ts';
import { MACHINE, ServiceLives } from './service-lives.ts';

/** Fixed: each run has its own network. */
const PORTS: Record<ServiceName, number> = { broker: 1_883, registry: 8_101, vault: 8_102, bridge: 8_100 };
/** How often services look for due work. */
const LOOK_AGAIN_S = 120;
/** The bridge accepts clips while a good part of its disk is free. */
const DISK_BYTES = 4 * 1024 * 1024 * 1024;

export interface SimulatedSeams {
  clock: Clock;
  random: Random;
  network: MemoryNetwork;
  log(part: string): Log;
}

/** The services' initial state: files, and SQLite's rows on the real disk. */
export interface Prepared {
  readonly disk: MemoryDisk;
  readonly bridgeKey: string;
  readonly registryKey: string;
  readonly vaultKey: string;
}

/** A disk with the registry's shipped lists. */
export async function serviceDisk(options: { clock: Clock; random: Random }, lists: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk({ ...options, capacityBytes: DISK_BYTES });
  const machine = new SystemDisk();
  await disk.makeFolder(lists);
  for (const name of await machine.list(lists)) {
    const bytes = await machine.readFile(join(lists, name), LIST_BYTES_MAX);
    if (bytes && name.endsWith('.csv')) await disk.replaceFile(join(lists, name), bytes);
  }
  return disk;
}

const LIST_BYTES_MAX = 16 * 1024 * 1024;

export class SimulatedServices extends ServiceSet {
  /** The disk of their machine; a power cut replaces it. */
  disk: MemoryDisk;
  private readonly lives = new ServiceLives();
  private readonly starting = new Map<ServiceName, Promise<void>>();
  private readonly seams: SimulatedSeams;
  private readonly running = new Map<ServiceName, RunningService>();

  /** `prepared` is absent during the preparation. */
  constructor(folder: string, disk: MemoryDisk, seams: SimulatedSeams, prepared?: Prepared) {
    super(folder, { ports: PORTS, lookAgainS: LOOK_AGAIN_S, stateAgencies: true });
    this.disk = disk;
    this.seams = seams;
    if (prepared) Object.assign(this.keys, { registry: prepared.registryKey, vault: prepared.vaultKey });
  }

  /** The running bridge. Throws `not_running`. */
  get bridge(): { id: string; url: string } {
    return { id: this.bridgeId, url: this.url('bridge') };
  }

  /** Throws `not_running`. */
  get bridgeId(): string {
    return this.part('bridge').id;
  }

  isUp(name: ServiceName): boolean {
    return this.running.has(name);
  }

  async start(): Promise<void> {
    for (const folder of [...SERVICES, 'accounts'] as const) await this.disk.makeFolder(this.path(folder));
    for (const name of SERVICES) await this.bring(name);
  }

  async bring(name: ServiceName): Promise<void> {
    if (this.running.has(name)) return;
    const starting = this.starting.get(name) ?? this.begin(name);
    this.starting.set(name, starting);
    await Promise.race([starting, this.lives.of(name).over]).finally(() => this.starting.delete(name));
  }

  private async begin(name: ServiceName): Promise<void> {
    const starting = this.startPart(name);
    const life = this.lives.of(name);
    const part = await starting;
    // Its process may have ended during its start.
    if (!life.isOver) this.running.set(name, part);
  }

  async end(name: ServiceName): Promise<void> {
    const part = this.running.get(name);
    this.running.delete(name);
    if (part) await Promise.race([part.stop(), this.lives.of(name).over]);
  }

  /** Ends a service's process at a later change of its disk or database; then calls `then`. */
  killIn(name: ServiceName, steps: number, then: () => void): void {
    this.lives.endIn(name, steps, () => {
      this.running.delete(name);
      then();
    });
  }

  /** Cuts the power of their machine at such a change; then calls `then`. */
  cutPowerIn(steps: number, then: () => void): void {
    this.lives.endIn(MACHINE, steps, () => {
      const { disk } = this;
      this.disk = disk.afterPowerCut();
      void disk.cut();
      this.running.clear();
      then();
    });
  }

  /** Restarts the bridge, which forgets what it has cached. */
  async restartBridge(): Promise<void> {
    await this.end('bridge');
    await this.bring('bridge');
  }

  /** Restarts the bridge, so that it refuses or admits clips that are not encrypted; does nothing if it does so already. */
  async setUnencryptedClips(setting: 'admitted' | 'refused'): Promise<void> {
    if (this.unencryptedClips === setting) return;
    this.unencryptedClips = setting;
    await this.restartBridge();
  }

  /** From now on services only stop in order. */
  spare(): void {
    this.lives.spare();
  }

  async stop(): Promise<void> {
    for (const name of [...SERVICES].reverse()) await this.end(name);
    for (const broker of this.brokers) void broker.stop();
  }

  protected seamsOf(name: ServiceName): ServiceSeams {
    const { clock, random, network, log } = this.seams;
    const given = { clock, random, disk: this.disk, log: log(name), network: network.at(name) };
    return this.lives.begin(name, given);
  }
}
