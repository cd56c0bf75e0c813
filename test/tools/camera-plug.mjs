// Simulating unplug and replug of a camera: unbinding and binding its driver, or stopping and starting a loopback's feeder.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown by a proof that cannot run on this machine; its message says why. */
export class Skip extends Error {}

/** A camera's folder in sysfs. */
export const entry = (node) => `/sys/class/video4linux/${basename(realpathSync(node))}`;

/** Whether a camera is a v4l2loopback device, which shows what a program feeds it. */
export const isLoopback = (node) =>
  realpathSync(entry(node)).startsWith('/sys/devices/virtual/') && existsSync('/sys/module/v4l2loopback');

/** Makes a v4l2loopback a camera that sends Motion JPEG. */
export class Feeder {
  /** `picture`: size, and frames a second. */
  constructor(node, picture) {
    this.node = node;
    this.picture = picture;
    this.child = null;
    this.gone = Promise.resolve();
  }

  /** Resolves when the camera sends. A program that has the camera open can block the feeder, so feeding is retried. */
  async start() {
    const format = () => spawnSync('v4l2-ctl', ['-d', this.node, '--get-fmt-video'], { encoding: 'utf8' }).stdout ?? '';
    for (let tries = 0; tries < 120; tries += 1) {
      if (!this.child) this.feed();
      await sleep(1_000);
      if (this.child && format().includes('MJPG')) return;
    }
    throw new Error(`${this.node} could not be fed`);
  }

  /** Starts the feeder process; `child` is null again once it has ended. */
  feed() {
    const picture = `testsrc2=size=${this.picture.size}:rate=${this.picture.rate}`;
    const args = ['-nostdin', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', picture];
    args.push('-c:v', 'mjpeg', '-q:v', '5', '-pix_fmt', 'yuvj420p', '-f', 'v4l2', this.node);
    const child = spawn(process.env.FFMPEG_PATH ?? 'ffmpeg', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.child = child;
    this.gone = new Promise((resolve) => {
      child.on('close', () => {
        if (this.child === child) this.child = null;
        resolve();
      });
    });
  }

  async stop() {
    this.child?.kill('SIGKILL');
    await this.gone;
    this.child = null;
  }
}

/** How a camera is unplugged and replugged here. Throws `Skip` where it cannot be. */
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
