import { expect, it } from 'vitest';
import { reportOf } from '../../../sim/replay/replay-report.ts';
import { START_US } from '../../../sim/replay/run-replay.ts';
import { matchEvents } from '../../../sim/truth/match-events.ts';
import type { Truth } from '../../../sim/truth/truth-file.ts';
import { judge } from '../../../sim/truth/verdict.ts';

const TRUTH: Truth = { durationUs: 1_000_000, toleranceUs: 0, judge: [], spans: [] };

it.each([
  [false, null, 'skipped', ['No ground truth was given: nothing was judged.']],
  [true, null, 'passed', []],
  [false, 'cut off', 'failed', ['No ground truth was given: nothing was judged.']],
])('with ground truth: %s, broken: %s, is %s', (isJudged, fault, status, notes) => {
  const match = isJudged ? matchEvents(TRUTH, []) : null;
  const cameras = [{ name: 'front', recorded: [], lengthUs: 1_000_000, fault }];
  const report = reportOf({
    result: { startUs: START_US, events: [], cameras, passedUs: 1_000_000, tookMs: 10 },
    plan: { cameras: [], startUs: START_US, seed: 1, settings: {}, zone: 'UTC' },
    match,
    verdict: match && judge(match.score, {}),
    ...{ stills: [], command: 'npx doorsill replay porch.mp4', tool: 'doorsill 0', title: 'porch.mp4' },
    startedAt: '2026-01-15T12:00:00.000Z',
  });
  expect(report.tests).toMatchObject([{ status, notes }]);
});
