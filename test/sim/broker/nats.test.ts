// @module-tag nats
// A stock nats-server with the files of `doorsill bridge broker acl --nats` enforces the contract's table, and gives nobody NATS' own subjects.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { removeAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX, PAYLOAD_BYTES_MAX } from '../../../device/contract/topics.ts';
import { writeBrokerFiles } from '../../../sim/broker/write-broker-files.ts';
import { linkTo } from '../../support/broker.ts';
import { runCommand } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { heardBy, hears, judgeRoles, listenersOf, NatsRoles, roles, spoken, subscribe, WISHES } from './nats-roles.ts';

const [disk, random] = [new SystemDisk(), new SystemRandom()];
const P = DEFAULT_PREFIX;

let folder: string;
let at: NatsRoles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-'));
  at = await NatsRoles.open(folder, 1);
}, 60_000);
afterEach(() => at.leave());
afterAll(async () => {
  await at.close();
  await rm(folder, { recursive: true });
});

describe('the accounts at a NATS node', () => {
  // First of all: a reload while sessions end waits four seconds for each of what they leave.
  it('change at a reload: removed accounts and those with a new password are disconnected', async () => {
    const [leaving, renewed, staying] = [
      await at.issue({ ...WISHES.owner, id: 'owner-3' }),
      at.accountOf('otherDevice'),
      at.accountOf('area'),
    ];
    await at.refusedEntry(leaving);
    await at.nats.reload();
    const sessions = await Promise.all([leaving, renewed, staying].map((account) => at.enter(account)));
    const puts = sessions
      .slice(0, 2)
      .map((session) => new Promise<void>((resolve) => session.once('close', () => resolve())));
    await removeAccount(disk, at.folder, leaving.user);
    const fresh = await at.issue(WISHES.otherDevice);
    await at.nats.reload();
    await Promise.all(puts);
    expect(sessions[2]?.connected).toBe(true);
    await at.refusedEntry(leaving);
    await at.refusedEntry(renewed);
    await at.enter(fresh);
    at.accounts.set('otherDevice', fresh);
  });

  it('log in only with their own password', async () => {
    await at.enter('device');
    await at.refusedEntry({ ...at.accountOf('device'), password: at.accountOf('owner').password });
    await at.refusedEntry({ ...at.accountOf('device'), password: '' });
    for (const user of ['', 'SYS', 'DOORSILL', '$G', 'node', '*']) await at.refusedEntry({ user, password: '' });
  });

  it('publish and receive exactly what the contract permits', async (context) => {
    const judged = await judgeRoles(at);
    proved(context, 'roles by topics and wildcards on a NATS node: what was delivered', `${judged} judged, 0 leaks`);
  }, 60_000);

  it('leave no will on a topic that they may not publish to', async () => {
    const ear = await at.enter('owner');
    const heard = heardBy(ear);
    const [status, event] = [`${P}/home/device-1/status`, `${P}/home/device-1/event`];
    await subscribe(ear, [event, status]);
    for (const [role, topic] of [
      ['owner', event],
      ['device', status],
    ] as const) {
      const will = { topic, payload: Buffer.from(`the will of ${role}`), qos: 1 as const, retain: true };
      const dying = await at.enter(role, { will });
      dying.stream.destroy();
    }
    await hears(heard, [`${status} the will of device`]);
    expect([...heard].filter((one) => one.includes('the will of owner'))).toEqual([]);
  });

  it('can end a session by its client id, but get nothing of its messages', async (context) => {
    const clientId = 'known-to-somebody-else';
    const event = `${P}/home/device-1/event`;
    const first = await at.enter('owner', { clientId, clean: false });
    await subscribe(first, [event]);
    const ended = new Promise<void>((resolve) => first.once('close', () => resolve()));
    const device = await at.enter('device');
    const thief = await at.enter('area', { clientId, clean: false });
    const heard = heardBy(thief);
    await ended;
    await device.publishAsync(event, 'while it was taken over', { qos: 1 });
    // Its own deliveries go on: what the session had subscribed to is judged by what its new holder may hear.
    await subscribe(thief, [`${P}/area/revocations`]);
    const bridge = await at.enter('bridge');
    await bridge.publishAsync(`${P}/area/revocations`, 'a list', { qos: 1, retain: true });
    await hears(heard, [`${P}/area/revocations a list`]);
    await subscribe(thief, [event]);
    expect([...heard].filter((one) => one.startsWith(event))).toEqual([]);
    proved(context, 'client id of another account on NATS', 'its session ends, 0 of its messages delivered');
  });

  it('are disconnected when they publish with QoS 2', async () => {
    const device = await at.enter('device');
    const ended = new Promise<void>((resolve) => device.once('close', () => resolve()));
    device.publish(`${P}/home/device-1/event`, 'twice', { qos: 2 });
    await ended;
  });

  it('may send larger messages than the contract allows, which readers refuse', async () => {
    const [event, letters] = [`${P}/home/device-1/event`, 3 * PAYLOAD_BYTES_MAX];
    const ear = await at.enter('owner');
    const sizes = new Set<number>();
    ear.on('message', (_topic, payload) => sizes.add(payload.length));
    await subscribe(ear, [event]);
    const link = linkTo(`mqtt://127.0.0.1:${at.nats.port}`, at.accountOf('owner'));
    const handed: number[] = [];
    link.subscribe([event], ({ payload }) => handed.push(payload.length));
    link.start();
    await link.reached(20_000);
    const device = await at.enter('device');
    const ended = new Promise<void>((resolve) => link.onState(({ online }) => !online && resolve()));
    await device.publishAsync(event, Buffer.alloc(letters), { qos: 1 });
    await Promise.all([ended, expect.poll(() => sizes.has(letters), { timeout: 20_000 }).toBe(true)]);
    await link.stop();
    expect(handed).not.toContain(letters);
  });

  it('log in only by MQTT: NATS’ own protocol listens on loopback and refuses every account', async () => {
    const log = at.nats.nodes[0]?.said ?? '';
    const listeners = at.nats.nodes.map(listenersOf);
    expect(listeners).toEqual([['MQTT clients on mqtt://127.0.0.1:PORT', 'client connections on 127.0.0.1:PORT']]);
    const port = Number(/client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]);
    for (const account of [
      ...roles.map((role) => at.accountOf(role)),
      { user: '', password: '' },
      { user: 'SYS', password: '' },
    ]) {
      const credentials = { user: account.user, pass: account.password, verbose: true, lang: 'x', version: '1' };
      const answer = await spoken(port, `CONNECT ${JSON.stringify(credentials)}\r\nSUB $MQTT.sub.> 1\r\nPING\r\n`);
      expect(answer, account.user).toContain("-ERR 'Authorization Violation'");
      expect(answer).not.toContain('PONG');
    }
    expect(await spoken(port, 'PING\r\n')).not.toContain('PONG');
  });
});

describe('doorsill bridge broker acl --nats', () => {
  const CLUSTER = ['a=10.0.0.1', 'b=10.0.0.2', 'c=fd00::3'];

  it('writes files that only their owner can read, and omits accounts of older versions', async () => {
    const [out, source] = [join(folder, 'written'), at.folder];
    const { user } = await at.issue({ role: 'bridge', id: 'bridge-2' });
    const path = join(source, `${user}.json`);
    const account = JSON.parse(await readFile(path, 'utf8'));
    delete account.verifiers.nats;
    await writeFile(path, JSON.stringify(account));
    const words = [
      'bridge',
      'broker',
      'acl',
      '--nats',
      '--accounts',
      source,
      '--out',
      out,
      '--cluster',
      CLUSTER.join(),
      '--json',
    ];
    const { status, last, stdout, stderr } = await runCommand(words);
    await rm(path);
    expect(status, stderr).toBe(0);
    const files = ['accounts.conf', 'a.conf', 'b.conf', 'c.conf'];
    expect(last).toMatchObject({ event: 'written', for: 'nats', files: files.map((name) => join(out, name)) });
    expect(last?.['leftOut']).toEqual([{ user, why: expect.stringContaining('older version') }]);
    expect((await readdir(out)).sort()).toEqual([...files, 'cluster.password'].sort());
    for (const name of await readdir(out)) expect((await stat(join(out, name))).mode & 0o077, name).toBe(0);
    const texts = await Promise.all(files.map((name) => readFile(join(out, name), 'utf8')));
    for (const { password } of at.accounts.values()) expect(texts.join()).not.toContain(password);
    const between = (await readFile(join(out, 'cluster.password'), 'utf8')).trim();
    expect(between).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(stdout).not.toContain(between);
    const [one, three] = [`nats-route://node:${between}@10.0.0.1:6222`, `nats-route://node:${between}@[fd00::3]:6222`];
    // Who hears nothing is given no subject to listen on, not even for deliveries.
    const bridge = texts[0]?.split('\n').find((line) => line.includes('"bridge-bridge-1"'));
    expect(bridge).toMatch(/ subscribe: \{ deny: \[">"\] \} \} \}$/);
    for (const limit of ['max_connections', 'max_subscriptions', 'max_pending', 'max_file_store', 'max_ack_pending'])
      expect(texts[2]).toMatch(new RegExp(`^ *${limit}: [1-9]\\d+$`, 'm'));
    // What clients listen to is on no disk: a cluster's clients that come back at once would be refused for minutes.
    expect(texts[2]).toMatch(/^ *consumer_memory_storage: true$/m);
    expect(texts[2]).toContain('listen: "10.0.0.2:6222"');
    expect(texts[2]).toContain(`routes: ["${one}", "${three}"]`);
  }, 60_000);

  it('draws the password of a cluster’s nodes once, and refuses a short one', async () => {
    const out = join(folder, 'cluster');
    const nodes = CLUSTER.map((text) => ({ name: text.slice(0, 1), host: text.slice(2) }));
    const write = () =>
      writeBrokerFiles(
        'nats',
        { disk, accounts: at.folder, prefix: P },
        { host: '127.0.0.1', port: 1883, folder: out, systemUser: '', cluster: { nodes, port: 6222, random } },
      );
    expect(await write()).toMatchObject({ changed: true });
    expect(await write()).toMatchObject({ changed: false });
    await writeFile(join(out, 'cluster.password'), 'short\n');
    await expect(write()).rejects.toMatchObject({ code: 'usage' });
  });
});
