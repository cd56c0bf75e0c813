import { describe, expect, it } from 'vitest';
import {
  jsonLines,
  lastNight,
  movingBlocks,
  NO_RESULTS,
  sensitivitiesToTry,
  trialResults,
  withLine,
} from '../../../../device/console-page/settings/motion-trial-results.ts';
import { toBase64url } from '../../../../device/contract/bytes.ts';
import { TrialLine } from '../../../../device/contract/motion-messages.ts';

const event = (by: number | 'in-force', startUs: number, endUs: number): TrialLine => ({
  line: 'event',
  by,
  startUs,
  endUs,
});
const having = (lines: readonly TrialLine[]) => lines.reduce(withLine, NO_RESULTS);

describe('the results of a trial', () => {
  it('list for each sensitivity the events it would have detected, and which of them the settings in force detect', () => {
    const lines = [event('in-force', 10, 20), event(50, 11, 19), event(90, 9, 21), event(90, 30, 40)];
    const { tried, now } = trialResults(having(lines), [50, 90]);
    expect(now.count).toBe(1);
    expect(tried).toEqual([
      { sensitivity: 50, count: 1, events: [{ startUs: 11, endUs: 19, isSeenNow: true }] },
      {
        sensitivity: 90,
        count: 2,
        events: [
          { startUs: 9, endUs: 21, isSeenNow: true },
          { startUs: 30, endUs: 40, isSeenNow: false },
        ],
      },
    ]);
  });

  it('contain the progress, the end, and counts greater than the number of listed events', () => {
    const half: TrialLine = { line: 'progress', lookedUs: 50, ofUs: 100 };
    expect(trialResults(having([half]), [50])).toMatchObject({ share: 0.5, isDone: false, lookedUs: 50 });
    const done: TrialLine = {
      line: 'done',
      counts: [
        { by: 50, events: 900 },
        { by: 'in-force', events: 3 },
      ],
      lookedUs: 99,
    };
    const results = trialResults(having([half, event(50, 1, 2), done]), [50]);
    expect(results).toMatchObject({ share: 1, isDone: true, lookedUs: 99, now: { count: 3 } });
    expect(results.tried[0]).toMatchObject({ count: 900 });
  });

  it('contain the reason of a failure', () => {
    const failed: TrialLine = { line: 'failed', code: 'ffmpeg_failed', detail: 'no picture' };
    expect(trialResults(having([failed]), [50]).failed).toEqual({ code: 'ffmpeg_failed', detail: 'no picture' });
  });
});

describe('lines of JSON', () => {
  async function* cut(...texts: string[]) {
    yield* texts;
  }
  const read = async (...texts: string[]) => {
    const found: TrialLine[] = [];
    for await (const line of jsonLines(cut(...texts), TrialLine)) found.push(line);
    return found;
  };

  it('are read however they are split', async () => {
    const line = JSON.stringify(event(50, 1, 2));
    expect(await read(`${line}\n${line.slice(0, 9)}`, line.slice(9), '\n\n')).toEqual([
      event(50, 1, 2),
      event(50, 1, 2),
    ]);
  });

  it('are refused if they do not match the schema, or never end', async () => {
    await expect(read('{"line":"event","by":50}\n')).rejects.toThrow();
    await expect(read('x'.repeat(100_001))).rejects.toThrow('too long');
  });
});

it('reads which blocks move from the mask’s bits', () => {
  const blocks = toBase64url(Uint8Array.of(0b1000_0001, 0b0100_0000));
  expect(movingBlocks({ atUs: 0, isLearning: false, columns: 5, rows: 2, blocks })).toEqual([0, 7, 9]);
});

it.each([
  [50, [30, 50, 65, 80, 90]],
  [52, [30, 52, 65, 80, 90]],
  [10, [10, 30, 50, 65, 80]],
  [100, [50, 65, 80, 90, 100]],
])('tries %i among others', (draft, tried) => {
  expect(sensitivitiesToTry(draft)).toEqual(tried);
});

describe('last night', () => {
  const at = (hour: number, day = 20) => new Date(2026, 10, day, hour).getTime() * 1_000;
  it('is the preceding one, in the morning and by day', () => {
    expect(lastNight(at(9))).toEqual({ startUs: at(22, 19), endUs: at(6) });
    expect(lastNight(at(21))).toEqual({ startUs: at(22, 19), endUs: at(6) });
  });
  it('is the current one up to now, at night', () => {
    expect(lastNight(at(23))).toEqual({ startUs: at(22), endUs: at(23) });
    expect(lastNight(at(3))).toEqual({ startUs: at(22, 19), endUs: at(3) });
  });
});
