// Holds: contradictory facts of a clip are refused, and others are not; each limit is tried from both sides.
import { describe, expect, it } from 'vitest';
import { type ClipFacts, faultOfFacts } from '../../../device/contract/clip-facts.ts';
import { STATEMENT_TIME_STEP_US } from '../../../device/contract/manifest.ts';

const at = (startUs: number, endUs: number) => ({ startUs, endUs });
const WINDOW = at(5_000_000, 15_000_000);
const GOOD: ClipFacts = {
  ...{ window: WINDOW, coverage: WINDOW, gaps: [], frames: 150, audioPackets: 468 },
  ...{ method: 'smart-cut', encodedFrames: 7, redacted: false },
};
const codeOf = (changes: Partial<ClipFacts>, stepUs = 0) => faultOfFacts({ ...GOOD, ...changes }, stepUs)?.code;

it('accepts the facts of a plain clip', () => {
  expect(faultOfFacts(GOOD, 0)).toBeNull();
  expect(faultOfFacts(GOOD, STATEMENT_TIME_STEP_US)).toBeNull();
});

describe('a window of ten seconds holds', () => {
  const most = 10 * 240 + 1;
  it.each<[string, Partial<ClipFacts>, string | undefined]>([
    ['240 frames a second', { frames: most }, undefined],
    ['no frame more', { frames: most + 1 }, 'intake_frame_count'],
    ['all packets of sound at 192 kHz', { audioPackets: 1_875 }, undefined],
    ['no packet more', { audioPackets: 1_877 }, 'intake_frame_count'],
  ])('%s', (_what, changes, code) => expect(codeOf(changes)).toBe(code));
});

it.each<[Partial<ClipFacts>, string | undefined]>([
  [{ method: 'copy', encodedFrames: 0 }, undefined],
  [{ method: 'copy', encodedFrames: 1 }, 'intake_method'],
  [{ method: 'smart-cut', encodedFrames: 0 }, 'intake_method'],
  [{ method: 'smart-cut', encodedFrames: 1 }, undefined],
  [{ method: 'smart-cut', encodedFrames: 150 }, undefined],
  [{ method: 'smart-cut', encodedFrames: 151 }, 'intake_method'],
  [{ method: 're-encode', encodedFrames: 150 }, undefined],
  [{ method: 're-encode', encodedFrames: 149 }, 'intake_method'],
  [{ method: 're-encode', encodedFrames: 150, redacted: true }, undefined],
  [{ method: 're-encode', encodedFrames: 149, redacted: true }, 'intake_redaction'],
  [{ method: 'smart-cut', encodedFrames: 150, redacted: true }, 'intake_redaction'],
  [{ method: 'copy', encodedFrames: 0, redacted: true }, 'intake_redaction'],
])('of %j it says %s', (changes, code) => expect(codeOf(changes)).toBe(code));

describe('coverage and gaps', () => {
  const middle = { coverage: at(7_000_000, 12_000_000) };
  it.each<[string, Partial<ClipFacts>, string | undefined]>([
    [
      'hold two frames a 240th of a second apart',
      { frames: 2, encodedFrames: 1, coverage: at(5_000_000, 5_004_167) },
      undefined,
    ],
    [
      'hold no two frames closer',
      { frames: 2, encodedFrames: 1, coverage: at(5_000_000, 5_004_166) },
      'intake_coverage',
    ],
    ['hold one frame in a microsecond', { frames: 1, encodedFrames: 1, coverage: at(5_000_000, 5_000_001) }, undefined],
    [
      'go together',
      { ...middle, gaps: [at(5_000_000, 7_000_000), at(8_000_000, 9_000_000), at(12_000_000, 15_000_000)] },
      undefined,
    ],
    ['leave the time where frames before were shown', { ...middle, gaps: [at(5_500_000, 6_500_000)] }, undefined],
    ['overlap by nothing', { gaps: [at(6_000_000, 7_000_000), at(6_999_999, 8_000_000)] }, 'intake_gaps'],
    ['may touch', { gaps: [at(6_000_000, 7_000_000), at(7_000_000, 8_000_000)] }, undefined],
    ['begin with the window', { ...middle, gaps: [at(4_999_999, 7_000_000)] }, 'intake_gaps'],
    ['end with it', { ...middle, gaps: [at(12_000_000, 15_000_001)] }, 'intake_gaps'],
    ['keep the first frame', { ...middle, gaps: [at(5_000_000, 7_000_001)] }, 'intake_gaps'],
    ['keep it from its beginning on', { ...middle, gaps: [at(7_000_000, 8_000_000)] }, 'intake_gaps'],
    ['keep the last frame', { ...middle, gaps: [at(11_999_999, 15_000_000)] }, 'intake_gaps'],
    ['keep it to its end', { ...middle, gaps: [at(11_000_000, 12_000_000)] }, 'intake_gaps'],
    ['leave time for all frames', { gaps: [at(5_001_000, 14_384_333)] }, undefined],
    ['do not leave less', { gaps: [at(5_001_000, 14_384_334)] }, 'intake_gaps'],
  ])('%s', (_what, changes, code) => expect(codeOf(changes)).toBe(code));

  it('may cover frames when rounded to tenths of a second, but must be in order and in the window', () => {
    expect(codeOf({ gaps: [WINDOW] }, STATEMENT_TIME_STEP_US)).toBeUndefined();
    expect(codeOf({ gaps: [WINDOW] })).toBe('intake_gaps');
    const overlapping = { gaps: [at(6_000_000, 8_000_000), at(7_000_000, 9_000_000)] };
    expect(codeOf(overlapping, STATEMENT_TIME_STEP_US)).toBe('intake_gaps');
    expect(codeOf({ frames: 9_000 }, STATEMENT_TIME_STEP_US)).toBe('intake_frame_count');
    expect(codeOf({ coverage: at(5_000_000, 5_000_001) }, STATEMENT_TIME_STEP_US)).toBe('intake_coverage');
  });
});
