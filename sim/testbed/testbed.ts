// Owns: a whole testbed on one machine: broker, registry, vault, bridge and doorbells, each a process, broker and bridge in this one
// where that is asked for; plus the demo agency's registration. Used alike by `up`, `demo`, the client and tests. Not here: what
// happens in it (story/), the services' settings (service-settings.ts), its doorbells as several (testbed-doorbells.ts).

import { join } from 'node:path';
import type { FolderLock } from '@doorsill/base/folder-lock';
import type { SigningKey } from '@doorsill/base/keys';
import type { LogLevel } from '@doorsill/base/log';
import type { BridgeConfigInput } from '@doorsill/cloud-bridge';
import type { DeviceConfigInput } from '@doorsill/device/config';
import type { Home } from '@doorsill/device/owner/paired-devices';
import { z } from 'zod';
import { partWords } from '../deploy/part-words.ts';
import { failure, isFailure } from '../errors.ts';
import { agencyId, loadAgencyKey } from '../officer/agency-client.ts';
import { type EvidenceDesk, openEvidenceDesk, pinBridge } from '../officer/evidence-desk.ts';
import { registerAgency } from '../officer/registration.ts';
import { PartProcess } from './child-process.ts';
import { InsideParts } from './inside-parts.ts';
import { writeServiceSettings } from './service-settings.ts';
import {
  type DoorbellNetwork,
  type DoorbellSurroundings,
  type HomePlace,
  ownerKeyOf,
  startDoorbellPart,
} from './start-doorbell-part.ts';
import type { PartSeams } from './start-server-part.ts';
import { type RunningDoorbell, TestbedDoorbells } from './testbed-doorbells.ts';
import { claimFolder, storeTestbedFile, type TestbedFile, type TestbedKind, testbedPaths } from './testbed-folder.ts';
import { tryCamera } from './try-camera.ts';

export { DEMO_HOME } from '../world/home-identity.ts';

/** What a testbed is made of. */
export interface TestbedOptions {
  folder: string;
  kind: TestbedKind;
  /** Camera source of the first doorbell; absent: what its configuration says, `synthetic` at first. */
  camera?: string;
  /** How many doorbells there are, new ones included; absent: those that there are, one at first. Fewer than there are is refused. */
  doorbells?: number;
  /** Each doorbell serves its page on this machine: the first one at this port, the others at those after it. Absent: none does. */
  pagesFrom?: number;
  logLevel: string;
  /** How many connections the broker holds at once, in a process of its own; absent: its default. */
  connections?: number;
  /** Broker and bridge run in this process, which saves two; absent: each has one of its own, and can be killed alone. */
  sharesProcess?: { logLevel: LogLevel };
  /** A program that runs the vault in place of the command line, and the callback for the lines it prints. */
  vault?: { program: string; said: (line: Record<string, unknown>) => void };
  /** Ports of broker, registry, bridge and vault on the first run: this one and the three after it. Absent: free ones. */
  port?: { first: number; isRequired: boolean };
  /** Settings of the first doorbell on the first run, besides the demo home's. */
  device?: Partial<Omit<DeviceConfigInput, 'home'>>;
  /** Where the first doorbell's process runs, and how it finds the others from there; absent: beside them. */
  network?: DoorbellNetwork;
  /** What is made to go wrong with the first doorbell's disk and clock; absent: nothing. */
  faults?: NonNullable<HomePlace['faults']>;
  /** Settings of the bridge on the first run, besides its defaults. */
  bridge?: Partial<BridgeConfigInput>;
}

/** What a testbed stands on. */
export interface TestbedDeps extends PartSeams {
  /** Progress and crashes, for people. */
  say: (text: string) => void;
}

/** Where everything is once a testbed runs. */
export interface TestbedFacts {
  isNew: boolean;
  /** The first doorbell's. */
  home: Home;
  /** All of them, the first one first. */
  doorbells: RunningDoorbell[];
  ownerKey: SigningKey;
  agencyKey: SigningKey;
  bridge: { id: string; url: string };
  registry: { id: string; url: string; key: string };
  vault: { id: string; url: string; key: string };
  /** The demo agency's client at the vault. */
  evidence: EvidenceDesk;
}

/** The parts besides doorbells, once they run. */
export interface TestbedServices extends Pick<TestbedFacts, 'agencyKey' | 'bridge' | 'registry' | 'vault'> {
  /** Address of the broker, and the folder of its accounts. */
  broker: { url: string; accounts: string };
  /** The bridge's folder, where its operator's token is. */
  bridgeFolder: string;
}

type PortName = keyof TestbedFile['ports'];
/** The order in which parts take the ports from `port` on. */
const PORT_ORDER: readonly PortName[] = ['broker', 'registry', 'bridge', 'vault'];

const partReady = z.object({ url: z.string() });
const keyedReady = z.object({ url: z.string(), id: z.string(), key: z.string() });

/** Broker, registry, bridge, vault and doorbells of one folder, on one machine. */
export class Testbed {
  private readonly options: TestbedOptions;
  private readonly deps: TestbedDeps;
  private readonly paths: ReturnType<typeof testbedPaths>;
  private readonly children = new Map<string, PartProcess>();
  /** The parts that run in this process; null where each has one of its own. */
  private readonly inside: InsideParts | null;
  private readonly surroundings: DoorbellSurroundings;
  /** The owner's doorbells. */
  readonly doorbells: TestbedDoorbells;
  private lock: FolderLock | null = null;
  /** Aborted by `stop`: a start still under way must not start another part. */
  private readonly stopping = new AbortController();

  constructor(options: TestbedOptions, deps: TestbedDeps) {
    this.options = options;
    this.deps = deps;
    this.paths = testbedPaths(options.folder);
    const { folder, camera, device = {}, network, faults, pagesFrom, sharesProcess } = options;
    this.inside = sharesProcess ? new InsideParts({ ...deps, ...sharesProcess, paths: this.paths }) : null;
    this.surroundings = {
      ...deps,
      accounts: this.paths.accounts,
      bridge: this.paths.bridge,
      startPart: async (name, words, again, firstLine) => {
        const ready = await this.startChild(name, words, firstLine);
        this.restartsWith(name, again);
        return ready;
      },
    };
    this.doorbells = new TestbedDoorbells({
      ...this.surroundings,
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
   * Starts everything; on the first run also registers the agency, enrols the device and pairs the owner. A camera that is
   * named is tried first, so that nothing is started with an unusable one: throws its coded failure.
   */
  start(): Promise<TestbedFacts> {
    return this.startInFolder((file) => this.startParts(file));
  }

  /** Starts broker and doorbell alone, and pairs the owner: a home that nobody can ask for footage. Throws as `start`. */
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

  /** Tries the camera. An unreachable one may come back while `up` runs; any other fault is permanent and thrown. */
  private async tryCamera(): Promise<void> {
    const { camera, kind } = this.options;
    if (camera === undefined) return;
    await tryCamera(this.deps, camera, kind === 'doorsill-up', this.stopping.signal);
  }

  /** Stops every part, the devices first, so that they can sign off at the broker. */
  async stop(): Promise<void> {
    this.stopping.abort(failure('interrupted', { signal: 'the end of the testbed' }));
    const doorbells = [...this.children].filter(([name]) => name.startsWith('doorbell'));
    await Promise.all(doorbells.map(([, child]) => child.stop()));
    await this.inside?.stop('bridge');
    for (const name of ['bridge', 'vault', 'registry', 'broker']) await this.children.get(name)?.stop();
    await this.inside?.stop('broker');
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
    const [bridge] = await Promise.all([
      this.serveBridge(file, brokerUrl, registryFacts, vaultFacts),
      registerAgency(
        this.deps,
        { registryUrl: registryFacts.url, registry: registryFacts.id, folder: this.paths.registry },
        agencyKey,
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
      openEvidenceDesk(this.deps, vaultPlace, { id: agencyId(agencyKey), folder: this.paths.agency }),
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
    const { inside } = this;
    const { connections } = this.options;
    if (inside) return this.onPort('broker', file, (port) => inside.startBroker(port));
    return this.serve('broker', file, connections === undefined ? [] : ['--connections', String(connections)]);
  }

  private serveBridge(
    file: TestbedFile | null,
    areaUrl: string,
    registry: TestbedFacts['registry'],
    vault: TestbedFacts['vault'],
  ): Promise<unknown> {
    const { inside } = this;
    const area = { url: areaUrl, accounts: this.paths.accounts };
    const pinned = { registry: { url: registry.url, key: registry.key }, vault: { url: vault.url, key: vault.key } };
    if (inside) return this.onPort('bridge', file, (port) => inside.startBridge({ port, area, ...pinned }));
    return this.serve('bridge', file, [
      ...['--registry', registry.url, '--registry-key', registry.key],
      ...['--area-url', areaUrl, '--area-accounts', area.accounts],
      ...['--vault', vault.url, '--vault-key', vault.key],
    ]);
  }

  /** Starts a server part as a process. */
  private serve(name: PortName, file: TestbedFile | null, more: readonly string[] = []): Promise<unknown> {
    const args = (port: string) => [...partWords(name), '--data', this.paths[name], '--port', port, ...more];
    return this.onPort(name, file, (port) => this.startAndPin(name, port, args));
  }

  /**
   * Starts a server part: on the requested port, else on that of the last run, else on the first run's default; on a free one when
   * another program uses one that nobody requested.
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
      this.deps.say(`Port ${port} of the ${name} is in use by another program; it takes another one.`);
      return start(0);
    }
  }

  /** Starts a part and keeps its port for restarts after a crash: the other parts expect it there. */
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
    const { vault, network } = this.options;
    const child = new PartProcess(name, [...args, ...this.logArgs], join(this.paths.logs, `${name}.log`), {
      clock: this.deps.clock,
      random: this.deps.random,
      ...(name === 'vault' && vault ? { program: vault.program, onLine: vault.said } : {}),
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

  /** Adds another home with a doorbell and an owner of its own. Call it once the testbed runs. */
  async addHome(
    name: string,
    facts: TestbedFacts,
    options: Required<Pick<HomePlace, 'camera' | 'settings'>>,
  ): Promise<{ home: Home; ownerKey: SigningKey }> {
    const folder = join(this.options.folder, 'homes', name);
    const place = {
      name: `doorbell-${name}`,
      doorbell: join(folder, 'doorbell'),
      owner: join(folder, 'owner'),
      ...options,
    };
    for (const each of [place.doorbell, place.owner]) await this.deps.disk.makeFolder(each);
    const { home } = await startDoorbellPart(this.surroundings, place, facts.home.account.url, facts.bridge.url);
    return { home, ownerKey: await this.ownerKey(place) };
  }

  private ownerKey({ owner }: { owner: string }): Promise<SigningKey> {
    return ownerKeyOf(this.surroundings, owner);
  }
}
