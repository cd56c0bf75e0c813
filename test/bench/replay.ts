// How fast footage is replayed, with ring and motion, beside ffmpeg that only decodes it, or encodes it the same way; and how soon a replay
// records and tells of what it saw.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { captureCommand, FRAGMENT_ARGS } from '../../device/camera/ffmpeg-capture-command.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { compare, median, type Row, type Run, timed } from './measure.ts';

const run = promisify(execFile);
/** The built command line, as a user's `npx doorsill` runs it. */
const DOORSILL = join(import.meta.dirname, '../../sim/dist/cli/entry.js');
const SECONDS = 180;
const EARLY_TRIES = 9;

/** What is replayed: sizes and rates as cameras have them, with a sensor's noise. */
const SOURCES = [
  { name: '720p15 H.264', size: '1280x720', fps: 15, codec: ['-c:v', 'libx264', '-preset', 'superfast', '-bf', '0'] },
  { name: '1080p30 H.264', size: '1920x1080', fps: 30, codec: ['-c:v', 'libx264', '-preset', 'superfast', '-bf', '0'] },
  { name: '720p15 MPEG-4, encoded anew', size: '1280x720', fps: 15, codec: ['-c:v', 'mpeg4', '-q:v', '5'] },
] as const;

export async function replayRows({ folder, pairs }: Run): Promise<Row[]> {
  const ffmpeg = await findFfmpeg();
  const rows: Row[] = [];
  for (const { name, size, fps, codec } of SOURCES) {
    const isCopied = name.endsWith('H.264');
    const path = join(folder, isCopied ? `${size}.mp4` : `${size}.avi`);
    const picture = `testsrc2=s=${size}:r=${fps}:d=${SECONDS}`;
    await run(ffmpeg.path, [
      ...['-v', 'error', '-y', '-f', 'lavfi', '-i', picture, '-vf', 'noise=alls=6:allf=t,format=yuv420p'],
      ...[...codec, '-g', String(fps), '-b:v', '2M', path],
    ]);
    const ours = timed(() => run(process.execPath, [DOORSILL, 'replay', path, '--json']));
    const decode = ['-v', 'error', '-i', path, '-f', 'null', '-'];
    const bare = timed(() => run(ffmpeg.path, isCopied ? decode : encoding(path, ffmpeg, folder)));
    const { work, baseline, ratio } = await compare(pairs, ours, bare);
    const speed = (ms: number) => `${(SECONDS / (ms / 1_000)).toFixed(0)} times as fast as shot`;
    rows.push({
      group: 'replay',
      what: `Replay: ${name}, whole command, ring and motion`,
      ours: speed(work),
      baseline: `${speed(baseline)}, ffmpeg ${isCopied ? '-f null' : 'that encodes the same'}`,
      figure: 1 / ratio,
      unit: 'x',
      target: { least: 0.8 },
    });
  }
  return [...rows, ...(await earlyRows(folder, ffmpeg.path))];
}

/** What our capture has ffmpeg do with a source that it cannot copy, without the pictures for motion. */
function encoding(path: string, ffmpeg: Awaited<ReturnType<typeof findFfmpeg>>, folder: string): string[] {
  const plan = { video: 'encode', audio: 'none', videoStream: '0:v:0', audioStream: '' } as const;
  const [output] = captureCommand([], plan, { ...ffmpeg, encoderThreads: 1 }, 'libx264').outputs;
  const options = output?.options.slice(0, -FRAGMENT_ARGS.length) ?? [];
  return ['-v', 'error', '-y', '-i', path, ...options, join(folder, 'encoded.mp4')];
}

/** Somebody comes in after a second: how long it takes from the command until it is printed. */
async function earlyRows(folder: string, ffmpeg: string): Promise<Row[]> {
  const path = join(folder, 'early.mp4');
  const somebody = "[0][1]overlay=x='200+60*t':y=200:enable='gte(t,1)',noise=alls=4:allf=t,format=yuv420p";
  await run(ffmpeg, [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', 'color=gray:s=1280x720:r=15:d=8'],
    ...['-f', 'lavfi', '-i', 'color=white:s=140x320:r=15:d=8', '-filter_complex', somebody],
    ...['-c:v', 'libx264', '-g', '15', '-bf', '0', path],
  ]);
  const recording: number[] = [];
  const event: number[] = [];
  for (let at = 0; at < EARLY_TRIES; at += 1) {
    const seen = await firstLines(path);
    recording.push(seen.recordingMs);
    event.push(seen.eventMs);
  }
  const row = (what: string, ms: number, most: number): Row => ({
    ...{ group: 'replay', what, ours: `${ms.toFixed(0)} ms`, baseline: 'the command' },
    ...{ figure: ms, unit: 'ms', target: { most } },
  });
  return [
    row('Replay: from the command to recording, 720p15', median(recording), 700),
    row('Replay: from the command to an event of the first 2 s', median(event), 1_200),
  ];
}

async function firstLines(path: string): Promise<{ recordingMs: number; eventMs: number }> {
  let recordingMs = Number.NaN;
  let eventMs = Number.NaN;
  const startMs = performance.now();
  const child = spawn(process.execPath, [DOORSILL, 'replay', path, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, state, atS } = JSON.parse(line);
    if (event === 'camera' && state === 'recording') recordingMs = performance.now() - startMs;
    if (event === 'motion-start' && atS < 2) eventMs = performance.now() - startMs;
  }
  return { recordingMs, eventMs };
}
