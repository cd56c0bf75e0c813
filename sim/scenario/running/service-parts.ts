// Owns: broker, registry, bridge and vault of a scenario's world, in this process and in its time, each of which can go and come back.
// Not here: the doorbells (scenario-home.ts), what agencies do with them (scenario-agencies.ts).

import { dirname, join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import {
  Bridge,
  type BridgeConfigInput,
  bridgeConfigSchema,
  Registry,
  registryConfigSchema,
  Vault,
  vaultConfigSchema,
} from '@doorsill/cloud-bridge';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { Broker } from '../../broker/broker.ts';
import { Mosquitto } from '../../broker/mosquitto.ts';
import { failure } from '../../errors.ts';
import { pinBridge } from '../../officer/evidence-desk.ts';
import type { VirtualClock } from '../../world/virtual-clock.ts';
import type { Scenario } from '../language/scenario.ts';

export type PartName = 'broker' | 'registry' | 'vault' | 'bridge';

export interface ServiceDeps {
  world: VirtualClock;
  disk: Disk;
  log: Log;
  /** The broker of homes and area; mosquitto is a program of this machine, in the machine's time. */
  broker: Scenario['broker'];
}

interface Part {
  stop(): Promise<void>;
}

/** How often the parts look whether anything is due. Hours of a scenario's time are full of it, and steps that change something say so. */
const LOOK_AGAIN_S = 300;

interface BridgeFacts {
  id: string;
  key: string;
  adminToken: string;
  part: Bridge;
}

/** The parts that a doorbell's owner and an agency share. */
export class ServiceParts {
  private readonly folder: string;
  private readonly deps: ServiceDeps & { clock: VirtualClock; random: SystemRandom };
  private readonly running = new Map<PartName, Part>();
  private readonly ports = new Map<PartName, number>();
  private brokerUrlNow = '';
  private mosquitto: Mosquitto | null = null;
  /** What others know of a part also while it is gone. */
  private readonly known: { registry?: { id: string; key: string }; vault?: { key: string }; bridge?: BridgeFacts } =
    {};

  /** `folder`: absolute, in one that only this user can open. */
  constructor(folder: string, deps: ServiceDeps) {
    this.folder = folder;
    const disk = diskThatTells(deps.disk, this.path('accounts'), async () => this.mosquitto?.reload());
    this.deps = { ...deps, disk, clock: deps.world, random: new SystemRandom() };
  }

  /** The disk of everything that may make accounts. */
  get disk(): Disk {
    return this.deps.disk;
  }

  /** Folder of a part, or of the broker's accounts. */
  path(name: PartName | 'accounts'): string {
    return join(this.folder, name);
  }

  async start(): Promise<void> {
    for (const name of ['broker', 'registry', 'vault', 'bridge'] as const) await this.bring(name);
    await pinBridge(this.deps, this.vault, this.started('bridge').key);
  }

  /** Starts a part on the port that it had before. */
  async bring(name: PartName): Promise<void> {
    if (this.running.has(name)) return;
    await this.deps.disk.makeFolder(this.path(name));
    await this.deps.disk.makeFolder(this.path('accounts'));
    const part = await this.startPart(name);
    this.running.set(name, part);
  }

  /** Ends a part; its folder and its port stay. */
  async end(name: PartName): Promise<void> {
    const part = this.running.get(name);
    this.running.delete(name);
    await part?.stop();
  }

  async stop(): Promise<void> {
    for (const name of ['bridge', 'vault', 'registry', 'broker'] as const) await this.end(name);
  }

  get brokerUrl(): string {
    return this.brokerUrlNow;
  }

  get bridge(): { id: string; url: string; folder: string; adminToken: string } {
    const { id, adminToken } = this.started('bridge');
    return { id, url: this.url('bridge'), folder: this.path('bridge'), adminToken };
  }

  get registry(): { registryUrl: string; registry: string; folder: string } {
    return {
      registryUrl: this.url('registry'),
      registry: this.started('registry').id,
      folder: this.path('registry'),
    };
  }

  get vault(): { url: string; folder: string; key: string } {
    return { url: this.url('vault'), folder: this.path('vault'), key: this.started('vault').key };
  }

  /** Has the bridge ask the registry at once who is revoked, as it does by itself every few seconds. One that is gone asks when it is back. */
  async refreshRevocations(): Promise<void> {
    if (this.running.has('bridge')) await this.known.bridge?.part.refreshRevocations();
  }

  /** A part that was started, even if it is gone now. */
  private started<Name extends 'registry' | 'vault' | 'bridge'>(name: Name): NonNullable<ServiceParts['known'][Name]> {
    const part = this.known[name];
    if (!part) throw failure('not_running', { folder: this.path(name) });
    return part;
  }

  /** Where a part is, also while it is gone. */
  url(name: PartName): string {
    return `http://127.0.0.1:${this.ports.get(name) ?? 0}`;
  }

  private async startPart(name: PartName): Promise<Part> {
    switch (name) {
      case 'broker':
        return this.startBroker();
      case 'registry': {
        const registry = new Registry({ ...this.deps, config: registryConfigSchema.parse(this.registrySettings()) });
        await registry.start();
        this.known.registry = { id: registry.id, key: registry.publicKey };
        this.keep(name, registry);
        return registry;
      }
      case 'vault': {
        const vault = new Vault({ ...this.deps, config: vaultConfigSchema.parse(this.vaultSettings()) });
        await vault.start();
        this.known.vault = { key: vault.publicKey };
        this.keep(name, vault);
        return vault;
      }
      case 'bridge': {
        const bridge = new Bridge({ ...this.deps, config: bridgeConfigSchema.parse(this.bridgeSettings()) });
        await bridge.start();
        const { id, publicKey: key, adminToken } = bridge;
        this.known.bridge = { id, key, adminToken, part: bridge };
        this.keep(name, bridge);
        return bridge;
      }
    }
  }

  private keep(name: PartName, part: { url: string }): void {
    this.ports.set(name, Number(new URL(part.url).port));
  }

  private startBroker(): Promise<Part> {
    return this.deps.broker === 'mosquitto' ? this.startMosquitto() : this.startEmbeddedBroker();
  }

  private async startEmbeddedBroker(): Promise<Part> {
    const { clock, disk, log } = this.deps;
    const port = this.ports.get('broker') ?? 0;
    const broker = new Broker({
      host: '127.0.0.1',
      port,
      accounts: this.path('accounts'),
      prefix: DEFAULT_PREFIX,
      accountsAgainMs: LOOK_AGAIN_S * 1_000,
      clock,
      disk,
      log,
    });
    await broker.start();
    this.ports.set('broker', broker.port);
    this.brokerUrlNow = broker.url;
    return broker;
  }

  private async startMosquitto(): Promise<Part> {
    const access = { disk: this.deps.disk, accounts: this.path('accounts'), prefix: DEFAULT_PREFIX };
    const mosquitto = await Mosquitto.start(access, this.path('broker'), this.ports.get('broker'));
    this.mosquitto = mosquitto;
    this.ports.set('broker', mosquitto.port);
    this.brokerUrlNow = `mqtt://127.0.0.1:${mosquitto.port}`;
    const hasEnded = this.deps.world.running();
    return {
      stop: async () => {
        this.mosquitto = null;
        await mosquitto.stop();
        hasEnded();
      },
    };
  }

  private server(name: PartName): { dataFolder: string; http: { port: number } } {
    return { dataFolder: this.path(name), http: { port: this.ports.get(name) ?? 0 } };
  }

  private registrySettings(): Parameters<typeof registryConfigSchema.parse>[0] {
    return { ...this.server('registry'), domainProofs: ['local'] };
  }

  private vaultSettings(): Parameters<typeof vaultConfigSchema.parse>[0] {
    return this.server('vault');
  }

  /** As a testbed on one machine has it: only a request whose wording may concern a barred subject waits for a moderator. */
  private bridgeSettings(): BridgeConfigInput {
    return {
      ...this.server('bridge'),
      registry: { url: this.url('registry'), key: this.started('registry').key },
      area: { url: this.brokerUrl, accounts: this.path('accounts') },
      vault: { url: this.url('vault'), key: this.started('vault').key },
      revocationsEveryS: LOOK_AGAIN_S,
      webhooks: { everyS: LOOK_AGAIN_S },
      requests: { moderation: 'findings' },
    };
  }
}

/** The disk on which an account that was made, or removed, is there only once the broker knows it: whoever gets the password can log in. */
function diskThatTells(disk: Disk, accounts: string, tell: () => Promise<void>): Disk {
  const tellOf = async (path: string) => {
    if (dirname(path) === accounts) await tell();
  };
  const telling: Pick<Disk, 'replaceFile' | 'remove'> = {
    async replaceFile(path, bytes) {
      await disk.replaceFile(path, bytes);
      await tellOf(path);
    },
    async remove(path) {
      await disk.remove(path);
      await tellOf(path);
    },
  };
  return Object.assign(Object.create(disk), telling);
}
