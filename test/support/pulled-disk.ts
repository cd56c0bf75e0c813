// A disk whose plug can be pulled: ext4 on a loop device, in a mount namespace of its own. What the kernel had not yet written to the
// device is gone after a pull, as it is on a board without power. It also counts the bytes that the kernel wrote. Needs root.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './command-line.ts';

/** The least that XFS takes. It holds the device's file, for it copies one in a single moment, however much is written meanwhile. */
const BACKING_BYTES = 300 * 1024 * 1024;

/** Which of a block device's figures it is (the kernel's Documentation/block/stat.rst), in sectors of this size whatever the device's are. */
const SECTORS_WRITTEN = 6;
const SECTOR_BYTES = 512;

export class PulledDisk {
  private readonly folder: { path: string; dispose: () => void };
  private readonly holder: ChildProcess;
  private pulls = 0;

  private constructor(folder: { path: string; dispose: () => void }, holder: ChildProcess) {
    this.folder = folder;
    this.holder = holder;
  }

  static async open(bytes: number): Promise<PulledDisk> {
    const folder = temporaryFolder('pulled-disk');
    for (const name of ['backing', 'mount']) mkdirSync(join(folder.path, name));
    const make = `set -e; cd "$0"
      truncate -s ${BACKING_BYTES} backing.img; mkfs.xfs -q backing.img; mount -o loop backing.img backing
      truncate -s ${bytes} backing/device-0; mkfs.ext4 -q backing/device-0; mount -o loop backing/device-0 mount
      mkdir -m 700 mount/data; sync -f mount; echo mounted; exec cat`;
    // It ends with this process, whose end of the pipe closes then, and the mounts with it.
    const holder = spawn('unshare', ['--mount', 'sh', '-c', make, folder.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const disk = new PulledDisk(folder, holder);
    const ended = once(holder, 'close').then(() => Promise.reject(new Error('the disk could not be made')));
    await Promise.race([once(holder.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    return disk;
  }

  async close(): Promise<void> {
    this.holder.stdin?.end();
    if (this.holder.exitCode === null) await once(this.holder, 'close');
    this.folder.dispose();
  }

  /** What a command is started with, so that it sees the disk. */
  get under(): string[] {
    return ['nsenter', '--target', String(this.holder.pid), '--mount'];
  }

  /** The data folder as processes on the disk name it. */
  get inside(): string {
    return join(this.folder.path, 'mount', 'data');
  }

  /** The same folder as this process reaches it. */
  get outside(): string {
    return this.fromOutside('mount/data');
  }

  /**
   * Takes what the device has at this moment for what is left, and mounts that. Whatever uses the disk must have been killed; `ended`
   * resolves when it is gone.
   */
  async pull(ended: Promise<unknown>): Promise<void> {
    const device = (pull: number) => `backing/device-${pull}`;
    copyFileSync(
      this.fromOutside(device(this.pulls)),
      this.fromOutside(device(this.pulls + 1)),
      constants.COPYFILE_FICLONE_FORCE,
    );
    this.pulls += 1;
    await ended;
    const [program = '', ...words] = this.under;
    // Its children may need a moment more to end.
    const renew = 'set -e; cd "$0"; umount -l mount; mount -o loop "$1" mount';
    execFileSync(program, [...words, 'sh', '-c', renew, this.folder.path, device(this.pulls)], { stdio: 'pipe' });
    rmSync(this.fromOutside(device(this.pulls - 1)));
  }

  /** Bytes that the kernel has written to the device since it was mounted, once what is written already is on it. */
  writtenBytes(): number {
    const [program = '', ...words] = this.under;
    const ask = 'sync -f "$0" && cat "/sys/block/$(basename "$(findmnt -n -o SOURCE "$0")")/stat"';
    const stat = execFileSync(program, [...words, 'sh', '-c', ask, join(this.folder.path, 'mount')], {
      encoding: 'utf8',
    });
    return Number(stat.trim().split(/\s+/)[SECTORS_WRITTEN]) * SECTOR_BYTES;
  }

  private fromOutside(name: string): string {
    return `/proc/${this.holder.pid}/root${join(this.folder.path, name)}`;
  }
}
