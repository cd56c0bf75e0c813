// What capturing a camera costs the processor: ffmpeg and this program with ring and motion, over ffmpeg alone that encodes the same with
// the same settings into files.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { captureCommand, FRAGMENT_ARGS, fileInput } from '../../device/camera/ffmpeg-capture-command.ts';
import { COMMON_ARGS } from '../../device/camera/ffmpeg-run.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { FPS, makeUncompressed } from './footage.ts';
import { compare, processorMs, type Row, type Run } from './measure.ts';
import type { Recorded } from './recording.ts';

const run = promisify(execFile);

/** Long enough that looking at the camera first, which happens once a recording, is not what is measured. */
const SECONDS = 120;

export async function captureRows({ folder, pairs }: Run): Promise<Row[]> {
  const ffmpeg = await findFfmpeg();
  const source = await makeUncompressed(ffmpeg.path, folder, SECONDS);
  const plan = { video: 'encode', audio: 'none', videoStream: '0:v:0', audioStream: '' } as const;
  const [output] = captureCommand([], plan, ffmpeg, 'libx264').outputs;
  const encoding = output?.options.slice(0, -FRAGMENT_ARGS.length) ?? [];
  const input = fileInput(source, { demuxer: 'avi', skipBytes: 0 });
  const inFolder = async (work: (place: string) => Promise<number>) => {
    const place = await mkdtemp(join(folder, 'run-'));
    try {
      return await work(place);
    } finally {
      await rm(place, { recursive: true });
    }
  };
  const ours = () =>
    inFolder(async (place) => {
      const program = join(import.meta.dirname, 'recording.ts');
      const { stdout } = await run(process.execPath, [
        ...process.execArgv,
        program,
        `file:${source}?once&pace=fast`,
        place,
      ]);
      const recorded: Recorded = JSON.parse(stdout);
      if (recorded.segments < SECONDS || recorded.pictures < 4 * SECONDS) throw new Error(`it recorded ${stdout}`);
      return recorded.processorMs;
    });
  const bare = () =>
    inFolder(async (place) => {
      const before = processorMs();
      const segments = ['-f', 'segment', '-segment_time', '1', join(place, '%04d.mp4')];
      await run(ffmpeg.path, [
        ...COMMON_ARGS,
        '-loglevel',
        'error',
        ...input.options,
        '-i',
        input.address,
        ...encoding,
        ...segments,
      ]);
      return processorMs() - before;
    });
  const { work, baseline, ratio } = await compare(pairs, ours, bare);
  return [
    {
      group: 'capture',
      what: 'Capture: processor time, 720p15 encoded, ring and motion',
      ours: `${perFrame(work)} ms a frame`,
      baseline: `${perFrame(baseline)} ms, bare ffmpeg -f segment`,
      figure: ratio,
      unit: 'x',
      target: { most: 1.1 },
    },
  ];
}

function perFrame(processor: number): string {
  return (processor / (SECONDS * FPS)).toFixed(2);
}
