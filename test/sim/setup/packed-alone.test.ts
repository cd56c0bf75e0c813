// Installs each packed package into its own project, only with our packages that it depends on, from a registry on loopback.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { root } from '../../layout/source-tree.ts';
import { lockedPackages, packageName } from './support/loopback-registry.ts';
import { DEVICE_PACKAGES, PackedProject } from './support/packed-project.ts';

const require = createRequire(import.meta.url);
const MINUTES_MS = 60_000;
const MEGABYTE = 1_000_000;

const FEWEST = ['@doorsill/contract'];

/** What each is installed with, what a program of it imports, and what none of it may bring. */
const ALONE = [
  {
    names: FEWEST,
    imports: "import { signToken, parseToken } from '@doorsill/contract/jws';",
    uses: 'typeof signToken, typeof parseToken',
    most: 3,
    megabytes: 12,
    // It runs in a browser.
    without: /fastify|pino|mqtt|sharp/,
  },
  {
    names: ['@doorsill/contract', '@doorsill/base'],
    imports: "import { SystemClock } from '@doorsill/base/clock';\nimport { SystemDisk } from '@doorsill/base/disk';",
    uses: 'typeof SystemClock, typeof SystemDisk',
    most: 120,
    megabytes: 40,
    without: /sharp|ffmpeg|sqlite/,
  },
  {
    names: DEVICE_PACKAGES,
    imports: "import { Doorbell, parseDeviceConfig } from '@doorsill/device';",
    uses: 'typeof Doorbell, typeof parseDeviceConfig',
    most: 135,
    megabytes: 200,
    // What a board needs: no database driver, no server of uploads, no broker, no simulator.
    without: /better-sqlite3|^pg|kysely|@tus\/server|aedes|jiti|^doorsill$|cloud-bridge/,
  },
  {
    names: ['@doorsill/contract', '@doorsill/base', '@doorsill/cloud-bridge'],
    imports: "import { Bridge, startVault } from '@doorsill/cloud-bridge';",
    uses: 'typeof Bridge, typeof startVault',
    most: 180,
    megabytes: 120,
    without: /fluent-ffmpeg|aedes|jiti|^doorsill$|@doorsill\/device/,
  },
];

describe('a packed package, alone', { tags: ['long'] }, () => {
  let first: PackedProject;
  let board: PackedProject | undefined;
  /** Each in a project of its own; packed once. */
  const projectOf = async (names: readonly string[]) => {
    if (names === FEWEST) return first;
    if (names !== DEVICE_PACKAGES) return await first.beside(names);
    board ??= await first.beside(names);
    return board;
  };
  beforeAll(async () => {
    first = await PackedProject.make(FEWEST);
  }, 3 * MINUTES_MS);
  afterAll(() => first?.dispose(), MINUTES_MS);

  it.each(ALONE)('$names', { timeout: 3 * MINUTES_MS }, async ({ names, imports, uses, most, megabytes, without }) => {
    const project = await projectOf(names);
    const { folder, machine, registry, installed } = project;
    expect(installed.status, installed.output).toBe(0);
    const there = [...lockedPackages(join(folder, 'package-lock.json')).keys()].filter(
      (path) => statSync(join(folder, path), { throwIfNoEntry: false }) !== undefined,
    );
    const bytes = readdirSync(join(folder, 'node_modules'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    process.stdout.write(
      `${names.at(-1)}: ${there.length} packages, ${(bytes / MEGABYTE).toFixed(1)} MB with the ffmpeg that npm brings\n`,
    );
    expect(there.map(packageName).filter((name) => without.test(name))).toEqual([]);
    expect(there.length).toBeLessThan(most);
    expect(bytes / MEGABYTE).toBeLessThan(megabytes);
    expect(registry.fetchedPlants).toEqual([]);

    // What a package does not name under `exports` cannot be reached.
    writeFileSync(join(folder, 'use.ts'), `${imports}\nconsole.log(${uses});\n`);
    writeFileSync(join(folder, 'reach.ts'), `import '${names.at(-1)}/dist/errors.js';\n`);
    project.link('@types/node', join(root, 'node_modules/@types/node'));
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    const said = machine.run(folder, machine.node, [compiler, ...options, 'use.ts', 'reach.ts']).output;
    expect(said.trimEnd().split('\n')).toEqual([expect.stringMatching(/^reach\.ts\(1,\d+\): error TS2882/)]);
    expect(machine.run(folder, machine.node, ['use.js'])).toEqual({ status: 0, output: 'function function\n' });
    expect(machine.run(folder, machine.node, ['reach.js']).output).toMatch(/ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  it('@doorsill/device, as the command of a board', { timeout: 3 * MINUTES_MS }, async () => {
    const { folder, machine } = await projectOf(DEVICE_PACKAGES);
    const run = (...words: string[]) =>
      machine.run(folder, machine.node, ['node_modules/.bin/doorsill-device', ...words]);
    let doorbell: ChildProcess | null = null;
    try {
      expect(run().output).toContain('$ npx doorsill-device doctor');
      const home = ['--home-url', 'mqtt://127.0.0.1:1', '--user', 'porch', '--password-file', 'password'];
      writeFileSync(join(folder, 'password'), 'none is asked\n', { mode: 0o600 });
      // A board has no drawn camera, and its texts have its own words.
      expect(run('init', '--data', 'porch', ...home)).toMatchObject({
        status: 2,
        output: expect.stringContaining('name the camera, such as --camera v4l2:/dev/video0'),
      });
      expect(run('run', '--data', 'porch').output).toContain('`doorsill-device init --data porch` writes it');
      execFileSync((await findFfmpeg()).path, [
        ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=15:duration=4'],
        ...['-pix_fmt', 'yuv420p', join(folder, 'door.mp4')],
      ]);
      const written = run('init', '--data', 'porch', '--camera', 'file:door.mp4', ...home);
      expect(written).toEqual({ status: 0, output: expect.stringContaining('npx doorsill-device run --data porch') });

      doorbell = machine.start(folder, machine.node, ['node_modules/.bin/doorsill-device', 'run', '--data', 'porch']);
      let said = '';
      doorbell.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await expect.poll(() => said, { timeout: MINUTES_MS }).toContain('Ctrl-C ends it.');
      expect(said).toContain('pair with `doorsill-device pair --socket ');
      const owner = ['--owner', 'owner', '--user', 'alex', '--password-file', 'password'];
      expect(run('pair', '--data', 'porch', ...owner).output).toContain('Paired with Front door (device-');
      expect(run('pair', '--list', '--owner', 'owner').output).toMatch(/^device-\w+ {2}Front door {2}mqtt:/);
      const { findings } = JSON.parse(run('doctor', '--data', 'porch', '--json').output);
      expect(findings).toContainEqual(expect.objectContaining({ what: 'camera', level: 'ok' }));
      expect(run('up')).toMatchObject({ status: 2, output: expect.stringContaining('did you mean "run"?') });
      const stopped = once(doorbell, 'close');
      doorbell.kill('SIGTERM');
      expect(await stopped).toEqual([0, null]);
    } finally {
      doorbell?.kill('SIGKILL');
    }
  });
});
