// Groups what was noticed at the door into visits: rings and movements that belong together.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { SECOND_US } from './time-spans.ts';

type AtDoor = Extract<DeviceEvent, { type: 'ring' | 'motion-start' | 'motion-end' }>;

/** Rings and movements at the door with short pauses. Times are wall times in microseconds. */
export interface Visit {
  type: 'visit';
  /** Of its first event. */
  id: string;
  startUs: number;
  /** End of the last ring or movement; null while something moves. */
  endUs: number | null;
  /** In the order of their times. */
  rings: Extract<DeviceEvent, { type: 'ring' }>[];
  /** Zones in which something moved. */
  zones: string[];
}

/** Who comes back within this time is the same visitor. */
const PAUSE_US_MAX = 30 * SECOND_US;
/** A visit that nothing ends is a street or a tree: it is cut, so that each part has its picture. */
const VISIT_US_MAX = 300 * SECOND_US;
/** Whoever moves is in the picture only after a moment. */
const INTO_PICTURE_US = SECOND_US;

/** Visits and all other events, by when they ended, newest first; of `events` in any order. */
export function visitsAndOthers(events: readonly DeviceEvent[]): (Visit | Exclude<DeviceEvent, AtDoor>)[] {
  const visits: Visit[] = [];
  const others: Exclude<DeviceEvent, AtDoor>[] = [];
  for (const event of [...events].sort((a, b) => a.atUs - b.atUs)) {
    if (event.type === 'ring' || event.type === 'motion-start' || event.type === 'motion-end') add(visits, event);
    else others.push(event);
  }
  const endOf = (one: Visit | DeviceEvent) =>
    one.type === 'visit' ? (one.endUs ?? Number.MAX_SAFE_INTEGER) : one.atUs;
  return [...visits, ...others].sort((a, b) => endOf(b) - endOf(a));
}

function add(visits: Visit[], event: AtDoor): void {
  const last = visits.at(-1);
  // The start of a movement may lie in a page of events that was not loaded.
  const startUs = event.type === 'motion-end' ? event.startUs : event.atUs;
  const endUs = event.type === 'motion-start' ? null : event.atUs;
  const isSame =
    last !== undefined &&
    startUs - (last.endUs ?? startUs) <= PAUSE_US_MAX &&
    (event.type === 'motion-end' ? startUs >= last.startUs : startUs - last.startUs <= VISIT_US_MAX);
  const visit: Visit = isSame ? last : { type: 'visit', id: event.id, startUs, endUs, rings: [], zones: [] };
  if (!isSame) visits.push(visit);
  // A ring does not end a movement.
  if (event.type !== 'ring' || visit.endUs !== null) visit.endUs = endUs;
  if (event.type === 'ring') visit.rings.push(event);
  else visit.zones.push(...event.zones.filter((zone) => !visit.zones.includes(zone)));
}

/** The moment that a visit is shown by: its first ring, or when whoever moved is in the picture. */
export function momentOf({ rings, startUs, endUs }: Visit): number {
  return rings[0]?.atUs ?? Math.min(startUs + INTO_PICTURE_US, endUs ?? Number.POSITIVE_INFINITY);
}
