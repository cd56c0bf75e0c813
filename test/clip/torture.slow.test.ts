// Odd and broken files once more, with every ffmpeg that the product may choose, and on windows of every kind.
import { describe, expect, it } from 'vitest';
import { proved } from '../support/proved.ts';
import { EXACT, otherWindows, REFUSED, shownBy, strangers, strangersOptions, torturePath } from '../support/torture.ts';
import { everyFfmpeg } from './support/cutting.ts';
import { TortureRun } from './support/torture-run.ts';

const present = torturePath('androidx_sample.mp4') !== null;

/** Windows that hold a picture which is there in part only. */
const CORRUPT = new Set(REFUSED.filter((row) => row.because === 'corrupt at the window').map((row) => row.name));

describe.skipIf(!present).each(await everyFfmpeg())('odd and broken media and ffmpeg $version', (ffmpeg) => {
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
        if (CORRUPT.has(row.name) && toS > (source.times.at(-1) ?? 0)) {
          await expect(run.clip(fromS, toS), kind).rejects.toMatchObject({ code: 'clip_not_exact' });
          refusals += 1;
          continue;
        }
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
      const outcome = TortureRun.capture(ffmpeg, torturePath(row.name) ?? '').then((run) => run.clip(...row.window));
      await expect(outcome).rejects.toMatchObject({ code: row.code });
      refusals += 1;
    },
    60_000,
  );

  it('is exact or refused in every window', (context) => {
    expect(exact).toBeGreaterThan(90);
    proved(context, `torture files with ffmpeg ${ffmpeg.version}: exact clips; refusals`, `${exact}; ${refusals}`);
  });
});
