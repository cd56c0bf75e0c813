// The checkout for a user who may only read it, such as a service's.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundledPath } from '../../../device/camera/find-ffmpeg.ts';
// @ts-expect-error: plain JavaScript, because it runs before anything is built.
import { arePagesBuilt, isBuilt, isDriverThere } from '../../../sim/setup/freshness.mjs';
import { root } from '../../layout/source-tree.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

/** In systemd's range of dynamic users: no account of the machine has it, so it has no name and no home folder. */
const NOBODY = 61_234;
const folder = temporaryFolder('other-user');
afterAll(() => folder.dispose());
const at = (name: string) => join(folder.path, name);

/** Programs of the machine without its ffmpeg, so that the bundled one is used. */
function pathWithoutFfmpeg(): string {
  const bin = at('bin');
  mkdirSync(bin);
  for (const name of ['sh', 'env', 'cat', 'prlimit', 'setpriv']) {
    const found = ['/usr/bin', '/bin'].map((place) => join(place, name)).find(existsSync);
    if (found) symlinkSync(found, join(bin, name));
  }
  return bin;
}

/** Runs the command line of a read-only view of this checkout as a user who owns nothing in it. */
function asNobody(args: string[], environment: Record<string, string>): SpawnSyncReturns<string> {
  const view = at('checkout');
  mkdirSync(view, { recursive: true });
  const script =
    'set -e; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; shift 2; exec setpriv --reuid 61234 --regid 61234 --clear-groups --no-new-privs -- "$@"';
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const command = ['env', '-u', 'HOME', ...variables, process.execPath, join(view, 'sim/cli/doorsill.mjs'), ...args];
  return spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', root, view, ...command], {
    encoding: 'utf8',
    cwd: '/',
  });
}

describe('another user, on a read-only folder', { tags: ['root', 'namespaces', 'long'], timeout: 120_000 }, () => {
  chmodSync(folder.path, 0o755);
  mkdirSync(at('home'), { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(at('home'), NOBODY, NOBODY);

  it('runs the whole story with the bundled ffmpeg', (test) => {
    const before = statSync(bundledPath() ?? '').ctimeMs;
    const done = asNobody(['demo', '--data', at('home/testbed'), '--camera', 'synthetic?size=320x180', '--json'], {
      TMPDIR: at('home'),
      PATH: `${pathWithoutFfmpeg()}`,
      FFMPEG_PATH: '',
    });
    expect([done.status, done.stderr]).toEqual([0, '']);
    const result = JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '');
    expect(result.frames).toBeGreaterThan(0);
    expect(statSync(result.clip).uid).toBe(NOBODY);
    expect(statSync(bundledPath() ?? '').ctimeMs, 'the bundled ffmpeg was touched').toBe(before);
    proved(test, 'Frames of a clip that another user made with a read-only checkout', String(result.frames));
  });
});

describe('whether a checkout is built', () => {
  const place = at('small');
  const age = (path: string, atS: number) => utimesSync(join(place, path), atS, atS);
  const touch = (path: string, atS: number) => {
    const full = join(place, path);
    mkdirSync(join(full, '..'), { recursive: true });
    writeFileSync(full, '');
    age(path, atS);
  };
  const pages = [...['device/console-page/kit/style', 'device/console-page', 'device/contract'], 'sim/report'];
  for (const source of [
    ...['device/a/b.ts', 'cloud-bridge/c.ts', 'sim/d.ts', 'test/proofs/f.ts', 'package.json', 'tsconfig.json'],
    ...pages.map((folder) => `${folder}/e.ts`),
  ]) {
    touch(source, 1_000);
  }
  const folders = [...pages, 'device/console-page/kit', 'device/a', 'device', 'cloud-bridge', 'sim', 'test/proofs'];
  for (const source of folders) age(source, 1_000);

  /** What a user finds, in a process of that user. */
  const canPrepareAs = (uid: number) => {
    const script = `import(${JSON.stringify(join(root, 'sim/setup/freshness.mjs'))}).then((found) => console.log(found.canPrepare(${JSON.stringify(place)})))`;
    const asked = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: '/', uid, gid: uid });
    return asked.stdout.trim() || asked.stderr;
  };

  it('follows from the stamp of the last build and the time of every source', () => {
    expect(isBuilt(place)).toBe(false);
    touch('sim/dist/.built', 2_000);
    expect(isBuilt(place)).toBe(false);
    touch('device/console-page/dist/.built', 2_000);
    expect(isBuilt(place)).toBe(false);
    touch('sim/dist/report-page/.built', 2_000);
    expect(isBuilt(place)).toBe(true);
    for (const source of ['device/contract/e.ts', 'sim/report/e.ts']) {
      age(source, 3_000);
      expect(arePagesBuilt(place)).toBe(false);
      age(source, 1_000);
    }
    age('device/a/b.ts', 3_000);
    expect(isBuilt(place)).toBe(false);
    age('device/a/b.ts', 1_000);
    // A source that went away leaves its folder younger.
    age('device/a', 3_000);
    expect(isBuilt(place)).toBe(false);
    age('device/a', 1_000);
    age('package.json', 3_000);
    expect(isBuilt(place)).toBe(false);
  });

  it('includes whether the database driver is there for this Node', () => {
    const [older, newer] = [
      { napi: '9', modules: '115' },
      { napi: '10', modules: '137' },
    ];
    const there = () => [older, newer].map((versions) => isDriverThere(place, versions));
    expect(there()).toEqual([false, false]);
    mkdirSync(join(place, 'node_modules/better-sqlite3-v12'), { recursive: true });
    expect(there()).toEqual([false, false]);
    writeFileSync(join(place, 'node_modules/.doorsill-native'), `1 ${process.arch} 5`);
    expect(there()).toEqual([false, false]);
    writeFileSync(join(place, 'node_modules/.doorsill-native'), `115 ${process.arch} 5`);
    expect(there()).toEqual([true, false]);
    mkdirSync(join(place, 'node_modules/better-sqlite3'));
    expect(there()).toEqual([true, true]);
    expect(isDriverThere(root)).toBe(true);
  });

  it('is not built by a user who cannot build', { tags: ['root'] }, () => {
    expect(canPrepareAs(NOBODY)).toBe('false');
    expect(canPrepareAs(process.getuid?.() ?? 0)).toBe('true');
  });
});
