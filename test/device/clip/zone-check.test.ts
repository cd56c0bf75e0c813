// @module-tag long
// A clip whose grant names zones may leave only if they are black in every frame and the rest is the ring's. Faults are planted into
// the drawing arguments, so that the rest of the clip is correct; and into single pixels, at each tolerance.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { decodedPictures } from '../../../device/clip/encode-frames.ts';
import type { CutFacts } from '../../../device/clip/finished-clip.ts';
import { selfCheck } from '../../../device/clip/self-check.ts';
import { trim } from '../../../device/clip/trim.ts';
import { ZonePictures } from '../../../device/clip/zone-check.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { joinAnnexB, splitSample } from '../../../device/contract/media/nal.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { describeWithEachFfmpeg, chosenFfmpeg as machines } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { childProcesses, cut, depsFor, readerOf } from './support/cutting.ts';
import { HEIGHT, WIDTH, x264 } from './support/footage.ts';
import { withSamples } from './support/planting.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';
import { turnedInit } from './support/turned.ts';

/** Odd edges: pixels 101 to 187 and 53 to 113 of 320 by 176. */
const ZONE: Zone = { left: 3_157, top: 3_012, width: 2_718, height: 3_465 };
const MAKING_MS = 300_000;
/** Black in the limited range of values. */
const BLACK_LUMA = 16;

let segments: Segment[] = [];
beforeAll(async () => {
  const coloured = "geq=lum='lum(X,Y)':cb='60+mod(X*3+N*5,97)':cr='90+mod(Y*3,97)'";
  const style = { video: ['-vf', coloured, ...x264(15, '-crf', '12')], frames: 40 };
  segments = await capturedFootage(machines.path, style);
}, MAKING_MS);

const turnedRing = (degrees: 90 | 180 | 270) =>
  segments.map((segment) => ({ ...segment, init: turnedInit(segment.init, degrees) }));

/** An ffmpeg with changed arguments for drawing zones. */
function drawing(ffmpeg: Ffmpeg, change: (filter: string) => string): Ffmpeg {
  const start: Ffmpeg['start'] = (args, options) =>
    startFfmpeg(
      ffmpeg,
      args.map((arg) => arg.replaceAll(/drawbox=[^,]+/g, change)),
      options,
    );
  return { ...ffmpeg, start };
}

interface Trial {
  ring?: readonly Segment[];
  /** The ring to compare with, if it is another one. */
  checked?: readonly Segment[];
  zones?: Zone[];
  /** The zones of the grant that the clip is cut under, if they are others. */
  cutZones?: Zone[];
  change?: (filter: string) => string;
  clip?: Partial<CutFacts>;
}

/** Cuts frames 5 to 32 with a fault, and checks the clip. */
async function tried(ffmpeg: Ffmpeg, trial: Trial): Promise<CutFacts> {
  const { ring = segments, zones = [ZONE], change = (filter) => filter } = trial;
  const times = frameTimesUs(ring);
  const window = { startUs: times[5] ?? 0, endUs: times[33] ?? 0 };
  const { live } = liveGrantFor({ window, zones: trial.cutZones ?? zones });
  const { clip, bytes } = await cut(live, depsFor(drawing(ffmpeg, change), ring, { recode: 'always' }));
  const checked = liveGrantFor({ window, zones });
  const facts = { ...clip, redacted: zones.length > 0, ...trial.clip };
  await selfCheck(checked.live, facts, readerOf(bytes), depsFor(ffmpeg, trial.checked ?? ring));
  return facts;
}

const when = (filter: string, expression: string) => `${filter}:enable='${expression}'`;
const moved = (by: string, pixels: number) => (filter: string) =>
  filter.replace(new RegExp(`${by}=(\\d+)`), (_, at) => `${by}=${Number(at) + pixels}`);

const FAULTS: Record<string, [RegExp, () => Trial]> = {
  'a zone that was not drawn': [/not black in frame 0\b/, () => ({ cutZones: [] })],
  'one of two zones that was not drawn': [
    /not black in frame 0\b/,
    () => ({ zones: [ZONE, { left: 0, top: 8_000, width: 1_000, height: 2_000 }], cutZones: [ZONE] }),
  ],
  'a zone that is drawn late': [/not black in frame 0\b/, () => ({ change: (filter) => when(filter, 'gte(n,4)') })],
  'a single frame without its zone': [
    /not black in frame 13\b/,
    () => ({ change: (filter) => when(filter, 'not(eq(n,13))') }),
  ],
  'a last frame without its zone': [
    /not black in frame 27\b/,
    () => ({ change: (filter) => when(filter, 'lt(n,27)') }),
  ],
  'a zone that is drawn a little to the right': [/not black in frame 0\b/, () => ({ change: moved('x', 5) })],
  'a zone that is drawn a little further down': [/not black in frame 0\b/, () => ({ change: moved('y', 5) })],
  'a zone that is drawn elsewhere': [/not black in frame 0\b/, () => ({ change: moved('x', -90) })],
  'a zone that is smaller': [/not black in frame 0\b/, () => ({ change: moved('w', -6) })],
  'a zone that can be seen through': [
    /not black in frame 0\b/,
    () => ({ change: (filter) => filter.replace('color=black', 'color=black@0.9:replace=0') }),
  ],
  'a zone that keeps its colours': [
    /not black in frame 0\b/,
    () => ({
      change: () => `geq=lum='if(between(X,101,187)*between(Y,53,113),16,lum(X,Y))':cb='cb(X,Y)':cr='cr(X,Y)'`,
    }),
  ],
  'a zone that is drawn as if the picture were not turned': [
    /not black in frame 0\b/,
    () => ({ ring: turnedRing(90), change: () => drawn(101, 53, 87, 61) }),
  ],
  'a zone that is drawn as if the picture were turned the other way': [
    /not black in frame 0\b/,
    () => ({ ring: turnedRing(270), change: () => drawn(96, 72, 111, 48) }),
  ],
  'a picture that its clip turns another way than the ring': [
    /another rotation than the ring's/,
    () => ({ ring: turnedRing(180), checked: segments }),
  ],
  'a picture that is turned in the middle of the window': [
    /another rotation than the ring's/,
    () => ({ checked: segments.map((segment, at) => (at < 1 ? segment : (turnedRing(90)[at] ?? segment))) }),
  ],
  'more that is black than was asked for': [
    /not the ring's outside/,
    () => ({ change: (filter) => `${filter},${drawn(200, 0, 120, 176)}` }),
  ],
  'a single frame that shows something else': [
    /frame 13 is not the ring's outside/,
    () => ({ change: (filter) => `negate=enable='eq(n,13)',${filter}` }),
  ],
  'footage that decodes to more frames than it has times': [
    /its footage decodes to another number of frames than it has/,
    () => ({ checked: withSamples(segments, twiceAt(39), (data) => data) }),
  ],
  'a clip that says nothing of its zones': [/redaction flag/, () => ({ clip: { redacted: false } })],
  'a clip that speaks of zones which nobody named': [/redaction flag/, () => ({ zones: [], clip: { redacted: true } })],
};

const twiceAt = (frame: number) => (data: Uint8Array, number: number) =>
  number === frame ? concatBytes([data, data]) : data;

const drawn = (x: number, y: number, w: number, h: number) => `drawbox=x=${x}:y=${y}:w=${w}:h=${h}:color=black:t=fill`;

describe('the self-check finds', () => {
  for (const [name, [detail, plant]] of Object.entries(FAULTS)) {
    it(name, async () => {
      const fault = tried(machines, plant());
      await expect(fault).rejects.toMatchObject({ code: 'clip_check_failed' });
      await expect(fault).rejects.toThrow(detail);
      expect(await childProcesses()).toBe(0);
    });
  }

  it('frames that are copied although there are zones', async () => {
    const times = frameTimesUs(segments);
    const window = { startUs: times[5] ?? 0, endUs: times[33] ?? 0 };
    const { clip, bytes } = await cut(liveGrantFor({ window }).live, depsFor(machines, segments));
    expect(clip.method).toBe('smart-cut');
    const { live } = liveGrantFor({ window, zones: [ZONE] });
    const checked = selfCheck(live, { ...clip, redacted: true }, readerOf(bytes), depsFor(machines, segments));
    await expect(checked).rejects.toThrow(/frames are copied where zones are to be black/);
  });
});

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  it.each([0, 90, 180, 270] as const)('a clip of a picture that is rotated by %i degrees passes', async (degrees) => {
    const zones = [
      ZONE,
      { left: 0, top: 0, width: 900, height: 10_000 },
      { left: 5_000, top: 5_000, width: 200, height: 300 },
    ];
    const clip = await tried(ffmpeg, { zones, ring: degrees === 0 ? segments : turnedRing(degrees) });
    expect(clip).toMatchObject({ frames: 28, encodedFrames: 28, redacted: true });
  });
});

const STYLES: Record<string, string[]> = {
  'open groups with reordered frames': ['-c:v', 'libx264', '-bf', '3', '-g', '15', '-x264-params', 'open-gop=1'],
  'periodic intra refresh': ['-c:v', 'libx264', '-bf', '0', '-g', '15', '-x264-params', 'intra-refresh=1'],
  'ten bits a sample': x264(15, '-pix_fmt', 'yuv420p10le'),
  'colour at every pixel': x264(15, '-pix_fmt', 'yuv444p'),
  'the full range of values': x264(15, '-pix_fmt', 'yuvj420p'),
  'a picture that is cropped': ['-vf', 'crop=318:170:0:0', ...x264(15)],
  'noise all over': ['-vf', 'noise=alls=100:allf=t', ...x264(15, '-crf', '12')],
};

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  it.each(Object.entries(STYLES))('a clip with zones, of footage with %s, passes', async (_, video) => {
    const ring = await capturedFootage(machines.path, { video, frames: 40 });
    expect(await tried(ffmpeg, { ring })).toMatchObject({ frames: 28, redacted: true });
  });
});

describeWithEachFfmpeg('with ffmpeg $version', (ffmpeg) => {
  it('the surroundings of a zone hardly smear into it, whatever they are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-zones-'));
    // Blobs of the encoder's block size, different in each frame: the worst case for smearing.
    const blobs = `scale=40:22,geq=lum='255*random(1)':cb=128:cr=128,scale=${WIDTH}:${HEIGHT}`;
    const style = { video: ['-vf', blobs, ...x264(15, '-crf', '12')], frames: 40 };
    const ring = await capturedFootage(machines.path, style);
    const times = frameTimesUs(ring);
    // Pixels 109 to 178: three pixels of each block that an edge cuts are black, which smears most.
    const zones = [{ ...ZONE, left: 3_407, width: 2_183 }];
    const { live } = liveGrantFor({ window: { startUs: times[5] ?? 0, endUs: times[33] ?? 0 }, zones });
    const { bytes } = await cut(live, depsFor(ffmpeg, ring));
    const file = join(folder, 'clip.mp4');
    await writeFile(file, bytes);
    const decode = ['-v', 'error', '-i', file, '-an', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', 'pipe:1'];
    const options = { encoding: 'buffer', maxBuffer: 100 * WIDTH * HEIGHT } as const;
    const { stdout: pictures } = await promisify(execFile)(ffmpeg.path, decode, options);
    await rm(folder, { recursive: true });
    const pictureBytes = (WIDTH * HEIGHT * 3) / 2;
    expect(pictures.length).toBe(28 * pictureBytes);
    const off = (frame: number, x: number, y: number) =>
      Math.abs((pictures[frame * pictureBytes + y * WIDTH + x] ?? 0) - BLACK_LUMA);
    const rows = Array.from({ length: 61 }, (_, at) => 53 + at);
    const edges = Array.from({ length: 28 }, (_, frame) =>
      [109, 178].map((x) => rows.reduce((sum, y) => sum + off(frame, x, y), 0) / rows.length),
    ).flat();
    expect(Math.max(...edges)).toBeLessThan(8);
  });
});

it('a clip with zones across two recordings passes', async () => {
  const ring = segments.map((segment, at) => (at < 1 ? segment : { ...segment, recording: 'the-next-one' }));
  expect(await tried(machines, { ring })).toMatchObject({ frames: 28, redacted: true });
});

it('a clip is not cut from footage whose rotation changes inside the window', async () => {
  const times = frameTimesUs(segments);
  const ring = segments.map((segment, at) => (at < 1 ? segment : (turnedRing(90)[at] ?? segment)));
  const { live } = liveGrantFor({ window: { startUs: times[5] ?? 0, endUs: times[33] ?? 0 } });
  await expect(trim(live, depsFor(machines, ring))).rejects.toMatchObject({ code: 'clip_stream_changed' });
  // Up to the change the rotation is constant.
  const { live: before } = liveGrantFor({ window: { startUs: times[5] ?? 0, endUs: times[15] ?? 0 } });
  expect((await trim(before, depsFor(machines, ring))).frames).toBe(10);
});

describe('a picture', () => {
  const pixels = WIDTH * HEIGHT;
  const [chromaWidth, chroma] = [WIDTH / 2, pixels / 4];
  /** A black picture. */
  const black = () => new Uint8Array(pixels + 2 * chroma).fill(16, 0, pixels).fill(128, pixels);
  const check = new ZonePictures([ZONE], { width: WIDTH, height: HEIGHT, rotation: 0 });
  const isBlack = (change: (picture: Uint8Array) => void, zones = check) => {
    const picture = black();
    change(picture);
    try {
      zones.assertBlack(picture, 7);
      return true;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'clip_check_failed', facts: { detail: 'a zone is not black in frame 7' } });
      return false;
    }
  };
  const put = (x: number, y: number, value: number) => (picture: Uint8Array) => picture.set([value], y * WIDTH + x);
  const putColour = (x: number, y: number, value: number) => (picture: Uint8Array) =>
    picture.set([value], pixels + chroma + y * chromaWidth + x);

  it.each([
    ['at the edge', 101, 53, 80],
    ['at the far edge', 187, 113, 80],
    ['three pixels inside', 104, 80, 80],
    ['four pixels inside', 105, 80, 24],
    ['fifteen pixels inside', 120, 98, 24],
    ['sixteen pixels inside', 117, 69, 4],
    ['in the middle', 140, 80, 4],
  ])('%s of a zone may differ from black up to the tolerance', (_, x, y, most) => {
    expect(isBlack(put(x, y, 16 + most))).toBe(true);
    expect(isBlack(put(x, y, 16 + most + 1))).toBe(false);
    expect(isBlack(put(x, y, Math.max(0, 16 - most)))).toBe(true);
  });

  it('may differ in chroma up to the tolerance, in both directions', () => {
    expect([isBlack(putColour(72, 41, 132)), isBlack(putColour(72, 41, 124))]).toEqual([true, true]);
    expect([isBlack(putColour(72, 41, 133)), isBlack(putColour(72, 41, 123))]).toEqual([false, false]);
    // The zone covers half of the first chroma pixel: 50 stands for 100 and 101.
    expect([isBlack(putColour(50, 41, 208)), isBlack(putColour(50, 41, 209))]).toEqual([true, false]);
    expect(isBlack(putColour(49, 41, 255))).toBe(true);
  });

  it('may have any pixels outside its zones', () => {
    for (const [x, y] of [
      [100, 80],
      [188, 80],
      [140, 52],
      [140, 114],
    ] as const)
      expect(isBlack(put(x, y, 255))).toBe(true);
  });

  it('is not black if a whole row or column along an edge differs', () => {
    const column = (value: number) => (picture: Uint8Array) => {
      for (let y = 53; y < 114; y += 1) put(101, y, value)(picture);
    };
    const row = (value: number) => (picture: Uint8Array) => {
      for (let x = 101; x < 188; x += 1) put(x, 113, value)(picture);
    };
    expect([isBlack(column(56)), isBlack(row(56))]).toEqual([true, true]);
    expect([isBlack(column(57)), isBlack(row(57))]).toEqual([false, false]);
  });

  it('has no edge if a zone reaches its border', () => {
    const corner = new ZonePictures([{ left: 0, top: 0, width: 5_000, height: 5_000 }], {
      ...{ width: WIDTH, height: HEIGHT, rotation: 0 },
    });
    expect([isBlack(put(0, 0, 20), corner), isBlack(put(0, 0, 21), corner)]).toEqual([true, false]);
    expect(isBlack(put(159, 0, 96), corner)).toBe(true);
  });

  it('must equal the other one outside its zones, to 20 dB', () => {
    const outside = (value: number, from: number, to: number) => {
      const picture = black().fill(value, from, to);
      return () => check.assertSameOutside(picture, black(), 3);
    };
    // Rows 53 to 113 are in the zone in part; one in ten of all values differs by 80: 20.05 dB.
    const tenth = Math.floor((pixels + 2 * chroma - (87 + 16) * (61 + 16) * 1.5) / 10);
    expect(outside(16 + 80, 0, tenth)).not.toThrow();
    expect(outside(16 + 82, 0, tenth)).toThrow(/frame 3 is not the ring's outside the zones/);
    expect(outside(16, 0, 1)).not.toThrow();
    // Pixels in the zone, or within eight pixels of it, are not compared.
    const inside = black();
    for (let y = 45; y < 122; y += 1) inside.fill(255, y * WIDTH + 93, y * WIDTH + 196);
    expect(() => check.assertSameOutside(inside, black(), 3)).not.toThrow();
  });
});

describe('decoding', () => {
  async function* annexB(counted: { frames: number }) {
    for (let round = 0; round < 4; round += 1) {
      for (const { init, fragment } of segments) {
        const info = parseInit(init);
        const { sps = [], pps = [], nalLengthSize = 4 } = info.video.avc ?? {};
        yield joinAnnexB([...sps, ...pps]);
        for (const { data } of parseFragment(info, fragment).video) {
          counted.frames += 1;
          yield joinAnnexB(splitSample(data, nalLengthSize));
        }
      }
    }
  }
  const job = (counted: { frames: number }) => ({
    ...{ doing: 'trying', source: annexB(counted), strict: true, convert: false, width: WIDTH, height: HEIGHT },
    ...{ picturesMax: 200, timeoutMs: 60_000, signal: new AbortController().signal },
  });

  it('waits for the reader of the pictures, and ends with it', async () => {
    const counted = { frames: 0 };
    const pictures = decodedPictures(depsFor(machines, segments), job(counted));
    expect((await pictures.next()).value).toHaveLength((WIDTH * HEIGHT * 3) / 2);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(counted.frames).toBeLessThan(120);
    await pictures.return(undefined);
    expect(await childProcesses()).toBe(0);
  });

  it('returns all pictures, and fails for too many, and for another size', async () => {
    const all = async (changes: object) => {
      let count = 0;
      for await (const _ of decodedPictures(depsFor(machines, segments), { ...job({ frames: 0 }), ...changes }))
        count += 1;
      return count;
    };
    expect(await all({})).toBe(160);
    await expect(all({ picturesMax: 100 })).rejects.toMatchObject({ code: 'ffmpeg_failed' });
    await expect(all({ width: WIDTH - 2 })).rejects.toMatchObject({ code: 'ffmpeg_failed' });
    const huge = all({ width: 65_534, height: 65_534 });
    await expect(huge).rejects.toMatchObject({ facts: { detail: 'the picture is too large' } });
    expect(await childProcesses()).toBe(0);
  });
});
