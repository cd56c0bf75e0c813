// A reader's machine: a folder with the packed packages in it, and a shell without a network. The one step that is not done as it is written is
// fetching packages: doorsill's own are those of this checkout.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../layout/source-tree.ts';
import { packedName } from '../../support/own-packages.ts';

const SHELL_MS_MAX = 120_000;

/** What one line of a shell printed, and how it ended; null: the shell did not come that far. */
export interface Typed {
  line: string;
  status: number | null;
  output: string;
}

export class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-test-docs-'));
  private readonly packed = join(this.folder, 'packed');

  constructor() {
    cpSync(join(root, 'docs'), join(this.folder, 'doorsill', 'docs'), { recursive: true });
    // What it holds was built before the tests.
    mkdirSync(this.packed);
    const pack = ['pack', '--workspaces', '--ignore-scripts', '--silent', '--pack-destination', this.packed];
    execFileSync('npm', pack, { cwd: root, stdio: 'ignore' });
  }

  /** The project's folder. */
  get project(): string {
    return join(this.folder, 'door-light');
  }

  save(name: string, text: string): void {
    writeFileSync(join(this.project, name), text);
  }

  read(name: string): string {
    return readFileSync(join(this.project, name), 'utf8');
  }

  /** In place of npm's install: the packed files, and the packages that this checkout has. */
  install(): void {
    const modules = join(this.project, 'node_modules');
    mkdirSync(join(modules, '.bin'), { recursive: true });
    for (const name of readdirSync(join(root, 'node_modules'))) {
      if (!/^(\.bin|doorsill|@doorsill)$/.test(name))
        symlinkSync(join(root, 'node_modules', name), join(modules, name));
    }
    for (const file of readdirSync(this.packed)) {
      const name = packedName(file);
      mkdirSync(join(modules, name), { recursive: true });
      execFileSync('tar', ['-xzf', join(this.packed, file), '-C', join(modules, name), '--strip-components=1']);
    }
    symlinkSync('../doorsill/cli/doorsill.mjs', join(modules, '.bin', 'doorsill'));
  }

  /** Types lines into one shell; each shows its output and its status, and the first that fails ends it. */
  async type(lines: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<Typed[]> {
    const mark = '@@@ended';
    const script = lines.map((line) => `${line}\nstatus=$?; echo "${mark} $status"; [ $status = 0 ] || exit 1`);
    const output = await this.shell(script.join('\n'), cwd, environment);
    const pieces = output.split(new RegExp(`${mark} (\\d+)\\n`));
    return lines.map((line, at) => {
      const status = pieces[at * 2 + 1];
      return { line, status: status === undefined ? null : Number(status), output: pieces[at * 2] ?? '' };
    });
  }

  private async shell(script: string, cwd: string, environment: NodeJS.ProcessEnv): Promise<string> {
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: this.folder,
      TMPDIR: this.folder,
      // Nobody listens there.
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_update_notifier: 'false',
      ...environment,
    };
    const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: SHELL_MS_MAX,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await new Promise((resolve) => child.once('exit', resolve));
    endGroup(child.pid);
    await new Promise((resolve) => (child.stdout.closed ? resolve(null) : child.stdout.once('close', resolve)));
    return output;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Ends what a shell left in the background, if anything. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // Nothing was left.
  }
}
