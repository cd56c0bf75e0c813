// Holds: the times in a clip's file agree with its manifest or statement within rounding, and no further; the last frame may be shown until
// the window ends, or for as long as the others.
import { describe, expect, it } from 'vitest';
import type { ClipFacts } from '../../../../device/contract/clip-facts.ts';
import { STATEMENT_TIME_STEP_US } from '../../../../device/contract/manifest.ts';
import { faultOfTimes } from '../../../../device/contract/media/clip-times.ts';
import { readClipFile } from '../../../../device/contract/media/read-clip-file.ts';
import { type PlainClip, plainMp4 } from '../../../support/plain-mp4.ts';

const at = (startUs: number, endUs: number) => ({ startUs, endUs });
const STEP_US = STATEMENT_TIME_STEP_US;
/** 30 frames of 200 ms, six seconds in all. */
const FRAMES = { frames: 30, audioPackets: 0, frameTicks: 18_000 };

/** The code of the fault of a clip with this coverage of a window of ten seconds, or with this rounding. */
async function codeOf(
  clip: Partial<PlainClip>,
  says: Partial<ClipFacts> = {},
  stepUs = 0,
): Promise<string | undefined> {
  const counts = { ...FRAMES, ...clip };
  const bytes = plainMp4(counts);
  const read = async (from: number, length: number) => bytes.subarray(from, from + length);
  const tables = await readClipFile({ sizeBytes: bytes.length, read }, counts);
  const facts: ClipFacts = {
    ...{ window: at(0, 10_000_000), coverage: at(0, 6_000_000), gaps: [], method: 'copy', encodedFrames: 0 },
    ...{ redacted: false, ...counts, ...says },
  };
  return faultOfTimes(tables, facts, stepUs)?.code;
}

describe('frames', () => {
  it.each<[string, Partial<PlainClip>, Partial<ClipFacts>, string | undefined]>([
    ['may end with their coverage', {}, {}, undefined],
    ['may end half a tick later', {}, { coverage: at(0, 5_999_990) }, undefined],
    ['may end less than a frame later', {}, { coverage: at(0, 5_800_001) }, undefined],
    ['may not begin after their coverage', { lastTicks: 1 }, { coverage: at(0, 5_799_000) }, 'intake_duration'],
    ['may not begin later', {}, { coverage: at(0, 5_799_900) }, 'intake_duration'],
    [
      'may not be shown for longer than any other',
      { lastTicks: 36_000 },
      { coverage: at(0, 5_900_000) },
      'intake_duration',
    ],
    ['may be, while they are covered', { lastTicks: 90_000 }, { coverage: at(0, 6_800_000) }, undefined],
    ['may not end before their coverage', {}, { coverage: at(0, 6_000_100) }, 'intake_coverage'],
    [
      'may be one alone, shown for as long as nobody says',
      { frames: 1, lastTicks: 900_000 },
      { coverage: at(0, 1) },
      undefined,
    ],
    [
      'may not be one alone that is shown for more than ten seconds',
      { frames: 1, lastTicks: 900_100 },
      { coverage: at(0, 1) },
      'intake_duration',
    ],
  ])('%s', async (_what, clip, says, code) => expect(await codeOf(clip, says)).toBe(code));

  it('may end up to two steps before a rounded coverage', async () => {
    expect(await codeOf({}, { coverage: at(0, 6_200_000) }, STEP_US)).toBeUndefined();
    expect(await codeOf({}, { coverage: at(0, 6_200_100) }, STEP_US)).toBe('intake_coverage');
  });
});

describe('a gap', () => {
  const pause = { at: 10, ticks: 90_000 };
  it.each<[string, Partial<PlainClip>, Partial<ClipFacts>, number, string | undefined]>([
    ['may be where there is a pause', { pause }, gapOf(2_000_000, 3_000_000, 7_000_000), 0, undefined],
    [
      'may begin when a frame begins that is before it',
      { pause },
      gapOf(1_800_001, 3_000_000, 7_000_000),
      0,
      undefined,
    ],
    ['may not begin with a frame', { pause }, gapOf(1_799_900, 3_000_000, 7_000_000), 0, 'intake_gaps'],
    ['may not go on over one', { pause }, gapOf(2_000_000, 3_000_100, 7_000_000), 0, 'intake_gaps'],
    ['may not lie in between', {}, gapOf(1_900_000, 2_100_000), 0, 'intake_gaps'],
    ['may be after all frames', {}, gapOf(6_000_000, 10_000_000), 0, undefined],
    ['may be before them', {}, { coverage: at(2_000_000, 8_000_000), gaps: [at(0, 2_000_000)] }, 0, undefined],
    [
      'may reach over frames by what it is rounded to',
      { frameTicks: 6_000 },
      gapOf(500_000, 1_000_000, 2_000_000),
      STEP_US,
      undefined,
    ],
    ['may not reach further', { frameTicks: 6_000 }, gapOf(500_000, 1_100_000, 2_000_000), STEP_US, 'intake_gaps'],
    ['may hide frames for less than two steps between two', between(2), gapAt(2), STEP_US, undefined],
    // Each could lie between two true gaps: at five frames a second that cannot be known.
    ['may hide frames that are as far apart as a gap is long', {}, gapOf(100_000, 6_000_000), STEP_US, undefined],
    ['may not hide more', between(5), gapAt(5), STEP_US, 'intake_gaps'],
  ])('%s', async (_what, clip, says, stepUs, code) => expect(await codeOf(clip, says, stepUs)).toBe(code));

  it('is checked after another gap, too', async () => {
    const coverage = at(0, 6_000_000);
    const gaps = [at(10_000, 20_000), at(2_010_000, 2_020_000), at(2_100_000, 2_300_000)];
    expect(await codeOf({}, { coverage, gaps })).toBe('intake_gaps');
    expect(await codeOf({}, { coverage, gaps: gaps.slice(0, 2) })).toBeUndefined();
  });
});

function gapOf(fromUs: number, toUs: number, endUs = 6_000_000): Partial<ClipFacts> {
  return { coverage: at(0, endUs), gaps: [at(fromUs, toUs)] };
}

/** Frames of a 15th of a second, half a second before the last few. */
function between(frames: number): Partial<PlainClip> {
  return { frameTicks: 6_000, pause: { at: 30 - frames, ticks: 45_000 } };
}

/** The two gaps before and after these few frames as one, as in a statement, whose rounded gaps touch. */
function gapAt(frames: number): Partial<ClipFacts> {
  const startUs = (30 - frames) * 66_667;
  return { coverage: at(0, 2_500_000), gaps: [at(Math.floor(startUs / STEP_US) * STEP_US, 10_000_000)] };
}

describe('sound', () => {
  it.each<[string, number, string | undefined]>([
    ['may end with the window', 480_000 - 8 * 1_024, undefined],
    ['may end a tick later', 480_000 - 8 * 1_024 + 1, undefined],
    ['may not go on', 480_000 - 8 * 1_024 + 10, 'intake_duration'],
  ])('%s', async (_what, audioStart, code) => expect(await codeOf({ audioPackets: 8, audioStart })).toBe(code));

  it('has less time if the first frame is late', async () => {
    const says = { coverage: at(4_000_000, 10_000_000) };
    expect(await codeOf({ audioPackets: 8, audioStart: 5 * 48_000 }, says)).toBeUndefined();
    expect(await codeOf({ audioPackets: 8, audioStart: 6 * 48_000 }, says)).toBe('intake_duration');
  });
});
