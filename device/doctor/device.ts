// Checks one doorbell's folder: settings, secrets, identity, records, waiting clips, camera; and the running doorbell through its socket.
import { createSocket } from 'node:dgram';
import { lstat, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { folderHolder } from '@doorsill/base/folder-lock';
import { expectPrivateFile, expectPrivateFolder, ownerForRoot } from '@doorsill/base/private-paths';
import { type DeviceConfig, parseDeviceConfig } from '../config.ts';
import { deviceIdOf, loadDeviceKey } from '../identity.ts';
import { walkLedger } from '../ledger/ledger.ts';
import { MDNS_PORT } from '../mdns/announcer.ts';
import { askConsole, askHealth } from '../owner/pairing-client.ts';
import type { Health } from '../owner/pairing-wire.ts';
import { pairingSocketPath } from '../owner/private-socket.ts';
import { readSettings } from '../settings-file.ts';
import { ERRORS, failure, isErrorCode, reportedFailure } from '../terminal/errors.ts';
import { type Diagnosis, failed, look, note, ok, type Seams, wrong } from './diagnosis.ts';
import { bridgeOf, brokerOf, cameraOf, noBroker } from './reachability.ts';

const SECRETS = ['device.key', 'wrapping.key', 'ring.key', 'outbox.key', 'enrolment.json', 'device.json'];
const CLIP_WAITS_S_MAX = 3_600;
/** Writing more than this per day wears out a flash card noticeably: the cheapest 32 GB cards endure some 10 TB. */
const CARD_BYTES_A_DAY = 10e9;
/** A rate measured over a shorter time cannot be projected to an hour. */
const RATE_UPTIME_S_MIN = 60;

/** Runs all checks of the doorbell in `folder`. */
export async function examineDevice(seams: Seams, folder: string): Promise<Diagnosis[]> {
  const pid = folderHolder(folder);
  const found = [pid === null ? note('doorbell', 'is not running') : ok('doorbell', `runs as process ${pid}`)];
  const config = await readConfig(seams, folder, found);
  const health = pid === null ? null : await readHealth(seams, folder, found);
  const looks = [
    look('secrets', () => secrets(folder)),
    look('records', () => records(seams, folder, config)),
    look('clips', () => waitingClips(seams, folder)),
  ];
  if (config) {
    looks.push(look('disk', () => ringFits(seams, folder, config)));
    // A running doorbell reports whether it reaches them; a login with its account would end its session.
    if (!health)
      looks.push(
        look('camera', () => cameraOf(seams, config)),
        look('broker', () => brokerOf(seams, config)),
      );
    looks.push(look('bridge', () => bridgeOf(seams, config, folder)));
  }
  if (config && config.console.listen !== 'off')
    looks.push(look('page', () => (health ? pageOf(seams, folder) : portOf(config))));
  if (config?.console.announce.enabled)
    looks.push(look('name', () => (health ? nameOf(seams, folder) : namePort(config.name))));
  found.push(...(await Promise.all(looks)).flat());
  if (health) found.push(...ofHealth(health, config?.home.url !== undefined));
  return found;
}

async function readConfig({ disk }: Seams, folder: string, found: Diagnosis[]): Promise<DeviceConfig | null> {
  const path = join(folder, 'device.json');
  let config: DeviceConfig | null = null;
  const findings = await look('settings', async () => {
    const stored = await readSettings(disk, path);
    if (!stored)
      return wrong(
        'settings',
        `${path} does not exist`,
        '`doorsill device setup` or `doorsill device init` writes it.',
      );
    config = parseDeviceConfig(stored, path);
    return ok('settings', path);
  });
  found.push(...findings);
  return config;
}

/** Whether the running doorbell's own server listens: the doorbell rings and records even without. Throws `console_unusable`. */
async function pageOf(seams: Seams, folder: string): Promise<Diagnosis> {
  const address = await askConsole(seams, pairingSocketPath(folder));
  if (address) return ok('page', address.url);
  return wrong('page', 'its own server does not run', 'It was started before console.listen was set: restart it.');
}

/** Whether the running doorbell is announced on the home network, and its name there. */
async function nameOf(seams: Seams, folder: string): Promise<Diagnosis> {
  const announced = (await askConsole(seams, pairingSocketPath(folder)))?.announced;
  if (!announced) return wrong('name', 'its own server does not run, so its name is not announced', 'See `page`.');
  const { host, fault } = announced;
  if (fault) return failed('name', reportedFailure(fault.code, fault.detail));
  return host === null
    ? note('name', 'is being probed: run the doctor again in some seconds')
    : ok('name', `announced as ${host}`);
}

/** Whether a doorbell that is not running could announce itself. */
async function namePort(name: string): Promise<Diagnosis> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const code = await new Promise<string | null>((resolve) => {
    socket.once('error', (thrown) => resolve(systemCode(thrown) ?? thrown.message));
    socket.bind(MDNS_PORT, () => resolve(null));
  });
  socket.close();
  if (code === null) return ok('name', `“${name}” can be announced`);
  return failed('name', failure('mdns_port_taken', { port: MDNS_PORT }));
}

/** Whether the port of its own server is free for a doorbell that is not running. */
async function portOf({ console: { listen, port } }: DeviceConfig): Promise<Diagnosis> {
  const server = createServer();
  const code = await new Promise<string | null>((resolve) => {
    server.once('error', (thrown) => resolve(systemCode(thrown) ?? thrown.message));
    server.listen({ port, ...(listen === 'this-machine' ? { host: '127.0.0.1' } : {}) }, () =>
      server.close(() => resolve(null)),
    );
  });
  if (code === null) return ok('page', port === 0 ? 'takes a free port' : `port ${port} is free`);
  return wrong(
    'page',
    `port ${port} cannot be used (${code})`,
    `\`sudo ss -tlnp 'sport = :${port}'\` names the program that uses it; stop that, or set another console.port in device.json.`,
  );
}

async function readHealth(seams: Seams, folder: string, found: Diagnosis[]): Promise<Health | null> {
  let health: Health | null = null;
  const trouble = await look('doorbell', async () => {
    health = await askHealth(seams, pairingSocketPath(folder));
    return [];
  });
  found.push(...trouble);
  return health;
}

/** Checks owners, permissions and links: other users must neither read keys and passwords nor change files in their folder. */
async function secrets(folder: string): Promise<Diagnosis> {
  // Root examines the folder of a service's user, too.
  const also = ownerForRoot(folder);
  const [owner] = also;
  expectPrivateFolder(folder, also);
  const open: string[] = [];
  for (const path of SECRETS.map((name) => join(folder, name))) {
    const facts = await lstat(path).catch(() => null);
    if (!facts) continue;
    if (owner !== undefined && facts.uid !== owner) {
      return wrong(
        'secrets',
        `${folder} belongs to user ${owner}, who can replace its files, and ${path} to user ${facts.uid}`,
        `The user who runs the doorbell must own both. If that is user ${owner}: \`chown -hR ${owner} ${folder}\`.`,
      );
    }
    if (facts.isFile() && (facts.mode & 0o077) !== 0) open.push(path);
    else expectPrivateFile(path, facts, { also });
  }
  if (open.length === 0) return ok('secrets', `only ${owner ? `user ${owner}` : 'this user'} can read and change them`);
  return wrong(
    'secrets',
    `others can read ${open.map((path) => basename(path)).join(', ')} in ${folder}`,
    `Close them: \`chmod 600 ${open.join(' ')}\`.`,
  );
}

/** Verifies the ledger with the device's key: it must be complete and contain an owner. */
async function records({ disk }: Seams, folder: string, config: DeviceConfig | null): Promise<Diagnosis | Diagnosis[]> {
  const key = await loadDeviceKey(disk, folder);
  if (!key) return note('records', 'the doorbell has not been started yet');
  const owners = new Set<string>();
  const device = { id: deviceIdOf(key), key: key.publicKey };
  const walked = await walkLedger(disk, join(folder, 'consent'), device, (entry) => {
    if (entry.type === 'paired' || entry.type === 'owner-added') owners.add(entry.body.key);
    if (entry.type === 'owner-removed') owners.delete(entry.body.key);
    if (entry.type === 'restored') owners.clear();
  });
  const whole = ok('records', `${walked.head.entries} entries, unbroken`);
  if (owners.size > 0) return [whole, ok('owners', String(owners.size))];
  // Without a broker no command line can be paired.
  const show = config?.home.url === undefined && config !== null ? '--show ' : '';
  return [
    whole,
    wrong(
      'owners',
      'no owner is paired, so nobody can grant anything',
      `Pair: \`doorsill pair ${show}--socket ${pairingSocketPath(folder)}\`.`,
    ),
  ];
}

async function waitingClips({ disk, clock }: Seams, folder: string): Promise<Diagnosis> {
  const outbox = join(folder, 'outbox');
  const names = (await disk.list(outbox)).filter((name) => name.endsWith('.clip'));
  if (names.length === 0) return ok('clips', 'none waits');
  const times = await Promise.all(names.map((name) => stat(join(outbox, name)).then((facts) => facts.mtimeMs)));
  const waitedS = clock.wallUs() / 1e6 - Math.min(...times) / 1e3;
  const count = names.length === 1 ? 'one granted clip waits' : `${names.length} granted clips wait`;
  if (waitedS < CLIP_WAITS_S_MAX) return note('clips', `${count} for the bridge`);
  return wrong(
    'clips',
    `${count} for the bridge, the oldest for ${Math.floor(waitedS / 3_600)} h`,
    'See the finding about the bridge; clips are sent automatically once it answers. `doorsill revoke` cancels one.',
  );
}

async function ringFits({ disk }: Seams, folder: string, config: DeviceConfig): Promise<Diagnosis | Diagnosis[]> {
  if (config.ring.kind === 'memory') return [];
  const has = (await disk.sizeOf(join(folder, 'ring')).catch(() => null)) ?? 0;
  const free = await disk.freeBytes(folder);
  const lacks = config.ring.bytes - has - free;
  if (lacks <= 0) return [];
  const [wanted, there] = [config.ring.bytes, free].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`);
  return wrong(
    'disk',
    `a ring of ${wanted} does not fit: ${there} are free`,
    'Free some space, or make ring.bytes smaller in device.json.',
  );
}

/** Findings from a running doorbell's health report. */
function ofHealth(health: Health, hasBroker: boolean): Diagnosis[] {
  const { camera, privacy, storage, hardware, clockTrusted, homeFault, area, areaDetail, ring } = health;
  const shown = `${camera.source}: ${camera.state}${camera.detail ? ` (${camera.detail})` : ''}`;
  const records = camera.state === 'recording' || camera.state === 'starting';
  const isWell = privacy || (records && camera.code === undefined);
  const found = [
    isWell ? ok('camera', `${shown}${privacy ? ', privacy on' : ''}`) : cameraTrouble(shown, camera.code),
    !hasBroker
      ? noBroker()
      : homeFault === null
        ? ok('broker', 'the home broker is reached')
        : wrong(
            'broker',
            `the home broker is not reached: ${homeFault}`,
            'Check home.url, user and password in device.json, and that the broker runs.',
          ),
  ];
  if (area === 'online' && areaDetail !== undefined)
    found.push(wrong('area', areaDetail, 'Stop the other device, or enrol one of the two again with another folder.'));
  if (area === 'offline') {
    found.push(
      wrong(
        'area',
        `the area broker is not reached, so no request arrives${areaDetail ? `: ${areaDetail}` : ''}`,
        'Check areaUrl in device.json, and that the broker runs.',
      ),
    );
  }
  if (storage.state !== 'ok') {
    const advice =
      storage.state === 'full'
        ? 'Free some space, or make ring.bytes smaller in device.json.'
        : 'Check the card or disk.';
    found.push(wrong('storage', storage.detail ?? storage.state, advice));
  }
  if (!clockTrusted) {
    found.push(
      wrong(
        'clock',
        'the doorbell’s clock was ahead of its present time, and it accepts no grant until it reaches that time again',
        'If the clock is right now, its owner confirms that with `doorsill settings trust-clock`.',
      ),
    );
  }
  if (ring.damaged > 0) {
    found.push(
      note(
        'ring',
        `${ring.damaged} damaged records were skipped`,
        'If the number grows, the card is failing: replace it.',
      ),
    );
  }
  for (const { part, name, code, detail } of hardware ?? []) {
    // The doctor examines the board itself.
    if (part !== 'board')
      found.push(known(wrong(part, `${name}: ${detail}`, 'Check its cable, and device.json.'), code));
  }
  found.push(...wear(health));
  return found;
}

function cameraTrouble(shown: string, code: string | undefined): Diagnosis {
  return known(wrong('camera', shown, 'Check its cable, power and address; the doorbell retries by itself.'), code);
}

/** A fault, with the error table's advice when its code is known. */
function known(fault: Diagnosis, code: string | undefined): Diagnosis {
  return code !== undefined && isErrorCode(code) ? { ...fault, code, advice: ERRORS[code].advice } : fault;
}

/** Bytes written per hour, by writer: they determine the lifetime of a flash card. */
function wear({ written, uptimeS, ring }: Health): Diagnosis[] {
  if (uptimeS < RATE_UPTIME_S_MIN) return [note('writes', 'measured after the doorbell’s first minute')];
  const perHour = (bytes: number) => (bytes / uptimeS) * 3_600;
  const total = Object.values(written).reduce((sum, bytes) => sum + bytes, 0);
  const parts = Object.entries(written)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${printRate(perHour(bytes))}`);
  const text = `${printRate(perHour(total))} an hour (${parts.join(', ') || 'nothing'})`;
  if (ring.kind === 'memory' || perHour(total) * 24 <= CARD_BYTES_A_DAY) return [ok('writes', text)];
  return [
    note(
      'writes',
      `${text}: ${printRate(perHour(total) * 24)} a day`,
      'On a flash card, set ring.kind to "memory" in device.json, or use a high-endurance card.',
    ),
  ];
}

function printRate(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
