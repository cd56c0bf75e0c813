// Builds the images of this checkout, loads them elsewhere, and runs them there: as any user, on a root that cannot be written, without a network.
// Debian's packages come from the configured mirror.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { containerImages, containerSources } from '../../../sim/release/container-images.ts';
import { builtCheckout } from '../../../sim/release/release-source.ts';
import { root } from '../../layout/source-tree.ts';
import { Containers } from '../../support/containers.ts';
import { proved } from '../../support/proved.ts';

const MINUTES_MS = 60_000;
const UNPACKED_MAX = 750_000_000;
const BASE = 'localhost/base';
/** Of the area broker, where the bridge makes its devices' accounts. */
const ACCOUNTS = '/var/lib/doorsill-broker/accounts';
const LOCKED = ['--network', 'none', '--read-only', '--tmpfs', '/tmp', '--cap-drop', 'all'];
const RUN = ['run', '--detach', ...LOCKED, '--security-opt', 'no-new-privileges'];

const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-images-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the images',
  { tags: ['root', 'container'] },
  () => {
    const building = new Containers(join(folder, 'building'));
    const loaded = new Containers(join(folder, 'loaded'));
    const files = new Map<string, Uint8Array>();
    let version = '';
    let seconds = 0;
    const image = (target: string) => `localhost/doorsill-${target}:${version}`;
    const podman = (...words: string[]) => loaded.podman(...words);
    const said = (name: string, wanted: RegExp) => loaded.said(name, wanted);
    /** Runs a printed command line of the owner's. */
    const typed = (line: string) => {
      const [docker, ...words] = line.split(' ');
      expect(docker).toBe('docker');
      return loaded.run('podman', ...words);
    };

    beforeAll(async () => {
      const source = await builtCheckout(root);
      const sources = await containerSources(source, 'x64');
      building.buildBase(BASE);
      for (const [name, value] of Object.entries(building.env)) vi.stubEnv(name, value);
      const wish = { version: source.version, madeS: source.madeS, base: BASE };
      const startedMs = performance.now();
      const images = await containerImages(sources, wish);
      seconds = (performance.now() - startedMs) / 1_000;
      vi.unstubAllEnvs();
      building.dispose();
      version = source.version;
      for (const { file, bytes } of images) {
        files.set(file, bytes);
        writeFileSync(join(folder, file), bytes);
        podman('load', '--quiet', '--input', join(folder, file));
      }
    }, 30 * MINUTES_MS);
    afterEach(() => void loaded.run('podman', 'rm', '--all', '--force', '--time', '5'));
    afterAll(() => loaded.dispose(), 5 * MINUTES_MS);

    it('are small, and do not run as root', (test) => {
      const inspected: { Size: number; Config: { User: string } }[] = ['testbed', 'bridge'].map(
        (target) => JSON.parse(podman('image', 'inspect', image(target)))[0],
      );
      expect(inspected.map(({ Config }) => Config.User)).toEqual(['doorsill', '903:903']);
      for (const { Size } of inspected) expect(Size).toBeLessThanOrEqual(UNPACKED_MAX);
      const megabytes = (size: number) => `${(size / 1e6).toFixed(0)} MB`;
      const figures = [...files.values()].map(
        (bytes, at) => `${megabytes(inspected[at]?.Size ?? 0)} (${megabytes(bytes.length)} compressed)`,
      );
      proved(
        test,
        'The images of containers, testbed and bridge',
        `${figures.join(', ')}; built in ${seconds.toFixed(0)} s`,
      );
    });

    it('hold no secret, nothing of who built them, and no file that the user could change', () => {
      for (const target of ['testbed', 'bridge']) {
        const history = podman('history', '--no-trunc', '--format', 'json', image(target));
        const { env } = process;
        for (const value of [env['npm_config_registry'], env['USER'], env['HOSTNAME'], root, tmpdir()])
          if (value && value !== 'root') expect(history).not.toContain(value);
        const look = (script: string) =>
          podman('run', '--rm', ...LOCKED, '--entrypoint', 'sh', image(target), '-c', script)
            .trim()
            .split('\n');
        const find = 'find / -xdev -not -path "/proc/*" -not -path "/etc/ssl/*" -not -path "/usr/share/*" -type f';
        const secret = look(
          `${find} \\( -name "*.pem" -o -name "*.key" -o -name "*token*" -o -name ".npmrc" -o -name ".env*" \\) 2>/dev/null || true`,
        );
        expect(secret.filter((path) => !/^$|\/node_modules\/.*\.(js|cjs|mjs)$|\/dist\/.*\.js$/.test(path))).toEqual([]);
        expect(look('find /opt /usr /etc /bin -xdev -writable -not -type l 2>/dev/null || true')).toEqual(['']);
      }
    });

    it(
      'testbed: records, and sends a clip that its owner granted from outside; is healthy, stops, and has its data at the next start and after an upgrade',
      async (test) => {
        const volume = ['--volume', 'porch:/var/lib/doorsill'];
        const startedMs = performance.now();
        podman(...RUN, '--name', 'doorsill', ...volume, image('testbed'));
        const grant = await said('doorsill', /^ {4}(docker exec doorsill doorsill grant .*)$/m);
        expect(typed(grant)).toMatchObject({ status: 0, said: expect.stringContaining('upload stored') });
        const verify = await said('doorsill', /^ {4}(docker exec doorsill doorsill verify .*)$/m);
        const minute = (performance.now() - startedMs) / 1_000;
        expect(typed(verify)).toMatchObject({ status: 0 });
        expect(loaded.run('podman', 'healthcheck', 'run', 'doorsill').status).toBe(0);
        const inside = (script: string) => loaded.run('podman', 'exec', 'doorsill', 'sh', '-c', script);
        expect(inside('id').said).toMatch(
          /uid=10001\(doorsill\).*\(audio\).*\(video\)|uid=10001\(doorsill\).*\(video\).*\(audio\)/,
        );
        expect(inside('touch /opt/doorsill/x || touch /etc/x').said).toMatch(/Read-only.*Read-only/s);
        const device = await said('doorsill', /^ {2}doorbell {3}(device-\w+)$/m);

        podman('stop', '--time', '20', 'doorsill');
        const ended = podman('inspect', 'doorsill', '--format', '{{.State.ExitCode}} {{.State.Running}}').trim();
        expect(ended).toBe('0 false');
        podman('rm', 'doorsill');
        // The same programs under another number.
        const update = `FROM ${image('testbed')}\nUSER root\nRUN sed -i 's/"version": "${version}"/"version": "99.0.0"/' /opt/doorsill/sim/package.json /opt/doorsill/node_modules/@doorsill/*/package.json\nUSER doorsill\n`;
        loaded.build('localhost/doorsill-testbed:99.0.0', { Dockerfile: update });
        podman(...RUN, '--name', 'doorsill', ...volume, 'localhost/doorsill-testbed:99.0.0');
        await said('doorsill', /is up again, with the data of last time/);
        expect(await said('doorsill', /^ {2}doorbell {3}(device-\w+)$/m)).toBe(device);
        expect(typed('docker exec doorsill doorsill --version').stdout).toBe('99.0.0\n');
        expect(typed('docker exec doorsill doorsill left').said).toMatch(/ frames, /);

        podman('kill', 'doorsill');
        podman('rm', 'doorsill');
        podman('volume', 'rm', 'porch');
        expect(podman('volume', 'ls', '--quiet')).toBe('');
        proved(
          test,
          'The testbed in a container without network, rights or a writable root: from its start to a granted clip',
          `${minute.toFixed(0)} s`,
        );
      },
      10 * MINUTES_MS,
    );

    it(
      'testbed: films with a network camera',
      async () => {
        const url = 'rtsp://127.0.0.1:8554/porch';
        podman(...RUN, '--name', 'camera', image('testbed'), 'camera', 'synthetic', '--serve', url);
        const beside = RUN.map((word) => (word === 'none' ? 'container:camera' : word));
        podman(...beside, '--name', 'doorsill', image('testbed'), 'up', '--camera', url);
        await said('doorsill', /(camera rtsp:.*: recording)/);
        expect(await said('doorsill', /^ {2}you have .* \((\d+\.?\d*) s\)$/m)).not.toBe('');
      },
      10 * MINUTES_MS,
    );

    it(
      'bridge: runs registry, vault and bridge, each as its own user with its own volume',
      async () => {
        const start = (name: string, id: number, words: string[], more: string[] = []) => {
          const place = `/var/lib/doorsill-${name}`;
          const own = ['--user', `${id}:${id}`, '--volume', `${name}:${place}`];
          const network =
            name === 'registry' ? RUN : RUN.map((word) => (word === 'none' ? 'container:registry' : word));
          podman(...network, '--name', name, ...own, ...more, image('bridge'), ...words, '--data', place, '--json');
        };
        const ready = async (name: string): Promise<{ url: string; key: string }> =>
          JSON.parse(await said(name, /^(\{.*"url":.*\})$/m));
        start('registry', 901, ['bridge', 'registry', '--port', '8701']);
        const registry = await ready('registry');
        start('vault', 902, ['vault', '--port', '8702']);
        const vault = await ready('vault');
        const partners = [
          '--registry',
          registry.url,
          '--registry-key',
          registry.key,
          '--vault',
          vault.url,
          '--vault-key',
          vault.key,
        ];
        const area = ['--area-url', 'mqtt://127.0.0.1:1883', '--area-accounts', ACCOUNTS];
        start('bridge', 903, ['bridge', '--port', '8700', ...partners, ...area], ['--volume', `accounts:${ACCOUNTS}`]);
        const bridge = await ready('bridge');
        const ask = (url: string) =>
          `fetch('${url}/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
        for (const [name, { url }] of Object.entries({ registry, vault, bridge })) {
          expect(loaded.run('podman', 'exec', name, 'node', '-e', ask(url)), name).toMatchObject({ status: 0 });
          expect(podman('exec', name, 'id', '-un').trim()).toBe(`doorsill-${name}`);
        }
        podman('stop', '--time', '60', 'bridge', 'vault', 'registry');
        const codes = ['registry', 'vault', 'bridge'].map((name) =>
          podman('inspect', name, '--format', '{{.State.ExitCode}}').trim(),
        );
        expect(codes).toEqual(['0', '0', '0']);
      },
      10 * MINUTES_MS,
    );
  },
);
