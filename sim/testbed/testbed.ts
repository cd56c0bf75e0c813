// A whole testbed on one machine: broker, registry, vault, bridge and doorbells, and the demo agency's registration. Used by `up`, `demo`,
// the client and tests.
import { join } from 'node:path';
import type { FolderLock } from '@doorsill/base/folder-lock';
import type { SigningKey } from '@doorsill/base/keys';
import type { LogLevel } from '@doorsill/base/log';
import type { BridgeConfigInput } from '@doorsill/cloud-bridge';
import type { DeviceConfigInput } from '@doorsill/device/config';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { z } from 'zod';
import { partArguments } from '../deploy/part-arguments.ts';
import { failure, isFailure } from '../errors.ts';
import { agencyId, loadAgencyKey } from '../officer/agency-client.ts';
import { chooseSealing } from '../officer/agency-sealing.ts';
import { type EvidenceClient, openEvidenceClient, pinBridge } from '../officer/evidence-client.ts';
import { registerAgency } from '../officer/registration.ts';
import { PartProcess } from './child-process.ts';
import {
  type DoorbellContext,
  type DoorbellNetwork,
  type HomePlace,
  ownerKeyOf,
  startDoorbellPart,
} from './start-doorbell-part.ts';
import { InProcessParts, type PartSeams } from './start-server-part.ts';
import { type RunningDoorbell, TestbedDoorbells } from './testbed-doorbells.ts';
import {
  claimFolder,
  storeTestbedFile,
  type TestbedFile,
  type TestbedKind,
  testbedPaths,
  writeServiceSettings,
} from './testbed-folder.ts';
import { tryCamera } from './try-camera.ts';

export { DEMO_HOME } from '../world/home-identity.ts';

/** Options of a testbed. */
export interface TestbedOptions {
  folder: string;
  kind: TestbedKind;
  /** Camera source of the first doorbell; absent: as configured, at first `synthetic`. */
  camera?: string;
  /** Number of doorbells, new ones included; absent: as many as exist, at first one. Fewer than exist is refused. */
  doorbells?: number;
  /** Port of the first doorbell's page on this machine; the others' follow. Absent: no pages. */
  pagesFrom?: number;
  logLevel: string;
  /** Most connections of a broker in its own process; absent: its default. */
  connections?: number;
  /** Broker and bridge run in this process; absent: each has a process of its own, which can be killed alone. */
  sharesProcess?: { logLevel: LogLevel };
  /** Ports of broker, registry, bridge and vault at the first run: this one and the next three. Absent: free ones. */
  port?: { first: number; isRequired: boolean };
  /** Settings of the first doorbell at the first run, in addition to the demo home's. */
  device?: Partial<Omit<DeviceConfigInput, 'home'>>;
  /** The network of the first doorbell's process; absent: that of the other parts. */
  network?: DoorbellNetwork;
  /** Simulated faults of the first doorbell's disk and clock. */
  faults?: NonNullable<HomePlace['faults']>;
  /** Settings of the bridge at the first run, in addition to its defaults. */
  bridge?: Partial<BridgeConfigInput>;
}

/** Seams and output of a testbed. */
export interface TestbedDeps extends PartSeams {
  /** Progress and crashes, for people. */
  say: (text: string) => void;
}

/** Addresses, ids and keys of a running testbed. */
export interface TestbedFacts {
  isNew: boolean;
  /** The first doorbell's. */
  home: PairedDevice;
  /** All doorbells, the first one first. */
  doorbells: RunningDoorbell[];
  ownerKey: SigningKey;
  agencyKey: SigningKey;
  bridge: { id: string; url: string };
  registry: { id: string; url: string; key: string };
  vault: { id: string; url: string; key: string };
  /** The demo agency's client at the vault. */
  evidence: EvidenceClient;
}

/** The running parts except doorbells. */
export interface TestbedServices extends Pick<TestbedFacts, 'agencyKey' | 'bridge' | 'registry' | 'vault'> {
  /** Address of the broker, and the folder of its accounts. */
  broker: { url: string; accounts: string };
  /** The bridge's folder, with its operator's token. */
  bridgeFolder: string;
}

type PortName = keyof TestbedFile['ports'];
/** The order of the parts' ports from `port` on. */
const PORT_ORDER: readonly PortName[] = ['broker', 'registry', 'bridge', 'vault'];

const partReady = z.object({ url: z.string() });
const keyedReady = z.object({ url: z.string(), id: z.string(), key: z.string() });

/** A testbed in one folder. */
export class Testbed {
  private readonly options: TestbedOptions;
  private readonly deps: TestbedDeps;
  private readonly paths: ReturnType<typeof testbedPaths>;
  private readonly children = new Map<string, PartProcess>();
  /** The parts that run in this process; null if each has its own. */
  private readonly inProcess: InProcessParts | null;
  private readonly doorbellContext: DoorbellContext;
  /** The owner's doorbells. */
  readonly doorbells: TestbedDoorbells;
  private lock: FolderLock | null = null;
  /** Aborted by `stop`, so that a running start starts no more parts. */
  private readonly stopping = new AbortController();

  constructor(options: TestbedOptions, deps: TestbedDeps) {
    this.options = options;
    this.deps = deps;
    this.paths = testbedPaths(options.folder);
    const { folder, camera, device = {}, network, faults, pagesFrom, sharesProcess } = options;
    this.inProcess = sharesProcess ? new InProcessParts({ ...deps, ...sharesProcess, paths: this.paths }) : null;
    this.doorbellContext = {
      ...deps,
      accounts: this.paths.accounts,
      bridge: this.paths.bridge,
      startPart: async (name, args, restartArgs, firstLine) => {
        const ready = await this.startChild(name, args, firstLine);
        this.restartsWith(name, restartArgs);
        return ready;
      },
    };
    this.doorbells = new TestbedDoorbells({
      ...this.doorbellContext,
      folder,
      first: {
        settings: device,
        ...(camera === undefined ? {} : { camera }),
        ...(network === undefined ? {} : { network }),
        ...(faults === undefined ? {} : { faults }),
      },
      ...(pagesFrom === undefined ? {} : { pagesFrom }),
      endPart: async (name) => {
        await this.children.get(name)?.stop();
        this.children.delete(name);
      },
    });
  }

  get folder(): string {
    return this.options.folder;
  }

  /** A running part by its name: broker, registry, vault, bridge, doorbell. */
  part(name: string): PartProcess {
    const child = this.children.get(name);
    if (!child) throw failure('not_running', { folder: this.options.folder });
    return child;
  }

  /**
   * Starts everything; at the first run also registers the agency, enrols the device and pairs the owner. Tries a named camera first, and
   * throws its coded failure before anything is started.
   */
  start(): Promise<TestbedFacts> {
    return this.startInFolder((file) => this.startParts(file));
  }

  /** Starts only broker and doorbell, and pairs the owner: a home that nobody can ask for footage. Throws as `start`. */
  startHome(): Promise<Pick<TestbedFacts, 'home' | 'ownerKey'>> {
    return this.startInFolder(async (file) => {
      const { url } = partReady.parse(await this.serveBroker(file));
      const { home } = await this.doorbells.startFirst({ broker: url, bridge: null, ports: [] });
      return { home, ownerKey: await this.ownerKey(this.paths) };
    });
  }

  /** Starts broker, registry, vault and bridge without a doorbell, and registers the agency. Throws as `start`. */
  startServices(): Promise<TestbedServices> {
    return this.startInFolder(async (file) => {
      const { broker, registry, vault, bridge, agencyKey, ports } = await this.serveAll(file);
      await pinBridge(this.deps, { url: vault.url, folder: this.paths.vault }, bridge.key);
      await this.store({ ports, bridge, registry, vault });
      return {
        broker: { url: broker, accounts: this.paths.accounts },
        bridge: { id: bridge.id, url: bridge.url },
        bridgeFolder: this.paths.bridge,
        registry,
        vault,
        agencyKey,
      };
    });
  }

  private async startInFolder<Facts>(begin: (file: TestbedFile | null) => Promise<Facts>): Promise<Facts> {
    const { disk } = this.deps;
    const { folder, kind } = this.options;
    await this.tryCamera();
    const { file, lock } = await claimFolder(disk, folder, kind);
    this.lock = lock;
    try {
      await Promise.all(Object.values(this.paths).map((path) => disk.makeFolder(path)));
      if (kind !== 'doorsill-fleet') await this.doorbells.prepare(this.options.doorbells);
      return await begin(file);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** Tries the camera. For `up`, an unreachable one is accepted, because it may come back; any other fault is thrown. */
  private async tryCamera(): Promise<void> {
    const { camera, kind } = this.options;
    if (camera === undefined) return;
    await tryCamera(this.deps, camera, kind === 'doorsill-up', this.stopping.signal);
  }

  /** Stops every part, the doorbells first, so that they can disconnect from the broker. */
  async stop(): Promise<void> {
    this.stopping.abort(failure('interrupted', { signal: 'the end of the testbed' }));
    const doorbells = [...this.children].filter(([name]) => name.startsWith('doorbell'));
    await Promise.all(doorbells.map(([, child]) => child.stop()));
    await this.inProcess?.stop('bridge');
    for (const name of ['bridge', 'vault', 'registry', 'broker']) await this.children.get(name)?.stop();
    await this.inProcess?.stop('broker');
    this.lock?.release();
    this.lock = null;
  }

  /** Starts broker, registry, vault and bridge; the demo agency applies and is approved. */
  private async serveAll(file: TestbedFile | null) {
    await writeServiceSettings(this.deps.disk, this.paths, this.options.bridge);
    const [broker, registry, vault] = await Promise.all([
      this.serveBroker(file),
      this.serve('registry', file),
      this.serve('vault', file),
    ]);
    const brokerUrl = partReady.parse(broker).url;
    const [registryFacts, vaultFacts] = [keyedReady.parse(registry), keyedReady.parse(vault)];
    const agencyKey = await loadAgencyKey(this.deps, this.paths.agency);
    const agencyAt = { folder: this.paths.agency, vault: vaultFacts };
    const sealing = await chooseSealing(this.deps, agencyAt);
    const [bridge] = await Promise.all([
      this.serveBridge(file, brokerUrl, registryFacts, vaultFacts),
      registerAgency(
        this.deps,
        { registryUrl: registryFacts.url, registry: registryFacts.id, folder: this.paths.registry },
        agencyKey,
        sealing,
      ),
    ]);
    const bridgeFacts = keyedReady.parse(bridge);
    const port = ({ url }: { url: string }) => Number(new URL(url).port);
    const ports = { broker: port({ url: brokerUrl }), registry: port(registryFacts) };
    const allPorts = { ...ports, bridge: port(bridgeFacts), vault: port(vaultFacts) };
    return {
      broker: brokerUrl,
      registry: registryFacts,
      vault: vaultFacts,
      bridge: bridgeFacts,
      agencyKey,
      ports: allPorts,
    };
  }

  private async startParts(file: TestbedFile | null): Promise<TestbedFacts> {
    const { broker, registry, vault, bridge, agencyKey, ports } = await this.serveAll(file);
    const vaultPlace = { url: vault.url, folder: this.paths.vault };
    const [{ home }, evidence] = await Promise.all([
      this.doorbells.startFirst({ broker, bridge: bridge.url, ports: Object.values(ports) }),
      openEvidenceClient(this.deps, vaultPlace, { id: agencyId(agencyKey), folder: this.paths.agency }),
      pinBridge(this.deps, vaultPlace, bridge.key),
    ]);
    const ownerKey = await this.ownerKey(this.paths);
    await this.doorbells.startOthers();
    await this.store({ ports, bridge, registry, vault, device: home.device });
    this.deps.log.debug('the testbed is up', { atUs: this.deps.clock.wallUs() });
    return {
      isNew: file?.device === undefined,
      home,
      doorbells: this.doorbells.all,
      ownerKey,
      agencyKey,
      bridge: { id: bridge.id, url: bridge.url },
      registry,
      vault,
      evidence,
    };
  }

  private store({
    bridge: { id, url },
    ...facts
  }: Omit<TestbedFile, 'kind' | 'format' | 'bridge'> & Pick<TestbedFacts, 'bridge'>) {
    const { folder, kind } = this.options;
    return storeTestbedFile(this.deps.disk, folder, { kind, format: 1, bridge: { id, url }, ...facts });
  }

  private serveBroker(file: TestbedFile | null): Promise<unknown> {
    const { inProcess } = this;
    const { connections } = this.options;
    if (inProcess) return this.onPort('broker', file, (port) => inProcess.startBroker(port));
    return this.serve('broker', file, connections === undefined ? [] : ['--connections', String(connections)]);
  }

  private serveBridge(
    file: TestbedFile | null,
    areaUrl: string,
    registry: TestbedFacts['registry'],
    vault: TestbedFacts['vault'],
  ): Promise<unknown> {
    const { inProcess } = this;
    const area = { url: areaUrl, accounts: this.paths.accounts };
    const pinned = { registry: { url: registry.url, key: registry.key }, vault: { url: vault.url, key: vault.key } };
    if (inProcess) return this.onPort('bridge', file, (port) => inProcess.startBridge({ port, area, ...pinned }));
    return this.serve('bridge', file, [
      ...['--registry', registry.url, '--registry-key', registry.key],
      ...['--area-url', areaUrl, '--area-accounts', area.accounts],
      ...['--vault', vault.url, '--vault-key', vault.key],
    ]);
  }

  /** Starts a server part as a process. */
  private serve(name: PortName, file: TestbedFile | null, more: readonly string[] = []): Promise<unknown> {
    const args = (port: string) => [...partArguments(name), '--data', this.paths[name], '--port', port, ...more];
    return this.onPort(name, file, (port) => this.startAndPin(name, port, args));
  }

  /**
   * Starts a server part at the required port, or else at that of the last run, or else at the default of the first run. If another program
   * uses a port that was not required, the part gets a free one.
   */
  private async onPort(
    name: PortName,
    file: TestbedFile | null,
    start: (port: number) => Promise<unknown>,
  ): Promise<unknown> {
    this.stopping.signal.throwIfAborted();
    const asked = this.options.port;
    const first = asked === undefined ? 0 : asked.first + PORT_ORDER.indexOf(name);
    if (asked?.isRequired) return start(first);
    const port = file?.ports[name] || first;
    try {
      return await start(port);
    } catch (thrown) {
      if (port === 0 || !isFailure(thrown) || thrown.code !== 'port_in_use') throw thrown;
      this.stopping.signal.throwIfAborted();
      this.deps.say(`Port ${port} of the ${name} is in use by another program; the ${name} gets another one.`);
      return start(0);
    }
  }

  /** Starts a part and keeps its port for restarts after a crash, where the other parts expect it. */
  private async startAndPin(name: string, port: number, args: (port: string) => string[]): Promise<unknown> {
    const ready = await this.startChild(name, args(String(port)));
    this.restartsWith(name, args(new URL(partReady.parse(ready).url).port));
    return ready;
  }

  private restartsWith(name: string, args: string[]): void {
    this.part(name).restartsWith([...args, ...this.logArgs]);
  }

  private get logArgs(): string[] {
    return ['--log', this.options.logLevel];
  }

  private async startChild(name: string, args: string[], firstLine?: string): Promise<unknown> {
    this.stopping.signal.throwIfAborted();
    const { network } = this.options;
    const child = new PartProcess(name, [...args, ...this.logArgs], join(this.paths.logs, `${name}.log`), {
      clock: this.deps.clock,
      random: this.deps.random,
      ...(name === 'doorbell' && network ? { inside: network.inside, onStart: (pid) => network.started(pid) } : {}),
      onCrash: (which, how, restartInMs) =>
        this.deps.say(
          restartInMs === null
            ? `The ${which} keeps ending (${how}) and is not started again; see ${join(this.paths.logs, `${which}.log`)}.`
            : `The ${which} ended (${how}); it starts again in ${(restartInMs / 1000).toFixed(1)} s.`,
        ),
    });
    this.children.set(name, child);
    return child.start(firstLine);
  }

  /** Adds another home to a running testbed, with its own doorbell and owner. */
  async addHome(
    name: string,
    facts: TestbedFacts,
    options: Required<Pick<HomePlace, 'camera' | 'settings'>>,
  ): Promise<{ home: PairedDevice; ownerKey: SigningKey }> {
    const folder = join(this.options.folder, 'homes', name);
    const place = {
      name: `doorbell-${name}`,
      doorbell: join(folder, 'doorbell'),
      owner: join(folder, 'owner'),
      ...options,
    };
    for (const each of [place.doorbell, place.owner]) await this.deps.disk.makeFolder(each);
    const { home } = await startDoorbellPart(this.doorbellContext, place, facts.home.account.url, facts.bridge.url);
    return { home, ownerKey: await this.ownerKey(place) };
  }

  private ownerKey({ owner }: { owner: string }): Promise<SigningKey> {
    return ownerKeyOf(this.doorbellContext, owner);
  }
}
