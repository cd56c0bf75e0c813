// Running Debian's `motion` over a file and reading from its log which events it makes.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { open, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ReplayedEvent } from '../../../sim/truth/match-events.ts';
import { CLIP_FPS, type LabelledClip } from './labelled-clips.ts';

/** What an event needs to end, in whole seconds: by default 60, which would make one event of each clip. Ours takes 1.5 s. */
const GAP_S = 2;
/** How much longer than the clip motion may take to play it: where it takes longer, the machine is too busy and it has lost pictures. */
const SLOWER_MOST = 1.06;
const START_S = 1.5;
const TRIES = 2;

/**
 * The values of Debian's motion.conf for what is detected (and motion's own defaults for what that leaves out), with nothing written but
 * the log, and the file played at its own pace: by default motion plays it at a picture a second more than `framerate`.
 */
function config(path: string, log: string, folder: string, { size }: LabelledClip, mask: string | null): string {
  return [
    ...['daemon off', 'setup_mode off', 'log_level 7', `log_file ${log}`, `target_dir ${folder}`],
    ...['threshold 1500', 'despeckle_filter EedDl', 'minimum_motion_frames 1', `event_gap ${GAP_S}`],
    ...[`framerate ${CLIP_FPS}`, `netcam_url file://${path}`, `netcam_params capture_rate=${CLIP_FPS}`],
    ...[`width ${size[0]}`, `height ${size[1]}`, 'picture_output off', 'movie_output off'],
    ...['webcontrol_port 0', 'stream_port 0', ...(mask === null ? [] : [`mask_file ${mask}`])],
  ].join('\n');
}

/** The version that is installed; null where none is. */
export async function motionVersion(): Promise<string | null> {
  const { stdout } = await promisify(execFile)('motion', ['-h']).catch((thrown: { stdout?: string }) => ({
    stdout: thrown.stdout ?? '',
  }));
  return /^motion Version ([\w.]+)/m.exec(stdout)?.[1] ?? null;
}

/** The events that motion makes of a file of the clip, timed when it tells of them; null when the machine was too busy for it. */
export async function motionEvents(clip: LabelledClip, path: string, folder: string): Promise<ReplayedEvent[] | null> {
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const played = await play(clip, path, folder);
    if (played.lengthS <= (clip.truth.durationUs / 1e6) * SLOWER_MOST + START_S) return played.events;
  }
  return null;
}

async function play(
  clip: LabelledClip,
  path: string,
  folder: string,
): Promise<{ events: ReplayedEvent[]; lengthS: number }> {
  const log = `${path}.log`;
  const mask = clip.zone === undefined ? null : `${path}.pgm`;
  if (mask !== null) await writeFile(mask, maskOf(clip));
  await rm(log, { force: true });
  await writeFile(`${path}.conf`, config(path, log, folder, clip, mask));
  const child = spawn('motion', ['-n', '-c', `${path}.conf`], { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done).once('error', done));
  try {
    return await follow(child, log, clip.truth.durationUs / 1e6);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

/** Reads the log while it grows: its own times are whole seconds. It plays the file over and over: the first time counts. */
async function follow(child: ChildProcess, log: string, durationS: number) {
  const found: { startS: number; endS: number | null }[] = [];
  let connectedMs: number | null = null;
  let position = 0;
  const giveUpMs = performance.now() + (3 * durationS + 30) * 1_000;
  while (child.exitCode === null && performance.now() < giveUpMs) {
    await delay(10);
    const text = await readFrom(log, position);
    const nowMs = performance.now();
    position += Buffer.byteLength(text);
    for (const line of text.split('\n')) {
      const atS: number = connectedMs === null ? 0 : (nowMs - connectedMs) / 1_000;
      if (connectedMs === null && line.includes(') connected')) connectedMs = nowMs;
      else if (line.includes('starting event')) found.push({ startS: atS, endS: null });
      else if (line.includes('End of event'))
        found.splice(-1, 1, { startS: found.at(-1)?.startS ?? 0, endS: atS - GAP_S });
      else if (line.includes('End of file')) return { events: inFootageTime(found, durationS / atS), lengthS: atS };
    }
  }
  throw new Error(`motion did not play to the end: see ${log}`);
}

/** It plays a little slower or faster than time passes. */
function inFootageTime(found: readonly { startS: number; endS: number | null }[], scale: number): ReplayedEvent[] {
  const us = (seconds: number) => Math.round(seconds * scale * 1e6);
  return found.map(({ startS, endS }) => ({
    event: 'motion',
    startUs: us(startS),
    endUs: endS === null ? null : us(Math.max(startS, endS)),
  }));
}

/** The whole lines of a file from a position on; none when it is not there yet. */
async function readFrom(path: string, position: number): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - position)), 0, null, position);
    const text = buffer.toString('utf8', 0, bytesRead);
    return text.slice(0, text.lastIndexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

/** The clip's zone as the picture that motion takes for a mask: white where motion counts. */
function maskOf({ size: [width, height], zone }: LabelledClip): Buffer {
  if (zone === undefined) throw new Error('a mask is of a zone');
  const isIn = (at: number, length: number, from: number, extent: number) =>
    at / length >= from / 10_000 && at / length < (from + extent) / 10_000;
  const pixels = Buffer.alloc(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (isIn(x, width, zone.left, zone.width) && isIn(y, height, zone.top, zone.height)) pixels[y * width + x] = 255;
    }
  }
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), pixels]);
}
