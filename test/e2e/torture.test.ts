// The oddest of the odd and broken files through `doorsill demo`; all of them in torture.slow.test.ts, and through capture,
// ring and trim alone in test/clip/torture.test.ts.
import { describe, it } from 'vitest';
import { findFfmpeg } from '../../device/camera/ffmpeg.ts';
import { EXACT, REFUSED, torturePath } from '../support/torture.ts';
import { demoExactly, demoRefused } from './torture-demo.ts';

const { path: ffmpeg } = await findFfmpeg();
const ODDEST = ['androidx_sample_malformed_free_box.mp4', 'mediabunny_no-initial-keyframe.ts', 'mp4parse_minimal.mp4'];

describe.skipIf(torturePath('androidx_sample.mp4') === null)('demo on odd and broken media', () => {
  it.each(EXACT.filter((row) => ODDEST.includes(row.name)))(
    'gives an exact clip of $name: $odd',
    (row) => demoExactly(row, ffmpeg),
    160_000,
  );

  it.each(REFUSED.filter((row) => row.because === 'encrypted'))(
    'refuses $name, for it is $because',
    (row) => demoRefused(row, ffmpeg),
    160_000,
  );
});
