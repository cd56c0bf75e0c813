// What `up` runs: the testbed, an agency that asks when somebody rings, and doorbells that are added and removed meanwhile.
import { join } from 'node:path';
import type { Timer } from '@doorsill/base/clock';
import type { LogLevel } from '@doorsill/base/log';
import type { Window } from '@doorsill/contract/shared-claims';
import { askConsole } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import { printTimeOfDay } from '@doorsill/device/terminal/format-units';
import { failure } from '../errors.ts';
import { loadAgencyKey, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { type ChangedDoorbell, ControlServer, type TestbedOrder } from '../testbed/control-socket.ts';
import { DOORBELLS_MAX } from '../testbed/doorbell-folders.ts';
import { DEMO_HOME, Testbed, type TestbedFacts, type TestbedOptions } from '../testbed/testbed.ts';
import type { RunningDoorbell } from '../testbed/testbed-doorbells.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { demoAsk } from './demo-request.ts';
import { DoorStory } from './door-story.ts';
import type { StoryDeps } from './story-deps.ts';

export interface UpOptions {
  folder: string;
  /** The first doorbell's. */
  camera?: string;
  /** The first doorbell's simulated faults, and the socket that switches them. */
  faults?: NonNullable<TestbedOptions['faults']>;
  /** Number of doorbells; absent: as last time, one in a new testbed. */
  doorbells?: number;
  /** Its first port; absent: the usual ports if they are free. */
  port?: number;
  /** Whether the demo agency asks by itself when somebody rings. */
  agencyAsks: boolean;
  /** Whether there is a keyboard. */
  hasTerminal: boolean;
  /** Whether a person reads the output: only then it has the links that pair a browser. */
  isRead: boolean;
  /** Whether broker and bridge have processes of their own, so that each can be killed alone; otherwise they run in this one. */
  isSeparate: boolean;
  logLevel: LogLevel;
}

/** The broker's usual port; registry, bridge, vault and the doorbells' own servers use the following ones. */
export const PORT_USUAL = 18_830;
/** Distance of the first doorbell's page. A paired browser keeps its key by the port, so this stays the same from run to run. */
export const PAGE_PORT_AFTER = 4;
/** The highest first port, which leaves one for every doorbell's page. */
export const FIRST_PORT_MAX = 65_535 - PAGE_PORT_AFTER - DOORBELLS_MAX;
/** After a failed request the agency waits this long before it may ask again. */
const ASK_AGAIN_MS = 10_000;

/** A running testbed and its output. `stop` ends both. */
export class Up {
  private readonly options: UpOptions;
  private readonly deps: StoryDeps;
  private readonly testbed: Testbed;
  private readonly control: ControlServer;
  private facts: TestbedFacts | null = null;
  /** By number of the doorbell. */
  private readonly doors = new Map<number, DoorStory>();
  private asked = false;
  /** No session may start once this is set: it would never be ended. */
  private isStopped = false;
  /** The window that each of the agency's requests is about. */
  private readonly pieces = new Map<string, Window>();
  /** Pending timers, cancelled when the testbed stops. */
  private readonly timers = new Set<Timer>();

  constructor(options: UpOptions, deps: StoryDeps) {
    this.options = options;
    this.deps = deps;
    const first = options.port ?? PORT_USUAL;
    this.testbed = new Testbed(
      {
        folder: options.folder,
        kind: 'doorsill-up',
        logLevel: options.logLevel,
        ...(options.isSeparate ? {} : { sharesProcess: { logLevel: options.logLevel } }),
        port: { first, isRequired: options.port !== undefined },
        pagesFrom: first + PAGE_PORT_AFTER,
        ...(options.camera === undefined ? {} : { camera: options.camera }),
        ...(options.faults === undefined ? {} : { faults: options.faults }),
        ...(options.doorbells === undefined ? {} : { doorbells: options.doorbells }),
      },
      {
        ...deps,
        say: (text) =>
          deps.output.json ? deps.output.result({ event: 'note', text }, text) : deps.output.progress(text),
      },
    );
    const { clock, disk } = deps;
    this.control = new ControlServer({ clock, disk, folder: options.folder, obey: (order) => this.obey(order) });
  }

  async start(): Promise<void> {
    const facts = await this.testbed.start();
    if (this.isStopped) return;
    this.facts = facts;
    await this.introduce(facts);
    if (this.isStopped) return;
    for (const doorbell of facts.doorbells) await this.open(facts, doorbell);
    if (this.isStopped) return;
    await this.control.start();
    if (this.isStopped) return this.control.stop();
    if (!facts.isNew) await this.resume();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) timer.cancel();
    await this.control.stop();
    await Promise.all([...this.doors.values()].map((door) => door.stop()));
    await this.testbed.stop();
  }

  /** Rings the nth bell, as a key on the terminal does; does nothing if there is none. */
  async ring(nth = 1): Promise<void> {
    const doors = [...this.doors.values()].sort((a, b) => a.doorbell.number - b.doorbell.number);
    await doors[nth - 1]?.ring();
  }

  /** Begins the output about a doorbell. */
  private async open(facts: TestbedFacts, doorbell: RunningDoorbell): Promise<void> {
    if (this.isStopped) return;
    const door = new DoorStory(doorbell, {
      ...this.deps,
      folder: this.options.folder,
      bridge: facts.bridge.id,
      ownerKey: facts.ownerKey,
      hasTerminal: this.options.hasTerminal,
      isOneOfSeveral: () => this.testbed.doorbells.all.length > 1,
      mayAsk: () => !this.asked && this.options.agencyAsks,
      ask: (about) => this.ask(about),
      asked: (request) => {
        this.asked = true;
        return this.pieces.get(request);
      },
    });
    this.doors.set(doorbell.number, door);
    await door.start();
  }

  /** Obeys an order of another process: adds or removes a doorbell. */
  private async obey(order: TestbedOrder): Promise<ChangedDoorbell> {
    const { facts } = this;
    if (!facts) throw failure('not_running', { folder: this.options.folder });
    if (order.verb === 'add') {
      const added = await this.testbed.doorbells.add(order);
      await this.open(facts, added);
      const changed = changedDoorbell(added);
      this.say(
        'doorbell-added',
        `"${added.name}" is added: ${[changed.device, changed.page].join(' ').trim()}`,
        changed,
      );
      return changed;
    }
    const there = this.testbed.doorbells.named(order.device);
    await this.testbed.doorbells.remove(there, async () => {
      await this.doors.get(there.number)?.stop();
      this.doors.delete(there.number);
    });
    const changed = changedDoorbell(there);
    this.say('doorbell-removed', `"${there.name}" is removed with all that it had: ${changed.device}`, changed);
    return changed;
  }

  private async introduce(facts: TestbedFacts): Promise<void> {
    const { output } = this.deps;
    const { folder } = this.options;
    const [first] = facts.doorbells;
    output.result(
      {
        event: 'up',
        folder,
        device: facts.home.device,
        broker: facts.home.account.url,
        bridge: facts.bridge,
        registry: facts.registry,
        vault: facts.vault,
        console: first?.page ?? null,
        doorbells: facts.doorbells.map(({ name, home, page }) => ({ name, device: home.device, console: page })),
        isNew: facts.isNew,
      },
      [
        facts.isNew
          ? 'doorsill is up: a new testbed on this machine.'
          : 'doorsill is up again, with the data of last time.',
        ...doorbellLines(facts.doorbells),
        `  broker     ${facts.home.account.url}`,
        `  registry   ${facts.registry.url}`,
        `  bridge     ${facts.bridge.url}`,
        `  neighbors  ${facts.bridge.url}/neighbors (what everybody can read)`,
        `  vault      ${facts.vault.url}`,
        `  data       ${folder}`,
        ...(await this.pageLines(facts.doorbells)),
        'Every frame stays on the device until you grant a part of it.',
        ...this.keyLines(facts.doorbells),
        '',
      ].join('\n'),
    );
  }

  private keyLines(doorbells: readonly RunningDoorbell[]): string[] {
    if (!this.options.hasTerminal) return [];
    const [first, ...more] = doorbells;
    if (more.length === 0) return ['Press b to ring the bell, Ctrl-C to end.'];
    const last = Math.min(doorbells.length, 9);
    return [
      `Press b to ring at "${first?.name}", 1 to ${last} to ring at the first to the ${ordinal(last)}, Ctrl-C to end.`,
    ];
  }

  /** The addresses of the doorbells' pages. A link holds a secret: it is printed for a person, never into a log. */
  private async pageLines(doorbells: readonly RunningDoorbell[]): Promise<string[]> {
    const seen = doorbells.flatMap(({ name, page, path }) => (page === null ? [] : [{ name, page, path }]));
    if (seen.length === 0) return ['  console    none: console in device.json says so, or its port is taken'];
    const isOne = doorbells.length === 1;
    if (!this.options.isRead) return seen.map(({ name, page }) => `  console    ${page}${isOne ? '' : `  ${name}`}`);
    const links = await Promise.all(
      seen.map(async ({ name, path }) => {
        const address = await askConsole(this.deps, pairingSocketPath(path));
        return address ? [`  ${address.pairingUrl}${isOne ? '' : `  ${name}`}`] : [];
      }),
    );
    const intro = isOne
      ? 'See your door, ring it, and look back in time. This link pairs a browser on this machine, once:'
      : 'See your doors, ring them, and look back in time. Each link pairs a browser on this machine with one door, once:';
    return ['', intro, ...links.flat(), ''];
  }

  /** On a later run: reports the clips already stored, and fetches requests that are still open. */
  private async resume(): Promise<void> {
    const clips = (await this.deps.disk.list(join(testbedPaths(this.options.folder).vault, 'blobs'))).length;
    this.say('resumed', `The vault holds ${clips} clip${clips === 1 ? '' : 's'} of earlier grants.`, { clips });
    await Promise.all([...this.doors.values()].map((door) => door.resume()));
  }

  /** The demo agency asks once a run, unless a request is waiting already. */
  private ask(about: Window): void {
    const { facts } = this;
    if (!facts || this.asked || this.isStopped || !this.options.agencyAsks) return;
    this.asked = true;
    this.post(facts, about).catch((thrown: Error) => {
      const timer = this.deps.clock.after(ASK_AGAIN_MS, () => {
        this.timers.delete(timer);
        this.asked = false;
      });
      this.timers.add(timer);
      this.say('request-failed', `the agency could not ask: ${thrown.message}`, { detail: thrown.message });
    });
  }

  /** Signs with the agency's current key: it may have been rotated since the start. */
  private async post(facts: TestbedFacts, about: Window): Promise<void> {
    const key = await loadAgencyKey(this.deps, testbedPaths(this.options.folder).agency);
    const ask = demoAsk(this.deps.clock, DEMO_HOME.place, about, 'address-and-email');
    const { id, token } = signFootageRequest(this.deps, key, facts.bridge.id, ask);
    this.pieces.set(id, about);
    await postRequest(facts.bridge.url, token);
  }

  private say(event: string, text: string, facts: object): void {
    const atUs = this.deps.clock.wallUs();
    this.deps.output.result({ event, atUs, ...facts }, `${printTimeOfDay(atUs)}  ${text}`);
  }
}

function changedDoorbell({ name, home, page }: RunningDoorbell): ChangedDoorbell {
  return { name, device: home.device, page };
}

function doorbellLines(doorbells: readonly RunningDoorbell[]): string[] {
  const isOne = doorbells.length === 1;
  return doorbells.map(({ name, home }) => `  doorbell   ${home.device}${isOne ? '' : `  ${name}`}`);
}

/** `third` for 3, to explain the keys. */
function ordinal(count: number): string {
  const words = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth'];
  return words[count - 1] ?? `${count}th`;
}
