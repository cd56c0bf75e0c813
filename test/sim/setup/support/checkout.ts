// Copies of this checkout without packages, and running programs in them without this machine's npm settings.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { projectFiles, root } from '../../../layout/source-tree.ts';
import { type LoopbackRegistry, MARK } from './loopback-registry.ts';

/** What a program did: its exit status and all it printed. */
export interface Ended {
  status: number | null;
  output: string;
}

/** A temporary folder that stands for a user's machine: a home, npm's cache, and what a planted script would write. */
export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'install-'));
  /** What a planted script writes when it runs. */
  readonly mark = join(this.folder, 'mark');
  /** The program that is run as Node. */
  node = process.execPath;
  private readonly registry: string;
  private path = process.env['PATH'] ?? '';
  private npmScript: string | null = null;

  constructor(registry: LoopbackRegistry | string) {
    this.registry = typeof registry === 'string' ? registry : registry.url;
    // What prebuild-install reads, before what is set for the whole machine; npm would complain of it in the environment.
    const download = `${this.registry}/v{version}/{name}-v{version}-{runtime}-v{abi}-{platform}{libc}-{arch}.tar.gz`;
    writeFileSync(join(this.folder, '.prebuild-installrc'), JSON.stringify({ download, 'local-prebuilds': 'none' }));
  }

  /** Files under version control, copied to a folder of this machine; the lock file is the registry's if one is given. */
  checkout(name: string, registry?: LoopbackRegistry): string {
    const folder = join(this.folder, name);
    // Of the tests, what is built with the programs.
    const isCopied = (file: string) => !file.startsWith('test/') || file.startsWith('test/proofs/');
    for (const file of projectFiles().filter((file) => existsSync(join(root, file)) && isCopied(file))) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      cpSync(join(root, file), join(folder, file));
    }
    registry?.writeLock(join(folder, 'package-lock.json'));
    return folder;
  }

  /** From now on a machine that has Node, npm and a shell, and no compiler. */
  withoutCompiler(): void {
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    symlinkSync(this.node, join(bin, 'node'));
    for (const name of ['sh', 'npm', 'npx']) {
      const found = this.path.split(delimiter).find((folder) => existsSync(join(folder, name)));
      if (found) symlinkSync(realpathSync(join(found, name)), join(bin, name));
    }
    this.path = bin;
  }

  /** From now on another Node and another npm (its npm-cli.js) than the ones this test runs with. */
  use(node: string, npmScript: string): void {
    this.node = node;
    this.npmScript = npmScript;
    this.path = [dirname(node), this.path].join(delimiter);
  }

  /** What every program on this machine is started with. */
  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: this.path,
      HOME: this.folder,
      TMPDIR: tmpdir(),
      [MARK]: this.mark,
      npm_config_registry: this.registry,
      npm_config_cache: join(this.folder, 'cache'),
      npm_config_fetch_retry_mintimeout: '100',
      npm_config_fetch_retry_maxtimeout: '1000',
      npm_config_update_notifier: 'false',
      ...(this.npmScript ? { npm_execpath: this.npmScript } : {}),
    };
  }

  /** Runs a program to its end. */
  run(cwd: string, program: string, args: readonly string[]): Ended {
    const done = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      env: this.environment,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status: done.status, output: `${done.stdout}${done.stderr}` };
  }

  /** Makes a checkout ready, as `npm start` and `npm test` do first. */
  async prepare(checkout: string, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return await ended(this.startPrepare(checkout, environment));
  }

  /** Starts to, in a process group of its own, which `process.kill(-pid)` ends whole. */
  startPrepare(checkout: string, environment: NodeJS.ProcessEnv = {}): ChildProcess {
    return this.start(checkout, this.node, ['sim/setup/prepare.mjs'], environment);
  }

  start(cwd: string, program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    const env = { ...this.environment, ...environment };
    return spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** What planted packages' scripts wrote; empty when none ran. */
  marks(): string {
    return existsSync(this.mark) ? readFileSync(this.mark, 'utf8') : '';
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for a program to end, without holding up the registry that it talks to. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, output };
}
