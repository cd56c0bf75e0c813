// Owns: taking a camera of this machine away and giving it back: its driver unbound and bound, or the feeder of a software camera.
// Not here: what must come of it (check-camera.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a proof throws that cannot be led here; its message says why. */
export class Skip extends Error {}

/** Where the kernel tells of a camera. */
export const entry = (node) => `/sys/class/video4linux/${basename(realpathSync(node))}`;

/** Whether a camera is what somebody feeds it. */
export const isLoopback = (node) =>
  realpathSync(entry(node)).startsWith('/sys/devices/virtual/') && existsSync('/sys/module/v4l2loopback');

/** Makes a v4l2loopback a camera that sends Motion JPEG. */
export class Feeder {
  /** `picture`: size, and frames a second. */
  constructor(node, picture) {
    this.node = node;
    this.picture = picture;
    this.child = null;
  }

  async start() {
    const picture = `testsrc2=size=${this.picture.size}:rate=${this.picture.rate}`;
    this.child = spawn(
      process.env.FFMPEG_PATH ?? 'ffmpeg',
      [
        '-nostdin',
        '-loglevel',
        'error',
        '-re',
        '-f',
        'lavfi',
        '-i',
        picture,
        '-c:v',
        'mjpeg',
        '-q:v',
        '5',
        '-pix_fmt',
        'yuvj420p',
        '-f',
        'v4l2',
        this.node,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.gone = new Promise((resolve) => this.child.on('close', resolve));
    const format = () => spawnSync('v4l2-ctl', ['-d', this.node, '--get-fmt-video'], { encoding: 'utf8' }).stdout ?? '';
    for (let tries = 0; tries < 120 && !format().includes('MJPG'); tries += 1) await sleep(1_000);
    if (!format().includes('MJPG')) throw new Error(`${this.node} could not be fed`);
  }

  async stop() {
    this.child?.kill('SIGKILL');
    await this.gone;
    this.child = null;
  }
}

/** How a camera is taken away and given back here. Throws `Skip` where it cannot be. */
export function plugOf(camera, feeder) {
  if (feeder) return { how: 'its feeder stopped', unplug: () => feeder.stop(), replug: () => feeder.start() };
  if (camera.startsWith('rpicam')) throw new Skip('a camera module is not unplugged while it runs');
  const device = join(entry(camera), 'device');
  const driver = join(device, 'driver');
  if (!existsSync(driver)) throw new Skip('its driver cannot be unbound');
  if (process.getuid() !== 0) throw new Skip('unbinding a driver takes root');
  const [folder, name] = [realpathSync(driver), basename(realpathSync(device))];
  return {
    how: `unbound from ${basename(folder)}`,
    unplug: () => writeFileSync(join(folder, 'unbind'), name),
    replug: () => writeFileSync(join(folder, 'bind'), name),
  };
}
