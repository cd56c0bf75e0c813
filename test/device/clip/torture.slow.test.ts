// @module-tag footage
// @module-tag long
// Odd and broken files with every ffmpeg that the product may choose, and windows of every kind.
import { describe, expect, it } from 'vitest';
import { ffmpegs } from '../../support/each-ffmpeg.ts';
import { proved } from '../../support/proved.ts';
import {
  EXACT,
  otherWindows,
  REFUSED,
  shownBy,
  strangers,
  strangersOptions,
  torturePath,
} from '../../support/torture.ts';
import { TortureRun } from './support/torture-run.ts';

const present = torturePath('androidx_sample.mp4') !== null;

describe.skipIf(!present).each(ffmpegs)('odd and broken media and ffmpeg $version', (ffmpeg) => {
  let exact = 0;
  let refusals = 0;

  it.each(EXACT)(
    'gives exact clips of $name: $odd',
    async (row) => {
      const path = torturePath(row.name) ?? '';
      const captured = TortureRun.capture(ffmpeg, path);
      // The bundled static build crashes on any transport stream that names its service.
      if (row.name === 'mediabunny_hevc.ts' && ffmpeg.version.includes('static')) {
        await expect(captured).rejects.toMatchObject({ code: 'camera_no_video' });
        refusals += 1;
        return;
      }
      const source = await shownBy(path, strangersOptions(row.name));
      const run = await captured;
      for (const { kind, fromS, toS } of otherWindows(source.times)) {
        const wanted = source.times.filter((time) => time >= fromS && time < toS).length;
        const clip = await run.clip(fromS, toS);
        expect([clip.frames, clip.times.length], kind).toEqual([wanted, wanted]);
        expect(strangers(source, fromS, clip), kind).toEqual([]);
        exact += 1;
      }
    },
    240_000,
  );

  it.each(REFUSED)(
    'refuses $name with $code, for it is $odd: $because',
    async (row) => {
      const captured = TortureRun.capture(ffmpeg, torturePath(row.name) ?? '');
      await expect(captured).rejects.toMatchObject({ code: row.code });
      refusals += 1;
    },
    60_000,
  );

  it('is exact or refused in every window', (context) => {
    expect(exact).toBeGreaterThan(100);
    proved(context, `torture files with ffmpeg ${ffmpeg.version}: exact clips; refusals`, `${exact}; ${refusals}`);
  });
});
