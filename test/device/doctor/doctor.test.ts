// Plants one fault at a time in a doorbell without faults, and expects the doctor to find that fault alone, with advice.

import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { lockFolder } from '../../../device/base/folder-lock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Diagnosis, Seams } from '../../../device/doctor/diagnosis.ts';
import { examine as examineFolder } from '../../../device/doctor/examine.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../../../device/identity.ts';
import type { ConsoleAddress, Health } from '../../../device/owner/pairing-wire.ts';
import { failure } from '../../../sim/errors.ts';
import { ALL_CAMERAS } from '../../../sim/porch/porch-camera.ts';
import { storeTestbedFile } from '../../../sim/testbed/testbed-folder.ts';
import { TESTBED } from '../../../sim/testbed/testbed-surroundings.ts';
import { startBroker, type TestBroker } from '../../support/broker.ts';
import { callCommand } from '../../support/call-command.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { unpackFormerDevice } from '../../support/former-device.ts';
import { healthSocket } from '../../support/health-socket.ts';
import { proved } from '../../support/proved.ts';
import { WiredCamera } from '../camera/support/wired-programs.ts';

const disk = new SystemDisk();
const random = new SystemRandom();
const seams = { cameras: ALL_CAMERAS, clock: new SystemClock(), random, disk, log: silentLog() };
const ffmpeg = await findFfmpeg();
let standIn: WiredCamera | null = null;
let broker: TestBroker;
let bridgeId = '';
const bridge = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ id: bridgeId }));
});
let folder: string;
/** An ffmpeg that takes no time, for faults of other things. */
const quick = temporaryFolder('quick-ffmpeg');
const quickFfmpeg = join(quick.path, 'ffmpeg');
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  writeProgram(quickFfmpeg, 'echo encoded');
  broker = await startBroker();
  await new Promise<void>((resolve) => bridge.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await broker.stop();
  bridge.close();
  quick.dispose();
});

const bridgeUrl = () => `http://127.0.0.1:${(bridge.address() as AddressInfo).port}`;
const settings = () => JSON.parse(readFileSync(at('device.json'), 'utf8'));
const set = (changes: object) => writeFileSync(at('device.json'), JSON.stringify({ ...settings(), ...changes }));
const setHome = (changes: object) => set({ home: { ...settings().home, ...changes } });

/** A stopped doorbell without a fault, whose broker and bridge run. */
beforeEach(async () => {
  process.env['FFMPEG_PATH'] = quickFfmpeg;
  folder = await mkdtemp(join(tmpdir(), 'doorsill-doctor-'));
  await unpackFormerDevice(folder);
  bridgeId = JSON.parse(readFileSync(at('enrolment.json'), 'utf8')).bridge;
  const id = deviceIdOf(await loadOrCreateDeviceKey(disk, random, folder));
  set({ bridgeUrl: bridgeUrl() });
  setHome({ url: broker.url, ...(await broker.issue({ role: 'device-home', id })) });
});

afterEach(async () => {
  standIn?.dispose();
  standIn = null;
  delete process.env['FFMPEG_PATH'];
  await rm(folder, { recursive: true, force: true });
});

const faultsOf = (findings: Diagnosis[]) => findings.filter(({ level }) => level === 'fault');

interface Planted {
  plant(): void | Promise<void>;
  what: string;
  says: RegExp;
  advises: RegExp;
}

/** Writes a program that prints ffmpeg's version, and for anything else does this. */
function writeProgram(path: string, otherwise: string): void {
  const version = 'ffmpeg version 7.1 Copyright\\nconfiguration: --enable-libx264\\n';
  writeFileSync(path, `#!/bin/sh\n[ "$1" = -version ] && printf "${version}" && exit 0\n${otherwise}\n`);
  chmodSync(path, 0o755);
}

function withoutX264(): void {
  writeProgram(at('ffmpeg'), 'exit 1');
  process.env['FFMPEG_PATH'] = at('ffmpeg');
}

/** Changes one letter in the middle of the ledger. */
function alterLedger(): void {
  const text = readFileSync(at('consent/ledger.jsonl'), 'utf8');
  const middle = text.indexOf('granted');
  writeFileSync(at('consent/ledger.jsonl'), `${text.slice(0, middle)}G${text.slice(middle + 1)}`);
}

/** A camera on a wire, in this ffmpeg's words. */
function wired(kind: Parameters<WiredCamera['fault']>[0], query = ''): void {
  standIn?.dispose();
  standIn = new WiredCamera(ffmpeg);
  standIn.fault(kind);
  process.env['FFMPEG_PATH'] = standIn.ffmpeg.path;
  set({ camera: `v4l2:/dev/null${query}` });
}

function oldClip(): void {
  mkdirSync(at('outbox'), { recursive: true });
  writeFileSync(at('outbox/grant-1.clip'), 'sealed');
  const then = Date.now() / 1_000 - 3 * 3_600;
  utimesSync(at('outbox/grant-1.clip'), then, then);
}

const FAULTS: Record<string, Planted> = {
  'an ffmpeg that is not there': {
    plant: () => {
      process.env['FFMPEG_PATH'] = '/no/such/ffmpeg';
      set({ camera: 'v4l2:/dev/null' });
    },
    what: 'ffmpeg',
    says: /FFMPEG_PATH \(\/no\/such\/ffmpeg\) does not run/,
    advises: /[Ii]nstall ffmpeg|FFMPEG_PATH/,
  },
  'an ffmpeg that cannot encode': { plant: withoutX264, what: 'ffmpeg', says: /does not encode/, advises: /with x264/ },
  'a setting that nobody knows': {
    plant: () => set({ cammera: 'synthetic' }),
    what: 'settings',
    says: /cammera.*did you mean "camera"/,
    advises: /Correct/,
  },
  'a key that others can read': {
    plant: () => chmodSync(at('device.key'), 0o644),
    what: 'secrets',
    says: /others can read device\.key/,
    advises: /chmod 600/,
  },
  'settings that others can read': {
    plant: () => chmodSync(at('device.json'), 0o644),
    what: 'secrets',
    says: /others can read device\.json/,
    advises: /chmod 600/,
  },
  'a folder that others can change': {
    plant: () => chmodSync(folder, 0o777),
    what: 'secrets',
    says: /other users may write to /,
    advises: /chmod go-w /,
  },
  'a key that is a link': {
    plant: () => {
      renameSync(at('device.key'), at('real.key'));
      symlinkSync('real.key', at('device.key'));
    },
    what: 'secrets',
    says: /it is a link/,
    advises: /mv -f/,
  },
  'a ring larger than the disk': {
    plant: () => set({ ring: { bytes: 1024 ** 4 } }),
    what: 'disk',
    says: /1099\.5 GB does not fit/,
    advises: /ring\.bytes smaller/,
  },
  'a camera file that is gone': {
    plant: () => set({ camera: 'file:/no/such/porch.mp4' }),
    what: 'camera',
    says: /no\/such\/porch\.mp4/,
    advises: /./,
  },
  'a network camera that is off': {
    plant: () => set({ camera: 'rtsp://admin:swordfish@127.0.0.1:9/stream' }),
    what: 'camera',
    says: /does not answer: ECONNREFUSED/,
    advises: /power/,
  },
  'a camera node that is not there': {
    plant: () => set({ camera: '/dev/video987' }),
    what: 'camera',
    says: /there is no \/dev\/video987/,
    advises: /Plug it in/,
  },
  'a camera that another program has': { plant: () => wired('busy'), what: 'camera', says: /in use/, advises: /fuser/ },
  'a camera that this user may not open': {
    plant: () => wired('denied'),
    what: 'camera',
    says: /may not open/,
    advises: /usermod -aG video/,
  },
  'a node that gives no pictures': {
    plant: () => wired('metadata'),
    what: 'camera',
    says: /gives no pictures/,
    advises: /by-id/,
  },
  'a size that the camera lacks': {
    plant: () => wired(null, '?size=800x600'),
    what: 'camera',
    says: /no 800x600; it offers mjpeg 640x480/,
    advises: /size and format that it has/,
  },
  'a size that the camera lists and does not give': {
    plant: () => {
      wired(null, '?size=640x480');
      standIn?.ungiven({ 'mjpeg 640x480': 'full', 'yuyv422 640x480': 'changed to 320x180' });
    },
    what: 'camera',
    says: /mjpeg 640x480 \(.*No space left.*\), yuyv422 640x480 \(.*changed the video/,
    advises: /USB bus/,
  },
  'a microphone that is not there': {
    plant: () => {
      wired(null, '?mic=alsa:hw:1,0');
      standIn?.microphone('cannot open audio device hw:1,0 (No such file or directory)');
    },
    what: 'camera',
    says: /microphone hw:1,0 cannot be used/,
    advises: /arecord -L/,
  },
  'a camera module without its program': {
    plant: () => set({ camera: 'rpicam:' }),
    what: 'camera',
    says: /rpicam-vid is not installed/,
    advises: /apt install rpicam-apps/,
  },
  'a port that another program has': {
    plant: () => set({ console: { listen: 'this-machine', port: (bridge.address() as AddressInfo).port } }),
    what: 'page',
    says: /port \d+ cannot be used \(EADDRINUSE\)/,
    advises: /ss -tlnp/,
  },
  'a broker that is off': {
    plant: () => setHome({ url: 'mqtt://127.0.0.1:9' }),
    what: 'broker',
    says: /127\.0\.0\.1:9/,
    advises: /./,
  },
  'a broker that knows another password': {
    plant: () => setHome({ password: 'not-this-one' }),
    what: 'broker',
    says: /[Nn]ot authori[sz]ed|refused|password/,
    advises: /./,
  },
  'a bridge that is off': {
    plant: () => set({ bridgeUrl: 'http://127.0.0.1:9' }),
    what: 'bridge',
    says: /127\.0\.0\.1:9/,
    advises: /./,
  },
  'another bridge at the address': {
    plant: () => {
      bridgeId = 'bridge-of-somebody-else';
    },
    what: 'bridge',
    says: /is not bridge-/,
    advises: /enrol again/,
  },
  'nobody who could grant': {
    plant: () => rmSync(at('consent'), { recursive: true }),
    what: 'owners',
    says: /no owner is paired/,
    advises: /doorsill pair --socket/,
  },
  'a ledger that was altered': { plant: alterLedger, what: 'records', says: /damaged|chain/, advises: /./ },
  'a clip that waits for hours': { plant: oldClip, what: 'clips', says: /oldest for 3 h/, advises: /bridge/ },
};

/** The health of a running doorbell with many faults. */
const HEALTH: Health = {
  camera: { state: 'lost', source: 'rtsp://porch', detail: 'the camera is away' },
  privacy: false,
  ring: { kind: 'file', bytes: 1, bytesMax: 2, segments: 1, damaged: 3 },
  storage: { state: 'full', detail: 'no space is left' },
  hardware: [
    { part: 'button', name: 'gate', code: 'gpio_line_taken', detail: 'something else uses line 17' },
    { part: 'chime', name: 'chime', detail: 'silent' },
    // The doctor examines the board itself.
    { part: 'board', name: 'power', code: 'board_slowed', detail: 'slow' },
  ],
  clockTrusted: false,
  area: 'offline',
  owners: 1,
  homeFault: 'not authorised',
  uptimeS: 3_600,
  written: { ring: 900_000_000, consent: 4_000 },
};

const examine = (of: Seams, at: string) => examineFolder(of, at, TESTBED.examine);

describe('the doctor', () => {
  it('finds no fault in a doorbell without one, and says so', async () => {
    delete process.env['FFMPEG_PATH'];
    const findings = await examine(seams, folder);
    expect(faultsOf(findings)).toEqual([]);
    for (const what of [
      'node',
      'ffmpeg',
      'clock',
      'disk',
      'settings',
      'secrets',
      'records',
      'owners',
      'camera',
      'broker',
      'bridge',
    ]) {
      expect(findings.map((finding) => finding.what)).toContain(what);
    }
    const { status, last } = await runCommand(['doctor', '--data', folder, '--json']);
    expect([status, last]).toMatchObject([0, { faults: 0 }]);
  });

  it('checks the owner of the folder and its secrets, also as root, for those of a service’s user', {
    tags: ['root', 'long'],
  }, async () => {
    const service = 61_234;
    const said = async (uid: number) => {
      const seen = { ...seams, disk: new SystemDisk('own', [uid]) };
      return (await examine(seen, folder)).filter(({ what }) => what === 'secrets' || what === 'records');
    };
    chownSync(folder, service, service);
    expect(await said(service)).toMatchObject([
      {
        level: 'fault',
        detail: expect.stringContaining(`${folder} belongs to user ${service}, who can replace its files`),
        advice: expect.stringContaining(`chown -hR ${service} ${folder}`),
      },
      { what: 'records' },
    ]);
    spawnSync('chown', ['-hR', String(service), folder]);
    expect(await said(service)).toMatchObject([
      { level: 'ok', detail: `only user ${service} can read and change them` },
      { level: 'ok' },
    ]);
    const { last } = await callCommand(['doctor', '--data', folder, '--json']);
    expect(last).toMatchObject({ faults: 0 });
    chownSync(folder, 0, 0);
    expect(await said(0)).toMatchObject([{ level: 'fault' }, { what: 'records', level: 'note' }]);
  });

  it('finds each planted fault alone, and advises', { tags: ['long'], timeout: 90_000 }, async (test) => {
    let found = 0;
    for (const [name, { plant, what, says, advises }] of Object.entries(FAULTS)) {
      const kept = {
        bridgeId,
        settings: readFileSync(at('device.json')),
        ledger: readFileSync(at('consent/ledger.jsonl')),
      };
      const head = readFileSync(at('consent/ledger-head.json'));
      if (what === 'camera') delete process.env['FFMPEG_PATH'];
      await plant();
      const faults = faultsOf(await examine(seams, folder));
      expect(faults, name).toHaveLength(1);
      const [only] = faults;
      expect(only?.what, name).toBe(what);
      expect(only?.detail, name).toMatch(says);
      expect(only?.advice, name).toMatch(advises);
      expect(JSON.stringify(faults), name).not.toContain('swordfish');
      found += 1;
      process.env['FFMPEG_PATH'] = quickFfmpeg;
      bridgeId = kept.bridgeId;
      mkdirSync(at('consent'), { recursive: true });
      writeFileSync(at('device.json'), kept.settings);
      writeFileSync(at('consent/ledger.jsonl'), kept.ledger);
      writeFileSync(at('consent/ledger-head.json'), head);
      chmodSync(folder, 0o700);
      if (existsSync(at('real.key'))) renameSync(at('real.key'), at('device.key'));
      chmodSync(at('device.key'), 0o600);
      chmodSync(at('device.json'), 0o600);
      rmSync(at('outbox'), { recursive: true, force: true });
    }
    const { status } = await callCommand(['doctor', '--data', '/proc/doorsill', '--json']);
    expect(status).toBe(5);
    proved(
      test,
      'Planted faults that the doctor finds, each alone and with its remedy',
      `${found} of ${Object.keys(FAULTS).length}`,
    );
  });

  it('finds a clock that is not set, a full card, and a folder that cannot be written', async () => {
    const clock = new ManualClock(0);
    clock.setWallUs(0, false);
    const full = Object.assign(Object.create(disk), { freeBytes: async () => 999_000_000 });
    const unset = examine({ ...seams, clock, disk: full }, folder);
    // Checks that wait for an answer wait on this clock.
    await clock.advance(10_000);
    const planted = faultsOf(await unset);
    expect(planted.map(({ what }) => what)).toContain('clock');
    expect(planted.find(({ what }) => what === 'disk')).toMatchObject({
      detail: expect.stringContaining('only 999 MB free'),
      advice: expect.stringContaining('Free some space'),
    });
    const faults = faultsOf(await examine(seams, '/proc/doorsill'));
    expect(faults).toMatchObject([{ what: 'disk', detail: expect.stringContaining('/proc cannot be written') }]);
  });

  it('finds no fault in a fleet whose doorbells have other folders than a testbed’s', async () => {
    const town = at('town');
    mkdirSync(town);
    await storeTestbedFile(disk, town, {
      ...{ kind: 'doorsill-fleet', format: 1 },
      ports: { broker: 1, registry: 1, bridge: 1, vault: 1 },
    });
    const lock = lockFolder(town);
    if ('heldBy' in lock) throw new Error('the folder is taken');
    try {
      const findings = await examine(seams, town);
      expect(faultsOf(findings)).toEqual([]);
      expect(findings).toContainEqual(expect.objectContaining({ what: 'testbed', level: 'ok' }));
    } finally {
      lock.release();
    }
  });

  it('asks a running doorbell for its health over its own socket', async () => {
    const lock = lockFolder(folder);
    if ('heldBy' in lock) throw new Error('the folder is taken');
    const server = healthSocket(folder, HEALTH, () => {
      throw failure('console_unusable', { detail: 'Port 18939 on 127.0.0.1 is in use.' });
    });
    await server.start();
    set({ console: { listen: 'this-machine', port: 18_939 } });
    try {
      const findings = await examine(seams, folder);
      expect(findings.find(({ what }) => what === 'page')?.detail).toContain('Port 18939');
      expect(
        faultsOf(findings)
          .map(({ what }) => what)
          .sort(),
      ).toEqual(['area', 'broker', 'button', 'camera', 'chime', 'clock', 'page', 'storage'].sort());
      const button = findings.find(({ what }) => what === 'button');
      expect(button).toMatchObject({
        code: 'gpio_line_taken',
        advice: expect.stringContaining('`gpioinfo` names who'),
      });
      const writes = findings.find(({ what }) => what === 'writes');
      expect(writes).toMatchObject({
        level: 'note',
        detail: expect.stringContaining('900.0 MB an hour (ring 900.0 MB'),
      });
      expect(writes?.advice).toContain('memory');
    } finally {
      await server.stop();
      lock.release();
    }
    expect(readdirSync(folder).filter((name) => name.includes('.doctor'))).toEqual([]);
  });

  it('reports the name that a doorbell is announced by, or why it is not', async () => {
    const lock = lockFolder(folder);
    if ('heldBy' in lock) throw new Error('the folder is taken');
    const listens = {
      url: 'https://10.0.0.2:8480',
      fingerprint: 'f'.repeat(64),
      pairingUrl: 'https://10.0.0.2:8480/#',
    };
    let announced: ConsoleAddress['announced'] = null;
    const server = healthSocket(folder, HEALTH, () => ({ ...listens, announced }));
    await server.start();
    set({ console: { listen: 'home-network', announce: { enabled: true } } });
    const found = async (now: ConsoleAddress['announced']) => {
      announced = now;
      return (await examine(seams, folder)).find(({ what }) => what === 'name');
    };
    try {
      expect(await found({ host: 'porch.local', fault: null })).toMatchObject({
        level: 'ok',
        detail: 'announced as porch.local',
      });
      expect(await found({ host: null, fault: null })).toMatchObject({ level: 'note' });
      const taken = { code: 'mdns_port_taken' as const, detail: 'Another program keeps the UDP port 5353 to itself.' };
      expect(await found({ host: null, fault: taken })).toMatchObject({
        ...{ level: 'fault', code: 'mdns_port_taken', detail: taken.detail },
        advice: expect.stringContaining('disallow-other-stacks=no in /etc/avahi/avahi-daemon.conf'),
      });
    } finally {
      await server.stop();
      lock.release();
    }
  });

  it('reports that another program logs in as this device', async () => {
    const lock = lockFolder(folder);
    if ('heldBy' in lock) throw new Error('the folder is taken');
    const twice = 'the broker ends each session soon: most likely a copy of this device’s card';
    const server = healthSocket(folder, { ...HEALTH, area: 'online', areaDetail: twice, homeFault: twice });
    await server.start();
    try {
      const faults = faultsOf(await examine(seams, folder));
      expect(faults.find(({ what }) => what === 'area')).toMatchObject({
        detail: twice,
        advice: expect.stringContaining('Stop the other device'),
      });
      expect(faults.find(({ what }) => what === 'broker')?.detail).toContain(twice);
    } finally {
      await server.stop();
      lock.release();
    }
  });

  it('notes that a doorbell has no broker, running or not, and finds no fault in it', async () => {
    const before = JSON.parse(readFileSync(join(folder, 'device.json'), 'utf8'));
    writeFileSync(
      join(folder, 'device.json'),
      JSON.stringify({ camera: before.camera, console: { listen: 'this-machine', port: 0 } }),
    );
    const found = async () => (await examine(seams, folder)).find(({ what }) => what === 'broker');
    try {
      expect(await found()).toMatchObject({ level: 'note', detail: expect.stringContaining('none is set') });
      const lock = lockFolder(folder);
      if ('heldBy' in lock) throw new Error('the folder is taken');
      const server = healthSocket(folder, HEALTH);
      await server.start();
      expect(await found()).toMatchObject({ level: 'note', detail: expect.stringContaining('none is set') });
      await server.stop();
      lock.release();
    } finally {
      writeFileSync(join(folder, 'device.json'), JSON.stringify(before));
    }
  });

  it('finds that another program keeps the port of multicast DNS to itself', async () => {
    set({ console: { listen: 'home-network', port: 0, announce: { enabled: true } } });
    const greedy = createSocket('udp4').bind(5_353);
    await once(greedy, 'listening');
    const faults = faultsOf(await examine(seams, folder));
    greedy.close();
    expect(faults).toMatchObject([
      { what: 'name', code: 'mdns_port_taken', advice: expect.stringContaining('ss -ulnp') },
    ]);
    expect(faultsOf(await examine(seams, folder))).toEqual([]);
  });
});
