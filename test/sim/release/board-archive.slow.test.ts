// Makes the last commit's release twice, from two clones in folders of their own, by npm's own registry and cache.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BoardArchive, boardArchive } from '../../../sim/release/board-archive.ts';
import { withBuiltCommit } from '../../../sim/release/release-source.ts';
import { root } from '../../layout/source-tree.ts';

const MINUTES_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-release-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function clone(name: string): string {
  const into = join(folder, name);
  execFileSync('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, into]);
  return into;
}

const build = (root: string) => withBuiltCommit(root, (source) => boardArchive(source, 'x64'));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('a release', () => {
  let [first, second]: BoardArchive[] = [];
  beforeAll(async () => {
    first = await build(clone('one'));
    second = await build(clone('another place'));
  }, 30 * MINUTES_MS);

  it('is the same, byte for byte, wherever it is built', () => {
    expect(first?.archive.length).toBeGreaterThan(5_000_000);
    expect(Buffer.compare(first?.archive ?? Buffer.of(), second?.archive ?? Buffer.of())).toBe(0);
    expect(first?.packages).toBe(second?.packages);
  });

  it('runs where it is unpacked, with everything it needs', () => {
    const into = join(folder, 'unpacked');
    mkdirSync(into);
    execFileSync('tar', ['-xzf', '-', '-C', into], { input: first?.archive });
    const run = (...args: string[]) =>
      execFileSync(process.execPath, [join(into, 'device/cli/doorsill-device.mjs'), ...args], {
        encoding: 'utf8',
        cwd: folder,
      });
    expect(run('--version')).toBe(`${first?.manifest.version}\n`);
    expect(run('run', '--help')).toContain('--camera');
    expect(run('grant', '--help')).toContain('--audio');
    const firmware = JSON.stringify(join(into, 'device/dist/index.js'));
    execFileSync(process.execPath, ['--input-type=module', '-e', `await import(${firmware})`], { cwd: folder });
  });

  it('lists exactly its packages, each with the hash of its installation', () => {
    const list = JSON.parse(first?.packages ?? '{}');
    const inside = execFileSync('tar', ['-tzf', '-'], { input: first?.archive, encoding: 'utf8', maxBuffer: 2 ** 26 });
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

  it('is not built from uncommitted changes', async () => {
    const changed = join(folder, 'one');
    writeFileSync(join(changed, 'device', 'planted.ts'), '// Owns: nothing.\n');
    await expect(build(changed)).rejects.toMatchObject({ code: 'release_unmade' });
  });
});
