// Installs copies of the checkout from a registry on loopback, which plants a package under every name that nobody published.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
// @ts-expect-error: plain JavaScript, because it runs before anything is built.
import { driverFor } from '../../../sim/setup/freshness.mjs';
import { root } from '../../layout/source-tree.ts';
import { ended, Machine } from './support/checkout.ts';
import { LoopbackRegistry } from './support/loopback-registry.ts';

const MINUTES_MS = 60_000;
/** A name for the database driver that no program looks for. */
const AWAY = 'away';

/** What node-ffmpeg-installer names and nobody has published, and what package.json has in its place. */
const UNCLAIMED = [
  ['node-ffmpeg-darwin-arm64', '@ffmpeg-installer/darwin-arm64'],
  ['node-ffmpeg-darwin-x64', '@ffmpeg-installer/darwin-x64'],
  ['node-ffmpeg-linux-arm', '@ffmpeg-installer/linux-arm'],
  ['node-ffmpeg-linux-arm64', '@ffmpeg-installer/linux-arm64'],
  ['node-ffmpeg-linux-ia32', '@ffmpeg-installer/linux-ia32'],
] as const;

describe('a fresh checkout', { tags: ['long'] }, () => {
  const registry = new LoopbackRegistry(root);
  // What stands in the lock file runs no code of its own at install either.
  registry.armed = 'zod';
  let machine: Machine;
  let checkout: string;
  beforeAll(async () => {
    await registry.start();
    machine = new Machine(registry);
    checkout = machine.checkout('checkout', registry);
  }, 2 * MINUTES_MS);
  afterAll(async () => {
    await registry.stop();
    machine?.dispose();
  }, 2 * MINUTES_MS);

  it('is installed after an interrupted install', { timeout: 5 * MINUTES_MS }, async () => {
    const first = machine.startPrepare(checkout);
    registry.onFetch = (count) => {
      if (count === 60) process.kill(-(first.pid ?? 0), 'SIGKILL');
    };
    expect((await ended(first)).status).toBeNull();
    registry.onFetch = () => {};
    expect(existsSync(join(checkout, 'node_modules'))).toBe(true);

    const { status, output } = await machine.prepare(checkout);
    expect(status, output).toBe(0);
    expect(output).not.toMatch(/EBADENGINE|npm (warn|error)/i);
    expect(machine.run(checkout, machine.node, ['sim/cli/doorsill.mjs', '--version'])).toEqual({
      status: 0,
      output: '1.0.0\n',
    });
  });

  it('requests only packages of its lock file, and runs no script of any package', () => {
    expect(new Set(registry.asked).size).toBeGreaterThan(200);
    expect(registry.asked.filter((name) => !registry.lockedNames.has(name))).toEqual([]);
    expect(registry.fetchedPlants).toEqual([]);
    expect(machine.marks()).toBe('');
    const isHere = process.platform === 'linux' && process.arch === 'x64';
    expect(readdirSync(join(checkout, 'node_modules')).filter((name) => name.startsWith('node-ffmpeg-'))).toEqual([
      'node-ffmpeg-installer',
      ...(isHere ? ['node-ffmpeg-linux-x64'] : []),
    ]);
  });

  it('says of every install script whether it may run, so that `npm ci` warns of none', () => {
    const { output } = machine.run(checkout, 'npm', ['install-scripts', 'ls', '--json']);
    // Older versions of npm have no such command, and warn of nothing.
    if (output.includes('Unknown command')) return;
    const { allowScripts } = z
      .object({ allowScripts: z.array(z.object({ name: z.string() })) })
      .parse(JSON.parse(output));
    expect(allowScripts.map(({ name }) => name)).toEqual([registry.armed]);
  });

  it('is called by npx in it and below it without a request to the registry, and elsewhere with one', async () => {
    const version = async (folder: string) => {
      const before = registry.asked.length;
      const { output } = await ended(machine.start(folder, 'npx', ['--yes', 'doorsill', '--version']));
      return { output, asked: registry.asked.slice(before) };
    };
    for (const place of ['.', 'docs']) {
      expect(await version(join(checkout, place)), place).toEqual({ output: '1.0.0\n', asked: [] });
    }
    const elsewhere = join(machine.folder, 'elsewhere');
    mkdirSync(elsewhere);
    expect((await version(elsewhere)).asked).toContain('doorsill');
    expect(machine.marks()).toBe('');
  });

  it.each(UNCLAIMED)(
    'takes %s under the name %s alone, on that platform',
    { timeout: 3 * MINUTES_MS },
    async (...names) => {
      const [unclaimed, claimed] = names;
      const [, os = '', cpu = ''] = /-(linux|darwin)-(\w+)$/.exec(unclaimed) ?? [];
      // The checkout with this one of its packages: `npm ci` goes by the lock file, `npm install` by the overrides.
      const folder = join(machine.folder, `${os}-${cpu}`);
      mkdirSync(folder);
      for (const command of ['ci', 'install']) {
        writeAlone(checkout, folder, command === 'ci');
        const before = registry.asked.length;
        const words = [command, `--os=${os}`, `--cpu=${cpu}`, '--ignore-scripts', '--no-audit', '--no-fund'];
        const { status, output } = await ended(machine.start(folder, 'npm', words));
        expect(status, output).toBe(0);
        expect(registry.asked.slice(before)).toContain(claimed);
        rmSync(join(folder, 'package-lock.json'));
      }
      expect(registry.asked).not.toContain(unclaimed);
      expect(registry.fetchedPlants).toEqual([]);
    },
  );

  it('finds the ffmpeg that it brings where the system has none', () => {
    const find = 'const { findFfmpeg } = await import("./device/dist/camera/find-ffmpeg.js");';
    const tell = 'const { origin, path } = await findFfmpeg({ env: { PATH: "" } }); console.log(origin, path);';
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    expect(machine.run(checkout, machine.node, ['--input-type=module', '-e', `${find}${tell}`])).toEqual({
      status: 0,
      output: `bundled ${join(checkout, 'node_modules/node-ffmpeg-linux-x64/ffmpeg')}\n`,
    });
  });

  it('would have run a planted package if it had asked for one', async () => {
    const victim = join(machine.folder, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'package.json'), '{"optionalDependencies":{"node-ffmpeg-linux-arm64":"5.1.1"}}');
    const mark = { DOORSILL_TEST_MARK: join(machine.folder, 'victim-mark') };
    const { status, output } = await ended(machine.start(victim, 'npm', ['install'], mark));
    expect(status, output).toBe(0);
    expect(readFileSync(mark.DOORSILL_TEST_MARK, 'utf8')).toBe('node-ffmpeg-linux-arm64\n');
  });

  it('is left alone by a second run', async () => {
    const before = { asked: registry.asked.length, built: statSync(join(checkout, 'sim/dist/.built')).mtimeMs };
    expect(await machine.prepare(checkout)).toEqual({ status: 0, output: '' });
    expect(registry.asked.length).toBe(before.asked);
    expect(statSync(join(checkout, 'sim/dist/.built')).mtimeMs).toBe(before.built);
  });

  it.each<[string, (modules: string) => void]>([
    ['a package is not there', (modules) => rmSync(join(modules, 'zod/package.json'))],
    ['npm has no record of it', (modules) => rmSync(join(modules, '.package-lock.json'))],
    [
      'a package has another version',
      (modules) => changeRecord(modules, ({ zod }) => ({ zod: { ...zod, version: '1.0.0' } })),
    ],
    [
      'a package has other bytes',
      (modules) => changeRecord(modules, ({ zod }) => ({ zod: { ...zod, integrity: '' } })),
    ],
    ['a package is too many', (modules) => changeRecord(modules, ({ zod }) => ({ stowaway: { ...zod } }))],
    ['a package is too few', (modules) => changeRecord(modules, () => ({ zod: undefined }))],
    [
      'another Node has installed the database driver for itself',
      (modules) => {
        const driver = driverFor(process.versions);
        changeRecord(modules, () => ({ [driver]: undefined }));
        renameSync(join(modules, driver), join(modules, AWAY));
      },
    ],
  ])('is installed again when %s', async (_, spoil) => {
    const modules = join(checkout, 'node_modules');
    const kept = ['zod/package.json', '.package-lock.json'].map((name) => ({
      name: join(modules, name),
      bytes: readFileSync(join(modules, name)),
    }));
    spoil(modules);
    // An npm that does nothing leaves the packages as they are for the next case.
    const noNpm = join(machine.folder, 'no-npm.js');
    writeFileSync(noNpm, 'process.exit(1)');
    const { status, output } = await machine.prepare(checkout, { npm_execpath: noNpm });
    for (const { name, bytes } of kept) writeFileSync(name, bytes);
    if (existsSync(join(modules, AWAY))) renameSync(join(modules, AWAY), join(modules, driverFor(process.versions)));
    expect(output).toContain('installing packages');
    expect(status).toBe(5);
  });

  it('gets one line that names what to install when the driver is not prebuilt and there is no compiler', async () => {
    const bare = new Machine(registry);
    registry.servesDriver = false;
    try {
      bare.withoutCompiler();
      for (const made of ['better-sqlite3-v12/build', '.doorsill-native'])
        rmSync(join(checkout, 'node_modules', made), { recursive: true });
      const { status, output } = await bare.prepare(checkout);
      const lines = output.trimEnd().split('\n');
      expect({ status, lines }).toEqual({
        status: 5,
        lines: [
          expect.stringMatching(/^doorsill: fetching or compiling the database driver/),
          expect.stringMatching(
            /^doorsill: .*install a C\+\+ compiler, make and python3 \(Debian: apt install g\+\+ make/,
          ),
        ],
      });
    } finally {
      registry.servesDriver = true;
      bare.dispose();
    }
  });
});

describe('a machine that cannot reach its registry', () => {
  it('gets advice', { tags: ['long'] }, async () => {
    const closed = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    const machine = new Machine(`http://127.0.0.1:${closed}`);
    try {
      const { status, output } = await machine.prepare(machine.checkout('checkout'));
      expect(output).toMatch(/doorsill: the npm registry cannot be reached\. .* and run the same command again\.\n$/);
      expect(status).toBe(5);
    } finally {
      machine.dispose();
    }
  });
});

/** Changes what npm recorded of the packages it installed; a package without facts is taken out. */
function changeRecord(modules: string, change: (of: { zod: object }) => Record<string, object | undefined>): void {
  const file = join(modules, '.package-lock.json');
  const record: { packages: Record<string, object> } = JSON.parse(readFileSync(file, 'utf8'));
  const changes = Object.entries(change({ zod: record.packages['node_modules/zod'] ?? {} }));
  const packages = {
    ...record.packages,
    ...Object.fromEntries(changes.map(([name, to]) => [`node_modules/${name}`, to])),
  };
  writeFileSync(file, JSON.stringify({ ...record, packages }));
}

const packageSchema = z.looseObject({ devDependencies: z.record(z.string(), z.string()) });
const lockSchema = z.looseObject({ packages: z.record(z.string(), z.looseObject({})) });

/** A project that has nothing of the checkout's but node-ffmpeg-installer and what is said of it. */
function writeAlone(checkout: string, folder: string, withLock: boolean): void {
  const isAbout = (name: string) => /(^|\/)node-ffmpeg-/.test(name);
  const only = <Value>(all: Record<string, Value>) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => isAbout(name)));
  const read = (name: string): unknown => JSON.parse(readFileSync(join(checkout, name), 'utf8'));
  const { overrides, devDependencies } = packageSchema.parse(read('package.json'));
  const project = { name: 'alone', version: '1.0.0', devDependencies: only(devDependencies) };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...project, overrides }));
  if (!withLock) return;
  const { packages, ...lock } = lockSchema.parse(read('package-lock.json'));
  const kept = { ...lock, name: project.name, packages: { '': project, ...only(packages) } };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(kept));
}
