// A small disk for one test: a tmpfs in a mount namespace of its own, filled, emptied and made read-only at will. (Without root the
// namespace is a user's own.)
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './command-line.ts';

const isRoot = process.getuid?.() === 0;
const STEP_BYTES = 64 * 1024;
const BLOCK_BYTES = 4_096;

export class SmallDisk {
  private readonly folder: { path: string; dispose: () => void };
  private readonly holder: ChildProcess;
  private parts = 0;

  private constructor(folder: { path: string; dispose: () => void }, holder: ChildProcess) {
    this.folder = folder;
    this.holder = holder;
  }

  static async open(bytes: number): Promise<SmallDisk> {
    const folder = temporaryFolder('disk');
    mkdirSync(join(folder.path, 'mount'));
    const mount = `mount -t tmpfs -o size=${bytes},mode=700 tmpfs "$0" && mkdir "$0/data" && echo mounted && exec cat`;
    const words = [...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', 'sh', '-c', mount];
    // It ends with this process, whose end of the pipe closes then, and the disk with it.
    const holder = spawn('unshare', [...words, join(folder.path, 'mount')], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    return new SmallDisk(folder, holder);
  }

  async close(): Promise<void> {
    this.holder.stdin?.end();
    if (this.holder.exitCode === null) await once(this.holder, 'close');
    this.folder.dispose();
  }

  /** What a command is started with, so that it sees the disk. */
  get under(): string[] {
    const user = isRoot ? [] : ['--user', '--preserve-credentials'];
    return ['nsenter', '--target', String(this.holder.pid), ...user, '--mount'];
  }

  /** The data folder as processes on the disk name it. */
  get inside(): string {
    return join(this.folder.path, 'mount', 'data');
  }

  /** The same folder as this process reaches it. */
  get outside(): string {
    return `/proc/${this.holder.pid}/root${this.inside}`;
  }

  /** Fills the disk but for so many bytes. */
  fill(leaveBytes = 0): void {
    for (const step of [STEP_BYTES, BLOCK_BYTES]) {
      while (this.freeBytes - leaveBytes >= step) {
        writeFileSync(join(this.outside, '..', `filler-${this.parts}`), Buffer.alloc(step));
        this.parts += 1;
      }
    }
  }

  /** Takes the filling away. */
  empty(): void {
    while (this.parts > 0) {
      this.parts -= 1;
      rmSync(join(this.outside, '..', `filler-${this.parts}`));
    }
  }

  /** While nothing on it is open for writing. */
  readOnly(on: boolean): void {
    const [program = '', ...words] = this.under;
    const options = `remount,bind,${on ? 'ro' : 'rw'}`;
    execFileSync(program, [...words, 'mount', '-o', options, join(this.folder.path, 'mount')]);
  }

  private get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.outside);
    return bavail * bsize;
  }
}
