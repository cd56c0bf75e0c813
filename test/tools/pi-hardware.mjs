// What `npm run check:pi` shows of a board's hardware: buttons, lights, the speaker, a firmware that slows the board down.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import {
  DATA,
  ensure,
  isContainer,
  isRecording,
  notHere,
  prove,
  ran,
  run,
  shell,
  status,
  troubles,
  until,
  withOwnSettings,
  withSettings,
  written,
} from './pi-board.mjs';

/** What a Pi's firmware is asked by; a script of ours stands in for it. */
export const FIRMWARE_COMMAND = '/usr/local/bin/vcgencmd';

/** Has whoever runs the board press its power button, which is line 3 of its GPIO chip, until `come` says that it has had its effect. */
export async function pressed(what, come) {
  await until(what, () => {
    console.log('PI-PRESS');
    return come();
  });
}

/** The chime of these proofs leaves this file. */
const RUNG = `${DATA}/rung`;
const chime = { command: ['touch', RUNG] };
const LAMP = { kind: 'gpio', line: 5 };
export const GATE = { kind: 'gpio', name: 'gate', line: 3, pull: 'none', activeLow: false };

export function gpioChip() {
  if (isContainer || !existsSync('/dev/gpiochip0')) throw notHere('there is no GPIO chip');
  // Else systemd ends the board at a press of its power button.
  shell('systemctl mask --runtime --now systemd-logind');
}

/** The input device of the kernel's driver for keys on GPIO lines. */
function gpioKeys() {
  shell('modprobe gpio_keys');
  const event = readdirSync('/sys/class/input').find(
    (name) =>
      /^event\d+$/.test(name) && readFileSync(`/sys/class/input/${name}/device/name`, 'utf8').trim() === 'gpio-keys',
  );
  return event === undefined ? null : `/dev/input/${event}`;
}

async function evdevButton() {
  gpioChip();
  const device = gpioKeys();
  if (device === null) throw notHere('the kernel has no driver for keys on GPIO lines');
  await withSettings({ buttons: [{ kind: 'evdev', name: 'gate', device, keys: [116] }], chime });
  rmSync(RUNG, { force: true });
  await pressed('the chime after a key', () => existsSync(RUNG));
  return `${device}: a key, and the chime`;
}

/** First the kernel's driver has the line; then that lets it go. */
async function gpioButton() {
  gpioChip();
  const isTaken = gpioKeys() !== null;
  await withSettings({ buttons: [GATE], chime, lights: { recording: LAMP } });
  if (isTaken) {
    await until('a line that is taken', () => troubles('button').some(({ code }) => code === 'gpio_line_taken'));
    ran('modprobe -r', run('modprobe', ['-r', 'gpio_keys']));
  }
  await until('a button that works', () => troubles('button').length === 0);
  rmSync(RUNG, { force: true });
  await pressed('the chime after a press of 100 ms', () => existsSync(RUNG));
  return `a press of 100 ms on a real line${isTaken ? ', once the kernel’s driver had let it go' : ''}`;
}

/** In the run of the GPIO button. */
async function lights() {
  gpioChip();
  shell('mount -t debugfs debugfs /sys/kernel/debug');
  const held = /\(\s*\|gpioset\s*\) (out \w+)/;
  await until('a lit lamp', () => held.exec(readFileSync('/sys/kernel/debug/gpio', 'utf8'))?.[1] === 'out hi');
  return `line ${LAMP.line} is high while it records`;
}

const DING = ['-f', 'lavfi', '-i', 'sine=880:duration=2'];

/** A speaker of the kernel's that is heard at its other end; then that is pulled out. */
async function speaker() {
  gpioChip();
  if (run('modprobe', ['snd-aloop']).status !== 0) throw notHere('the kernel has no snd-aloop');
  run('modprobe', ['-r', 'gpio_keys']);
  const card = 'plughw:Loopback,0';
  const hasAplay = shell('command -v aplay').status === 0;
  const wav = `${DATA}/ding.wav`;
  if (hasAplay) ran('ffmpeg', shell(`ffmpeg -loglevel error -y ${DING.join(' ')} ${wav} && chmod 644 ${wav}`));
  const command = hasAplay
    ? ['aplay', '-q', '-D', card, wav]
    : ['ffmpeg', '-nostdin', '-loglevel', 'error', ...DING, '-f', 'alsa', card];
  await withSettings({ buttons: [GATE], chime: { command, timeoutS: 60 } });
  const ear = [
    '-nostdin',
    '-f',
    'alsa',
    '-i',
    'plughw:Loopback,1',
    '-af',
    'volumedetect',
    '-t',
    '30',
    '-f',
    'null',
    '-',
  ];
  const listening = spawn('ffmpeg', ear, { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  listening.stderr.on('data', (chunk) => (words += chunk));
  const ended = new Promise((resolve) => listening.once('close', resolve));
  await pressed('the end of listening', () => listening.exitCode !== null);
  await ended;
  const loudest = Number(/max_volume: (-?[\d.]+) dB/.exec(words)?.[1] ?? Number.NaN);
  ensure(loudest > -40, `the loudest that was heard is ${loudest} dB: ${words.slice(-300)}`);
  await until('a card that can be pulled', () => run('modprobe', ['-r', 'snd-aloop']).status === 0);
  await pressed('a chime that is told to be silent', () => troubles('chime').length > 0);
  ensure(isRecording(), 'it does not record any more');
  return `${loudest} dB at the other end by ${command[0]}; a card that is gone is told, and it records on`;
}

/** A firmware that says so stands in for heat. */
async function slowed(camera) {
  if (!existsSync('/sys/firmware/devicetree/base/model')) throw notHere('the machine has no device tree');
  written(FIRMWARE_COMMAND, '#!/bin/sh\necho throttled=0x50004\n', 0o755);
  // Twice as many pictures as elsewhere: no camera is asked for fewer than five a second.
  await withSettings(camera === null ? {} : { camera: camera.replace('rate=5', 'rate=10') });
  await until('a slowed board', () => troubles('board').some(({ code }) => code === 'board_slowed'));
  if (camera !== null) await until('a lower rate', () => status().health?.camera.code === 'camera_rate_lowered');
  rmSync(FIRMWARE_COMMAND);
  return camera === null ? 'told; no camera whose rate could be lowered' : 'told, and the camera’s rate was lowered';
}

export async function hardware(camera) {
  await prove('evdev', evdevButton);
  await prove('gpio', gpioButton);
  await prove('lights', lights);
  await prove('speaker', speaker);
  await prove('slowed', () => slowed(camera));
  await withOwnSettings();
}
