// A clip has no sound from outside the window, and the sound inside keeps its time, for copied and encoded AAC, with any ffmpeg:
// full-scale tones lie on both sides of a silent window.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { readSound, x264 } from './support/footage.ts';
import { markedByLibfaac, withSamples } from './support/planting.ts';
import { type CaptureOptions, capturedFootage, FOOTAGE_START_US } from './support/segmenter.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-sound-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** 16-bit samples of -60 dBFS. */
const QUIET = 32.8;
const TONE = '0.98*sin(2*PI*1000*t)';

/** A full-scale tone with silence from `from` to `to`, in seconds. */
const silentBetween = (from: number, to: number) =>
  `aevalsrc='if(gte(t\\,${from})*lt(t\\,${to})\\,0\\,${TONE})':s=48000`;
const toneBetween = (from: number, to: number) => `aevalsrc='if(gte(t\\,${from})*lt(t\\,${to})\\,${TONE}\\,0)':s=48000`;

const LOUD = { video: x264(15), frames: 50, sound: toneBetween(0, 9) };

interface Way {
  soundCodec: string[];
  name: string;
  capture: CaptureOptions;
}

const WAYS: Record<string, Way> = {
  'copied AAC': { soundCodec: ['-c:a', 'aac', '-b:a', '128k'], name: 'source.mp4', capture: {} },
  'AAC encoded by the capture': {
    soundCodec: ['-c:a', 'pcm_s16le'],
    name: 'source.mov',
    capture: { codec: ['-c:v', 'copy', '-c:a', 'aac', '-b:a', '96k'] },
  },
};

async function clipOf(ffmpeg: Ffmpeg, way: Way, sound: string, startMs: number, endMs: number) {
  const { soundCodec, name } = way;
  const segments = await capturedFootage(
    ffmpeg.path,
    { video: x264(15), frames: 40, sound, soundCodec, name },
    way.capture,
  );
  const window = { startUs: FOOTAGE_START_US + startMs * 1000, endUs: FOOTAGE_START_US + endMs * 1000 };
  const { live } = liveGrantFor({ window, audio: true });
  const deps = depsFor(ffmpeg, segments);
  const { clip, bytes } = await cut(live, deps);
  await selfCheck(live, clip, readerOf(bytes), deps);
  return { clip, bytes, path: await saved(folder, 'clip.mp4', bytes) };
}

function peak(samples: Int16Array): number {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  describe.each(Object.entries(WAYS))('and %s', { tags: ['long'] }, (_, way) => {
    it.each([
      ['on a keyframe', 1000, 2000],
      ['between frames', 1234, 2345],
      ['off by less than a packet', 1010, 1990],
    ])('nothing loud outside the window is heard in a clip that starts %s', async (_name, startMs, endMs) => {
      const { clip, path } = await clipOf(ffmpeg, way, silentBetween(startMs / 1000, endMs / 1000), startMs, endMs);
      const sound = await readSound(npmFfmpeg.path, path);
      expect(clip.audioPackets).toBeGreaterThan(38);
      expect(sound.length).toBeGreaterThan(0.8 * 48 * (endMs - startMs));
      expect(peak(sound)).toBeLessThan(QUIET);
    });

    it('a tone inside the window is heard at its time', async () => {
      const { bytes, path } = await clipOf(ffmpeg, way, toneBetween(1.5, 1.6), 1_100, 2_100);
      const sound = await readSound(npmFfmpeg.path, path);
      expect(peak(sound)).toBeGreaterThan(20_000);
      const onset = sound.findIndex((sample) => Math.abs(sample) > 8_000) / 48_000;
      const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) });
      const start = await (await input.getPrimaryAudioTrack())?.getFirstTimestamp();
      // The clip's zero is the first frame at or after 1.1 s: frame 17 of 15 a second.
      expect(Math.abs(17 / 15 + (start ?? 0) + onset - 1.5)).toBeLessThan(0.004);
    });

    it('a clip of less than two packets has no sound', async () => {
      const { clip } = await clipOf(ffmpeg, way, toneBetween(0, 4), 1_000, 1_040);
      expect(clip.audioPackets).toBe(0);
    });
  });
});

describeWithEachFfmpeg('with ffmpeg $version, sound', (ffmpeg) => {
  it('keeps every packet of an encoder whose name makes decoders drop the first one', async () => {
    const segments = withSamples(
      await capturedFootage(ffmpeg.path, LOUD),
      (frame) => frame,
      (packet, number) => (number === 20 ? markedByLibfaac(packet) : packet),
    );
    const window = { startUs: FOOTAGE_START_US, endUs: FOOTAGE_START_US + 2_000_000 };
    const { live } = liveGrantFor({ window, audio: true });
    const deps = depsFor(ffmpeg, segments);
    const { clip, bytes } = await cut(live, deps);
    await selfCheck(live, clip, readerOf(bytes), deps);
    expect(clip.audioPackets).toBeGreaterThan(85);
  });
});

describe('sound', () => {
  it('is left out when the grant says so', async () => {
    const segments = await capturedFootage(npmFfmpeg.path, LOUD);
    const window = { startUs: FOOTAGE_START_US, endUs: FOOTAGE_START_US + 2_000_000 };
    const { clip, bytes } = await cut(liveGrantFor({ window }).live, depsFor(npmFfmpeg, segments));
    expect(clip.audioPackets).toBe(0);
    expect(Buffer.from(bytes).includes('soun')).toBe(false);
  });
});
