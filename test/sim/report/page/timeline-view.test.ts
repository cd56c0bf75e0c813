// Zooming and panning of a timeline (timeline-layout.ts).
import { expect, it } from 'vitest';
import { pan, seenLanes, type View, zoomIn, zoomOut } from '../../../../sim/report/page/timeline-layout.ts';
import type { Mark } from '../../../../sim/report/page/timeline-marks.ts';

const S = 1_000_000;
const whole: View = { startUs: 100 * S, endUs: 180 * S };
const view = (startS: number, endS: number): View => ({ startUs: startS * S, endUs: endS * S });

it('zooms in around a time, and never beyond the ends', () => {
  expect(zoomIn(whole, whole, 150 * S)).toEqual(view(130, 170));
  expect(zoomIn(whole, whole, 101 * S)).toEqual(view(100, 140));
  expect(zoomIn(whole, whole, 179 * S)).toEqual(view(140, 180));
  expect(zoomOut(view(130, 170), whole)).toEqual(whole);
  expect(zoomOut(view(100, 120), whole)).toEqual(view(100, 140));
  expect(zoomOut(whole, whole)).toEqual(whole);
});

it('pans by half its length, up to the ends', () => {
  expect(pan(view(130, 150), whole, 1)).toEqual(view(140, 160));
  expect(pan(view(130, 150), whole, -1)).toEqual(view(120, 140));
  expect(pan(view(165, 175), whole, 1)).toEqual(view(170, 180));
  expect(pan(whole, whole, -1)).toEqual(whole);
});

it('stops zooming at a few frames, also in shorter footage', () => {
  let closest = whole;
  for (let step = 0; step < 40; step += 1) closest = zoomIn(closest, whole, 150 * S);
  expect(closest.endUs - closest.startUs).toBe(0.5 * S);
  const short = view(1, 1.1);
  expect(zoomIn(short, short, 1.05 * S)).toEqual(short);
});

it('shows marks that overlap it, and keeps empty lanes', () => {
  const mark = (id: string, startS: number, endS: number): Mark => ({
    ...{ id, look: 'plain', label: id, description: id, camera: 0 },
    ...{ startUs: startS * S, endUs: endS * S },
  });
  const marks = [mark('before', 100, 119), mark('into', 110, 121), mark('over', 100, 180), mark('after', 131, 131)];
  const [lane, empty] = seenLanes(
    [
      { title: 'Happened', camera: '', marks },
      { title: 'Steps', camera: '', marks: [] },
    ],
    view(120, 130),
  );
  expect(lane?.marks.map(({ id }) => id)).toEqual(['into', 'over']);
  expect(empty?.marks).toEqual([]);
});
