import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { chooseEncoder, choosePreset, faultOfEncoder, faultOfTrial } from '../../../device/camera/choose-encoder.ts';
import { captureCommand, encodeArgs, FRAGMENT_ARGS } from '../../../device/camera/ffmpeg-capture-command.ts';
import { runFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';

const clock = new SystemClock();
const hasNodes = existsSync('/dev') && readdirSync('/dev').some((name) => /^video\d+$/.test(name));

describeWithEachFfmpeg('the encoder of ffmpeg $version', (ffmpeg) => {
  const seams = { clock, log: silentLog() };

  it('libx264 passes the trial', async () => {
    expect(await faultOfEncoder(ffmpeg, 'libx264', clock)).toBeNull();
  });

  it.skipIf(hasNodes)('h264_v4l2m2m fails the trial without such a device, although it is listed', async () => {
    expect(await faultOfEncoder(ffmpeg, 'h264_v4l2m2m', clock)).not.toBeNull();
    expect(await chooseEncoder(ffmpeg, seams)).toBe('libx264');
  });

  it('is tried once in a process', async () => {
    expect(chooseEncoder(ffmpeg, seams)).toBe(chooseEncoder(ffmpeg, seams));
    await chooseEncoder(ffmpeg, seams);
  });

  it('gets the better preset if two seconds take at most a third of their time, measured once for a size and rate', async () => {
    const taking = (ms: number) => {
      let reads = 0;
      return Object.assign(new SystemClock(), { monotonicMs: () => (reads++ === 0 ? 0 : ms) });
    };
    const preset = (width: number, ms: number, rate = 15) =>
      choosePreset(ffmpeg, { width, height: 64, rate }, { ...seams, clock: taking(ms) });
    expect(await preset(64, 660)).toBe('superfast');
    expect(await preset(64, 5_000)).toBe('superfast');
    expect(await preset(66, 670)).toBe('ultrafast');
    expect(await preset(64, 660, 30)).toBe('ultrafast');
    const silent = { ...ffmpeg, path: '/no/such/ffmpeg' };
    expect(await choosePreset(silent, { width: 64, height: 64, rate: 15 }, seams)).toBe('ultrafast');
  });

  it('makes video that a capture can keep with either preset', async () => {
    for (const preset of ['superfast', 'ultrafast'] as const)
      expect(faultOfTrial(await made([...encodeArgs(ffmpeg, 'libx264', preset), ...FRAGMENT_ARGS]))).toBeNull();
    expect(encodeArgs(ffmpeg, 'libx264', 'superfast').join(' ')).toContain('-preset superfast');
    expect(encodeArgs(ffmpeg, 'libx264').join(' ')).toContain('-preset ultrafast');
  });

  /** Two seconds made with these arguments. */
  const made = (args: string[], seconds = 2) =>
    runFfmpeg(ffmpeg, {
      doing: 'making a trial',
      args: ['-f', 'lavfi', '-i', `testsrc2=size=64x64:rate=15:duration=${seconds}`, ...args, 'pipe:1'],
      clock,
      timeoutMs: 20_000,
      stdoutBytesMax: 8_000_000,
    });
  const ours = encodeArgs(ffmpeg, 'libx264');

  it('passes, too, if its parameter sets come late and the header waits for them', async () => {
    expect(faultOfTrial(await made([...ours, ...FRAGMENT_ARGS, '-movflags', '+delay_moov']))).toBeNull();
  });

  it('fails the trial if it misplaces keyframes, reorders or loses frames', async () => {
    const without = ours.filter((arg, index) => arg !== '-force_key_frames' && ours[index - 1] !== '-force_key_frames');
    expect(faultOfTrial(await made([...without, ...FRAGMENT_ARGS]))).toMatch(/1 groups of pictures instead of 2/);
    const reordering = ours.map((arg, index) => (ours[index - 1] === '-bf' ? '2' : arg));
    const tuned = reordering.filter((arg, index) => arg !== '-tune' && reordering[index - 1] !== '-tune');
    const slower = tuned.map((arg) => (arg === 'ultrafast' ? 'medium' : arg));
    expect(faultOfTrial(await made([...slower, ...FRAGMENT_ARGS]))).toMatch(/reordered/);
    expect(faultOfTrial(await made([...ours, ...FRAGMENT_ARGS], 1.8))).toMatch(/frames instead of 30/);
  });
});

it('is used by a capture that encodes', () => {
  const plan = { video: 'encode', audio: 'none', videoStream: '0:v:0', audioStream: '' } as const;
  const options = captureCommand([], plan, npmFfmpeg, 'h264_v4l2m2m').outputs[0]?.options.join(' ') ?? '';
  expect(options).toContain('-c:v h264_v4l2m2m');
  expect(options).toContain('+delay_moov');
  expect(options).not.toContain('-preset');
});
