import { expect, it } from 'vitest';
import { lanesOf, stillFor } from '../../../../sim/report/page/timeline-marks.ts';
import type { TestTimeline } from '../../../../sim/report/run-report.ts';

const camera = (name: string, named: Partial<TestTimeline['cameras'][number]> = {}) => ({
  ...{ name, recorded: [], events: [], truth: [], stills: [] },
  ...named,
});
const timeline = (cameras: TestTimeline['cameras'], steps: TestTimeline['steps'] = []): TestTimeline => ({
  ...{ startUs: 0, endUs: 100, cameras, steps },
});

it('has a text for each mark’s shape and colour', () => {
  const lanes = lanesOf(
    timeline(
      [
        camera('front', {
          truth: [
            { event: 'motion', startUs: 1, endUs: 5, label: 'person', verdict: 'matched' },
            { event: 'ring', startUs: 7, endUs: 7, verdict: 'missed' },
            { event: 'motion', startUs: 8, endUs: 9, verdict: 'optional' },
          ],
          events: [
            { type: 'motion', startUs: 2, endUs: 5, verdict: 'matched', lateByMs: 320 },
            { type: 'motion', startUs: 50, verdict: 'false' },
            { type: 'event-window', startUs: 2, endUs: 30 },
          ],
        }),
      ],
      [{ atUs: 3, text: 'grant', outcome: 'refused', detail: 'too late' }],
    ),
  );
  expect(
    lanes.map(({ title, marks }) => [title, marks.map(({ description, label }) => `${label} | ${description}`)]),
  ).toEqual([
    ['Steps', ['grant: refused | Step: grant, refused, too late']],
    [
      'Expected',
      [
        'motion | Expected: motion, person, matched',
        'ring missed | Expected: ring, missed',
        'motion optional | Expected: motion, optional',
      ],
    ],
    [
      'Happened',
      [
        'motion +0.32 s | Happened: motion, matched, began 0.32 s late',
        'motion false alarm | Happened: motion, false alarm',
        'event window | Happened: event window',
      ],
    ],
  ]);
});

it('names cameras only if there are several, and draws no empty lane', () => {
  const events = [{ type: 'ring', startUs: 1 }];
  expect(lanesOf(timeline([camera('front', { events })])).map(({ camera: of }) => of)).toEqual(['']);
  const two = lanesOf(timeline([camera('front', { events }), camera('yard', { events }), camera('idle')]));
  expect(two.map((lane) => [lane.title, lane.camera])).toEqual([
    ['Happened', 'front'],
    ['Happened', 'yard'],
  ]);
  expect(new Set(two.flatMap(({ marks }) => marks.map(({ id }) => id))).size).toBe(2);
});

it('shows the nearest picture of the mark’s own camera', () => {
  const stills = (...times: number[]) => times.map((atUs) => ({ atUs, caption: String(atUs), file: `${atUs}.jpg` }));
  const two = timeline([camera('front', { stills: stills(10, 40) }), camera('yard', { stills: stills(24) })]);
  expect(stillFor(two, 23, 0)?.still.atUs).toBe(10);
  expect(stillFor(two, 27, 0)?.still.atUs).toBe(40);
  expect(stillFor(two, 27, 1)).toMatchObject({ camera: 'yard', still: { atUs: 24 } });
  expect(stillFor(two, 27, null)?.camera).toBe('yard');
  expect(stillFor(timeline([camera('front')]), 27, 0)).toBeNull();
});
