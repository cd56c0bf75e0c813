// An npm registry on loopback that serves the packages installed here, plants a package under every other requested name, and records all names.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { NpmPackage } from '../../../../sim/release/npm-packages.ts';

const entrySchema = z.looseObject({
  /** Where the folder has another name than the package: an override that names another one. */
  name: z.string().optional(),
  version: z.string(),
  optional: z.boolean().optional(),
  engines: z.union([z.record(z.string(), z.string()), z.array(z.string())]).optional(),
  integrity: z.string().optional(),
});
const ownSchema = z.looseObject({ name: z.string(), version: z.string() });
const lockSchema = z.looseObject({ packages: z.record(z.string(), z.looseObject({ link: z.boolean().optional() })) });

/** An entry of package-lock.json: a package's facts as its registry gave them. */
export type LockEntry = z.infer<typeof entrySchema>;

/** The packages of a lock file that come from elsewhere, by their folders: neither the project itself nor its workspaces. */
export function lockedPackages(file: string): Map<string, LockEntry> {
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return new Map(
    Object.entries(packages)
      .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
      .map(([path, entry]) => [path, entrySchema.parse(entry)]),
  );
}

/** The package's name in a path of node_modules. */
export function packageName(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Where a planted package's script writes that it ran: the name of an environment variable. */
export const MARK = 'DOORSILL_TEST_MARK';

const PLANTED = 'planted/';

/** Stands for one of our own packages among the paths of node_modules. */
function ownPath(name: string, version: string): string {
  return `own/${name}@${version}`;
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

export class LoopbackRegistry {
  /** Names of packages, in the order asked. */
  readonly asked: string[] = [];
  /** How many packages were fetched. */
  fetched = 0;
  /** So many packages are served; then it answers each request for one with 500. */
  servedMax = Number.POSITIVE_INFINITY;
  /** Planted packages that were fetched. */
  readonly fetchedPlants: string[] = [];
  /** Called at each fetch of a package. */
  onFetch: (count: number) => void = () => {};
  /** A package of the lock file to which a script is added that leaves a mark at install; set before it is asked for. */
  armed: string | null = null;
  /** False: the database driver's prebuilt file cannot be had. */
  servesDriver = true;
  /** Folders of packages that this Node's checkout has not installed, by their path in node_modules. */
  readonly others = new Map<string, string>();
  private readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-test-registry-'));
  private readonly checkout: string;
  private readonly locked: Map<string, LockEntry>;
  private readonly server: Server;
  /** What our own packages say of themselves, by name and version. */
  private readonly own = new Map<string, Map<string, object>>();
  /** By path in node_modules. */
  private readonly integrity = new Map<string, string>();

  constructor(checkout: string) {
    this.checkout = checkout;
    this.locked = lockedPackages(join(checkout, 'package-lock.json'));
    this.server = createServer((request, response) => this.answer(request, response));
    // An idle connection is closed by npm, not here: it might just be asking again over it.
    this.server.keepAliveTimeout = 10 * 60_000;
  }

  async start(): Promise<void> {
    this.packDriver();
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the registry does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Every name that the lock file takes a package by. */
  get lockedNames(): Set<string> {
    return new Set([...this.locked].map(([path, { name }]) => name ?? packageName(path)));
  }

  /** Publishes packages of ours; the newest of a name is its latest. */
  publish(packages: readonly NpmPackage[]): void {
    for (const { bytes } of packages) {
      const text = execFileSync('tar', ['-xzOf', '-', 'package/package.json'], { input: bytes, encoding: 'utf8' });
      const facts = ownSchema.parse(JSON.parse(text));
      const path = ownPath(facts.name, facts.version);
      writeFileSync(this.tar(path), bytes);
      this.integrity.set(path, integrityOf(bytes));
      this.own.set(facts.name, (this.own.get(facts.name) ?? new Map()).set(facts.version, facts));
    }
  }

  /** Writes the checkout's lock file elsewhere. Packages packed anew have other hashes than the published ones; these stand in it. */
  writeLock(file: string): void {
    const lock = lockSchema.parse(JSON.parse(readFileSync(join(this.checkout, 'package-lock.json'), 'utf8')));
    for (const path of this.locked.keys()) {
      const entry = lock.packages[path];
      const integrity = this.packed(path);
      if (!entry || !integrity) continue;
      entry['integrity'] = integrity;
      if (packageName(path) === this.armed) entry['hasInstallScript'] = true;
    }
    writeFileSync(file, JSON.stringify(lock, null, 2));
  }

  /** A copy of a package with a script that leaves a mark. */
  private arm(installed: string): string {
    const copy = join(this.folder, 'armed');
    cpSync(installed, copy, { recursive: true });
    const file = join(copy, 'package.json');
    const facts: object = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...facts, scripts: { postinstall: `echo ${this.armed} >> "$${MARK}"` } }));
    return copy;
  }

  private folderOf(path: string): string {
    return this.others.get(path) ?? join(this.checkout, path);
  }

  /** The hash of a package of the lock file, packed when it is first asked for; undefined where it is not installed in the checkout. */
  private packed(path: string): string | undefined {
    const installed = this.folderOf(path);
    if (!this.integrity.has(path) && this.locked.has(path) && existsSync(join(installed, 'package.json')))
      this.pack(packageName(path) === this.armed ? this.arm(installed) : installed, path);
    return this.integrity.get(path);
  }

  private pack(from: string, path: string): void {
    // What was compiled after the install belongs to no package.
    const args = ['--exclude=./node_modules', ...(path.endsWith('/better-sqlite3-v12') ? ['--exclude=./build'] : [])];
    const file = this.tar(path);
    // A package that is installed in two places has one hash.
    args.push('--sort=name', '--mtime=@0', '--owner=0', '--group=0');
    execFileSync('tar', ['-cf', file, ...args, '--transform=s,^\\.,package,', '-C', from, '.']);
    this.integrity.set(path, integrityOf(readFileSync(file)));
  }

  /** The driver as its project publishes it, where this Node needs one of its own: the one that was fetched or compiled for it. */
  private packDriver(): void {
    const file = join(this.folder, 'driver.tar.gz');
    const driver = join(this.checkout, 'node_modules/better-sqlite3-v12');
    if (!existsSync(join(driver, 'build'))) return;
    execFileSync('tar', ['-czf', file, '-C', driver, 'build/Release/better_sqlite3.node']);
  }

  private tar(path: string): string {
    return join(this.folder, `${encodeURIComponent(path)}.tar`);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? '/').slice(1));
    if (request.method !== 'GET') response.writeHead(404).end();
    else if (/^v\d.*better-sqlite3.*\.tar\.gz$/.test(path)) {
      const isOurs = path.includes(`-node-v${process.versions.modules}-`);
      if (this.servesDriver && isOurs) createReadStream(join(this.folder, 'driver.tar.gz')).pipe(response);
      else response.writeHead(404).end();
    } else if (path.startsWith('-/tar/')) this.sendPackage(path.slice('-/tar/'.length), response);
    else {
      this.asked.push(path);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(this.packument(path)));
    }
  }

  private sendPackage(path: string, response: ServerResponse): void {
    if (!existsSync(this.tar(path))) {
      response.writeHead(404).end();
      return;
    }
    if (this.fetched >= this.servedMax) {
      response.writeHead(500).end();
      return;
    }
    this.fetched += 1;
    if (path.startsWith(PLANTED)) this.fetchedPlants.push(path.slice(PLANTED.length));
    this.onFetch(this.fetched);
    createReadStream(this.tar(path)).pipe(response);
  }

  /** What a registry says of a package: its versions in the lock file, or the planted one. */
  private packument(name: string): object {
    const own = this.own.get(name);
    if (own) {
      const versions = [...own].map(
        ([version, facts]) => [version, { ...facts, dist: this.dist(ownPath(name, version)) }] as const,
      );
      return { name, 'dist-tags': { latest: versions.at(-1)?.[0] }, versions: Object.fromEntries(versions) };
    }
    const paths = [...this.locked].flatMap(([path, { name: own }]) =>
      (own ?? packageName(path)) === name ? [path] : [],
    );
    if (paths.length === 0) return this.plant(name);
    const versions = paths.map((path) => {
      const { integrity: _, optional: _optional, ...facts } = this.locked.get(path) ?? { version: '' };
      return { name, ...facts, ...this.gypFact(path), dist: this.dist(path) };
    });
    const newest = versions[0]?.version;
    return { name, 'dist-tags': { latest: newest }, versions: Object.fromEntries(versions.map((v) => [v.version, v])) };
  }

  /** Without it npm compiles a package that has a binding.gyp; a lock file does not hold it. */
  private gypFact(path: string): object {
    const file = join(this.folderOf(path), 'package.json');
    if (!existsSync(file)) return {};
    return z.object({ gypfile: z.boolean().optional() }).parse(JSON.parse(readFileSync(file, 'utf8')));
  }

  private dist(path: string): object {
    return { tarball: `${this.url}/-/tar/${encodeURIComponent(path)}`, integrity: this.packed(path) };
  }

  /** A package whoever claims a free name would publish: it has every version, and its script runs at install. */
  private plant(name: string): object {
    const path = `${PLANTED}${name}`;
    const folder = join(this.folder, encodeURIComponent(path));
    const versions = ['5.1.1', '1.0.0', '0.1.0'].map((version) => {
      const facts = { name, version, scripts: { postinstall: `echo ${name} >> "$${MARK}"` } };
      // Packed once: a second pack would have another hash than the one that was told first.
      if (!this.integrity.has(`${path}@${version}`)) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'package.json'), JSON.stringify(facts));
        this.pack(folder, `${path}@${version}`);
      }
      return { ...facts, hasInstallScript: true, dist: this.dist(`${path}@${version}`) };
    });
    return {
      name,
      'dist-tags': { latest: '5.1.1' },
      versions: Object.fromEntries(versions.map((v) => [v.version, v])),
    };
  }
}
