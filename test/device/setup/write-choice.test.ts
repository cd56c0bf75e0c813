import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { parseDeviceConfig } from '../../../device/config.ts';
import { loadDeviceKey } from '../../../device/identity.ts';
import { walkLedger } from '../../../device/ledger/ledger.ts';
import { writeFirstSettings } from '../../../device/setup/first-settings.ts';
import { cameraOf, type Offered, type SetupChoice, settingsOf } from '../../../device/setup/write-choice.ts';
import { DyingDisk } from '../../support/dying-disk.ts';
import { ConsoleRig } from '../console/support/console-rig.ts';
import { SetupRig } from './support/setup-rig.ts';

const ownersIn = async (rig: SetupRig) => {
  const owners: string[] = [];
  const device = { id: rig.device, key: rig.key.publicKey };
  await walkLedger(new SystemDisk(), join(rig.folder, 'consent'), device, (entry) => {
    if (entry.type === 'paired') owners.push(entry.body.key);
  });
  return owners;
};

describe('what is chosen', () => {
  it('is written, and a doorbell with it knows the browser as its owner', { tags: ['long'] }, async () => {
    const rig = await SetupRig.start();
    const choice = await rig.choice({ name: 'Haustür <script>alert(1)</script>' });
    const { status, json } = await rig.post('/api/v1/setup', choice);
    expect([status, json]).toEqual([200, { device: rig.device, paired: true }]);
    expect(await rig.server.done).toMatchObject({ device: rig.device, paired: true });
    await rig.server.stop();
    const settings = await rig.settings();
    expect(settings).toEqual({
      name: 'Haustür <script>alert(1)</script>',
      camera: choice.camera,
      ring: { bytes: 16 * 1024 * 1024, retentionS: 3_600 },
      console: { listen: 'this-machine', port: Number(new URL(rig.server.address.url).port) },
    });
    expect((await loadDeviceKey(new SystemDisk(), rig.folder))?.publicKey).toBe(rig.key.publicKey);
    const doorbell = await ConsoleRig.start({ home: {}, ...settings }, rig.folder);
    try {
      expect(doorbell.doorbell.id).toBe(rig.device);
      const owner = await doorbell.session(rig.ownerKey);
      expect((await owner.get('/api/v1/state')).json).toMatchObject({ name: settings.name, owners: 1 });
      expect(await owner.command({ action: 'press', button: 'front' })).toMatchObject({ outcome: 'command-done' });
      // The set-up is nowhere in it.
      for (const path of ['/api/v1/setup', '/api/v1/setup/cameras'])
        expect((await doorbell.call(path, { headers: { 'x-doorsill-setup': rig.token } })).status).toBe(404);
    } finally {
      await doorbell.stop(true);
    }
  });

  it('is written once, whoever sends it, and the set-up is over', async () => {
    const rig = await SetupRig.start();
    const choice = await rig.choice();
    const answers = await Promise.all(
      [1, 2, 3].map((one) => rig.post('/api/v1/setup', { ...choice, name: `Porch ${one}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.json['code']).toBe('setup_over');
    for (const call of [rig.post('/api/v1/setup', choice), rig.call('/api/v1/setup')])
      expect((await call).json['code']).toBe('setup_over');
  });

  it('is refused whole where a part is wrong, and can be mended', async () => {
    const rig = await SetupRig.start();
    const choice = await rig.choice();
    const owner = choice.owner ?? expect.fail();
    const stranger = generateSigningKey(new SystemRandom()).publicKey;
    const wrong: [object, string, words?: string][] = [
      [{ camera: 'file:/etc/passwd' }, 'setup_camera_foreign'],
      [{ camera: 'rtsp://' }, 'camera_unsupported'],
      [{ name: '   ' }, 'http_body_invalid'],
      [{ name: 'x'.repeat(61) }, 'http_body_invalid'],
      [{ more: 1 }, 'http_body_invalid'],
      [{ footage: { kind: 'file', bytes: 1e12, retentionS: 3_600 } }, 'ring_full_disk', rig.folder],
      [{ footage: { kind: 'file', bytes: 16 * 1024 * 1024, retentionS: 1 } }, 'http_body_invalid'],
      [{ owner: { ...owner, key: stranger } }, 'pairing_refused', 'does not prove the key'],
      [{ owner: { ...owner, name: 'Mallory' } }, 'pairing_refused'],
      [{ owner: { ...owner, challenge: 'A'.repeat(22) } }, 'pairing_refused'],
      [
        { broker: { url: 'mqtt://127.0.0.1:1', user: 'x', password: 'y', homeAssistant: false } },
        'setup_broker_refused',
        '127.0.0.1:1',
      ],
      [
        { broker: { url: 'http://127.0.0.1', user: 'x', password: 'y', homeAssistant: false } },
        'config_invalid',
        'device.json',
      ],
    ];
    for (const [change, code, words = ''] of wrong) {
      const { json } = await rig.post('/api/v1/setup', { ...choice, ...change });
      expect([change, json['code']]).toEqual([change, code]);
      expect(json['title']).toContain(words);
      expect(await rig.files(), code).toEqual([]);
    }
    expect((await rig.post('/api/v1/setup', choice)).status).toBe(200);
  });

  it('announces a name only on the home network, and keeps footage in memory where the disk has no room', async () => {
    const rig = await SetupRig.start({ listen: 'home-network' });
    const footage = { kind: 'memory' as const, bytes: 64 * 1024 * 1024, retentionS: 3_600 };
    await rig.post('/api/v1/setup', await rig.choice({ listen: 'home-network', announce: true, footage }));
    const settings = await rig.settings();
    expect(settings.console).toMatchObject({ listen: 'home-network', announce: { enabled: true } });
    expect(settings.ring).toEqual({ kind: 'memory', bytes: 64 * 1024 * 1024, retentionS: 3_600 });

    const alone = await SetupRig.start();
    const answer = await alone.post('/api/v1/setup', await alone.choice({ announce: true, owner: null }));
    expect(answer.json).toEqual({ device: alone.device, paired: false });
    expect((await alone.settings()).console).not.toHaveProperty('announce');
    expect(await ownersIn(alone)).toEqual([]);
  });

  it('leaves room on the disk, to the byte, for footage that is kept there', async () => {
    const rig = await SetupRig.start();
    const choice = await rig.choice({ owner: null });
    const { bytes } = choice.footage;
    let free = bytes + 199_999_999;
    Object.assign(rig.disk, { freeBytes: async () => free });
    expect((await rig.post('/api/v1/setup', choice)).json['code']).toBe('ring_full_disk');
    free += 1;
    expect((await rig.post('/api/v1/setup', choice)).status).toBe(200);

    const memory = await SetupRig.start();
    Object.assign(memory.disk, { freeBytes: async () => 0 });
    const footage = { kind: 'memory' as const, bytes, retentionS: 3_600 };
    expect((await memory.post('/api/v1/setup', await memory.choice({ footage }))).status).toBe(200);
  });

  it('leaves nothing where the owner cannot be recorded', async () => {
    const system = new SystemDisk();
    const full: SystemDisk = Object.create(system, {
      open: { value: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) },
    });
    const rig = await SetupRig.start({ disk: full });
    expect((await rig.post('/api/v1/setup', await rig.choice())).status).toBe(507);
    expect(await rig.files()).toEqual([]);
  });

  it('is whole or not there after a power cut at any write', { tags: ['long'], timeout: 60_000 }, async () => {
    const results = new Set<string>();
    for (let changes = 1; ; changes += 1) {
      let isThrough = false;
      for (const lastIsDone of [false, true]) {
        const disk = new DyingDisk(new SystemDisk());
        const rig = await SetupRig.start({ disk });
        const choice = await rig.choice();
        disk.dieAt(changes, lastIsDone);
        const { status } = await rig.post('/api/v1/setup', choice);
        isThrough = !disk.dead;
        const files = await rig.files();
        if (files.includes('device.json')) {
          parseDeviceConfig(await rig.settings(), 'device.json');
          // The ledger verifies, with the owner or without.
          const owners = await ownersIn(rig);
          if (status === 200) expect(owners).toEqual([rig.ownerKey.publicKey]);
          results.add(`settings, ${owners.length}`);
        } else {
          expect([status, files.includes('consent')]).toEqual([500, false]);
          results.add('nothing');
        }
      }
      if (isThrough) break;
    }
    expect([...results].sort()).toEqual(['nothing', 'settings, 0', 'settings, 1']);
  });
});

describe('a camera’s name', () => {
  const usb = { source: 'v4l2:/dev/v4l/by-id/usb-cam', label: 'cam', sizes: ['640x480', '1280x720'] };
  const offered: Offered = {
    cameras: [
      usb,
      { source: 'v4l2:/dev/video4?format=mjpeg', label: 'mjpeg', sizes: ['640x480'] },
      { source: 'file:v4l2:porch.mp4?audio=off', label: 'file', sizes: [] },
    ],
    microphones: ['cam', 'other'].map((label) => ({ device: `alsa:plughw:CARD=${label},DEV=0`, label })),
  };
  const named = (camera: string, size: string | null = null, microphone: string | null = null) =>
    cameraOf({ camera, size, microphone }, offered);

  it('has the chosen size and microphone', () => {
    expect(named(usb.source)).toBe(usb.source);
    expect(named(usb.source, '1280x720', 'alsa:plughw:CARD=cam,DEV=0')).toBe(
      `${usb.source}?size=1280x720&mic=alsa:plughw:CARD=cam,DEV=0`,
    );
    expect(named('v4l2:/dev/video4?format=mjpeg', '640x480')).toBe('v4l2:/dev/video4?format=mjpeg&size=640x480');
    expect(named('rtsp://user:pw@camera.lan/live')).toBe('rtsp://user:pw@camera.lan/live');
  });

  it('takes no microphone of a camera that is not wired', () => {
    expect(named('file:v4l2:porch.mp4?audio=off', null, 'alsa:plughw:CARD=cam,DEV=0')).toBe(
      'file:v4l2:porch.mp4?audio=off',
    );
  });

  it.each([
    [['file:/etc/passwd']],
    [[`${usb.source}?control.brightness=1`]],
    [[usb.source, '1920x1080']],
    [[usb.source, null, 'alsa:hw:0']],
    [[' rtsp://x']],
  ] as const)('%j is refused', (args) => {
    expect(() => named(...(args as unknown as Parameters<typeof named>))).toThrow(
      expect.objectContaining({ code: 'setup_camera_foreign' }),
    );
  });
});

describe('the settings', () => {
  const choice: SetupChoice = {
    ...{ name: 'Porch', camera: 'rpicam:', size: null, microphone: null, owner: null },
    footage: { kind: 'file', bytes: 1e9, retentionS: 3_600 },
    ...{ listen: 'home-network', announce: true },
    broker: { url: 'mqtt://hub.lan', user: 'porch', password: 'secret', homeAssistant: true },
  };

  it('name what was chosen, and nothing that is usual', () => {
    expect(settingsOf(choice, 'rpicam:?size=640x480', 8_480)).toEqual({
      name: 'Porch',
      camera: 'rpicam:?size=640x480',
      ring: { bytes: 1e9, retentionS: 3_600 },
      console: { listen: 'home-network', announce: { enabled: true } },
      home: { url: 'mqtt://hub.lan', user: 'porch', password: 'secret' },
      homeAssistant: { enabled: true },
    });
  });

  it('name another port, and no Home Assistant that was not asked for', () => {
    const broker = { url: 'mqtt://hub.lan', user: 'porch', password: 'secret', homeAssistant: false };
    const settings = settingsOf({ ...choice, broker, announce: false }, 'rpicam:', 8_481);
    expect(settings.console).toEqual({ listen: 'home-network', port: 8_481 });
    expect(settings).not.toHaveProperty('homeAssistant');
  });

  it('are written where there are none, and never replaced', async () => {
    const rig = await SetupRig.start();
    const seams = { disk: rig.disk, random: new SystemRandom() };
    const settings = settingsOf({ ...choice, broker: null }, 'rpicam:', 8_480);
    const { file, device } = await writeFirstSettings(seams, rig.folder, settings, rig.key);
    expect(device).toBe(rig.device);
    await expect(writeFirstSettings(seams, rig.folder, settings)).rejects.toThrow(
      expect.objectContaining({ code: 'settings_exist', message: expect.stringContaining(file) }),
    );
    expect(await rig.settings()).toEqual(settings);
  });
});
