// @module-tag long
// @module-tag mosquitto
// @module-tag mosquitto-clients
// With only mosquitto_sub at a stock mosquitto with passwords one sees a doorbell as in Home Assistant's documentation, its ring, its will
// when it is killed, and its removal when it is turned off.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { deviceDiscoverySchema, takesState } from '../../device/home-link/support/home-assistant-schemas.ts';
import { Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';
import { proved } from '../../support/proved.ts';

const run = promisify(execFile);
const folder = temporaryFolder('home-assistant');
const at = (...names: string[]) => join(folder.path, ...names);
const ends: (() => unknown)[] = [() => folder.dispose()];
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

const PLACE = '-89.644,39.799';
const PEOPLE = { 'Porch_Bell@home': 'the bell’s', alex: 'alex’s', homeassistant: 'the house’s' };
const heardSchema = z.object({
  topic: z.string(),
  payload: z.string().nullish(),
  retain: z.union([z.literal(0), z.literal(1)]),
});

/** A mosquitto as people configure it: a password file, and no topic rules. */
async function ownBroker(): Promise<number> {
  const port = await freePort();
  const passwords = at('passwords');
  writeFileSync(passwords, '', { mode: 0o600 });
  for (const [user, password] of Object.entries(PEOPLE))
    await run('mosquitto_passwd', ['-b', passwords, user, password]);
  const lines = [`listener ${port} 127.0.0.1`, 'allow_anonymous false', `password_file ${passwords}`];
  writeFileSync(at('mosquitto.conf'), `user ${(await run('id', ['-un'])).stdout.trim()}\n${lines.join('\n')}\n`);
  const broker = await Mosquitto.run(at('mosquitto.conf'), port);
  ends.push(() => broker.stop());
  return port;
}

const login = (port: number) => [
  '-h',
  '127.0.0.1',
  '-p',
  String(port),
  '-u',
  'homeassistant',
  '-P',
  PEOPLE.homeassistant,
];

/** Everything that mosquitto_sub prints about the doorbell and its discovery. */
class Listener {
  readonly heard: z.infer<typeof heardSchema>[] = [];
  private readonly child: ChildProcess;
  private rest = '';

  constructor(port: number, ...filters: string[]) {
    const asked = filters.flatMap((filter) => ['-t', filter]);
    this.child = spawn('mosquitto_sub', [...login(port), '-q', '1', '-F', '%j', ...asked], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const parts = (this.rest + chunk.toString()).split('\n');
      this.rest = parts.pop() ?? '';
      for (const part of parts) this.heard.push(heardSchema.parse(JSON.parse(part)));
    });
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  /** The first message on this topic from the `after`-th on, as soon as it comes. */
  async next(topic: string, after = 0): Promise<{ payload: string; retained: boolean }> {
    const find = () => this.heard.slice(after).find((message) => message.topic === topic);
    await expect.poll(find, { timeout: 60_000, message: topic }).toBeDefined();
    const { payload, retain } = find() ?? { retain: 0 };
    return { payload: payload ?? '', retained: retain === 1 };
  }
}

it('a doorbell appears, rings, goes offline by its will, and is removed', { timeout: 240_000 }, async (context) => {
  const port = await ownBroker();
  for (const [user, password] of Object.entries(PEOPLE))
    writeFileSync(at(`${user}.password`), `${password}\n`, { mode: 0o600 });
  const made = await runCommand([
    ...[
      'device',
      'init',
      '--data',
      at('porch'),
      '--home-url',
      `mqtt://127.0.0.1:${port}`,
      '--home-assistant',
      '--json',
    ],
    ...['--user', 'Porch_Bell@home', '--password-file', at('Porch_Bell@home.password')],
    ...['--name', 'Porch', '--camera', 'synthetic?size=320x180', '--place', PLACE],
  ]);
  expect(made.status, made.stderr).toBe(0);
  const device = z.string().parse(made.last?.['device']);
  const [own, document] = [`doorsill/v1/home/${device}`, `homeassistant/device/${device}/config`];
  const listener = new Listener(port, 'homeassistant/#', `${own}/ha/#`, `${own}/status`);
  ends.push(() => listener.stop());
  const say = (topic: string, payload: string) => run('mosquitto_pub', [...login(port), '-t', topic, '-m', payload]);

  const first = new Running(['device', '--data', at('porch'), '--json']);
  ends.push(() => first.stop());
  const { socket } = z
    .object({ socket: z.string() })
    .parse(await first.line('the device', ({ event }) => event === 'ready'));
  const { cmps, dev } = deviceDiscoverySchema.parse(JSON.parse((await listener.next(document)).payload));
  expect([dev.ids, dev.name]).toEqual([[device], 'Porch']);
  expect(Object.keys(cmps)).toEqual(['ring', 'motion', 'privacy', 'requests', 'storage', 'connectivity', 'press']);
  expect((await listener.next(`${own}/status`)).payload).toBe('online');
  for (const name of ['motion', 'privacy', 'requests', 'storage']) await listener.next(`${own}/ha/${name}`);

  // An owner with their own account; then Home Assistant's button, and an unknown one.
  const account = ['--user', 'alex', '--password-file', at('alex.password')];
  const paired = await runCommand(['pair', '--socket', socket, '--owner', at('me'), '--json', ...account]);
  expect(paired.status, paired.stderr).toBe(0);
  const rang = await runCommand(['ring', '--owner', at('me'), '--json']);
  expect(rang.status, rang.stderr).toBe(0);
  const ring = await listener.next(`${own}/ha/ring`);
  expect(ring).toEqual({ payload: '{"event_type":"ring","button":"front"}', retained: false });
  const before = listener.heard.length;
  await say(`${own}/ha/set/privacy`, 'ON');
  await say(`${own}/ha/set/press`, 'press');
  await say(`${own}/ha/set/press`, 'PRESS');
  await listener.next(`${own}/ha/ring`, before);
  await first.line('the press', ({ event, source }) => event === 'ring' && source === 'home-assistant');
  expect(listener.heard.filter(({ topic, payload }) => topic === `${own}/ha/privacy` && payload === 'ON')).toEqual([]);

  const known = listener.heard.length;
  await say('homeassistant/status', 'online');
  expect(JSON.parse((await listener.next(document, known)).payload).cmps).toEqual(cmps);

  const alive = listener.heard.length;
  first.child.kill('SIGKILL');
  expect((await listener.next(`${own}/status`, alive)).payload).toBe('offline');
  await first.ended();

  // All messages match the schemas: nothing else, and nothing of the home.
  for (const { topic, payload: said } of listener.heard) {
    const payload = said ?? '';
    if (topic === 'homeassistant/status' || topic.startsWith(`${own}/ha/set/`)) continue;
    if (topic === document) deviceDiscoverySchema.parse(JSON.parse(payload));
    else {
      const judges = Object.values(cmps).filter((body) => 'state_topic' in body && body.state_topic === topic);
      expect(
        judges.map((body) => takesState(body, payload)),
        `${topic} ${payload}`,
      ).toEqual([true]);
    }
  }
  expect(JSON.stringify(listener.heard)).not.toMatch(/89\.6|39\.79/);

  const late = new Listener(port, 'homeassistant/#', `${own}/ha/#`, `${own}/status`);
  ends.push(() => late.stop());
  await expect.poll(() => late.heard.length, { timeout: 20_000 }).toBe(6);
  const settings = JSON.parse(readFileSync(at('porch', 'device.json'), 'utf8'));
  writeFileSync(at('porch', 'device.json'), JSON.stringify({ ...settings, homeAssistant: { enabled: false } }));
  const second = new Running(['device', '--data', at('porch'), '--json']);
  ends.push(() => second.stop());
  await second.line('the device', ({ event }) => event === 'ready');
  expect((await late.next(document, 6)).payload).toBe('');
  await expect.poll(() => existsSync(at('porch', 'home-assistant.json'))).toBe(false);
  const after = new Listener(port, 'homeassistant/#', `${own}/ha/#`, `${own}/status`);
  ends.push(() => after.stop());
  await after.next(`${own}/status`);
  expect(after.heard.map(({ topic }) => topic)).toEqual([`${own}/status`]);
  proved(
    context,
    'a doorbell in Home Assistant’s eyes, by mosquitto_sub',
    `${listener.heard.length} messages, each allowed`,
  );
});
