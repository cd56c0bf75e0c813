// Owns: broker, registry, vault and bridge of a simulated town: their start from a town that was prepared once, going and coming back.
// Not here: their folders for SQLite (service-folders.ts), homes (town-home.ts), what agencies ask (town-agencies.ts).

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import { SystemDisk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import {
  Bridge,
  bridgeConfigSchema,
  Registry,
  registryConfigSchema,
  Vault,
  vaultConfigSchema,
} from '@doorsill/cloud-bridge';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { Broker } from 'doorsill/broker/broker';
import { failure } from 'doorsill/errors';
import { askForEnrolmentCode } from 'doorsill/officer/enrolment-code';
import { adminBearer } from 'doorsill/officer/registration';
import { MemoryDisk } from './memory-disk.ts';
import type { MemoryNetwork } from './memory-network.ts';
import { SERVICES, type ServiceName } from './service-folders.ts';
import { MACHINE, ServiceLives } from './service-lives.ts';

/** Fixed: a town has this network to itself. */
const PORTS: Record<ServiceName, number> = { broker: 1_883, registry: 8_101, vault: 8_102, bridge: 8_100 };
/** How often the parts look whether anything is due. */
const LOOK_AGAIN_S = 120;
/** The bridge takes clips while a good part of its disk is free. */
const DISK_BYTES = 4 * 1024 * 1024 * 1024;

export interface ServiceSeams {
  clock: Clock;
  random: Random;
  network: MemoryNetwork;
  log(part: string): Log;
}

/** What a town's services begin with: files, and the rows that SQLite keeps on the machine's own disk. */
export interface Prepared {
  readonly disk: MemoryDisk;
  readonly bridgeKey: string;
  readonly registryKey: string;
  readonly vaultKey: string;
}

/** A disk with what the registry's program brings along: the lists it was shipped with. */
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

interface Part {
  stop(): Promise<void>;
}

export class TownServices {
  /** Of their one machine. A power cut leaves another one. */
  disk: MemoryDisk;
  private readonly lives = new ServiceLives();
  private readonly starting = new Map<ServiceName, Promise<void>>();
  /** All that were ever started: a library keeps a timer of the machine's for each. */
  private readonly brokers: Broker[] = [];
  private readonly folder: string;
  private readonly seams: ServiceSeams;
  private readonly running = new Map<ServiceName, Part>();
  private readonly known: { registry?: Registry; vault?: Vault; bridge?: Bridge } = {};
  private keys: { registry: string; vault: string } | null;

  /** `prepared`: absent for the town that is prepared. */
  constructor(folder: string, disk: MemoryDisk, seams: ServiceSeams, prepared?: Prepared) {
    this.folder = folder;
    this.disk = disk;
    this.seams = seams;
    this.keys = prepared ? { registry: prepared.registryKey, vault: prepared.vaultKey } : null;
  }

  path(name: ServiceName | 'accounts'): string {
    return join(this.folder, name);
  }

  url(name: ServiceName): string {
    return `${name === 'broker' ? 'mqtt' : 'http'}://127.0.0.1:${PORTS[name]}`;
  }

  /** A part of the running town. Throws `not_running`. */
  part<Name extends 'registry' | 'vault' | 'bridge'>(name: Name): NonNullable<TownServices['known'][Name]> {
    const part = this.known[name];
    if (!part) throw failure('not_running', { folder: this.path(name) });
    return part;
  }

  /** The bridge's id. Throws `not_running`. */
  get bridgeId(): string {
    return this.part('bridge').id;
  }

  /** A one-time code of the bridge's for one home. Throws the bridge's refusal. */
  async enrolmentCode(): Promise<string> {
    const bearer = await adminBearer(this.disk, this.path('bridge'));
    return (await askForEnrolmentCode(this.url('bridge'), bearer)).code;
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
    // Its process may have ended without its noticing.
    if (!life.isOver) this.running.set(name, part);
  }

  async end(name: ServiceName): Promise<void> {
    const part = this.running.get(name);
    this.running.delete(name);
    if (part) await Promise.race([part.stop(), this.lives.of(name).over]);
  }

  /** The process of one ends at a change of its disk or database from now, not in order; then `then` is called. */
  killIn(name: ServiceName, steps: number, then: () => void): void {
    this.lives.endIn(name, steps, () => {
      this.running.delete(name);
      then();
    });
  }

  /** The power of their machine is cut at such a change; then `then` is called. */
  cutPowerIn(steps: number, then: () => void): void {
    this.lives.endIn(MACHINE, steps, () => {
      const { disk } = this;
      this.disk = disk.afterPowerCut();
      void disk.cut();
      this.running.clear();
      then();
    });
  }

  /** Nothing ends any more but in order. */
  spare(): void {
    this.lives.spare();
  }

  async stop(): Promise<void> {
    for (const name of [...SERVICES].reverse()) await this.end(name);
    for (const broker of this.brokers) void broker.stop();
  }

  private async startPart(name: ServiceName): Promise<Part> {
    const { clock, random, network, log } = this.seams;
    const given = { clock, random, disk: this.disk, log: log(name), network: network.at(name) };
    const seams = this.lives.begin(name, given);
    const server = { dataFolder: this.path(name), http: { port: PORTS[name] } };
    switch (name) {
      case 'broker': {
        const broker = new Broker({
          ...{ host: '127.0.0.1', port: PORTS.broker, accounts: this.path('accounts'), prefix: DEFAULT_PREFIX },
          ...{ ...seams, accountsAgainMs: LOOK_AGAIN_S * 1_000 },
        });
        this.brokers.push(broker);
        await broker.start();
        return broker;
      }
      case 'registry': {
        const config = registryConfigSchema.parse({ ...server, domainProofs: ['local'], stateAgencies: true });
        const registry = new Registry({ ...seams, config });
        await registry.start();
        this.known.registry = registry;
        this.keys = { vault: '', ...this.keys, registry: registry.publicKey };
        return registry;
      }
      case 'vault': {
        const vault = new Vault({ ...seams, config: vaultConfigSchema.parse(server) });
        await vault.start();
        this.known.vault = vault;
        this.keys = { registry: '', ...this.keys, vault: vault.publicKey };
        return vault;
      }
      case 'bridge': {
        const bridge = new Bridge({
          ...seams,
          config: bridgeConfigSchema.parse({ ...server, ...this.bridgeSettings() }),
        });
        await bridge.start();
        this.known.bridge = bridge;
        return bridge;
      }
    }
  }

  private bridgeSettings() {
    return {
      registry: { url: this.url('registry'), key: this.keys?.registry ?? '' },
      area: { url: this.url('broker'), accounts: this.path('accounts') },
      vault: { url: this.url('vault'), key: this.keys?.vault ?? '' },
      revocationsEveryS: LOOK_AGAIN_S,
      webhooks: { everyS: LOOK_AGAIN_S },
      requests: { moderation: 'findings' as const, stateAgencies: true },
    };
  }
}
