// Makes the Debian package of this checkout, has lintian judge it, and installs, updates, removes and purges it in a clean root of Debian 13:
// by apt alone, and as a service of a systemd that runs in that root. Debian's packages come from the configured mirror.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type BoardArchive, boardArchive } from '../../../sim/release/board-archive.ts';
import { debianPackage } from '../../../sim/release/debian-package.ts';
import { builtCheckout } from '../../../sim/release/release-source.ts';
import { root } from '../../layout/source-tree.ts';
import { proved } from '../../support/proved.ts';

const MINUTES_MS = 60_000;
const MAINTAINER = 'Porch Packager <porch@debian.org>';
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-debian-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The same archive under another version number. */
const renumbered = (board: BoardArchive, version: string): BoardArchive => ({
  ...board,
  manifest: { ...board.manifest, version },
});

/** The installed command sets a doorbell up by its page, with Debian's ffmpeg, in a folder: there is no systemd for a service. */
async function expectSetUp(clean: string, env: NodeJS.ProcessEnv): Promise<void> {
  const inside = (...args: string[]) => execFileSync('chroot', [clean, ...args], { env });
  inside('ffmpeg', ...['-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=8'], '/root/door.mp4');
  const camera = 'file:/root/door.mp4';
  const words = ['setup', '--data', '/root/porch', '--port', '0', '--camera', camera, '--json'];
  const setup = spawn('chroot', [clean, 'doorsill-device', ...words], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(setup, 'close');
  try {
    const lines = createInterface({ input: setup.stdout })[Symbol.asyncIterator]();
    const url = new URL(JSON.parse((await lines.next()).value ?? '').pairingUrl);
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    headers['x-doorsill-setup'] = new URLSearchParams(url.hash.slice(1)).get('setup') ?? '';
    const call = async (path: string, body?: object) => {
      const sent = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
      const answer = await fetch(new URL(`/api/v1/setup${path}`, url), sent);
      headers['cookie'] ??= answer.headers.get('set-cookie')?.split(';')[0] ?? '';
      return answer.json();
    };
    await call('');
    await call('/cameras');
    const view = { camera, size: null, microphone: null };
    expect(await call('/pictures', view)).toMatchObject({ width: 320, height: 180 });
    const footage = { kind: 'file', bytes: 16 * 1024 * 1024, retentionS: 3_600 };
    const listen = { listen: 'this-machine', announce: false };
    const done = await call('', { name: 'Porch', ...view, ...listen, footage, broker: null, owner: null });
    expect(done).toMatchObject({ paired: false });
    // Without /proc, as in that root, the doorbell itself does not start.
    const settings = JSON.parse(readFileSync(join(clean, 'root/porch/device.json'), 'utf8'));
    expect(settings).toMatchObject({ name: 'Porch', camera });
  } finally {
    setup.kill('SIGINT');
    await ended;
  }
  rmSync(join(clean, 'root/porch'), { recursive: true });
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the Debian package',
  { tags: ['root', 'debian'] },
  () => {
    let board: BoardArchive;
    let file = '';
    let bytes: Uint8Array = Buffer.of();
    const dpkg = (...args: string[]) => execFileSync('dpkg-deb', args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
    beforeAll(async () => {
      board = await boardArchive(await builtCheckout(root), 'x64');
      const made = await debianPackage(board, MAINTAINER);
      bytes = made.bytes;
      file = join(folder, made.file);
      writeFileSync(file, bytes);
    }, 30 * MINUTES_MS);

    it(
      'is the same, byte for byte, whatever the umask',
      async () => {
        const umask = process.umask(0o077);
        try {
          const again = await debianPackage(board, MAINTAINER);
          expect(Buffer.compare(again.bytes, bytes)).toBe(0);
        } finally {
          process.umask(umask);
        }
      },
      MINUTES_MS,
    );

    it('holds files of root that all may read and only root may write', () => {
      const lines = dpkg('--contents', file).trim().split('\n');
      const wrong = lines.filter((line) => !/^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|lrwxrwxrwx) root\/root /.test(line));
      expect(wrong).toEqual([]);
      for (const path of [
        './usr/bin/doorsill-device -> ../lib/doorsill-device/device/cli/doorsill-device.mjs',
        './usr/lib/systemd/system/doorsill.service',
        './usr/lib/sysusers.d/doorsill.conf',
        './usr/lib/udev/rules.d/70-doorsill.rules',
        './usr/share/doc/doorsill-device/copyright',
      ])
        expect(
          lines.filter((line) => line.endsWith(` ${path}`)),
          path,
        ).toHaveLength(1);
    });

    it('keeps each license that it does not name', () => {
      const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', file], { maxBuffer: 2 ** 28 });
      const path = './usr/share/doc/doorsill-device/copyright';
      const said = execFileSync('tar', ['-xOf', '-', path], { input: tar, encoding: 'utf8', maxBuffer: 2 ** 26 });
      // node-forge has the BSD license and the GPL in one file.
      expect(said).toMatch(
        /Digital Bazaar.*Redistribution and use in source and binary forms.*common-licenses\/GPL-2/s,
      );
    });

    it(
      'is faultless to lintian',
      () => {
        const { status, stdout, stderr } = spawnSync('lintian', ['--fail-on', 'error,warning', '--allow-root', file], {
          encoding: 'utf8',
        });
        expect([stdout, stderr, status]).toEqual(['', '', 0]);
      },
      10 * MINUTES_MS,
    );

    it('takes the Node of Debian 13, and not that of Debian 12', () => {
      const [, oldest = ''] = /nodejs \(>= ([^)]+)\)/.exec(dpkg('--field', file, 'Depends')) ?? [];
      const isEnough = (version: string) =>
        spawnSync('dpkg', ['--compare-versions', version, 'ge', oldest]).status === 0;
      expect([isEnough('20.19.2+dfsg-1'), isEnough('18.20.4+dfsg-1~deb12u1')]).toEqual([true, false]);
    });

    it(
      'is named after its processor and its version, a version before 1.0.0 sorted before it',
      async () => {
        const early = renumbered(board, '1.0.0-rc.1');
        const made = await debianPackage({ ...early, manifest: { ...early.manifest, arch: 'arm64' } }, MAINTAINER);
        const path = join(folder, made.file);
        writeFileSync(path, made.bytes);
        expect(made.file).toBe('doorsill-device_1.0.0~rc.1_arm64.deb');
        expect(dpkg('--field', path, 'Architecture').trim()).toBe('arm64');
      },
      MINUTES_MS,
    );

    describe('in a clean Debian 13', { tags: ['root', 'debian', 'systemd', 'namespaces'] }, () => {
      const clean = join(folder, 'clean');
      const at = (path: string) => join(clean, path);
      // Not Node's settings of this machine, which name its files.
      const ours = Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_'));
      const own = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
      const env = { ...Object.fromEntries(ours), ...own };
      const inside = (...args: string[]) => {
        const { status, stdout, stderr } = spawnSync('chroot', [clean, ...args], { encoding: 'utf8', env });
        return { status, stdout, stderr };
      };
      const done = (...args: string[]) => {
        const { status, stdout, stderr } = inside(...args);
        expect(status, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
        return stdout;
      };
      beforeAll(async () => {
        execFileSync('debootstrap', ['--variant=minbase', 'trixie', clean], { stdio: 'ignore' });
        writeFileSync(at('root/first.deb'), bytes);
        const next = await debianPackage(renumbered(board, '99.0.0'), MAINTAINER);
        writeFileSync(at('root/next.deb'), next.bytes);
      }, 30 * MINUTES_MS);

      it(
        'is installed, updated, refused where older, removed and purged without a systemd that runs',
        async (test) => {
          const startedMs = performance.now();
          done('apt-get', 'install', '-y', '--no-install-recommends', '/root/first.deb');
          const seconds = Math.round((performance.now() - startedMs) / 1_000);
          expect(done('doorsill-device', '--version')).toBe(`${board.manifest.version}\n`);
          expect(done('getent', 'group', 'gpio')).toMatch(/^gpio:/);
          const enabled = at('etc/systemd/system/multi-user.target.wants/doorsill.service');
          expect(done('readlink', enabled.slice(clean.length)).trim()).toBe('/usr/lib/systemd/system/doorsill.service');
          for (const verb of [['uninstall'], ['update', './doorsill.tar.gz']]) {
            const refused = inside('doorsill-device', ...verb, '--json');
            expect(JSON.parse(refused.stderr).error.code, verb[0]).toBe('board_packaged');
          }

          await expectSetUp(clean, env);

          const data = 'var/lib/private/doorsill';
          mkdirSync(at(data), { recursive: true, mode: 0o700 });
          symlinkSync('private/doorsill', at('var/lib/doorsill'));
          const format = (number: number) =>
            writeFileSync(
              at(`${data}/format.json`),
              `${JSON.stringify({ kind: 'doorsill-device', format: number })}\n`,
            );
          // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields.
          const shown = '--showformat=${db:Status-Abbrev}${Version}';
          const version = () => done('dpkg-query', '--show', shown, 'doorsill-device');
          format(board.manifest.format);
          done('dpkg', '--install', '/root/next.deb');
          expect(version()).toBe('ii 99.0.0');
          format(board.manifest.format + 1);
          const refused = inside('dpkg', '--install', '/root/first.deb');
          expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('data_newer')]);
          expect(version()).toBe('ii 99.0.0');
          format(board.manifest.format);
          done('dpkg', '--install', '/root/first.deb');
          expect(version()).toBe(`ii ${board.manifest.version}`);

          done('apt-get', 'remove', '-y', 'doorsill-device');
          expect([existsSync(at('usr/bin/doorsill-device')), existsSync(at(`${data}/format.json`))]).toEqual([
            false,
            true,
          ]);
          done('apt-get', 'purge', '-y', 'doorsill-device');
          const left = done('find', '/etc', '/usr', '/var/lib', '-xdev', '-iname', '*doorsill*');
          expect(left).toBe('');
          proved(
            test,
            'The Debian package in a clean Debian 13: installed, updated, refused where older, removed, purged',
            `${(bytes.length / 1_000_000).toFixed(1)} MB, installed in ${seconds} s with what it needs`,
          );
        },
        30 * MINUTES_MS,
      );

      it(
        'runs as a service of systemd, through its updates and until it is removed',
        (test) => {
          // Its machine has no network.
          done('apt-get', 'satisfy', '-y', '--no-install-recommends', dpkg('--field', file, 'Depends').trim());
          const script = join(folder, 'life.sh');
          writeFileSync(script, `exec node /host${join(root, 'test/tools/pi-package.mjs')} /root\n`);
          const { stdout, stderr } = spawnSync(join(root, 'test/support/own-systemd.sh'), [script, '400'], {
            encoding: 'utf8',
            env: { ...env, OWN_SYSTEMD_ROOT: clean },
          });
          const said = /^PI (\{.*\})$/m.exec(stdout)?.[1] ?? '{}';
          const { outcome, figure } = z
            .object({ outcome: z.string(), figure: z.string() })
            .partial()
            .parse(JSON.parse(said));
          expect([outcome, figure, stderr], stdout).toEqual(['passed', expect.any(String), '']);
          proved(test, 'The Debian package under systemd', String(figure));
        },
        10 * MINUTES_MS,
      );
    });
  },
);
