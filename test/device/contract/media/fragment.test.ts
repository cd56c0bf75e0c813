import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../../device/base/clock.ts';
import { FRAGMENT_ARGS } from '../../../../device/camera/ffmpeg-capture-command.ts';
import { runFfmpeg } from '../../../../device/camera/ffmpeg-run.ts';
import { parseFragment, parseInit } from '../../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../../device/contract/media/fragment-splitter.ts';
import { parseSps } from '../../../../device/contract/media/parameter-sets.ts';
import { malformed } from '../../../../device/contract/media/read-boxes.ts';
import { describeWithEachFfmpeg, type ffmpegs } from '../../../support/each-ffmpeg.ts';

const INPUTS = ['-f', 'lavfi', '-i', 'testsrc2=s=322x182:r=10:d=3', '-f', 'lavfi', '-i', 'sine=f=440:r=44100:d=3'];

interface Made {
  init: Uint8Array;
  fragments: Uint8Array[];
}

/** Each stream that a test has asked for, made once. */
const made = new Map<string, Promise<Made>>();

function make(ffmpeg: (typeof ffmpegs)[number], video: string[]): Promise<Made> {
  const name = [ffmpeg.path, ...video].join(' ');
  const stream = made.get(name) ?? encode(ffmpeg, video);
  made.set(name, stream);
  return stream;
}

async function encode(ffmpeg: (typeof ffmpegs)[number], video: string[]): Promise<Made> {
  const bytes = await runFfmpeg(ffmpeg, {
    doing: 'making a test stream',
    args: [
      ...INPUTS,
      '-c:v',
      'libx264',
      '-pix_fmt',
      'yuv420p',
      ...video,
      '-c:a',
      'aac',
      '-ac',
      '1',
      ...FRAGMENT_ARGS,
      'pipe:1',
    ],
    stdoutBytesMax: 10_000_000,
    timeoutMs: 20_000,
    clock: new SystemClock(),
  });
  const parts = new FragmentSplitter().push(bytes);
  const init = parts[0];
  if (init?.kind !== 'init') throw new Error('no init segment');
  return { init: init.bytes, fragments: parts.slice(1).map((part) => part.bytes) };
}

describeWithEachFfmpeg('fragments written by ffmpeg $version', (ffmpeg) => {
  it('gives tracks, codec parameters and picture size', async () => {
    const { init } = await make(ffmpeg, ['-bf', '0', '-g', '10']);
    const { video, audio } = parseInit(init);
    expect(video).toMatchObject({ codec: 'avc1', width: 322, height: 182 });
    expect(video.avc?.nalLengthSize).toBe(4);
    expect(parseSps(video.avc?.sps[0] ?? new Uint8Array(0))).toMatchObject({
      chromaFormat: 1,
      bitDepthLuma: 8,
      bitDepthChroma: 8,
      progressive: true,
    });
    expect(audio).toMatchObject({ codec: 'mp4a', sampleRate: 44_100, timescale: 44_100, channels: 1 });
    // AAC-LC (2), 44.1 kHz (4), mono (1), in the bits of ISO/IEC 14496-3 §1.6.2.1.
    expect([...(audio?.audioSpecificConfig ?? [])].slice(0, 2)).toEqual([0x12, 0x08]);
  });

  it('gives every frame its time, one GOP a fragment, the keyframe first', async () => {
    const { init, fragments } = await make(ffmpeg, ['-bf', '0', '-g', '10']);
    const info = parseInit(init);
    const gops = fragments.map((fragment) => parseFragment(info, fragment).video);
    expect(gops.map((gop) => gop.map((sample) => sample.key))).toEqual(
      Array.from({ length: 3 }, () => [true, ...Array.from({ length: 9 }, () => false)]),
    );
    const times = gops.flat().map((sample) => sample.pts / info.video.timescale);
    expect(times).toEqual(Array.from({ length: 30 }, (_, n) => n / 10));
  });

  it('gives sound its true times: the priming packet begins before zero', async () => {
    const { init, fragments } = await make(ffmpeg, ['-bf', '0', '-g', '10']);
    const info = parseInit(init);
    const packets = fragments.flatMap((fragment) => parseFragment(info, fragment).audio);
    expect(packets.slice(0, 3).map((packet) => packet.pts)).toEqual([-1024, 0, 1024]);
    expect(packets.length).toBeGreaterThan(128);
  });

  it('applies composition offsets of reordered pictures', async () => {
    const { init, fragments } = await make(ffmpeg, ['-bf', '2', '-g', '10', '-b_strategy', '0']);
    const info = parseInit(init);
    const samples = fragments.flatMap((fragment) => parseFragment(info, fragment).video);
    expect(samples.some((sample, n) => sample.pts < (samples[n - 1]?.pts ?? Number.NEGATIVE_INFINITY))).toBe(true);
    const times = samples.map((sample) => sample.pts / info.video.timescale).sort((a, b) => a - b);
    // The writer begins decoding at zero, so every picture is two frames later.
    expect(times.map((time) => Math.round((time - (times[0] ?? 0)) * 10))).toEqual(
      Array.from({ length: 30 }, (_, n) => n),
    );
  });

  it('gives sample bytes that fill the media data exactly', async () => {
    const { init, fragments } = await make(ffmpeg, ['-bf', '0', '-g', '10']);
    const info = parseInit(init);
    for (const fragment of fragments) {
      const { video, audio } = parseFragment(info, fragment);
      const samples = [...video, ...audio].sort((a, b) => a.offset - b.offset);
      const total = samples.reduce((sum, sample) => sum + sample.size, 0);
      expect((samples[0]?.offset ?? 0) + total).toBe(fragment.length);
      for (const { data, offset, size } of samples)
        expect(Buffer.compare(data, fragment.subarray(offset, offset + size))).toBe(0);
    }
  });

  it('refuses altered fragments only by its code, and never returns bytes from outside', async () => {
    const { init, fragments } = await make(ffmpeg, ['-bf', '0', '-g', '10']);
    const info = parseInit(init);
    const good = fragments[0] ?? new Uint8Array(0);
    const headers = 2_000;
    fc.assert(
      fc.property(fc.nat({ max: headers }), fc.nat({ max: 255 }), (at, value) => {
        const bad = Uint8Array.from(good);
        bad[at] = value;
        try {
          const { video, audio } = parseFragment(info, bad);
          expect([...video, ...audio].filter(({ data, size }) => data.length !== size)).toEqual([]);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'fragment_malformed' });
        }
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.nat({ max: init.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const bad = Uint8Array.from(init);
        bad[at] = value;
        try {
          const sps = parseInit(bad).video.avc?.sps[0];
          if (sps) parseSps(sps, malformed);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'fragment_malformed' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
