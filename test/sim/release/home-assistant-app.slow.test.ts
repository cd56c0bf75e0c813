// The app ("add-on") of Home Assistant: its description holds to the Supervisor's rules, and its image, built as the Supervisor builds it, films,
// appears in Home Assistant and lets its owner in. A stand-in plays the Supervisor: no Home Assistant runs here. Debian's packages come from the
// configured mirror.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { boardArchive } from '../../../sim/release/board-archive.ts';
import { debianPackage } from '../../../sim/release/debian-package.ts';
import { homeAssistantArchive } from '../../../sim/release/home-assistant-archive.ts';
import type { ArchiveFile } from '../../../sim/release/pack-archive.ts';
import { builtCheckout, type ReleaseSource, writeFiles } from '../../../sim/release/release-source.ts';
import { root } from '../../layout/source-tree.ts';
import { Running } from '../../support/command-line.ts';
import { Containers } from '../../support/containers.ts';
import { proved } from '../../support/proved.ts';

const MINUTES_MS = 60_000;
const MAINTAINER = 'Porch Packager <porch@debian.org>';
const folder = mkdtempSync(join(tmpdir(), 'doorsill-test-app-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** github.com/home-assistant/supervisor at 090ef31 (2026-08-21): supervisor/apps/validate.py, and the elements of apps/options.py. */
const ELEMENT =
  /^(?:bool|email|url|port|device(?:\(subsystem=[a-z]+\))?|str(?:\(\d*,\d*\))?|password(?:\(\d*,\d*\))?|int(?:\(-?\d*,-?\d*\))?|float(?:\([^)]*\))?|match\(.*\)|list\(.+\))\??$/;
const configSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  slug: z.string().regex(/^[-_.A-Za-z0-9]+$/),
  description: z.string(),
  arch: z.array(z.enum(['aarch64', 'amd64'])),
  stage: z.enum(['stable', 'experimental', 'deprecated']),
  services: z.array(z.string().regex(/^(mqtt|mysql):(provide|want|need)$/)),
  video: z.boolean(),
  tmpfs: z.boolean(),
  ports: z.record(z.string().regex(/^\d+\/(tcp|udp)$/), z.int().nullable()),
  webui: z.string().regex(/^(?:https?|\[PROTO:\w+\]):\/\/\[HOST\]:\[PORT:\d+\].*$/),
  timeout: z.int().min(10).max(300),
  backup_exclude: z.array(z.string()),
  options: z.record(z.string(), z.union([z.string(), z.boolean()])),
  schema: z.record(z.string(), z.string().regex(ELEMENT)),
});

/** A broker with an account, and the Supervisor's answer that names it: for the one token alone. */
const SUPERVISOR = `
import { createServer } from 'node:http';
const service = { host: '127.0.0.1', port: 1883, ssl: false, protocol: '3.1.1', username: 'addons', password: 'p4ss', addon: 'core_mosquitto' };
createServer((request, response) => {
  const isAllowed = request.url === '/services/mqtt' && request.headers.authorization === 'Bearer t0ken';
  response.writeHead(isAllowed ? 200 : 403, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isAllowed ? { result: 'ok', data: service } : { result: 'error' }));
}).listen(80, '127.0.0.1', () => console.log('supervisor'));
`;

describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the app of Home Assistant',
  { tags: ['root', 'container', 'mosquitto', 'mosquitto-clients', 'namespaces'] },
  () => {
    let source: ReleaseSource;
    let files: ArchiveFile[] = [];
    let archive: Uint8Array = Buffer.of();
    const textOf = (path: string) =>
      Buffer.from(files.find((file) => file.path === `doorsill/${path}`)?.bytes ?? []).toString();
    const config = () => configSchema.parse(parse(textOf('config.yaml')));
    beforeAll(async () => {
      source = await builtCheckout(root);
      const deb = await debianPackage(await boardArchive(source, 'x64'), MAINTAINER);
      ({ files, archive } = await homeAssistantArchive(source, [deb], '## 1.0.0\n'));
    }, 30 * MINUTES_MS);

    it('is described by keys of the Supervisor', async () => {
      const { version, options, schema, ports, webui, ...rest } = config();
      expect(version).toBe(source.version);
      for (const name of Object.keys(options)) expect(Object.keys(schema)).toContain(name);
      // An option without a default is one that may be missing.
      for (const [name, element] of Object.entries(schema))
        expect(element.endsWith('?'), name).toBe(!(name in options));
      expect([Object.keys(ports), webui]).toEqual([['8480/tcp'], 'https://[HOST]:[PORT:8480]/']);
      expect(rest).not.toHaveProperty('ingress');
      for (const language of ['en', 'de', 'es']) {
        const { configuration, network } = parse(textOf(`translations/${language}.yaml`));
        expect(Object.keys(configuration), language).toEqual(Object.keys(schema));
        expect(Object.keys(network)).toEqual(Object.keys(ports));
        for (const { name, description } of Object.values<Record<string, string>>(configuration))
          expect([name, description].every((text) => text && text.length > 2)).toBe(true);
      }
      const icon = files.find(({ path }) => path === 'doorsill/icon.png');
      expect(await sharp(Buffer.from(icon?.bytes ?? [])).metadata()).toMatchObject({
        format: 'png',
        width: 128,
        height: 128,
      });
    });

    describe('its image', () => {
      const containers = new Containers(join(folder, 'containers'));
      const app = 'localhost/app';
      const data = join(folder, 'data');
      const podman = (...words: string[]) => containers.podman(...words);
      const said = (name: string, wanted: RegExp) => containers.said(name, wanted);
      const start = (token = 't0ken') =>
        podman(
          ...['run', '--detach', '--name', 'app', '--network', 'container:supervisor', '--tmpfs', '/tmp'],
          ...['--volume', `${folder}/hosts:/etc/hosts:ro`],
          ...['--env', `SUPERVISOR_TOKEN=${token}`, '--volume', `${data}:/data`, app],
        );
      const optionsAre = (options: object) =>
        writeFileSync(join(data, 'options.json'), JSON.stringify({ ...config().options, ...options }), { mode: 0o600 });
      let seconds = 0;
      beforeAll(async () => {
        mkdirSync(data);
        const context = join(folder, 'context');
        await writeFiles(context, files);
        containers.buildBase('localhost/base');
        const startedMs = performance.now();
        containers.buildFrom(join(context, 'doorsill'), app, [
          '--network',
          'host',
          '--build-arg',
          'BASE=localhost/base',
        ]);
        seconds = (performance.now() - startedMs) / 1_000;
        writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost supervisor\n');
        // What plays the Supervisor and the Mosquitto app.
        writeFileSync(join(folder, 'supervisor.mjs'), SUPERVISOR);
        podman(
          'run',
          '--detach',
          '--name',
          'supervisor',
          '--network',
          'none',
          '--volume',
          `${folder}/supervisor.mjs:/supervisor.mjs:ro`,
          'localhost/base',
          'node',
          '/supervisor.mjs',
        );
      }, 30 * MINUTES_MS);
      afterEach(() => void containers.run('podman', 'rm', '--force', '--time', '5', 'app'));
      afterAll(() => containers.dispose(), 5 * MINUTES_MS);

      it(
        'says what is wrong without a camera, and without a broker',
        async () => {
          await said('supervisor', /(supervisor)/);
          optionsAre({});
          start();
          expect(await said('app', /(no camera: .*)/)).toContain('choose a video device');
          podman('rm', '--force', 'app');
          optionsAre({ camera: 'rtsp://127.0.0.1:8554/porch' });
          start('wrong');
          expect(await said('app', /(\[app_without_broker\])/)).not.toBe('');
          podman('rm', '--force', 'app');
          expect(readdirSync(data)).toEqual(['options.json']);
        },
        5 * MINUTES_MS,
      );

      it(
        'films, appears in Home Assistant once that is wanted, draws its code until somebody is paired, and runs as no root',
        async (test) => {
          const pid = podman('inspect', 'supervisor', '--format', '{{.State.Pid}}').trim();
          const inside = ['nsenter', '--target', pid, '--net'];
          const broker = brokerInside(inside);
          const url = 'rtsp://127.0.0.1:8554/porch';
          const camera = new Running(['camera', 'synthetic', '--serve', url, '--json'], {}, inside);
          try {
            await camera.line('serving', (line) => line['event'] === 'serving');
            optionsAre({ name: 'Haustür', camera: url });
            const startedMs = performance.now();
            start();
            const link = await said('app', /(?:Scan it, or open|open) (https:\S+)/);
            expect(retained(inside)).toBe('');
            const owner = (...words: string[]) =>
              containers.run('podman', 'exec', '--user', 'doorsill', 'app', 'doorsill-device', ...words);
            const login = 'umask 077 && echo p4ss >/tmp/password';
            expect(containers.run('podman', 'exec', '--user', 'doorsill', 'app', 'sh', '-c', login).status).toBe(0);
            const paired = owner(
              'pair',
              '--socket',
              '/data/doorbell/run/pairing.sock',
              '--owner',
              '/tmp/owner',
              '--user',
              'addons',
              '--password-file',
              '/tmp/password',
            );
            expect(paired).toMatchObject({ status: 0 });
            await vi.waitFor(
              () => expect(owner('watch', '--once', '--owner', '/tmp/owner', '--json').said).toMatch(/"recording"/),
              PATIENT,
            );
            const filming = (performance.now() - startedMs) / 1_000;

            // Its page, by the name under which Home Assistant is called, and under no other.
            const status = (host: string) => asked(inside, new URL(link).port, host);
            expect([status('homeassistant.local:8480'), status('evil.example:8480')]).toEqual(['200', '421']);
            // What read the options was root; what films is not, and does not have the Supervisor's token.
            const uids = podman(
              'exec',
              'app',
              'sh',
              '-c',
              'grep -h ^Uid: $(grep -l -E "^(node|MainThread|ffmpeg)$" /proc/[0-9]*/comm | sed s/comm/status/)',
            );
            expect(new Set(uids.match(/\d+/g))).toEqual(new Set(['10001']));
            const ofFfmpeg = 'cat $(grep -l "^ffmpeg$" /proc/[0-9]*/comm | sed s/comm/environ/) | tr "\\0" "\\n"';
            const environment = podman('exec', '--user', 'doorsill', 'app', 'sh', '-c', ofFfmpeg);
            expect(environment).toContain('PATH=');
            expect(environment).not.toContain('t0ken');

            podman('stop', '--time', '30', 'app');
            expect(podman('inspect', 'app', '--format', '{{.State.ExitCode}}').trim()).toBe('0');
            podman('rm', 'app');
            optionsAre({ name: 'Haustür', camera: url, entities: true });
            start();
            await said('app', /(pairing\.sock)/);
            expect(containers.logs('app')).not.toContain(new URL(link).hash || link);
            expect(containers.logs('app')).not.toMatch(/Scan it/);
            await vi.waitFor(() => expect(retained(inside)).toContain('Haust'), PATIENT);
            podman('rm', '--force', '--time', '10', 'app');
            proved(
              test,
              'The app of Home Assistant, with a stand-in for the Supervisor: built, films a network camera, paired',
              `${(archive.length / 1e6).toFixed(1)} MB for one processor, built in ${seconds.toFixed(0)} s; ${filming.toFixed(0)} s to the first picture`,
            );
          } finally {
            await camera.stop();
            broker.kill();
          }
        },
        10 * MINUTES_MS,
      );
    });
  },
);

const PATIENT = { timeout: MINUTES_MS, interval: 500 };

/** Mosquitto with the account that Home Assistant's app would give. */
function brokerInside(inside: readonly string[]): ChildProcess {
  const [settings, accounts] = [join(folder, 'mosquitto.conf'), join(folder, 'accounts')];
  writeFileSync(accounts, 'addons:p4ss\n', { mode: 0o644 });
  execFileSync('mosquitto_passwd', ['-U', accounts], { stdio: 'ignore' });
  chmodSync(accounts, 0o644);
  chmodSync(folder, 0o755);
  writeFileSync(settings, `listener 1883 127.0.0.1\npassword_file ${accounts}\n`);
  const [enter = '', ...words] = [...inside, 'mosquitto', '-c', settings];
  return spawn(enter, words, { stdio: 'ignore' });
}

/** What Home Assistant finds at the broker. */
function retained(inside: readonly string[]): string {
  const listen = ['mosquitto_sub', '-u', 'addons', '-P', 'p4ss', '-t', 'homeassistant/#', '-W', '2', '-v'];
  const [enter = '', ...words] = [...inside, ...listen];
  return spawnSync(enter, words, { encoding: 'utf8' }).stdout;
}

/** The status of the page for a browser that calls it by this name. */
function asked(inside: readonly string[], port: string, host: string): string {
  const script = `require('node:https').get({ host: '127.0.0.1', port: ${port}, headers: { host: '${host}' }, rejectUnauthorized: false }, ({ statusCode }) => { console.log(statusCode); process.exit(); })`;
  const [enter = '', ...words] = [...inside, process.execPath, '-e', script];
  return spawnSync(enter, words, { encoding: 'utf8' }).stdout.trim();
}
