// Packs the project and installs the tarball into an empty project, from a registry on loopback that plants packages.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import semver from 'semver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from '../../layout/source-tree.ts';
import { ended, Machine } from './support/checkout.ts';
import { LoopbackRegistry, lockedPackages, packageName } from './support/loopback-registry.ts';

const require = createRequire(import.meta.url);
const MINUTES_MS = 60_000;
const OLDEST_NODE = '20.19.0';

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

describe('the packed package, installed into an empty project', { tags: ['long'] }, () => {
  const registry = new LoopbackRegistry(root);
  let machine: Machine;
  let project: string;
  let tarball: string;
  let output: string;
  let status: number | null;
  beforeAll(async () => {
    await registry.start();
    machine = new Machine(registry);
    const packed = machine.run(root, 'npm', ['pack', '--silent', '--pack-destination', machine.folder]);
    expect(packed.status, packed.output).toBe(0);
    // A build, if one was due, is told besides.
    tarball = join(machine.folder, /^doorsill-.*\.tgz$/m.exec(packed.output)?.[0] ?? 'no tarball');
    project = join(machine.folder, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
    ({ status, output } = await ended(machine.start(project, 'npm', ['install', '--no-audit', '--no-fund', tarball])));
  }, 5 * MINUTES_MS);
  afterAll(async () => {
    await registry.stop();
    machine?.dispose();
  }, 2 * MINUTES_MS);

  it('takes nothing from outside the lock file, runs no planted package and needs no newer Node', () => {
    const known = new Set([...registry.lockedNames, ...ONLY_ASKED_FOR]);
    expect(status, output).toBe(0);
    expect(output).not.toMatch(/EBADENGINE|npm error/);
    expect(new Set(registry.asked).size).toBeGreaterThan(100);
    expect(registry.asked.filter((name) => !known.has(name))).toEqual([]);
    expect(registry.fetchedPlants).toEqual([]);
    expect(machine.marks()).toBe('');

    const installed = [...lockedPackages(join(project, 'package-lock.json')).keys()];
    expect(installed.map(packageName).filter((name) => !registry.lockedNames.has(name))).toEqual(['doorsill']);
    const facts = installed
      .map((path) => join(project, path, 'package.json'))
      .filter((file) => statSync(file, { throwIfNoEntry: false }) !== undefined)
      .map((file) => factsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
    expect(facts.length).toBeGreaterThan(100);
    expect(facts.filter(({ engines }) => !admitsOldestNode(engines)).map(({ name }) => name)).toEqual([]);
  });

  it('holds what was built and how to start it: no source, no test', () => {
    const packed = execFileSync('tar', ['-tf', tarball], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(packed).toContain('package/dist/device/npm-exports.d.ts');
    const others = packed.filter((name) => !/^package\/(dist\/.*\.(js|d\.ts)|[^/]+\.(md|json)|LICENSE)$/.test(name));
    expect(others.sort()).toEqual([
      'package/cloud-bridge/registry/data/federal-agencies.csv',
      'package/cloud-bridge/registry/data/local-governments.csv',
      'package/cloud-bridge/registry/data/name-words.csv',
      'package/sim/cli/doorsill.mjs',
    ]);
    const sources = packed.map((name) => name.replace(/^package\/dist\/(.*?)(\.d\.ts|\.js)$/, '$1.ts'));
    const gone = sources.filter(
      (name) => name.endsWith('.ts') && statSync(join(root, name), { throwIfNoEntry: false }) === undefined,
    );
    expect(gone).toEqual([]);
  });

  it('gives a command that runs the whole story', { timeout: 3 * MINUTES_MS }, async () => {
    const command = join(project, 'node_modules/.bin/doorsill');
    expect(await ended(machine.start(project, command, ['--version']))).toEqual({ status: 0, output: '0.1.0\n' });
    const demo = ['demo', '--camera', 'synthetic', '--from', '1', '--to', '3', '--data', join(machine.folder, 'demo')];
    const ran = await ended(machine.start(project, command, [...demo, '--json']));
    expect(ran.status, ran.output).toBe(0);
    const last = ran.output.trimEnd().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({
      method: expect.any(String),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('gives types that a strict program compiles against, and modules that it runs with', () => {
    // The one package a Node program in TypeScript has besides: Node's own types.
    const types = join(project, 'node_modules/@types');
    mkdirSync(types, { recursive: true });
    if (!readdirSync(types).includes('node')) symlinkSync(join(root, 'node_modules/@types/node'), join(types, 'node'));
    writeFileSync(join(project, 'use.ts'), PROGRAM);
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    const compiled = machine.run(project, machine.node, [compiler, ...options, 'use.ts']);
    expect(compiled).toEqual({ status: 0, output: '' });
    expect(machine.run(project, machine.node, ['use.js'])).toEqual({
      status: 0,
      output: 'function function function\n',
    });
  });
});

/** Fails to compile where a name is missing or has no type. */
const PROGRAM = `
import { Doorbell, parseDeviceConfig, type DeviceConfig } from 'doorsill';
import { Bridge } from 'doorsill/cloud-bridge';
import { Broker } from 'doorsill/sim';
// @ts-expect-error: fails unless the function has a type of its own
const untyped: string = parseDeviceConfig;
export const read: (...given: Parameters<typeof parseDeviceConfig>) => DeviceConfig = parseDeviceConfig;
console.log(typeof Doorbell, typeof Bridge, typeof Broker);
export { untyped };
`;

describe('the lock file', () => {
  const locked = [...lockedPackages(join(root, 'package-lock.json'))];

  it('names no package that asks for a newer Node than the project', () => {
    expect(locked.length).toBeGreaterThan(300);
    const newer = locked.filter(([, { engines }]) => !admitsOldestNode(engines));
    expect(newer.map(([path]) => packageName(path))).toEqual([]);
  });

  it('names no registry and pins each package by its hash', () => {
    const loose = locked.filter(([, entry]) => 'resolved' in entry || !/^sha512-/.test(entry.integrity ?? ''));
    expect(loose.map(([path]) => path)).toEqual([]);
  });
});
