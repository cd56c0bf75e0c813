import { describe, expect, it } from 'vitest';
import { parseTruth } from '../../../sim/truth/read-truth.ts';
import { truthOfCamera } from '../../../sim/truth/truth-file.ts';

const spans = (...cameras: (string | undefined)[]) =>
  cameras.map((camera, at) => ({ event: 'motion', fromS: at, toS: at + 1, ...(camera ? { camera } : {}) }));
const truth = (...cameras: (string | undefined)[]) =>
  parseTruth(JSON.stringify({ format: 'doorsill-truth-1', durationS: 9, spans: spans(...cameras) }), 'a.json');

describe('the truth of one camera', () => {
  it('has its own spans, and still judges what the file labels', () => {
    const front = truthOfCamera(truth('front', 'gate', 'front'), 'front');
    expect(front.spans.map(({ startUs }) => startUs)).toEqual([0, 2_000_000]);
    expect(truthOfCamera(truth('front'), 'gate')).toMatchObject({ spans: [], judge: ['motion'] });
  });

  it('has all spans of a file without cameras', () => {
    expect(truthOfCamera(truth(undefined, undefined), 'front').spans).toHaveLength(2);
  });
});
