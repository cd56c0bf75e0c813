// @module-tag footage
// @module-tag long
// Every odd and broken file through `doorsill demo`, with every supported ffmpeg.
import { describe, expect, it } from 'vitest';
import { ffmpegs } from '../../support/each-ffmpeg.ts';
import { proved } from '../../support/proved.ts';
import { EXACT, REFUSED, torturePath } from '../../support/torture.ts';
import { demoExactly, demoRefused } from './torture-demo.ts';

const present = torturePath('androidx_sample.mp4') !== null;

describe.skipIf(!present).each(ffmpegs)('demo on odd and broken media with ffmpeg $version', (ffmpeg) => {
  /** The bundled static build crashes on any transport stream with a service name. */
  const isCrashing = (name: string) => name === 'mediabunny_hevc.ts' && ffmpeg.version.includes('static');
  const rows = EXACT.filter((row) => !isCrashing(row.name));
  let exact = 0;
  let refusals = 0;

  it.each(rows)(
    'gives an exact clip of $name: $odd',
    async (row) => {
      await demoExactly(row, ffmpeg.path);
      exact += 1;
    },
    160_000,
  );

  it.each(REFUSED)(
    'refuses $name, for it is $odd: $because',
    async (row) => {
      await demoRefused(row, ffmpeg.path);
      refusals += 1;
    },
    160_000,
  );

  it('cuts exactly or refuses every file', (context) => {
    expect([exact, refusals]).toEqual([rows.length, REFUSED.length]);
    proved(context, `torture files through demo, ffmpeg ${ffmpeg.version}: exact; refused`, `${exact}; ${refusals}`);
  });
});
