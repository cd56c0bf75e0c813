// What one more doorbell, request, cell and clip costs those who serve them, in processor time, rows and messages; and what one more
// connection costs a broker. The figures from which docs/figures.md reckons.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import { AreaBoard } from '../../cloud-bridge/requests/area-board.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { silentLog } from '../../device/base/log.ts';
import { issueAccount } from '../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { cellsOf } from '../../device/contract/area-cells.ts';
import { parseToken } from '../../device/contract/jws.ts';
import { Credential, Request, Revocations } from '../../device/contract/request.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../device/contract/topics.ts';
import { openBridgeDatabase } from '../support/bridge-database.ts';
import { BridgeFixture } from '../support/bridge-fixture.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Nats } from '../support/nats.ts';
import { Cast, HOME, makeParty, squareAround } from '../support/parties.ts';
import { plainMp4 } from '../support/plain-mp4.ts';
import { memoryKiB, processorTime } from '../support/processes.ts';
import { PLENTY, storedRequest } from '../support/stored-request.ts';
import { processorMs, type Row, type Run } from './measure.ts';

const DOORBELLS = 300;
const REQUESTS = 200;
const CLIPS = 20;
const CELLS = 1_000;
const LINKS = 500;
/** Each of them is delivered to every link. */
const DOCUMENTS = 20;
const PINGS = 40;
const REVOKED = 100;
/** As much as 30 s of 2 Mbit/s. */
const CLIP = plainMp4({ frames: 450, audioPackets: 12, frameBytes: 16_500 });

export async function capacityRows({ folder }: Run): Promise<Row[]> {
  return [...(await bridgeRows()), ...(await documentRows(folder)), ...(await brokerRows(folder))];
}

const row = (what: string, ours: string, figure: number, unit: string): Row => ({
  group: 'capacity',
  what,
  ours,
  baseline: '',
  figure,
  unit,
  target: null,
});

/** What some things cost a bridge of one process on SQLite, with the registry and those who call it in the same process. */
async function bridgeRows(): Promise<Row[]> {
  const fixture = await BridgeFixture.open();
  try {
    await fixture.admitAgency();
    const rows: Row[] = [];
    const cost = async (what: string, count: number, work: (at: number) => Promise<unknown>) => {
      const before = await keptBy(fixture);
      const startMs = processorMs();
      for (let at = 0; at < count; at += 1) await work(at);
      const cpuMs = (processorMs() - startMs) / count;
      const after = await keptBy(fixture);
      const rowBytes = (after.rowBytes - before.rowBytes) / count;
      const leaves = (after.leaves - before.leaves) / count;
      const ours = `${rowBytes.toFixed(0)} B of rows, ${leaves.toFixed(1)} leaves in the log of custody`;
      rows.push(row(`${what}: at bridge and registry, callers included`, ours, cpuMs, 'ms'));
    };
    const devices = Array.from({ length: DOORBELLS }, () => makeParty('device', fixture.random));
    await cost('A doorbell that enrols', DOORBELLS, async (at) => expectStatus(201, await fixture.enrol(devices[at])));
    const requests = Array.from({ length: REQUESTS }, (_, at) =>
      fixture.cast.request({
        investigation: `SPD-${at}`,
        area: squareAround({ ...HOME, longitude: HOME.longitude + 0.02 * at }),
      }),
    );
    const cells = requests.map((token) => cellsOf(Request.parse(parseToken(token)?.claims).area, CELLS)?.length ?? 0);
    rows.push(
      row('A request of 800 m by 800 m', 'cells', cells.reduce((sum, one) => sum + one, 0) / REQUESTS, 'cells'),
    );
    await cost('A request that is published', REQUESTS, async (at) =>
      expectStatus(201, await fixture.post('/v1/requests', { request: requests[at] })),
    );
    await fixture.enrol();
    await cost('A clip of 7.5 MB that is stored', CLIPS, async () =>
      expectStatus(
        204,
        await fixture.deliver(fixture.parcel(requests[0] ?? '', { clip: CLIP, manifest: { frames: 450 } })),
      ),
    );
    return rows;
  } finally {
    await fixture.close();
  }
}

async function expectStatus(wanted: number, { status, body }: { status: number; body: object }): Promise<void> {
  if (status !== wanted) throw new Error(`answered with ${status}: ${JSON.stringify(body)}`);
}

/** Its rows as they lie on the disk, once it has stopped; it goes on afterwards. */
async function keptBy(fixture: BridgeFixture): Promise<{ rowBytes: number; leaves: number }> {
  await fixture.bridge.stop();
  const path = join(fixture.bridgeFolder, 'bridge.sqlite');
  const database = await openBridgeDatabase(path);
  const leaves = await database.custody.size();
  await database.close();
  const { size: rowBytes } = await stat(path);
  await fixture.startBridge();
  return { rowBytes, leaves };
}

/** What the documents of the area cost the bridge, and how long they are. */
async function documentRows(folder: string): Promise<Row[]> {
  const database = await openBridgeDatabase(join(folder, 'documents.sqlite'));
  const clock = new SystemClock();
  const cast = new Cast(clock);
  const revoked = Array.from({ length: REVOKED }, () => ({
    agency: makeParty('agency', new SystemRandom()).id,
    upToRevision: 1,
  }));
  const list = cast.revocations({ revoked });
  const checked = <Claims>(schema: { parse(value: unknown): Claims }, token: string) => ({
    token,
    claims: schema.parse(parseToken(token)?.claims),
  });
  const credential = checked(Credential, cast.credential());
  const lengths: number[] = [];
  const board = new AreaBoard({
    clock,
    log: silentLog(),
    key: cast.bridge.key,
    store: database.requests,
    standing: {
      revocations: checked(Revocations, list),
      refreshRevocations: async () => false,
      credential: async () => credential,
      assertGood: () => undefined,
    },
    publisher: { publish: async (_topic, payload) => void lengths.push(payload.length) },
    prefix: DEFAULT_PREFIX,
    republishS: 600,
    documentLifeS: 3_600,
    revocationsEveryS: 3_600,
    unencryptedClips: 'admitted',
  });
  try {
    for (let at = 0; at < CELLS; at += 1) {
      const [token, request] = [cast.request(), `request-${at}`];
      const place = { request, tokenSha256: sha256Hex(token), investigation: request, cells: [`cell-${at}`] };
      const publication = cast.publication(token);
      const expiresS = cast.nowS() + 86_400;
      await database.requests.add(storedRequest({ ...place, token, publication, expiresS }), PLENTY);
    }
    board.start();
    await board.refresh();
    lengths.splice(0);
    const startMs = processorMs();
    await board.refresh();
    const cpuMs = (processorMs() - startMs) / CELLS;
    const [revocations = 0, document = 0] = lengths;
    return [
      row(
        'A cell’s document with one request that is renewed',
        `${document} B to each doorbell of the cell`,
        cpuMs,
        'ms',
      ),
      row(
        `The list of ${REVOKED} revoked agencies`,
        `${revocations} B to each doorbell`,
        revocations / REVOKED,
        'B each',
      ),
    ];
  } finally {
    await board.stop();
    await database.close();
  }
}

interface Login {
  user: string;
  password: string;
}

/** A broker that is a process of its own. */
interface Server {
  port: number;
  pid: number;
  stop(): Promise<unknown>;
}

async function brokerRows(folder: string): Promise<Row[]> {
  const access = (name: string) => ({
    disk: new SystemDisk(),
    accounts: join(folder, name, 'accounts'),
    prefix: DEFAULT_PREFIX,
  });
  const servers: [name: string, start: () => Promise<Server>][] = [
    ['mosquitto', () => Mosquitto.start(access('mosquitto'), join(folder, 'mosquitto', 'files'))],
    [
      'nats-server',
      async () => {
        const nats = await Nats.start(access('nats-server'), join(folder, 'nats-server', 'files'), 1);
        return {
          port: nats.port,
          pid: nats.nodes[0]?.pid ?? 0,
          stop: () => nats.stop(),
        };
      },
    ],
  ];
  const rows: Row[] = [];
  for (const [name, start] of servers) {
    const { disk, accounts } = access(name);
    const issue = (role: 'bridge' | 'device-area', id: string) =>
      issueAccount(disk, new SystemRandom(), accounts, { role, id });
    // Before it starts: it would read its files again for each.
    const bridge = await issue('bridge', 'bridge');
    const devices: Login[] = [];
    for (let at = 0; at < LINKS; at += 1) devices.push(await issue('device-area', `device-${at}`));
    const server = await start().catch((thrown: unknown) => {
      console.error(`bench: capacity without ${name}:`, thrown instanceof Error ? thrown.message.split('\n')[0] : '');
      return null;
    });
    if (server) rows.push(...(await brokerCost(name, server, { bridge, devices })));
  }
  return rows;
}

/** What connections of doorbells, and what is delivered to them, cost a broker. */
async function brokerCost(
  name: string,
  server: Server,
  { bridge, devices }: { bridge: Login; devices: readonly Login[] },
): Promise<Row[]> {
  const topic = topicsUnder(DEFAULT_PREFIX).areaRequests('9q8yy', 1);
  const clients: MqttClient[] = [];
  try {
    const memoryBefore = memoryKiB(server.pid);
    let heard = 0;
    let all: () => void = () => undefined;
    for (const account of devices) {
      const client = await linked(server.port, account);
      clients.push(client);
      await client.subscribeAsync(topic, { qos: 1 });
      client.on('message', () => {
        heard += 1;
        if (heard === LINKS * DOCUMENTS) all();
      });
    }
    const kiBEach = (memoryKiB(server.pid) - memoryBefore) / LINKS;
    const pingUs = await pingCost(server.pid, clients);
    const publisher = await linked(server.port, bridge);
    clients.push(publisher);
    const document = Buffer.alloc(3_000, 'x');
    const startMs = processorTime(server.pid).ownMs;
    const done = new Promise<void>((resolve) => {
      all = resolve;
    });
    for (let at = 0; at < DOCUMENTS; at += 1) await publisher.publishAsync(topic, document, { qos: 1 });
    await done;
    const cpuUs = ((processorTime(server.pid).ownMs - startMs) * 1_000) / (LINKS * DOCUMENTS);
    return [
      row(`A doorbell’s connection at ${name}, of ${LINKS}`, 'memory', kiBEach, 'KiB'),
      row(`A sign of life that ${name} answers`, 'processor time', pingUs, 'us'),
      row(`A document of 3,000 B that ${name} delivers to one of ${LINKS}`, 'processor time', cpuUs, 'us'),
    ];
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
    await server.stop();
  }
}

/** Microseconds of a broker's processor time for each PINGREQ of its clients. */
async function pingCost(pid: number, clients: readonly MqttClient[]): Promise<number> {
  const startMs = processorTime(pid).ownMs;
  for (let times = 0; times < PINGS; times += 1) {
    await Promise.all(
      clients.map((client) => {
        const answered = new Promise<void>((resolve) => {
          const heard = ({ cmd }: { cmd: string }) => {
            if (cmd !== 'pingresp') return;
            client.off('packetreceive', heard);
            resolve();
          };
          client.on('packetreceive', heard);
        });
        client.sendPing();
        return answered;
      }),
    );
  }
  return ((processorTime(pid).ownMs - startMs) * 1_000) / (PINGS * clients.length);
}

async function linked(port: number, { user, password }: Login): Promise<MqttClient> {
  const client = connect({ host: '127.0.0.1', port, username: user, password, clientId: user, reconnectPeriod: 0 });
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', reject);
  });
  return client;
}
