// Process lifetimes of the services: a process may end at any disk change or database commit, and the machine may lose its power there,
// with everything unsynced.

import type { Clock } from '@doorsill/base/clock';
import type { Disk, DiskFile } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import type { SqliteLife } from '@doorsill/cloud-bridge';
import { BootClock } from 'doorsill/world/device-clock';

/** Dependencies of a service. */
interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly network: Network & { end(): void };
}

const never = () => new Promise<never>(() => undefined);

/** One process of one service. After its end, its operations never return, and its timers never fire. */
class ServiceLife implements SqliteLife {
  readonly clock: BootClock;
  readonly disk: Disk;
  /** Resolves at its end. */
  readonly over: Promise<void>;
  private readonly network: Surroundings['network'];
  /** Counts a step; if the process ends in it, returns the function to call then. */
  private readonly step: () => (() => void) | null;
  private readonly random: Random;
  private readonly closing: (() => void)[] = [];
  isOver = false;
  private resolveOver: () => void = () => undefined;

  constructor({ clock, random, disk, network }: Surroundings, step: () => (() => void) | null) {
    this.clock = new BootClock(clock);
    this.random = random;
    this.network = network;
    this.step = step;
    this.disk = mortalDisk(disk, (work, changes) => this.run(work, changes));
    this.over = new Promise((resolve) => {
      this.resolveOver = resolve;
    });
  }

  opened(close: () => void): void {
    if (this.isOver) close();
    else this.closing.push(close);
  }

  /** One operation. The process may end before or right after one that `changes` something; neither is answered. */
  async run<Result>(work: () => Promise<Result>, changes: boolean): Promise<Result> {
    if (this.isOver) return never();
    const ended = changes ? this.step() : null;
    if (ended === null) {
      const result = await work();
      return this.isOver ? never() : result;
    }
    if (this.random.fraction() < 0.5) work().catch(() => undefined);
    ended();
    return never();
  }

  /** Ends the process: uncommitted changes are undone, its connections are reset. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.clock.end();
    this.network.end();
    for (const close of this.closing) close();
    this.resolveOver();
  }
}

/** A planned end of a process, or of all. */
interface Ending {
  readonly name: string;
  left: number;
  readonly then: () => void;
}

/** Name of all services together in `endIn`: their machine. */
export const MACHINE = 'machine';

export class ServiceLives {
  private readonly lives = new Map<string, ServiceLife>();
  private endings: Ending[] = [];

  /** Starts a new process of a service, with these dependencies. */
  begin<Given extends Surroundings>(name: string, given: Given): Given & { life: SqliteLife } {
    const life: ServiceLife = new ServiceLife(given, () => this.step(name));
    this.lives.set(name, life);
    const { clock, disk } = life;
    return { ...given, clock, disk, life };
  }

  /** The current process of a service. */
  of(name: string): { readonly isOver: boolean; readonly over: Promise<void> } {
    return this.lives.get(name) ?? { isOver: false, over: never() };
  }

  /** Ends a service, or `MACHINE`, at the change that is `steps` changes from now; then calls `then`. */
  endIn(name: string, steps: number, then: () => void): void {
    this.endings.push({ name, left: steps, then });
  }

  /** Cancels all planned ends. */
  spare(): void {
    this.endings = [];
  }

  private step(name: string): (() => void) | null {
    for (const ending of this.endings.filter((one) => one.name === name || one.name === MACHINE)) {
      ending.left -= 1;
      if (ending.left <= 0) return () => this.end(ending);
    }
    return null;
  }

  private end(ending: Ending): void {
    this.endings = this.endings.filter((one) => one !== ending);
    for (const [name, life] of this.lives) if (ending.name === name || ending.name === MACHINE) life.end();
    ending.then();
  }
}

type Run = <Result>(work: () => Promise<Result>, changes: boolean) => Promise<Result>;

/** The disk of one process. */
function mortalDisk(disk: Disk, run: Run): Disk {
  return {
    open: (path, options) => run(async () => mortalFile(await disk.open(path, options), run), options.create),
    readFile: (path, bytesMax) => run(() => disk.readFile(path, bytesMax), false),
    readSecret: (path, bytesMax, rules) => run(() => disk.readSecret(path, bytesMax, rules), false),
    replaceFile: (path, bytes) => run(() => disk.replaceFile(path, bytes), true),
    rename: (from, to) => run(() => disk.rename(from, to), true),
    remove: (path) => run(() => disk.remove(path), true),
    makeFolder: (path) => run(() => disk.makeFolder(path), true),
    list: (path) => run(() => disk.list(path), false),
    sizeOf: (path) => run(() => disk.sizeOf(path), false),
    freeBytes: (path) => run(() => disk.freeBytes(path), false),
  };
}

function mortalFile(file: DiskFile, run: Run): DiskFile {
  return {
    size: () => run(() => file.size(), false),
    read: (position, length, into) => run(() => file.read(position, length, into), false),
    write: (position, bytes) => run(() => file.write(position, bytes), true),
    writeDurably: (position, bytes) => run(() => file.writeDurably(position, bytes), true),
    sync: () => run(() => file.sync(), true),
    truncate: (length) => run(() => file.truncate(length), true),
    close: () => run(() => file.close(), false),
  };
}
