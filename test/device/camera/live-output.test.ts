// The live output changes no byte of the recording, shows the same frames, and never disturbs the recording.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { runCapture } from '../../../device/camera/capture-run.ts';
import {
  type CapturePlan,
  captureCommand,
  fileInput,
  type VideoEncoder,
} from '../../../device/camera/ffmpeg-capture-command.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { LiveFragments } from '../../../device/camera/live-fragments.ts';
import type { RunInput } from '../../../device/camera/source-interfaces.ts';
import type { CaptureCommand } from '../../../device/camera/start-ffmpeg.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import type { Failure } from '../../../device/contract/errors.ts';
import { parseFragment, parseInit, type Sample } from '../../../device/contract/media/fragment.ts';
import { SyntheticDriver } from '../../../sim/porch/porch-camera.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { LiveViewer } from './support/live-viewer.ts';
import { ffmpegChildren } from './support/recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-live-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => expect(ffmpegChildren()).toEqual([]));

const SECONDS = 3;
const FRAMES = SECONDS * 15;
const file = join(folder, 'camera.mp4');
execFileSync(npmFfmpeg.path, [
  ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', `testsrc2=s=320x240:r=15:d=${SECONDS}`],
  ...['-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${SECONDS}`],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', '15', '-c:a', 'aac', file],
]);

type Source = Pick<RunInput, 'inputs' | 'plan' | 'feed'>;

function fileSource(video: CapturePlan['video'], audio: CapturePlan['audio']): Source {
  const plan = { video, audio, videoStream: '0:v:0', audioStream: '0:a:0' };
  return { inputs: [fileInput(file, { demuxer: 'mov,mp4,m4a,3gp,3g2,mj2', skipBytes: 0 })], plan, feed: null };
}

/** The same frames at each opening: the drawn clock stands still. */
class StillClock extends SystemClock {
  override wallUs(): number {
    return 1_700_000_000_000_000;
  }
}

async function porch(): Promise<Source> {
  const size = { width: 320, height: 180 };
  const named = { kind: 'synthetic', ...size, pace: 'fast', audio: true, seconds: SECONDS, play: 'visitor' } as const;
  const driver = new SyntheticDriver({ ...named, shown: 'synthetic' }, new StillClock(), () => {});
  return driver.open(new AbortController().signal, 0);
}

/** All output of a run. */
class Captured {
  readonly inits: Uint8Array[] = [];
  readonly fragments: Uint8Array[] = [];
  readonly viewer = new LiveViewer();
  readonly broken: string[] = [];

  init(which: 'fragments' | 'live'): Uint8Array {
    const [init, ...more] = which === 'live' ? this.viewer.inits.map(({ bytes }) => bytes) : this.inits;
    if (!init || more.length > 0) throw new Error('there is not exactly one init segment');
    return init;
  }

  get live(): Uint8Array[] {
    return this.viewer.fragments.map(({ bytes }) => bytes);
  }

  /** The pictures' samples of one of the two outputs. */
  samples(which: 'fragments' | 'live'): Sample[] {
    const info = parseInit(this.init(which));
    return this[which].flatMap((bytes) => parseFragment(info, bytes).video);
  }

  /** What ffmpeg decodes of it: a line a frame with its time and the hash of its pixels. */
  decoded(which: 'fragments' | 'live'): string[] {
    const path = join(folder, `${which}.mp4`);
    writeFileSync(path, concatBytes([this.init(which), ...this[which]]));
    const args = ['-v', 'error', '-nostdin', '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough', '-copyts'];
    const text = execFileSync(npmFfmpeg.path, [...args, '-f', 'framemd5', '-'], { encoding: 'utf8' });
    return text.split('\n').filter((line) => /^\d/.test(line));
  }
}

/**
 * Runs a command to its end. Two runs of one command differ with ffmpeg 7 unless the encoder has one thread, and sound and picture are
 * put in order however long one of them takes to arrive.
 */
async function captured(ffmpeg: Ffmpeg, { inputs, outputs }: CaptureCommand, feed: Source['feed']): Promise<Captured> {
  const alike = (text: string) => text.replace('500000', '0');
  const command = {
    inputs,
    outputs: outputs.map(({ options, address }) => ({
      options: [...options.map(alike), '-threads', '1'],
      address: alike(address),
    })),
  };
  const run = new Captured();
  const viewers = new LiveFragments(silentLog());
  viewers.subscribe(run.viewer);
  const broken = ({ code }: Failure) => void run.broken.push(code);
  const live = viewers.open({ offsetUs: () => 0, accepts: () => true, broken });
  const signal = new AbortController().signal;
  const end = await runCapture(
    { ffmpeg, command, feed, clock: new SystemClock(), signal },
    {
      started: () => {},
      line: () => {},
      init: (_, bytes) => void run.inits.push(bytes),
      fragment: (bytes) => Promise.resolve(void run.fragments.push(bytes)),
      gray: () => {},
      live: (chunk) => live.write(chunk),
    },
  );
  expect(end).toMatchObject({ status: 0 });
  return run;
}

const SOURCES: [string, () => Source | Promise<Source>][] = [
  ['H.264 and its AAC, copied', () => fileSource('copy', 'copy')],
  ['H.264 copied without sound', () => fileSource('copy', 'none')],
  ['H.264 copied, its sound encoded', () => fileSource('copy', 'encode')],
  ['pictures encoded, AAC copied', () => fileSource('encode', 'copy')],
  ['pictures and sound encoded', () => fileSource('encode', 'encode')],
  ['the drawn porch', porch],
];

describeWithEachFfmpeg('the live output of ffmpeg $version', (ffmpeg) => {
  const command = ({ inputs, plan }: Source, isLive: boolean, encoder: VideoEncoder = 'libx264') =>
    captureCommand(inputs, plan, ffmpeg, encoder, { live: isLive });

  it.each(SOURCES)('changes no byte of the recording, and shows the same frames: %s', async (_, open) => {
    const [source, again] = [await open(), await open()];
    const without = await captured(ffmpeg, command(source, false), source.feed);
    const beside = await captured(ffmpeg, command(again, true), again.feed);
    expect(without.live).toEqual([]);
    expect(without.fragments.length).toBe(SECONDS);
    expect(Buffer.compare(beside.init('fragments'), without.init('fragments'))).toBe(0);
    expect(Buffer.compare(concatBytes(beside.fragments), concatBytes(without.fragments))).toBe(0);
    expect(beside.fragments.length).toBe(SECONDS);

    const [recorded, shown] = [beside.samples('fragments'), beside.samples('live')];
    expect(shown.length).toBe(FRAMES);
    expect(beside.live.length).toBe(FRAMES);
    const facts = ({ pts, dts, key, data }: Sample) => ({ pts, dts, key, data: Buffer.from(data).toString('base64') });
    expect(shown.map(facts)).toEqual(recorded.map(facts));
    expect(parseInit(beside.init('live'))).toMatchObject({
      audio: null,
      video: { timescale: parseInit(beside.init('fragments')).video.timescale },
    });
    const decoded = beside.decoded('live');
    expect(decoded.length).toBe(FRAMES);
    expect(decoded).toEqual(beside.decoded('fragments'));
  });

  it('shows the frames of an encoder whose parameter sets come with its first picture, too', async () => {
    const source = fileSource('encode', 'copy');
    const board = command(source, true, 'h264_v4l2m2m');
    const libx264 = command(source, true).outputs[0]?.options ?? [];
    const late = libx264.map((option) => option.replace('+global_header', '-global_header'));
    const outputs = board.outputs.map((output, n) => (n === 0 ? { ...output, options: late } : output));
    const run = await captured(ffmpeg, { ...board, outputs }, null);
    expect(run.samples('live').length).toBe(FRAMES);
    expect(run.decoded('live')).toEqual(run.decoded('fragments'));
    expect(board.outputs[0]?.options.join(' ')).toContain('-c:v h264_v4l2m2m');
    expect(board.outputs[0]?.options.join(' ')).not.toContain('movflags');
  });

  it('does not affect the recording when it cannot be read', async () => {
    const source = fileSource('copy', 'copy');
    const { inputs, outputs } = command(source, true);
    const garbage = { options: ['-map', '0:v:0', '-f', 'rawvideo'], address: 'pipe:5' };
    const spoilt = outputs.map((output) => (output.address === 'pipe:5' ? garbage : output));
    const run = await captured(ffmpeg, { inputs, outputs: spoilt }, null);
    expect(run.broken).toEqual(['fragment_malformed']);
    expect(run.fragments.length).toBe(SECONDS);
    expect(run.samples('fragments').length).toBe(FRAMES);
  });
});
