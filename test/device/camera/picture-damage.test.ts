import { describe, expect, it } from 'vitest';
import { isPictureMissing, reportsDamage } from '../../../device/camera/picture-damage.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { Recorder } from './support/recorder.ts';

describe('a line of ffmpeg', () => {
  it.each([
    '[h264 @ 0x55d0c0ffee00] [error] error while decoding MB 12 5, bytestream -7',
    '[h264 @ 0x55d0c0ffee00] [info] concealing 80 DC, 80 AC, 80 MV errors in P frame',
    '[h264 @ 0x55d0c0ffee00] concealing 80 DC, 80 AC, 80 MV errors',
    '[hevc @ 0x55d0c0ffee00] [error] Could not find ref with POC 12',
  ])('reports damage: %s', (line) => {
    expect(reportsDamage(line)).toBe(true);
  });

  it.each([
    '[h264 @ 0x55d0c0ffee00] [info] Reinit context to 320x240, pix_fmt: yuv420p',
    '[h264 @ 0x55d0c0ffee00] [warning] Increasing reorder buffer to 1',
    '[h264 @ 0x55d0c0ffee00] [error] non-existing PPS 0 referenced',
    '[h264 @ 0x55d0c0ffee00] [error] mmco: unref short failure',
    '[mjpeg @ 0x55d0c0ffee00] [error] overread 8',
    '[mp4 @ 0x55d0c0ffee00] [warning] Non-monotonic DTS; previous: 5, current: 4; changing to 6.',
    '[info]   comment: [h264 @ 0x0] [error] error while decoding MB 1 1, bytestream -1',
    '',
  ])('reports no damage: %s', (line) => {
    expect(reportsDamage(line)).toBe(false);
  });
});

describe('the numbers of the pictures of a GOP', async () => {
  const source = 'synthetic?pace=fast&seconds=1&size=320x180&audio=off';
  const { segments } = await new Recorder(npmFfmpeg, source).whole();
  const init = parseInit(segments[0]?.init ?? new Uint8Array());
  const { video } = parseFragment(init, segments[0]?.fragment ?? new Uint8Array());

  it('have no gap if none is missing, or only some at the end', () => {
    expect(video.length).toBe(15);
    expect(isPictureMissing(init, video)).toBe(false);
    expect(isPictureMissing(init, video.slice(0, 9))).toBe(false);
  });

  it('have a gap wherever one is missing or out of order', () => {
    for (let at = 1; at < video.length - 1; at += 1) {
      expect([at, isPictureMissing(init, video.toSpliced(at, 1))]).toEqual([at, true]);
      const [one, next] = video.slice(at, at + 2);
      if (one && next) expect(isPictureMissing(init, video.toSpliced(at, 2, next, one))).toBe(true);
    }
  });

  it('prove nothing if headers cannot be read', () => {
    const torn = video.map((sample, at) => (at === 3 ? { ...sample, data: Uint8Array.of(0, 0, 0, 1, 1) } : sample));
    expect(isPictureMissing(init, torn)).toBe(false);
    expect(isPictureMissing(init, [])).toBe(false);
  });
});
