// A folder that is a whole machine to a process inside: Debian's essential packages, git, Node and npm, and one user who is not root. It is copied
// from the packages of the machine that runs the test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const USER = { name: 'visitor', id: 1000, home: '/home/visitor' };
/** What Node's own build is linked with, beyond Debian's essential packages. */
const BESIDE_NODE = ['libstdc++6', 'libatomic1'];

interface Installed {
  name: string;
  isEssential: boolean;
  needs: string[];
}

/** What is installed here, by name; of alternatives the first stands for all. */
function installedPackages(): Map<string, Installed> {
  const fields = ['Package', 'Essential', 'Pre-Depends', 'Depends'].map((name) => `\${${name}}`);
  const listed = execFileSync('dpkg-query', ['--show', '--showformat', `${fields.join('\t')}\n`], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return new Map(
    listed.split('\n').map((line) => {
      const [name = '', essential = '', ...needs] = line.split('\t');
      const names = needs
        .join(',')
        .split(',')
        .map((need) => need.trim().replace(/[ :|(].*$/, ''));
      return [name, { name, isEssential: essential === 'yes', needs: names.filter((need) => need !== '') }];
    }),
  );
}

/** The names of packages and of all that they need. */
function withNeeds(all: Map<string, Installed>, first: readonly string[]): string[] {
  const found = new Set<string>();
  const waiting = [...first];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const installed = all.get(name);
    if (!installed || found.has(name)) continue;
    found.add(name);
    waiting.push(...installed.needs);
  }
  return [...found];
}

export class BareMachine {
  readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-test-bare-'));
  private readonly environment: string[];
  private readonly started: ChildProcess[] = [];
  private readonly disks: string[] = [];

  /** `node`: its program; `npm`: its package's folder; `registry`: where npm and the database driver's file come from. */
  constructor(node: string, npm: string, registry: string) {
    // Others may enter: who is locked in is not root.
    chmodSync(this.folder, 0o755);
    this.copyPackages();
    this.addNode(node, npm);
    this.addUser();
    this.environment = [
      'PATH=/usr/local/bin:/usr/bin:/bin',
      `HOME=${USER.home}`,
      `USER=${USER.name}`,
      `npm_config_registry=${registry}`,
      'npm_config_update_notifier=false',
    ];
    const download = `${registry}/v{version}/{name}-v{version}-{runtime}-v{abi}-{platform}{libc}-{arch}.tar.gz`;
    this.write('.prebuild-installrc', JSON.stringify({ download, 'local-prebuilds': 'none' }));
  }

  /** Starts a line of shell as the user, in the home folder, as the leader of a process group; Ctrl-C goes to all of that. */
  start(line: string): ChildProcess {
    const inside = ['env', '-i', ...this.environment, 'sh', '-c', `cd && ${line}`];
    const mounts = ['mount -t proc proc "$1/proc"', 'mount --rbind /dev "$1/dev"', 'root=$1', 'shift'];
    const locked = `exec chroot --userspec=${USER.id}:${USER.id} --groups= "$root" "$@"`;
    const script = [...mounts, locked].join(' && ');
    const child = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', this.folder, ...inside], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.started.push(child);
    return child;
  }

  /** Puts an empty disk of that size in place of a folder below the user's home. */
  addDisk(name: string, megabytes: number): void {
    const at = join(this.folder, USER.home, name);
    mkdirSync(at);
    const owner = [`size=${megabytes}M`, `uid=${USER.id}`, `gid=${USER.id}`].join(',');
    execFileSync('mount', ['-t', 'tmpfs', '-o', owner, 'tmpfs', at]);
    this.disks.push(at);
  }

  /** Kills what still runs there, and removes the machine. */
  dispose(): void {
    const running = this.started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    for (const { pid } of running) process.kill(-(pid ?? 0), 'SIGKILL');
    for (const at of this.disks) execFileSync('umount', ['--lazy', at]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private copyPackages(): void {
    const all = installedPackages();
    const essential = [...all.values()].filter(({ isEssential }) => isEssential).map(({ name }) => name);
    const names = withNeeds(all, [...essential, 'git', ...BESIDE_NODE]);
    // Where Debian keeps programs and libraries since /bin and /usr/bin are one.
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
      mkdirSync(join(this.folder, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(this.folder, name));
    }
    const listed = execFileSync('dpkg-query', ['-L', ...names], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    const wanted = listed
      .split('\n')
      .filter((path) => path.startsWith('/') && !/^\/(\.|usr\/share\/(doc|man))/.test(path));
    // tar keeps links as they are; folders come alone, without what other packages put in them.
    const archive = join(this.folder, 'packages.tar');
    execFileSync('tar', ['--create', '--file', archive, '--directory=/', '--no-recursion', '--files-from=-'], {
      input: wanted.map((path) => `.${path}`).join('\n'),
    });
    execFileSync('tar', ['--extract', '--file', archive, '--keep-directory-symlink', '--directory', this.folder]);
    rmSync(archive);
    for (const name of ['proc', 'dev', 'tmp']) mkdirSync(join(this.folder, name), { recursive: true });
    chmodSync(join(this.folder, 'tmp'), 0o1777);
  }

  private addNode(node: string, npm: string): void {
    const bin = join(this.folder, 'usr/local/bin');
    const modules = join(this.folder, 'usr/local/lib/node_modules');
    mkdirSync(bin, { recursive: true });
    mkdirSync(modules, { recursive: true });
    copyFileSync(node, join(bin, 'node'));
    chmodSync(join(bin, 'node'), 0o755);
    cpSync(npm, join(modules, 'npm'), { recursive: true });
    for (const name of ['npm', 'npx']) symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
  }

  private addUser(): void {
    const { name, id, home } = USER;
    const etc = join(this.folder, 'etc');
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(etc, 'passwd'), `root:x:0:0::/root:/bin/sh\n${name}:x:${id}:${id}::${home}:/bin/sh\n`);
    writeFileSync(join(etc, 'group'), `root:x:0:\n${name}:x:${id}:\n`);
    mkdirSync(join(this.folder, home), { recursive: true });
    execFileSync('chown', [`${id}:${id}`, join(this.folder, home)]);
  }

  /** Writes a file into the user's home. */
  private write(name: string, text: string): void {
    writeFileSync(join(this.folder, USER.home, name), text);
  }
}
