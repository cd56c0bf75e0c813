import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { LIVE_BYTES_MAX, LiveFragments, type LiveListener } from '../../../device/camera/live-fragments.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { LiveViewer } from './support/live-viewer.ts';

/** Two seconds at 10 frames a second as a capture writes them: a keyframe every third frame. */
const GOP = 3;
const FPS = 10;
const file = execFileSync(npmFfmpeg.path, [
  ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=64x64:r=${FPS}:d=2`, '-pix_fmt', 'yuv420p', '-c:v', 'libx264'],
  ...['-preset', 'ultrafast', '-bf', '0', '-g', String(GOP), '-sc_threshold', '0'],
  ...['-movflags', '+frag_every_frame+empty_moov+default_base_moof+frag_discont', '-f', 'mp4', 'pipe:1'],
]);
const [init = new Uint8Array(0), ...frames] = new FragmentSplitter().push(file).map(({ bytes }) => bytes);

/** The n-th frame. `bytes`: its size, padded after the picture in the `mdat` box. */
function frame(n: number, bytes = 0): Uint8Array {
  const whole = frames[n] ?? new Uint8Array(0);
  const larger = concatBytes([whole, new Uint8Array(Math.max(0, bytes - whole.length))]);
  const view = new DataView(larger.buffer);
  const mdatAt = view.getUint32(0);
  view.setUint32(mdatAt, larger.length - mdatAt);
  return larger;
}

/** Numbers of frames, from their times. */
const numbers = (viewer: LiveViewer) =>
  viewer.fragments.map(({ startUs }) => ((startUs ?? Number.NaN) * FPS) / 1_000_000);

function watched(live: LiveFragments): LiveViewer {
  const viewer = new LiveViewer();
  live.subscribe(viewer);
  return viewer;
}

/** Opens a run whose time 0 is the clock's; `broken` gets the codes of parse errors. */
function opened(live: LiveFragments, broken: string[] = []) {
  return live.open({ offsetUs: () => 0, accepts: () => true, broken: ({ code }) => void broken.push(code) });
}

/** A stream of a keyframe and two frames, and a viewer that has seen them. */
function begun(log: Log = silentLog()) {
  const live = new LiveFragments(log);
  const early = watched(live);
  const run = opened(live);
  for (const bytes of [init, frame(0), frame(1), frame(2)]) run.write(bytes);
  return { live, run, early };
}

describe('the live picture', () => {
  it('gives every viewer each frame as it comes, and a new viewer all frames since the last keyframe at once', () => {
    const { live, run, early } = begun();
    const late = watched(live);
    expect(late.told).toEqual(['init', 'frames']);
    expect(numbers(late)).toEqual([0, 1, 2]);
    run.write(frame(3));
    const later = watched(live);
    expect(numbers(later)).toEqual([3]);
    run.write(frame(4));
    expect(numbers(early)).toEqual([0, 1, 2, 3, 4]);
    expect(numbers(late)).toEqual([0, 1, 2, 3, 4]);
    expect(numbers(later)).toEqual([3, 4]);
    expect(live.holds).toEqual({ fragments: 2, bytes: frame(3).length + frame(4).length });
    expect(early.inits.map(({ bytes }) => bytes)).toEqual([init]);
    expect(early.fragments.map(({ key }) => key)).toEqual([true, false, false, true, false]);
    expect(early.fragments.map(({ durationUs }) => durationUs)).toEqual([1, 2, 3, 4, 5].map(() => 100_000));
    expect(concatBytes(early.fragments.map(({ bytes }) => bytes))).toEqual(
      concatBytes([0, 1, 2, 3, 4].map((n) => frame(n))),
    );
  });

  it('parses frames in batches while nobody watches, and shows the first viewer the same frames', () => {
    const live = new LiveFragments(silentLog());
    const run = opened(live);
    run.write(init);
    for (let n = 0; n < 10; n += 1) run.write(frame(n));
    expect(live.holds.fragments).toBe(0);
    expect(live.holds.bytes).toBeGreaterThan(0);
    for (let n = 10; n < 17; n += 1) run.write(frame(n));
    // The sixteenth read was the fifteenth frame: three GOPs have been dropped by then.
    expect(live.holds.fragments).toBe(GOP);
    const viewer = watched(live);
    expect(numbers(viewer)).toEqual([15, 16]);
    run.write(frame(17));
    expect(numbers(viewer)).toEqual([15, 16, 17]);
  });

  it('holds a bounded number of bytes while nobody watches', () => {
    const live = new LiveFragments(silentLog());
    const run = opened(live);
    run.write(init);
    for (let n = 0; n < 20; n += 1) {
      run.write(frame(0, LIVE_BYTES_MAX / 8));
      expect(live.holds.bytes).toBeLessThan(LIVE_BYTES_MAX / 2);
    }
  });

  it('shows nothing before the first keyframe', () => {
    const live = new LiveFragments(silentLog());
    const viewer = watched(live);
    const run = opened(live);
    for (const bytes of [init, frame(2)]) run.write(bytes);
    expect(viewer.told).toEqual(['init']);
    expect(live.holds.fragments).toBe(0);
    run.write(frame(3));
    expect(numbers(viewer)).toEqual([3]);
  });

  it('reports the end at once, then holds nothing and ignores the old run', () => {
    const { live, run, early } = begun();
    live.end();
    expect(early.told).toEqual(['init', 'frames', 'ended']);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    const late = watched(live);
    run.write(frame(3));
    live.end();
    expect(numbers(early)).toEqual([0, 1, 2]);
    expect(early.told).toEqual(['init', 'frames', 'ended']);
    expect(late.told).toEqual([]);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    const next = opened(live);
    for (const bytes of [init, frame(6)]) next.write(bytes);
    expect(late.told).toEqual(['init', 'frames']);
    expect(numbers(early)).toEqual([0, 1, 2, 6]);
  });

  it('holds no unparsed bytes after the end', () => {
    const live = new LiveFragments(silentLog());
    const run = opened(live);
    for (const bytes of [init, frame(0), frame(1)]) run.write(bytes);
    expect(live.holds.bytes).toBeGreaterThan(0);
    live.end();
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    run.write(frame(2));
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    expect(watched(live).told).toEqual([]);
  });

  it('continues with the next run without an end, and forgets the run before', () => {
    const { live, run, early } = begun();
    const next = opened(live);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    expect(watched(live).told).toEqual([]);
    run.write(frame(3));
    for (const bytes of [init, frame(5), frame(6)]) next.write(bytes);
    expect(early.told).toEqual(['init', 'frames', 'init', 'frames']);
    expect(numbers(early)).toEqual([0, 1, 2, 6]);
  });

  it('reports the end to viewers of the run before if the next one shows nothing', () => {
    const { live, early } = begun();
    opened(live);
    live.end();
    expect(early.told).toEqual(['init', 'frames', 'ended']);
  });

  it('shows nothing of a stream that the run does not accept', () => {
    const live = new LiveFragments(silentLog());
    const viewer = watched(live);
    const run = live.open({ offsetUs: () => 0, accepts: (info) => info.video.width !== 64, broken: () => {} });
    for (const bytes of [init, frame(0)]) run.write(bytes);
    expect(viewer.told).toEqual([]);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
  });

  it('delivers frames without wall time while it is unknown', () => {
    const live = new LiveFragments(silentLog());
    const viewer = watched(live);
    let offsetUs: number | null = null;
    const run = live.open({ offsetUs: () => offsetUs, accepts: () => true, broken: () => {} });
    for (const bytes of [init, frame(0)]) run.write(bytes);
    offsetUs = 1_000_000;
    run.write(frame(1));
    expect(viewer.fragments.map(({ startUs }) => startUs)).toEqual([null, 1_100_000]);
  });

  it('leaves out a frame that is too large, and all up to the next keyframe', () => {
    const { live, run, early } = begun();
    run.write(frame(3));
    run.write(frame(4, LIVE_BYTES_MAX + 1));
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    const late = watched(live);
    run.write(frame(5));
    run.write(frame(6));
    expect(numbers(early)).toEqual([0, 1, 2, 3, 6]);
    expect(numbers(late)).toEqual([6]);
  });

  it('holds a bounded part of a long GOP: viewers see all of it, a new viewer begins with the next GOP', () => {
    const { live, run, early } = begun();
    run.write(frame(1, LIVE_BYTES_MAX / 2));
    expect(live.holds.bytes).toBeGreaterThan(LIVE_BYTES_MAX / 2);
    run.write(frame(1, LIVE_BYTES_MAX / 2));
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
    const late = watched(live);
    run.write(frame(2));
    expect(numbers(late)).toEqual([]);
    run.write(frame(3));
    expect(numbers(early)).toEqual([0, 1, 2, 1, 1, 2, 3]);
    expect(numbers(late)).toEqual([3]);
  });

  it('ends when the stream cannot be parsed, and reports it once', () => {
    const live = new LiveFragments(silentLog());
    const viewer = watched(live);
    const broken: string[] = [];
    const run = opened(live, broken);
    for (const bytes of [init, frame(0), init, frame(3)]) run.write(bytes);
    expect(broken).toEqual(['fragment_malformed']);
    expect(viewer.told).toEqual(['init', 'frames', 'ended']);
    expect(numbers(viewer)).toEqual([0]);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
  });

  it('removes a viewer that throws, and logs it', () => {
    const logged: string[] = [];
    const log = { ...silentLog(), error: (message: string) => void logged.push(message) };
    const { live, run } = begun(log);
    let asked = 0;
    const throwing: LiveListener = {
      init: () => {},
      fragment: () => {
        asked += 1;
        throw new Error('its connection has gone');
      },
      ended: () => {
        asked += 1;
      },
    };
    live.subscribe(throwing);
    const other = watched(live);
    run.write(frame(3));
    live.end();
    expect(asked).toBe(1);
    expect(logged).toEqual(['a viewer of the live picture failed and is cut off; recording goes on']);
    expect(numbers(other)).toEqual([0, 1, 2, 3]);
  });

  it('calls a viewer no more once it has left, even in the middle of a frame', () => {
    const { live, run } = begun();
    const second = new LiveViewer();
    let leave = () => {};
    live.subscribe({ init: () => {}, fragment: ({ startUs }) => startUs === 300_000 && leave(), ended: () => {} });
    leave = live.subscribe(second);
    run.write(frame(3));
    live.end();
    expect(numbers(second)).toEqual([0, 1, 2]);
    expect(second.told).toEqual(['init', 'frames']);
  });

  it('delivers no frame after an end that a viewer itself causes', () => {
    const { live, run } = begun();
    live.subscribe({ init: () => {}, fragment: ({ startUs }) => startUs === 300_000 && live.end(), ended: () => {} });
    const second = watched(live);
    run.write(concatBytes([frame(3), frame(4), frame(5), frame(6)]));
    expect(second.told).toEqual(['init', 'frames', 'ended']);
    expect(numbers(second)).toEqual([0, 1, 2]);
    expect(live.holds).toEqual({ fragments: 0, bytes: 0 });
  });
});
