// Packs the packages and installs them into an empty project, from a registry on loopback that plants packages.
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import semver from 'semver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
// @ts-expect-error: plain JavaScript, because it runs before anything is built.
import { driverFor } from '../../../sim/setup/freshness.mjs';
import { root } from '../../layout/source-tree.ts';
import { packageFolders } from '../../support/own-packages.ts';
import { slowIt } from '../../support/slow-it.ts';
import { ended } from './support/checkout.ts';
import { lockedPackages, packageName } from './support/loopback-registry.ts';
import { PackedProject } from './support/packed-project.ts';
import { asTestOf, developerClient, readmeClient, runClient } from './support/readme-client.ts';

const require = createRequire(import.meta.url);
const MINUTES_MS = 60_000;
const OLDEST_NODE = '20.19.0';
/** The folders of the packages by their names. */
const FOLDERS = packageFolders(root);
const PACKAGES = [...FOLDERS.keys()];

/**
 * Optional peers of packages that are installed: npm reads what the registry says of them and installs none. Each is published
 * by the project that it belongs to; a name that comes new has to be looked up before it is added.
 */
const ONLY_ASKED_FOR = [
  '@node-rs/xxhash',
  '@opentelemetry/api',
  'aedes-persistence-level',
  'aedes-persistence-mongodb',
  'aedes-persistence-redis',
  'bufferutil',
  'pg-native',
  'utf-8-validate',
];

const factsSchema = z.looseObject({
  name: z.string(),
  // Old packages list words, which npm does not hold anybody to.
  engines: z.union([z.looseObject({ node: z.string().optional() }), z.array(z.string())]).optional(),
});

function admitsOldestNode(engines: { node?: string | undefined } | string[] | undefined): boolean {
  return engines === undefined || Array.isArray(engines) || semver.satisfies(OLDEST_NODE, engines.node ?? '*');
}

describe('the packed packages, installed into an empty project', { tags: ['long'] }, () => {
  let packed: PackedProject;
  let folder = '';
  beforeAll(async () => {
    packed = await PackedProject.make();
    ({ folder } = packed);
  }, 5 * MINUTES_MS);
  afterAll(() => packed?.dispose(), 2 * MINUTES_MS);

  it('use only packages of the lock file, run no planted package and need no newer Node', () => {
    const { registry, machine, installed: install } = packed;
    const { status, output } = install;
    const known = new Set([...registry.lockedNames, ...ONLY_ASKED_FOR, ...PACKAGES]);
    expect(status, output).toBe(0);
    expect(output).not.toMatch(/EBADENGINE|npm error/);
    expect(new Set(registry.asked).size).toBeGreaterThan(100);
    expect(registry.asked.filter((name) => !known.has(name))).toEqual([]);
    // Of ours npm may ask before it has read all the files that it was given; whoever has their names there, it takes the files.
    expect(registry.fetchedPlants).toEqual([]);
    // npm heeds overrides in the checkout alone: asked here, the installer would lead to names that nobody has published.
    expect(registry.asked.filter((name) => /ffmpeg-installer/.test(name))).toEqual([]);
    expect(machine.marks()).toBe('');

    const installed = [...lockedPackages(join(folder, 'package-lock.json'))];
    const names = installed.map(([path, { name }]) => name ?? packageName(path));
    expect(names.filter((name) => !registry.lockedNames.has(name))).toEqual(PACKAGES);
    const facts = installed
      .map(([path]) => join(folder, path, 'package.json'))
      .filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined)
      .map((file) => factsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
    expect(facts.length).toBeGreaterThan(100);
    expect(facts.filter(({ engines }) => !admitsOldestNode(engines)).map(({ name }) => name)).toEqual([]);
  });

  it('are called by npx in the project without a request to the registry', async () => {
    const { registry, machine } = packed;
    const before = registry.asked.length;
    const { output } = await ended(machine.start(folder, 'npx', ['--yes', 'doorsill', '--version']));
    expect({ output, asked: registry.asked.slice(before) }).toEqual({ output: '1.0.0\n', asked: [] });
  });

  it('contain the build and how to start it, no source and no test', () => {
    const names = [...packed.tarballs].flatMap(([name, file]) =>
      execFileSync('tar', ['-tf', file], { encoding: 'utf8' })
        .trimEnd()
        .split('\n')
        .map((path) => path.replace('package', FOLDERS.get(name) ?? name)),
    );
    expect(names).toContain('device/dist/index.d.ts');
    const others = names.filter(
      (name) =>
        !/(\/dist\/.*\.(js|d\.ts|css)|\/(package\.json|README\.md|LICENSE)|^sim\/scenarios\/_?[a-z-]+\.yaml)$/.test(
          name,
        ),
    );
    // The page's files have a hash of their content in their names.
    expect(others.map((name) => name.replace(/(assets\/\w+)-[\w-]{8}\./, '$1.')).sort()).toEqual([
      'cloud-bridge/registry/data/abbreviations.csv',
      'cloud-bridge/registry/data/federal-agencies.csv',
      'cloud-bridge/registry/data/local-governments.csv',
      'cloud-bridge/registry/data/look-alikes.csv',
      'cloud-bridge/registry/data/name-words.csv',
      'device/base/check-node.mjs',
      'device/cli/doorsill-device.mjs',
      'device/console-page/dist/assets/icon.svg',
      'device/console-page/dist/index.html',
      'sim/cli/doorsill.mjs',
      'sim/deploy/doorsill.rules.yml',
      'sim/fleet/fleet-profile.schema.json',
      'sim/scenario/scenario.schema.json',
      'sim/scenarios/lost-dog.jpg',
      'sim/truth/truth.schema.json',
    ]);
    expect(names.filter((name) => name.endsWith('/LICENSE'))).toHaveLength(PACKAGES.length);
    const isPages = (name: string) => /^(device\/console-page\/dist|sim\/dist\/report-page)\//.test(name);
    expect(names.filter((name) => name.endsWith('.css') && !isPages(name))).toEqual([]);
    const compiled = names.filter((name) => !isPages(name));
    const sources = compiled.map((name) => name.replace(/^(.*)\/dist\/(.*?)(\.d\.ts|\.js)$/, '$1/$2.ts'));
    const gone = sources.filter(
      (name) => name.endsWith('.ts') && statSync(join(root, name), { throwIfNoEntry: false }) === undefined,
    );
    expect(gone).toEqual([]);
  });

  it('bring a command that runs the demo', { timeout: 3 * MINUTES_MS }, async () => {
    const { machine } = packed;
    const command = join(folder, 'node_modules/.bin/doorsill');
    expect(await ended(machine.start(folder, command, ['--version']))).toEqual({ status: 0, output: '1.0.0\n' });
    const demo = ['demo', '--camera', 'synthetic', '--from', '1', '--to', '3', '--data', join(machine.folder, 'demo')];
    const ran = await ended(machine.start(folder, command, [...demo, '--json']));
    expect(ran.status, ran.output).toBe(0);
    const last = ran.output.trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({
      method: expect.any(String),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('record without the database driver, and report which part needs it', { timeout: MINUTES_MS }, async () => {
    const { machine } = packed;
    const command = join(folder, 'node_modules/.bin/doorsill');
    const driver = join(folder, 'node_modules', driverFor(process.versions));
    const data = join(machine.folder, 'porch');
    const init = ['device', 'init', '--data', data, '--broker', join(machine.folder, 'broker')];
    expect(await ended(machine.start(folder, command, init))).toMatchObject({ status: 0 });
    renameSync(driver, `${driver}.away`);
    try {
      const registry = ['bridge', 'registry', '--data', join(machine.folder, 'registry'), '--port', '0', '--json'];
      const refused = await ended(machine.start(folder, command, registry));
      expect(refused).toMatchObject({ status: 5, output: expect.stringContaining('"database_driver_missing"') });
      const device = machine.start(folder, command, ['device', '--data', data, '--camera', 'synthetic', '--json']);
      let said = '';
      device.stdout?.on('data', (chunk: Buffer) => (said += chunk));
      await expect.poll(() => said, { timeout: 30_000 }).toContain('"state":"recording"');
      device.kill('SIGINT');
      expect((await ended(device)).status).toBe(0);
    } finally {
      renameSync(`${driver}.away`, driver);
    }
  });

  /** What the compiler says of all programs below, strictly, beside the one package a Node program in TypeScript has besides: Node's own types. */
  let compiled: string[] | undefined;
  const compile = () => {
    if (compiled) return compiled;
    packed.link('@types/node', join(root, 'node_modules/@types/node'));
    const door = developerClient('ts');
    const programs = { 'use.ts': PROGRAM, 'door.ts': door, 'wrong.ts': door.replace('zones, atUs', 'button, atUs') };
    for (const [name, program] of Object.entries(programs)) writeFileSync(join(folder, name), program);
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    const names = Object.keys(programs);
    const { output } = packed.machine.run(folder, packed.machine.node, [compiler, ...options, ...names]);
    compiled = output.trimEnd().split('\n');
    return compiled;
  };
  const isOfWrong = (line: string) => /^(wrong\.ts| )/.test(line);

  it('bring types for a strict program, and modules that it runs with', () => {
    expect(compile().filter((line) => !isOfWrong(line))).toEqual([]);
    expect(packed.machine.run(folder, packed.machine.node, ['use.js'])).toEqual({
      status: 0,
      output: 'function function function\n',
    });
  });

  describe('runs the lines of README and docs/developer.md', { timeout: 2 * MINUTES_MS }, () => {
    it('exactly as they are printed: ten', async () => {
      expect(readmeClient().trimEnd().split('\n')).toHaveLength(10);
      writeFileSync(join(folder, 'door.mjs'), readmeClient());
      expect(await runClient(packed, ['door.mjs'])).toEqual({ status: 0, output: '', left: [] });
    });

    it('in docs/developer.md as a test of node:test', () => {
      expect(developerClient('js')).toBe(asTestOf("import test from 'node:test';"));
    });

    slowIt('under node:test', async () => {
      writeFileSync(join(folder, 'door.node.mjs'), developerClient('js'));
      const ran = await runClient(packed, ['--test', '--test-reporter=tap', 'door.node.mjs']);
      expect(ran).toMatchObject({ status: 0, output: expect.stringContaining('# pass 1'), left: [] });
    });

    slowIt('under vitest', async () => {
      packed.link('vitest', join(root, 'node_modules/vitest'));
      writeFileSync(join(folder, 'door.test.js'), asTestOf("import { test } from 'vitest';"));
      const vitest = join(folder, 'node_modules/vitest/vitest.mjs');
      const ran = await runClient(packed, [vitest, 'run', 'door.test.js', `--testTimeout=${MINUTES_MS}`]);
      expect(ran).toMatchObject({ status: 0, output: expect.stringMatching(/1 passed/), left: [] });
    });

    it('in TypeScript, with `await using` and typed events', async () => {
      expect(compile().filter((line) => !isOfWrong(line))).toEqual([]);
      expect(await runClient(packed, ['door.js'])).toMatchObject({
        status: 0,
        output: expect.stringMatching(/^motion \[.*Z\n$/),
        left: [],
      });
      expect(compile().join('\n')).toMatch(/Property 'button' does not exist/);
    });
  });
});

/** Fails to compile where a name is missing or has no type. */
const PROGRAM = `
import { Doorbell, parseDeviceConfig, type DeviceConfig } from '@doorsill/device';
import { Bridge } from '@doorsill/cloud-bridge';
import { Broker } from 'doorsill';
// @ts-expect-error: fails unless the function has a type of its own
const untyped: string = parseDeviceConfig;
export const read: (...given: Parameters<typeof parseDeviceConfig>) => DeviceConfig = parseDeviceConfig;
console.log(typeof Doorbell, typeof Bridge, typeof Broker);
export { untyped };
`;

describe('the lock file', () => {
  const locked = [...lockedPackages(join(root, 'package-lock.json'))];

  it('names no package that asks for a newer Node than the project, but the database driver, of which there is another', () => {
    expect(locked.length).toBeGreaterThan(300);
    const newer = locked.filter(([, { engines }]) => !admitsOldestNode(engines));
    // npm leaves an optional package out on a Node that it does not support.
    expect(newer.map(([path, { optional }]) => [packageName(path), optional])).toEqual([['better-sqlite3', true]]);
  });

  it('names no registry and pins each package by its hash', () => {
    const loose = locked.filter(([, entry]) => 'resolved' in entry || !/^sha512-/.test(entry.integrity ?? ''));
    expect(loose.map(([path]) => path)).toEqual([]);
  });
});
