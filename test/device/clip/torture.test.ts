// @module-tag footage
// Odd and broken files through capture, ring and trim: an exact clip of every file with pictures, the right code for others. The demo
// uses the same table in test/scenarios/e2e/torture.slow.test.ts.
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ffmpegs, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { proved } from '../../support/proved.ts';
import { EXACT, REFUSED, shownBy, strangers, strangersOptions, torturePath } from '../../support/torture.ts';
import { TortureRun } from './support/torture-run.ts';

const [ffmpeg = npmFfmpeg] = ffmpegs;
const present = torturePath('androidx_sample.mp4');

describe.skipIf(present === null)('odd and broken media', () => {
  it('is all in the table', () => {
    const files = readdirSync(dirname(present ?? '')).sort();
    expect([...new Set([...EXACT, ...REFUSED].map((row) => row.name))].sort()).toEqual(files);
  });

  let exact = 0;
  it.each(EXACT)('gives an exact clip of $name: $odd', async (row) => {
    const path = torturePath(row.name) ?? '';
    const source = await shownBy(path, strangersOptions(row.name));
    const [fromS, toS] = row.window;
    expect(source.times.filter((time) => time >= fromS && time < toS).length).toBe(row.frames);
    const clip = await (await TortureRun.capture(ffmpeg, path)).clip(fromS, toS);
    expect([clip.frames, clip.times.length, clip.method]).toEqual([row.frames, row.frames, row.method]);
    expect(strangers(source, fromS, clip)).toEqual([]);
    expect(clip.aspect / source.aspect).toBeCloseTo(1, 1);
    exact += 1;
  });

  let refusals = 0;
  it.each(REFUSED)('refuses $name with $code, for it is $odd: $because', async (row) => {
    const outcome = TortureRun.capture(ffmpeg, torturePath(row.name) ?? '');
    await expect(outcome).rejects.toMatchObject({ code: row.code, message: expect.stringMatching(row.says) });
    refusals += 1;
  });

  it('is as the table says, every file of it', (context) => {
    expect([exact, refusals]).toEqual([EXACT.length, REFUSED.length]);
    const reasons = [...new Set(REFUSED.map((row) => row.because))].join(', ');
    proved(context, 'torture files: exact clips; refusals and why', `${exact}; ${refusals}: ${reasons}`);
  });
});
