// Finds the cameras and microphones of this machine, by the names under which a doorbell records them. It opens each camera only to list its
// formats.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { DriverContext } from './source-interfaces.ts';
import { rpicamList } from './source-rpicam.ts';
import { machineNodes } from './source-v4l2.ts';
import { isListed, parseFormats, printSizes } from './v4l2-formats.ts';
import { listingArgs } from './wired-input-arguments.ts';

/** A camera that a doorbell could have. */
export interface FoundCamera {
  /** Its name in the settings, without options. */
  source: string;
  /** Its maker's name for it. */
  label: string;
  /** Sizes that it offers, such as `1280x720`, smallest first; empty where they are not known. */
  sizes: string[];
}

/** A sound card's input. */
export interface FoundMicrophone {
  /** The value of the option `mic`. */
  device: string;
  label: string;
}

/** Where Linux describes devices; absent: /dev and /sys and /proc of this machine. */
export interface Machine {
  dev: string;
  sysfs: string;
  proc: string;
}

const THIS_MACHINE: Machine = { dev: '/dev', sysfs: '/sys', proc: '/proc' };

const CAMERAS_MAX = 12;
const LISTING_MS_MAX = 10_000;
const LISTING_LINES_MAX = 400;
const LABEL_LETTERS_MAX = 80;

/**
 * Names of nodes that are parts of a processor's video pipeline: decoders, encoders, image processors, and the raw input of a Pi's camera
 * module, which rpicam-vid reads.
 */
const PIPELINE = /^(bcm2835-|rpi-|rpivid|pispbe|rp1-cfe|unicam|hantro|rkvdec|rockchip|meson-vdec|cedrus)/;

/** The cameras that are connected now: V4L2 cameras, then camera modules of a Raspberry Pi. */
export async function findCameras(context: DriverContext, machine = THIS_MACHINE): Promise<FoundCamera[]> {
  const found = [...(await v4l2Cameras(context, machine)), ...(await rpicamCameras(context))];
  return found.slice(0, CAMERAS_MAX);
}

async function v4l2Cameras(context: DriverContext, { dev, sysfs }: Machine): Promise<FoundCamera[]> {
  const names = (await readdir(dev).catch(() => []))
    .filter((name) => /^video\d{1,3}$/.test(name))
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  const lasting = new Map([...(await machineNodes.byId())].map(([path, node]) => [node, path]));
  const cameras: FoundCamera[] = [];
  for (const name of names) {
    const label = (await textOf(join(sysfs, 'class/video4linux', name, 'name'))) ?? name;
    if (PIPELINE.test(label)) continue;
    const node = join(dev, name);
    const sizes = await sizesOf(node, context);
    if (sizes === null) continue;
    const path = lasting.get(node);
    cameras.push({ source: `v4l2:${path ?? node}`, label: label.slice(0, LABEL_LETTERS_MAX), sizes });
  }
  return cameras;
}

/** The sizes that a node offers; null where it is no camera. One that is busy or may not be opened is a camera: trying it says why. */
async function sizesOf(node: string, { ffmpeg, clock }: DriverContext): Promise<string[] | null> {
  const lines: string[] = [];
  // ffmpeg ends with an error after listing.
  await runFfmpeg(ffmpeg, {
    doing: 'asking the camera for its formats',
    args: listingArgs(node),
    onLine: (line) => void (lines.length < LISTING_LINES_MAX && lines.push(line)),
    stdoutBytesMax: 0,
    timeoutMs: LISTING_MS_MAX,
    clock,
  }).catch(() => undefined);
  if (lines.some(isListed)) return printSizes(parseFormats(lines));
  return lines.some((line) => /resource busy|Permission denied|Operation not permitted/.test(line)) ? [] : null;
}

async function rpicamCameras(context: DriverContext): Promise<FoundCamera[]> {
  const lines = await rpicamList(context);
  return lines.map(({ number, label }) => ({
    source: `rpicam:${number}`,
    label: label.slice(0, LABEL_LETTERS_MAX),
    sizes: ['640x480', '1280x720', '1920x1080'],
  }));
}

/** The microphones that are connected now, by ALSA's names that convert what they are asked for (plughw). */
export async function findMicrophones({ proc } = THIS_MACHINE): Promise<FoundMicrophone[]> {
  const cards = await readdir(join(proc, 'asound')).catch(() => []);
  const found: FoundMicrophone[] = [];
  for (const card of cards.filter((name) => /^card\d{1,2}$/.test(name)).sort()) {
    const id = await textOf(join(proc, 'asound', card, 'id'));
    if (id === null || !/^\w{1,40}$/.test(id)) continue;
    for (const pcm of await readdir(join(proc, 'asound', card)).catch(() => [])) {
      const number = /^pcm(\d{1,2})c$/.exec(pcm)?.[1];
      if (number === undefined) continue;
      const info = (await textOf(join(proc, 'asound', card, pcm, 'info'))) ?? '';
      const label = /^name: (.{1,80})$/m.exec(info)?.[1] ?? id;
      found.push({ device: `alsa:plughw:CARD=${id},DEV=${number}`, label: `${label} (${id})` });
    }
  }
  return found.slice(0, CAMERAS_MAX);
}

const textOf = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
