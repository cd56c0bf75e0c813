// A replay's events in the form that ground truth is compared with.
import type { ReplayedEvent } from '../truth/match-events.ts';
import type { NoticedEvent, ReplayResult } from './run-replay.ts';

/** A replay's rings and spans of motion, to compare with ground truth: in microseconds since the first picture, by start. */
export function replayedEvents({ events }: Pick<ReplayResult, 'events'>, startUs: number): ReplayedEvent[] {
  const found: ReplayedEvent[] = [];
  const moving = new Map<string, ReplayedEvent>();
  for (const { camera, event } of events) {
    const atUs = event.atUs - startUs;
    if (event.type === 'ring') found.push({ event: 'ring', camera, startUs: atUs, endUs: atUs });
    else if (event.type === 'motion-start') {
      const motion: ReplayedEvent = { event: 'motion', camera, startUs: atUs, endUs: null };
      moving.set(camera, motion);
      found.push(motion);
    } else if (event.type === 'motion-end') {
      const motion = moving.get(camera);
      if (motion) motion.endUs = atUs;
      moving.delete(camera);
    }
  }
  return found;
}

/** The index of the event that a notice began; -1 if it began none. */
export function beganBy(found: readonly ReplayedEvent[], { camera, event }: NoticedEvent, startUs: number): number {
  const kind = event.type === 'ring' ? 'ring' : event.type === 'motion-start' ? 'motion' : null;
  return found.findIndex((one) => one.event === kind && one.camera === camera && one.startUs === event.atUs - startUs);
}
