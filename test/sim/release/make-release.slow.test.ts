// Makes the last commit's release twice, from two clones in folders of their own, by npm's own registry and cache; the second time with the images of
// containers. Debian's packages come from the configured mirror.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { makeRelease } from '../../../sim/release/make-release.ts';
import { createReleaseKey, loadReleaseKey, type ReleaseKey } from '../../../sim/release/release-key.ts';
import { root } from '../../layout/source-tree.ts';
import { Containers } from '../../support/containers.ts';
import { proved } from '../../support/proved.ts';

const MINUTES_MS = 60_000;
const BASE = 'localhost/base';
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-release-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A clone with a commit of its own, always the same. */
function clone(name: string): string {
  const into = join(folder, name);
  execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, into]);
  const author = ['-c', 'user.name=x', '-c', 'user.email=x@example.com'];
  const commit = [...author, 'commit', '--quiet', '--allow-empty', '--all', '--message', 'release'];
  const day = { GIT_AUTHOR_DATE: '2026-12-01T12:00:00Z', GIT_COMMITTER_DATE: '2026-12-01T12:00:00Z' };
  execFileSync('git', ['-C', into, ...commit], { env: { ...process.env, ...day } });
  return into;
}
const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const board = `doorsill-${version}-linux-x64`;

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a release',
  { tags: ['root', 'container'] },
  () => {
    let key: ReleaseKey;
    let [first, second]: Map<string, Uint8Array>[] = [];
    let seconds = 0;
    const make = (checkout: string) => makeRelease(checkout, key, { images: false });
    /** Files that only the second has. */
    const imageFiles = ['testbed', 'bridge'].map((target) => `doorsill-${target}-${version}-linux-x64.tar.gz`);
    const bytesOf = (file: string) => Buffer.from(first?.get(file) ?? []);
    /** A folder with the release, as someone has downloaded it. */
    const downloaded = (name: string) => {
      const into = join(folder, name);
      mkdirSync(into);
      for (const [file, bytes] of first ?? []) writeFileSync(join(into, file), bytes);
      return into;
    };
    beforeAll(async () => {
      await createReleaseKey(new SystemDisk(), new SystemRandom(), join(folder, 'key'));
      key = await loadReleaseKey(new SystemDisk(), join(folder, 'key'));
      const startedMs = performance.now();
      first = await make(clone('one'));
      seconds = (performance.now() - startedMs) / 1000;
      const containers = new Containers(join(folder, 'containers'));
      try {
        containers.buildBase(BASE);
        for (const [name, value] of Object.entries(containers.env)) vi.stubEnv(name, value);
        second = await makeRelease(clone('another place'), key, { images: true, base: BASE });
      } finally {
        vi.unstubAllEnvs();
        containers.dispose();
      }
    }, 30 * MINUTES_MS);

    it('is the same, byte for byte, wherever it is made, but for the images and so for the sums', (test) => {
      const files = [...(first ?? [])];
      expect(files.map(([file]) => file).at(-1)).toBe('SHA256SUMS');
      expect(bytesOf(`${board}.tar.gz`).length).toBeGreaterThan(5_000_000);
      const more = [...(second?.keys() ?? [])].filter((file) => !first?.has(file));
      expect(more.sort()).toEqual([...imageFiles].sort());
      const others = files.filter(([file, bytes]) => Buffer.compare(bytes, second?.get(file) ?? Buffer.of()) !== 0);
      expect(others.map(([file]) => file)).toEqual(['SHA256SUMS.minisig', 'SHA256SUMS']);
      const sums = (release = first) =>
        Buffer.from(release?.get('SHA256SUMS') ?? [])
          .toString()
          .trim()
          .split('\n');
      const [once, again] = [sums(), sums(second)];
      expect(
        again
          .filter((line) => !once.includes(line))
          .map((line) => line.slice(66))
          .sort(),
      ).toEqual(more);
      expect(once.filter((line) => !again.includes(line))).toEqual([]);
      const megabytes = files.reduce((sum, [, bytes]) => sum + bytes.length, 0) / 1e6;
      proved(
        test,
        'a release, made twice in different places, once with images: the other files are the same bytes',
        `${files.length} files, ${megabytes.toFixed(1)} MB; ${seconds.toFixed(0)} s each`,
      );
    });

    it('is verified without our code, and not with a byte changed or under another key', {
      tags: ['minisign'],
    }, async () => {
      const into = downloaded('download');
      const check = (command: string, ...args: string[]) => spawnSync(command, args, { cwd: into, encoding: 'utf8' });
      const sums = () => check('sha256sum', '--check', '--strict', 'SHA256SUMS').status;
      const signed = (file: string, by = 'key.pub') => check('minisign', '-Vm', file, '-p', join(folder, by)).status;
      const summed: string[] = readFileSync(join(into, 'SHA256SUMS'), 'utf8').match(/\S+$/gm) ?? [];
      const unsummed = [...(first?.keys() ?? [])].filter((file) => !summed.includes(file));
      expect(unsummed.sort()).toEqual(['SHA256SUMS', 'SHA256SUMS.minisig']);
      expect([sums(), signed('SHA256SUMS'), signed(`${board}.tar.gz`)]).toEqual([0, 0, 0]);
      await createReleaseKey(new SystemDisk(), new SystemRandom(), join(folder, 'other'));
      expect(signed('SHA256SUMS', 'other.pub')).not.toBe(0);
      const changed = bytesOf(`${board}.tar.gz`);
      changed[5_000] = (changed[5_000] ?? 0) ^ 1;
      writeFileSync(join(into, `${board}.tar.gz`), changed);
      expect([sums(), signed(`${board}.tar.gz`)]).not.toContain(0);
      writeFileSync(join(into, `${board}.tar.gz`), bytesOf(`${board}.tar.gz`).subarray(0, -1));
      expect([sums(), signed(`${board}.tar.gz`)]).not.toContain(0);
    });

    it('runs where it is unpacked, with everything it needs', () => {
      const into = join(folder, 'unpacked');
      mkdirSync(into);
      execFileSync('tar', ['-xzf', '-', '-C', into], { input: bytesOf(`${board}.tar.gz`) });
      const run = (...args: string[]) =>
        execFileSync(process.execPath, [join(into, 'device/cli/doorsill-device.mjs'), ...args], {
          encoding: 'utf8',
          cwd: folder,
        });
      expect(run('--version')).toBe(`${version}\n`);
      expect(run('run', '--help')).toContain('--camera');
      expect(run('grant', '--help')).toContain('--audio');
      const firmware = JSON.stringify(join(into, 'device/dist/index.js'));
      execFileSync(process.execPath, ['--input-type=module', '-e', `await import(${firmware})`], { cwd: folder });
    });

    it('lists exactly its packages, each with the hash of its installation', () => {
      const list = JSON.parse(bytesOf(`${board}.cdx.json`).toString());
      const input = bytesOf(`${board}.tar.gz`);
      const inside = execFileSync('tar', ['-tzf', '-'], { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
      const folders = inside
        .split('\n')
        .flatMap(
          (path) => /^node_modules\/(?:.*\/node_modules\/)?((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? [],
        );
      const listed: { purl: string; hashes?: { alg: string }[] }[] = list.components;
      const names = listed.map(({ purl }) => decodeURIComponent(purl.slice('pkg:npm/'.length)).replace(/@[^@]*$/, ''));
      expect(list).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' });
      expect(new Set(names)).toEqual(new Set([...folders, '@doorsill/device']));
      // Ours were not installed: they are the commit’s.
      const unhashed = names.filter((_name, at) => listed[at]?.hashes?.[0]?.alg !== 'SHA-512');
      expect(unhashed.filter((name) => !/^(@doorsill\/[a-z-]+|doorsill)$/.test(name))).toEqual([]);
      // Of the simulator, the bridge and their libraries nothing is there.
      expect(
        names.filter((name) => /sqlite|^pg$|kysely|@tus\/server|aedes|jiti|^doorsill$|cloud-bridge/.test(name)),
      ).toEqual([]);
      expect(inside).not.toMatch(/^sim\/|cloud-bridge/m);
    });

    it('is not made without its part of CHANGELOG.md, nor from uncommitted changes', async () => {
      const changed = join(folder, 'one');
      writeFileSync(join(changed, 'device', 'planted.ts'), '// Owns: nothing.\n');
      await expect(make(changed)).rejects.toMatchObject({
        code: 'release_unmade',
        message: expect.stringContaining('not committed'),
      });
      writeFileSync(join(changed, 'CHANGELOG.md'), '# Changelog\n');
      execFileSync('git', [
        '-C',
        changed,
        '-c',
        'user.name=x',
        '-c',
        'user.email=x@example.com',
        'commit',
        '-qam',
        'x',
      ]);
      await expect(make(changed)).rejects.toMatchObject({
        code: 'release_unmade',
        message: expect.stringContaining('has no part'),
      });
    });
  },
);
