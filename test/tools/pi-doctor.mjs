// Ten faults of a Pi that `npm run check:pi` plants, one after the other, and that the doctor is to find.
import { createSocket } from 'node:dgram';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { DATA, diagnose, ensure, isContainer, notHere, shell, systemctl, UNIT, written } from './pi-board.mjs';
import { FIRMWARE_COMMAND } from './pi-hardware.mjs';

const config = '/boot/firmware/config.txt';
const dropIn = `/etc/systemd/system/${UNIT}.d/broken.conf`;

/** Each fault: how it is planted and mended, what the doctor calls it, and a word of the fix. */
const FAULTS = {
  'wrong group for video': {
    plant: () => written('/dev/video9', '', 0o600),
    mend: () => rmSync('/dev/video9'),
    what: 'rights',
    fix: /device install/,
  },
  'no ffmpeg': { environment: { FFMPEG_PATH: '/no/such/ffmpeg' }, what: 'ffmpeg', fix: /ffmpeg/ },
  'full card': {
    plant: () => {
      mkdirSync('/mnt/doorsill', { recursive: true });
      shell('mount -t tmpfs -o size=8M tmpfs /mnt/doorsill');
    },
    mend: () => shell('umount /mnt/doorsill'),
    data: '/mnt/doorsill',
    what: 'disk',
    fix: /Free some space/,
  },
  'no time': {
    plant: () => {
      if (isContainer) throw notHere('its clock is another machine’s');
      shell('date -s @86400');
    },
    mend: (nowS) => shell(`date -s @${nowS}`),
    what: 'clock',
    fix: /timedatectl/,
  },
  throttled: {
    plant: () => written(FIRMWARE_COMMAND, '#!/bin/sh\necho throttled=0x50005\n', 0o755),
    mend: () => rmSync(FIRMWARE_COMMAND),
    what: 'power',
    fix: /power supply/,
  },
  'read-only root': {
    // The journal writes to the root all the time, so the kernel keeps it writable: the doctor has a view of its own.
    within: [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'mount --rbind / /mnt && mount -o remount,ro,bind /mnt && exec chroot /mnt "$@"',
      'sh',
    ],
    what: 'root',
    also: ['disk'],
    fix: /remount,rw/,
  },
  'wrong overlay for the camera': {
    plant: () => written(config, 'dtoverlay=imx708\n'),
    mend: () => rmSync(config),
    what: 'overlay',
    fix: /camera_auto_detect=1/,
  },
  'taken port': { plant: takePort, mend: (_nowS, server) => server.close(), what: 'page', fix: /ss -tlnp/ },
  'dead mDNS': { plant: takeMdns, mend: (_nowS, socket) => socket.close(), what: 'name', fix: /disallow-other-stacks/ },
  'broken unit': {
    plant: () => {
      written(dropIn, '[Service]\nExecStart=\n');
      systemctl('daemon-reload');
    },
    mend: () => {
      rmSync(dropIn);
      systemctl('daemon-reload');
    },
    what: 'service',
    fix: /device install/,
  },
};

async function takePort() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(8_480, resolve);
  });
  return server;
}

/** As a program does that lets no other one announce. */
async function takeMdns() {
  const socket = createSocket('udp4');
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(5_353, resolve);
  });
  return socket;
}

/** The service is stopped: a doorbell that runs holds its port and reports itself. */
export async function doctor() {
  const before = diagnose(DATA, {}).map(({ what }) => what);
  const found = [];
  const open = [];
  for (const [name, { plant, mend, data = DATA, environment = {}, within, what, also = [], fix }] of Object.entries(
    FAULTS,
  )) {
    const nowS = Math.floor(Date.now() / 1_000);
    try {
      const planted = await plant?.();
      const faults = diagnose(data, environment, within).filter((fault) => !before.includes(fault.what));
      await mend?.(nowS, planted);
      const [fault, ...others] = faults.filter((one) => !also.includes(one.what));
      ensure(
        fault?.what === what && others.length === 0,
        `${name}: it found ${faults.map((one) => `${one.what} (${one.detail})`).join(', ') || 'nothing'}`,
      );
      ensure(fix.test(fault.advice), `${name}: its advice is ${fault.advice}`);
      found.push(name);
    } catch (thrown) {
      if (!thrown.isOpen) throw thrown;
      open.push(`${name} (${thrown.message})`);
    }
  }
  const figure = `${found.length} of ${Object.keys(FAULTS).length}`;
  if (open.length > 0) throw notHere(`${figure}; not ${open.join(', ')}`);
  return figure;
}
