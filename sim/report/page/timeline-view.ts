import type { Lane } from './timeline-marks.ts';

/** The visible part of a timeline, in microseconds. */
export interface View {
  startUs: number;
  endUs: number;
}

/** Maximum zoom: a few frames. */
const LENGTH_US_MIN = 500_000;

/** Half the length, around `atUs` as far as the whole allows. */
export function zoomIn(view: View, whole: View, atUs: number): View {
  return around(whole, atUs, Math.max(LENGTH_US_MIN, (view.endUs - view.startUs) / 2));
}

/** Twice the length, up to the whole. */
export function zoomOut(view: View, whole: View): View {
  return around(whole, (view.startUs + view.endUs) / 2, (view.endUs - view.startUs) * 2);
}

/** Earlier (-1) or later (1) by half of the visible length. */
export function pan(view: View, whole: View, direction: -1 | 1): View {
  const lengthUs = view.endUs - view.startUs;
  return around(whole, (view.startUs + view.endUs) / 2 + (direction * lengthUs) / 2, lengthUs);
}

/** The lanes with their visible marks. */
export function seenLanes(lanes: readonly Lane[], { startUs, endUs }: View): Lane[] {
  return lanes.map((lane) => ({
    ...lane,
    marks: lane.marks.filter((mark) => mark.endUs >= startUs && mark.startUs <= endUs),
  }));
}

function around(whole: View, middleUs: number, wantedUs: number): View {
  const lengthUs = Math.min(whole.endUs - whole.startUs, wantedUs);
  const startUs = Math.max(whole.startUs, Math.min(whole.endUs - lengthUs, middleUs - lengthUs / 2));
  return { startUs, endUs: startUs + lengthUs };
}
