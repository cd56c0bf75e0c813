// Installs a doorbell on the emulated board by the commands of docs/raspberry-pi.md, which check-pi.mjs reads.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { doorsill, ensure, isContainer, ran, run, shell, status, until } from './pi-board.mjs';

/** Debian's user without rights. */
const NOBODY = 65_534;
const MODULES = '/opt/doorsill/node_modules';

export function compilesNothing() {
  symlinkSync(`${MODULES}/@doorsill/device/cli/doorsill-device.mjs`, '/usr/local/bin/doorsill-device');
  for (const name of ['better-sqlite3', 'better-sqlite3-v12', 'aedes', 'doorsill'])
    ensure(!existsSync(`${MODULES}/${name}`), `${name} is there, which no board needs`);
  const node = ran('node', run('node', ['--version'])).trim();
  const version = ran('doorsill-device --version', doorsill('--version')).trim();
  return `doorsill-device ${version} on node ${node}, ${process.arch}, without database driver, broker and simulator`;
}

/** The camera of the kernel's test driver; null where there is none. */
export function testCamera() {
  if (isContainer) return null;
  run('modprobe', ['vivid', 'n_devs=1', 'node_types=0x1']);
  return existsSync('/dev/video0') ? '/dev/video0?size=640x360&rate=5' : null;
}

/** What a board without a camera films: moving pictures in a file, which every user can read. */
export function recordedCamera() {
  const file = '/opt/doorsill-door.mp4';
  const pictures = 'testsrc2=size=640x360:rate=15:duration=20,format=yuv420p';
  ran('ffmpeg', run('ffmpeg', ['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', pictures, file]));
  return `file:${file}`;
}

/** A command of the page as it is run here: as root already, no packages from a network. The service is installed as without the package. */
function here(command) {
  if (/^sudo apt-get install .*\/doorsill-device_/.test(command)) return 'doorsill-device install';
  if (/^sudo (apt-get|npm) install/.test(command)) return null;
  return command.replaceAll(/\bsudo /g, '');
}

/** One call of the set-up page, as its browser makes it. */
function call(url, headers, path, body) {
  const { request } = url.protocol === 'https:' ? https : http;
  const more = body === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const options = { method: body === undefined ? 'GET' : 'POST', headers: { ...headers, ...more } };
    const sent = request(new URL(path, url), { ...options, rejectUnauthorized: false }, (answer) => {
      let text = '';
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('end', () => {
        ensure(answer.statusCode === 200, `${path} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
        const cookie = answer.headers['set-cookie']?.[0].split(';')[0];
        resolve({ answer: JSON.parse(text), cookie });
      });
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The user of an ffmpeg that runs, as a number; undefined without one. */
function ownerOfFfmpeg() {
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${id}/comm`, 'utf8').trim() === 'ffmpeg') return statSync(`/proc/${id}`).uid;
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Sets the doorbell up as a phone does. A board without a network takes a browser of its own, which cannot be an owner afterwards. */
export async function setUp(camera) {
  const isOnNetwork = Object.values(networkInterfaces())
    .flat()
    .some(({ family, internal }) => family === 'IPv4' && !internal);
  const where = isOnNetwork ? [] : ['--console', 'this-machine'];
  const command = spawn('doorsill-device', ['setup', '--json', '--camera', camera, ...where], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  command.stderr.on('data', (part) => {
    said += part;
  });
  const lines = createInterface({ input: command.stdout })[Symbol.asyncIterator]();
  const { value = '' } = await lines.next();
  ensure(value.startsWith('{'), `setup said ${value} ${said}`);
  const url = new URL(JSON.parse(value).pairingUrl);
  const headers = { 'x-doorsill-setup': new URLSearchParams(url.hash.slice(1)).get('setup') };
  const { answer: facts, cookie } = await call(url, headers, '/api/v1/setup');
  headers.cookie = cookie;
  await call(url, headers, '/api/v1/setup/cameras');
  const view = { camera, size: null, microphone: null };
  const filming = call(url, headers, '/api/v1/setup/pictures', view);
  const owner = await until('an ffmpeg that films', ownerOfFfmpeg);
  ensure(owner === NOBODY, `ffmpeg films as user ${owner}`);
  const { answer: picture } = await filming;
  ensure(Buffer.from(picture.jpeg, 'base64url')[0] === 0xff, 'there is no picture');
  const pair = generateKeyPairSync('ed25519');
  const key = pair.publicKey.export({ format: 'jwk' }).x;
  const { device, challenge } = facts;
  const name = 'a program';
  const signed = Buffer.from(`doorsill-pair\n${device}\n${challenge}\n${key}\n${name}`);
  const proof = sign(null, signed, pair.privateKey).toString('base64url');
  await call(url, headers, '/api/v1/setup', {
    ...{ name: 'Front door', ...view, listen: 'home-network', announce: true, broker: null },
    footage: { kind: 'file', bytes: 268_435_456, retentionS: 86_400 },
    owner: isOnNetwork ? { key, name, challenge, proof } : null,
  });
  const [ended] = await once(command, 'close');
  ensure(ended === 0, `setup ended with ${ended}: ${said.slice(-400)}`);
  const owners = status().health?.owners;
  ensure(owners === (isOnNetwork ? 1 : 0), `the doorbell has ${owners} owners`);
  ensure(JSON.parse(doorsill('setup', '--json').stderr).error.code === 'settings_exist', 'it may be set up again');
}

export async function documented(commands, camera) {
  mkdirSync('/root/porch', { recursive: true });
  const done = [];
  for (const command of commands) {
    const line = here(command);
    if (line === null) continue;
    if (line === 'doorsill-device setup') await setUp(camera);
    // A slow board's doorbell has started before its camera has.
    else if (line === 'doorsill-device status') await until(line, () => shell(line).status === 0);
    else ran(command, shell(`cd /root/porch && ${line}`));
    done.push(command);
  }
  ensure(done.length >= 3, `docs/raspberry-pi.md has ${done.length} commands to run`);
  return `${done.length} commands of ${commands.length}, with \`install\` instead of the package and a program instead of the phone`;
}

/** What an install wrote. */
export const installFiles = () =>
  ['/etc/systemd/system', '/etc/sysusers.d', '/etc/udev/rules.d', '/etc/systemd/system.conf.d'].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).filter((name) => name.includes('doorsill')) : [],
  );
