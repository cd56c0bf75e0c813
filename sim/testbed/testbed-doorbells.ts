// All doorbells of a running testbed, which have one owner: starts, adds and removes them, and keeps the ports of their pages and the
// pages' links to each other.
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Disk } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { OTHER_DOORS_MAX, OtherDoor } from '@doorsill/contract/console-messages';
import { factoryReset } from '@doorsill/device/factory-reset';
import type { PairedDevice } from '@doorsill/device/owner/paired-devices';
import { failure } from '../errors.ts';
import {
  addDoorbell,
  DOORBELLS_MAX,
  type DoorbellFolder,
  finishRemovals,
  listDoorbells,
  readDoorbellSettings,
  removeDoorbell,
  type WantedDoorbell,
} from './doorbell-folders.ts';
import { type DoorbellContext, type HomePlace, startDoorbellPart } from './start-doorbell-part.ts';
import { testbedPaths } from './testbed-folder.ts';

/**
 * Makes the page of the doorbell in `path` link to `doors`; its process reads the change by itself. Links to other machines, which somebody
 * has set by hand, stay. Throws `config_invalid`.
 */
export async function linkPage(disk: Disk, path: string, doors: readonly OtherDoor[]): Promise<void> {
  const settings = await readDoorbellSettings(disk, path);
  if (!settings?.console) return;
  const before = Array.isArray(settings.console['others']) ? settings.console['others'] : [];
  const elsewhere = before.filter((other) => {
    const parsed = OtherDoor.safeParse(other);
    return !parsed.success || !isThisMachine(parsed.data.url);
  });
  const others = [...elsewhere, ...doors].slice(0, OTHER_DOORS_MAX);
  if (isDeepStrictEqual(before, others)) return;
  const changed = { ...settings, console: { ...settings.console, others } };
  await disk.replaceFile(join(path, 'device.json'), utf8(`${JSON.stringify(changed, null, 2)}\n`));
}

function isThisMachine(url: string): boolean {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  return ['localhost', '127.0.0.1', '::1', hostname().toLowerCase(), ...addresses].includes(name);
}

/** A running doorbell of a testbed. */
export interface RunningDoorbell extends DoorbellFolder {
  home: PairedDevice;
  /** The address of its page; null if it has none. */
  page: string | null;
}

export interface TestbedDoorbellsDeps extends DoorbellContext {
  /** The testbed's folder. */
  folder: string;
  /** Options of the first doorbell. */
  first: Pick<HomePlace, 'settings' | 'camera' | 'network' | 'faults'>;
  /** Port of the first doorbell's page; the others' follow. Absent: the testbed sets up no pages. */
  pagesFrom?: number;
  /** Ends a process for good. */
  endPart(name: string): Promise<void>;
}

/** Addresses for the doorbells, and the ports of the other parts. */
export interface TestbedAddresses {
  broker: string;
  /** Null without a bridge. */
  bridge: string | null;
  ports: readonly number[];
}

/** How many other ports a page may have when its usual one is taken. */
const OTHER_PORTS = 1_000;

export class TestbedDoorbells {
  private readonly deps: TestbedDoorbellsDeps;
  private readonly running = new Map<number, RunningDoorbell>();
  private addresses: TestbedAddresses | null = null;

  constructor(deps: TestbedDoorbellsDeps) {
    this.deps = deps;
  }

  /** The running doorbells, the first one first. */
  get all(): RunningDoorbell[] {
    return [...this.running.values()].sort((a, b) => a.number - b.number);
  }

  /** Makes as many doorbell folders as were asked for, before any is started. Throws `doorbells_fewer` when there are more. */
  async prepare(asked: number | undefined): Promise<void> {
    const { disk, folder } = this.deps;
    await finishRemovals(disk, folder, this.destroy);
    const there = (await listDoorbells(disk, folder)).length;
    if (asked !== undefined && asked < there) throw failure('doorbells_fewer', { folder, there, asked });
    for (let count = there; count < (asked ?? there); count += 1) await addDoorbell(disk, folder, {});
  }

  async startFirst(addresses: TestbedAddresses): Promise<RunningDoorbell> {
    this.addresses = addresses;
    const [first] = await listDoorbells(this.deps.disk, this.deps.folder);
    if (!first) throw failure('internal', { detail: 'a testbed without a doorbell' });
    return this.start(first);
  }

  /** Starts the doorbells after the first, and links the pages to each other. */
  async startOthers(): Promise<void> {
    const [, ...others] = await listDoorbells(this.deps.disk, this.deps.folder);
    for (const doorbell of others) await this.start(doorbell);
    await this.linkPages();
  }

  /** Adds a doorbell while the testbed runs. If that fails, throws the failure and leaves nothing behind. */
  async add(wanted: WantedDoorbell): Promise<RunningDoorbell> {
    const { disk, folder } = this.deps;
    const added = await addDoorbell(disk, folder, wanted);
    try {
      const running = await this.start(added);
      await this.linkPages();
      return running;
    } catch (thrown) {
      await this.end(added);
      await removeDoorbell(disk, folder, added, this.destroy);
      throw thrown;
    }
  }

  /** The running doorbell with a device's id. Throws `doorbell_unknown`. */
  named(device: string): RunningDoorbell {
    const found = this.all.find(({ home }) => home.device === device);
    const choices = this.all.map(({ name }) => name).join(' | ');
    if (!found) throw failure('doorbell_unknown', { name: device, choices });
    return found;
  }

  /** Stops a doorbell and destroys its data; `before` ends the owner's side first. Throws `doorbell_first`. */
  async remove(there: RunningDoorbell, before: () => Promise<void>): Promise<void> {
    if (there.number === 1) throw failure('doorbell_first', { name: there.name });
    await before();
    await this.end(there);
    await removeDoorbell(this.deps.disk, this.deps.folder, there, this.destroy);
    await this.linkPages();
  }

  private readonly destroy = (path: string) => factoryReset(this.deps.disk, this.deps.random, path);

  private async end({ number, part }: DoorbellFolder): Promise<void> {
    this.running.delete(number);
    await this.deps.endPart(part);
  }

  /** Starts one doorbell; call it for one after the other, so that no two choose the same port for their pages. */
  private async start(doorbell: DoorbellFolder): Promise<RunningDoorbell> {
    const { addresses } = this;
    const { folder, first, pagesFrom } = this.deps;
    if (!addresses) throw failure('not_running', { folder });
    const place: HomePlace = {
      name: doorbell.part,
      doorbell: doorbell.path,
      owner: testbedPaths(folder).owner,
      ...(doorbell.number === 1 ? first : { settings: {} }),
      ...(pagesFrom === undefined ? {} : { page: await this.pagePorts(doorbell.number, pagesFrom) }),
    };
    const started = await startDoorbellPart(this.deps, place, addresses.broker, addresses.bridge);
    const running = { ...doorbell, ...started };
    this.running.set(doorbell.number, running);
    return running;
  }

  /** A page's port, and the ports of all other parts and pages, running or not, which it must not use. */
  private async pagePorts(number: number, first: number): Promise<NonNullable<HomePlace['page']>> {
    const { disk, folder, random } = this.deps;
    const others = (await listDoorbells(disk, folder)).filter((one) => one.number !== number);
    const settings = await Promise.all(others.map(({ path }) => readDoorbellSettings(disk, path)));
    const pages = settings.flatMap((one) => one?.console?.port ?? []);
    const notFor = new Set([...(this.addresses?.ports ?? []), ...pages]);
    // From a place drawn at random: two testbeds that start together would find the same port free, and one of them would lose it.
    const after = first + DOORBELLS_MAX + 1 + Math.floor(random.fraction() * OTHER_PORTS);
    return { port: first + number - 1, notFor, after };
  }

  private async linkPages(): Promise<void> {
    for (const { number, path } of this.all) {
      const others = this.all.filter((other) => other.number !== number);
      const doors = others.flatMap(({ name, page }) => (page === null ? [] : [{ name, url: page }]));
      await linkPage(this.deps.disk, path, doors);
    }
  }
}
