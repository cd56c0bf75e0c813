// Starts broker, registry, vault and bridge in this process, with the folders, ports, keys and settings by which they know each other.
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import {
  Bridge,
  BridgeConfig,
  type BridgeDeps,
  Registry,
  RegistryConfig,
  Vault,
  VaultConfig,
} from '@doorsill/cloud-bridge';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { Broker } from '../broker/broker.ts';
import { failure } from '../errors.ts';
import { createEnrolmentCode } from '../officer/bridge-operator.ts';
import { adminBearer } from '../officer/registration.ts';

/** In the order in which they start. */
export const SERVICES = ['broker', 'registry', 'vault', 'bridge'] as const;
/** A service that doorbells and agencies talk to. */
export type ServiceName = (typeof SERVICES)[number];

interface Servers {
  registry: Registry;
  vault: Vault;
  bridge: Bridge;
}
type ServerName = keyof Servers;

/** Seams for one start of a part. */
export type ServiceSeams = Omit<BridgeDeps, 'config' | 'httpLimits'>;

/** A running part. */
export interface RunningService {
  stop(): Promise<void>;
}

/** A simulation's settings of its services. */
export interface ServiceSettings {
  /** Period of the parts' regular tasks, which fill hours of simulated time. */
  readonly lookAgainS: number;
  /** Ports of the parts; absent: each gets a free one and keeps it. */
  readonly ports?: Readonly<Record<ServiceName, number>>;
  /** Whether registry and bridge serve agencies of a state. */
  readonly stateAgencies: boolean;
}

/** The services of a simulation, one of each, in this process. A simulation extends it. */
export abstract class ServiceSet {
  protected readonly ports: Record<ServiceName, number>;
  /** Public keys of the parts that have started, in this set or in an earlier one that it continues. */
  protected readonly keys: Record<ServerName, string> = { registry: '', vault: '', bridge: '' };
  /** All embedded brokers so far: a library keeps a timer of the machine for each one that was not stopped. */
  protected readonly brokers: Broker[] = [];
  /** Whether the bridge takes in clips that it can read; from its next start on. */
  protected unencryptedClips: BridgeConfig['unencryptedClips'] = 'admitted';
  private readonly folder: string;
  private readonly settings: ServiceSettings;
  private readonly servers: Partial<Servers> = {};

  /** `folder`: absolute. */
  constructor(folder: string, settings: ServiceSettings) {
    this.folder = folder;
    this.settings = settings;
    this.ports = { ...(settings.ports ?? { broker: 0, registry: 0, vault: 0, bridge: 0 }) };
  }

  /** The disk with the broker's accounts. */
  abstract readonly disk: Disk;

  /** Called at each start of a part. */
  protected abstract seamsOf(name: ServiceName): ServiceSeams;

  /** Folder of a part, or of the broker's accounts. */
  path(name: ServiceName | 'accounts'): string {
    return join(this.folder, name);
  }

  /** The address of a part, also while it does not run. */
  url(name: ServiceName): string {
    return `${name === 'broker' ? 'mqtt' : 'http'}://127.0.0.1:${this.ports[name]}`;
  }

  /** A server that was started, even if it does not run any more. Throws `not_running`. */
  part<Name extends ServerName>(name: Name): Servers[Name] {
    const part: Servers[Name] | undefined = this.servers[name];
    if (!part) throw failure('not_running', { folder: this.path(name) });
    return part;
  }

  /** A one-time enrolment code of the bridge for one home. Throws the bridge's refusal. */
  async enrolmentCode(): Promise<string> {
    const bearer = await adminBearer(this.disk, this.path('bridge'));
    return (await createEnrolmentCode(this.url('bridge'), bearer)).code;
  }

  /** Starts a part at its earlier port. */
  protected async startPart(name: ServiceName): Promise<RunningService> {
    if (name === 'broker') return this.startBroker();
    const { stateAgencies, lookAgainS } = this.settings;
    const seams = this.seamsOf(name);
    const server = { dataFolder: this.path(name), http: { port: this.ports[name] } };
    switch (name) {
      case 'registry': {
        const config = RegistryConfig.parse({ ...server, domainProofs: ['local'], stateAgencies });
        return this.startServer(name, new Registry({ ...seams, config }));
      }
      case 'vault':
        return this.startServer(name, new Vault({ ...seams, config: VaultConfig.parse(server) }));
      case 'bridge': {
        const config = BridgeConfig.parse({
          ...server,
          registry: { url: this.url('registry'), key: this.keys.registry },
          area: { url: this.url('broker'), accounts: this.path('accounts') },
          vault: { url: this.url('vault'), key: this.keys.vault },
          revocationsEveryS: lookAgainS,
          webhooks: { everyS: lookAgainS },
          unencryptedClips: this.unencryptedClips,
          // As in a testbed: only a request whose wording may concern a barred subject waits for a moderator.
          requests: { moderation: 'findings', stateAgencies },
        });
        return this.startServer(name, new Bridge({ ...seams, config }));
      }
    }
  }

  /** Starts the embedded broker. */
  protected async startBroker(): Promise<RunningService> {
    const broker = new Broker({
      ...this.seamsOf('broker'),
      ...{ host: '127.0.0.1', port: this.ports.broker, accounts: this.path('accounts'), prefix: DEFAULT_PREFIX },
      accountsAgainMs: this.settings.lookAgainS * 1_000,
    });
    this.brokers.push(broker);
    await broker.start();
    this.ports.broker = broker.port;
    return broker;
  }

  private async startServer<Name extends ServerName>(name: Name, server: Servers[Name]): Promise<RunningService> {
    await server.start();
    this.servers[name] = server;
    this.keys[name] = server.publicKey;
    this.ports[name] = Number(new URL(server.url).port);
    return server;
  }
}
