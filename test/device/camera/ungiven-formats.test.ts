import { beforeEach, describe, expect, it } from 'vitest';
import { UngivenFormats } from '../../../device/camera/ungiven-formats.ts';
import { chooseFormat, parseFormats, printFormat } from '../../../device/camera/v4l2-formats.ts';
import type { Size } from '../../../device/camera/wired-options.ts';

const OFFERED = parseFormats([
  'Compressed:       mjpeg :          Motion-JPEG : 1280x720 640x480 320x180',
  'Raw       :     yuyv422 :           YUYV 4:2:2 : 1280x720 640x480',
]);
const FULL = '[video4linux2,v4l2 @ 0x1] [error] ioctl(VIDIOC_STREAMON): No space left on device';
const CHANGED = '[video4linux2,v4l2 @ 0x1] [info] The V4L2 driver changed the video from 1280x720 to 640x480';
const LARGE: Size = { width: 1_280, height: 720 };

let cameUntilUs = 0;
beforeEach(() => {
  cameUntilUs = 0;
});

function camera(size: Size | null = null) {
  const ungiven = new UngivenFormats({ shown: 'v4l2:/dev/video0', size, format: null });
  /** One run: its format, or the failure if none is left. `came`: whether it delivered footage. */
  const run = (end: { line?: string; detail?: string; came?: boolean; ends?: boolean }) => {
    ungiven.judge(cameUntilUs);
    const { excluded, ...wanted } = ungiven.wanted;
    const format = chooseFormat(OFFERED, wanted, excluded);
    if (typeof format === 'string') return ungiven.exhausted();
    ungiven.begin(format);
    const trouble = ungiven.trouble(format);
    if (end.line !== undefined) ungiven.endedBy(end.line);
    if (end.came) cameUntilUs += 1;
    const isAnotherTried = ungiven.learn({ barren: end.ends === true });
    const ended = isAnotherTried || end.detail === undefined ? null : ungiven.ended(end.detail);
    return { of: printFormat(format), trouble, ended, isAnotherTried };
  };
  return { ungiven, run };
}

describe('a listed format', () => {
  it('that cannot start is excluded at once, for the same size in another format, then for another size', () => {
    const { run } = camera();
    const fails = { line: FULL, ends: true, detail: 'x' };
    expect(run(fails)).toMatchObject({ of: 'mjpeg 1280x720', trouble: null, isAnotherTried: true });
    expect(run(fails)).toMatchObject({ of: 'yuyv422 1280x720', isAnotherTried: true });
    const third = run({ came: true });
    expect(third).toMatchObject({ of: 'mjpeg 640x480', trouble: { code: 'camera_size_ungiven' } });
    expect(third && 'trouble' in third && third.trouble?.message).toContain(
      'mjpeg 1280x720 (ioctl(VIDIOC_STREAMON): No space left on device), yuyv422 1280x720 (ioctl(VIDIOC_STREAMON): No space left on device); mjpeg 640x480 is recorded instead',
    );
    expect(run({})).toMatchObject({ of: 'mjpeg 640x480' });
  });

  it.each(['No such device', 'Device or resource busy', 'Permission denied', 'Operation not permitted'])(
    'is not excluded for %j, which is about the camera',
    (words) => {
      const { run } = camera();
      const fails = { line: `[error] ioctl(VIDIOC_STREAMON): ${words}`, ends: true, detail: words };
      for (const _run of [1, 2, 3]) expect(run(fails)).toMatchObject({ of: 'mjpeg 1280x720', ended: null });
    },
  );

  it('that is delivered in another size is recorded in that size at once, if none is configured', () => {
    const { ungiven, run } = camera();
    // The run is aborted, so nothing is learnt before the next begins.
    const first = run({ line: CHANGED, detail: 'it had stalled', came: true });
    expect(first).toMatchObject({ of: 'mjpeg 1280x720', ended: { code: 'camera_size_ungiven' } });
    expect(run({ came: true })).toMatchObject({ of: 'mjpeg 640x480', trouble: { code: 'camera_size_ungiven' } });
    ungiven.forget();
    expect(run({ came: true })).toMatchObject({ of: 'mjpeg 1280x720', trouble: null });
  });

  it('of a configured size is not replaced by another size; all are tried again after none was left', () => {
    const { run } = camera(LARGE);
    const changed = { line: CHANGED, detail: 'it had stalled' };
    expect(run(changed)).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run(changed)).toMatchObject({ of: 'yuyv422 1280x720' });
    expect(run({})).toMatchObject({
      code: 'camera_size_ungiven',
      message: expect.stringContaining('no other format fits the options'),
    });
    expect(run({ came: true })).toMatchObject({ of: 'mjpeg 1280x720', trouble: null });
  });

  it('without pictures is excluded after two runs in a row, not after one', () => {
    const silent = { detail: 'it had stalled' };
    const { run } = camera();
    expect(run(silent)).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run({ detail: 'ffmpeg was ended by SIGKILL' })).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run(silent)).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run({ detail: 'Device or resource busy' })).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run(silent)).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run(silent)).toMatchObject({ of: 'mjpeg 1280x720' });
    expect(run(silent)).toMatchObject({ of: 'yuyv422 1280x720' });
  });

  it('that has delivered pictures before is not excluded: the cause is another one', () => {
    const { ungiven, run } = camera();
    run({ detail: 'it had stalled', came: true });
    for (const _run of [1, 2, 3, 4]) expect(run({ detail: 'it had stalled' })).toMatchObject({ of: 'mjpeg 1280x720' });
    ungiven.forget();
    for (const _run of [1, 2, 3]) expect(run({ detail: 'it had stalled' })).toMatchObject({ of: 'mjpeg 1280x720' });
  });

  it('is excluded with at most seven others in a row', () => {
    const lines = Array.from({ length: 12 }, (_, at) => `Compressed: mjpeg : Motion-JPEG : ${1_000 - at}x500`);
    const offered = parseFormats([lines.join(' ').replaceAll(/ Compressed: mjpeg : Motion-JPEG :/g, '')]);
    const ungiven = new UngivenFormats({ shown: 'x', size: null, format: null });
    const results = Array.from({ length: 10 }, () => {
      ungiven.judge(0);
      const format = chooseFormat(offered, ungiven.wanted, ungiven.wanted.excluded);
      if (typeof format === 'string') return format;
      ungiven.begin(format);
      ungiven.endedBy(FULL);
      return ungiven.learn({ barren: true });
    });
    expect(results).toEqual([...Array(8).fill(true), false, false]);
  });

  it('is not excluded for a run with pictures', () => {
    const { run } = camera();
    expect(run({ line: FULL, came: true })).toMatchObject({ isAnotherTried: false });
  });
});
