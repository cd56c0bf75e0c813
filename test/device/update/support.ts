// Small signed releases, and a doorbell on a disk in memory whose programs they replace.
import { join } from 'node:path';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { storedFormat } from '../../../device/folder-format.ts';
import { signAsMinisign } from '../../../device/update/minisign.ts';
import type { ReleaseManifest } from '../../../device/update/release-manifest.ts';
import type { GivenRelease, UpdateDeps, UpdatedDoorbell } from '../../../device/update/update.ts';
import { type ArchiveFile, packArchive } from '../../../sim/release/pack-archive.ts';
import { MemoryDisk } from '../../proofs/simulate/memory-disk.ts';

const random = new SeededRandom(11);

export function makeReleaseKey() {
  const signing = generateSigningKey(random);
  return { id: random.bytes(8), publicKey: signing.publicKey, signing };
}

export const KEY = makeReleaseKey();

export function manifestOf(version: string, changes: Partial<ReleaseManifest> = {}): ReleaseManifest {
  const common = { kind: 'doorsill-release', platform: 'linux', arch: 'arm64', node: '20.19.0', format: 4 } as const;
  return { ...common, version, commit: 'a'.repeat(40), madeS: 1_700_000_000, ...changes };
}

/** The files of a version, each of which names it. */
export function filesOf(version: string, changes: Partial<ReleaseManifest> = {}): ArchiveFile[] {
  return [
    { path: 'release.json', bytes: Buffer.from(JSON.stringify(manifestOf(version, changes))) },
    { path: 'node_modules/qr/package.json', bytes: Buffer.from(`qr for ${version}`) },
    { path: 'device/cli/doorsill-device.mjs', bytes: Buffer.from(`program of ${version}`) },
  ];
}

export function releaseOf(files: readonly ArchiveFile[], key = KEY): GivenRelease {
  return signed(packArchive(files, 1_700_000_000), key);
}

export function signed(archive: Uint8Array, key = KEY): GivenRelease {
  return { archive, signature: Buffer.from(signAsMinisign(archive, key.id, key.signing, 'a release')) };
}

export const FOLDER = '/opt/doorsill';
export const DATA = '/var/lib/doorsill';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A machine on a disk, and the events of its doorbell. */
export class Machine {
  readonly disk: MemoryDisk;
  readonly deps: UpdateDeps;
  /** Versions that never become ready. */
  readonly broken = new Set<string>();
  /** The doorbell’s events: `stop`, or the version that was started. */
  readonly happened: string[] = [];
  /** Called when a version starts, to change its folder. */
  begins: (version: string, disk: MemoryDisk) => Promise<void> = async () => undefined;
  private running: string | null = null;

  constructor(disk: MemoryDisk) {
    this.disk = disk;
    const machine = { platform: 'linux', arch: 'arm64', node: '20.19.5' };
    this.deps = { programs: disk, private: disk, folder: FOLDER, machine };
  }

  static async fresh(seed = 1): Promise<Machine> {
    const made = new Machine(new MemoryDisk({ clock: new ManualClock(0), random: new SeededRandom(seed) }));
    await made.disk.makeFolder(DATA);
    await made.disk.replaceFile(join(DATA, 'format.json'), utf8('{"kind":"doorsill-device","format":4}'));
    await made.disk.replaceFile(join(DATA, 'device.json'), utf8('{"name":"Porch"}'));
    return made;
  }

  readonly doorbell: UpdatedDoorbell = {
    data: DATA,
    identity: async () => null,
    format: (data) => storedFormat(this.disk, data),
    stop: async () => {
      this.happened.push('stop');
      this.running = null;
    },
    start: async () => {
      this.running = await this.started();
      this.happened.push(this.running);
      await this.begins(this.running, this.disk);
    },
    isHealthy: async () => this.running !== null && !this.broken.has(this.running),
  };

  /** The version that is started from the disk; throws unless it is complete. */
  async started(link = 'current'): Promise<string> {
    const target = await this.disk.readLink(join(FOLDER, link));
    const version = target?.replace(/^versions\//, '') ?? 'none';
    for (const { path, bytes } of filesOf(version).slice(1)) {
      const held = await this.disk.readFile(join(FOLDER, 'versions', version, path), 1_000);
      if (!held || Buffer.compare(held, bytes) !== 0) throw new Error(`${link}: ${version} lacks ${path}`);
    }
    return version;
  }

  async text(name: string): Promise<string | null> {
    const held = await this.disk.readFile(join(DATA, name), 1_000_000);
    return held === null ? null : new TextDecoder().decode(held);
  }

  write(name: string, text: string): Promise<void> {
    return this.disk.replaceFile(join(DATA, name), utf8(text));
  }

  /** Every path and content on the disk, to show that nothing changed. */
  async everything(): Promise<string[]> {
    const seen: string[] = [];
    const look = async (folder: string) => {
      for (const name of await this.disk.list(folder)) {
        const path = join(folder, name);
        const held = await this.disk.readFile(path, 2 ** 26).catch(() => null);
        seen.push(`${path} ${held === null ? '' : Buffer.from(held).toString('base64')}`);
        if (held === null) await look(path);
      }
    };
    await look('/');
    return seen;
  }
}
