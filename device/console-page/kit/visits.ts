// Groups what was noticed at the door into visits: rings and movements that belong together.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import { SECOND_US } from './time-spans.ts';

/** The types of events that visits consist of. */
export const AT_DOOR = ['ring', 'motion-start', 'motion-end'] as const satisfies DeviceEvent['type'][];

type AtDoor = Extract<DeviceEvent, { type: (typeof AT_DOOR)[number] }>;

export function isAtDoor(event: DeviceEvent): event is AtDoor {
  return AT_DOOR.some((type) => type === event.type);
}

/** Rings and movements at the door with short pauses. Times are wall times in microseconds. */
export interface Visit {
  type: 'visit';
  /** Of its first event. */
  id: string;
  startUs: number;
  /** The last start, end or ring that is known. */
  lastUs: number;
  /** Whether the last movement has no end: it goes on, or the doorbell was stopped meanwhile. */
  isOpen: boolean;
  /** In the order of their times. */
  rings: Extract<DeviceEvent, { type: 'ring' }>[];
  /** Zones in which something moved. */
  zones: string[];
}

/** Who comes back within this time is the same visitor. */
const PAUSE_US_MAX = 30 * SECOND_US;
/** A visit that nothing ends is a street or a tree: it is cut, so that each part has its picture. */
export const VISIT_US_MAX = 300 * SECOND_US;
/** Whoever moves is in the picture only after a moment. */
const INTO_PICTURE_US = SECOND_US;

/** Visits and all other events, by the last that is known of each, newest first; of `events` in any order. */
export function visitsAndOthers(events: readonly DeviceEvent[]): (Visit | Exclude<DeviceEvent, AtDoor>)[] {
  const visits: Visit[] = [];
  const others: Exclude<DeviceEvent, AtDoor>[] = [];
  for (const event of [...events].sort((a, b) => a.atUs - b.atUs)) {
    if (isAtDoor(event)) add(visits, event);
    else others.push(event);
  }
  const lastOf = (one: Visit | DeviceEvent) => (one.type === 'visit' ? one.lastUs : one.atUs);
  return [...visits, ...others].sort((a, b) => lastOf(b) - lastOf(a));
}

function add(visits: Visit[], event: AtDoor): void {
  const last = visits.at(-1);
  // The start of a movement may lie in a page of events that was not loaded.
  const startUs = event.type === 'motion-end' ? event.startUs : event.atUs;
  const visit = last && belongs(last, event, startUs) ? last : newVisit(event.id, startUs);
  if (visit !== last) visits.push(visit);
  visit.lastUs = Math.max(visit.lastUs, event.atUs);
  if (event.type === 'ring') visit.rings.push(event);
  else {
    visit.isOpen = event.type === 'motion-start';
    visit.zones.push(...event.zones.filter((zone) => !visit.zones.includes(zone)));
  }
}

function belongs(last: Visit, { type }: AtDoor, startUs: number): boolean {
  if (type === 'motion-end') return startUs >= last.startUs && startUs - last.lastUs <= PAUSE_US_MAX;
  const isShort = startUs - last.startUs <= VISIT_US_MAX;
  // Of two movements the first has ended, even if its end is not known.
  const isDuring = last.isOpen && type === 'ring';
  return isShort && (isDuring || startUs - last.lastUs <= PAUSE_US_MAX);
}

function newVisit(id: string, startUs: number): Visit {
  return { type: 'visit', id, startUs, lastUs: startUs, isOpen: false, rings: [], zones: [] };
}

/** The moment that a visit is shown by: its first ring, or when whoever moved is in the picture. */
export function momentOf({ rings, startUs, lastUs, isOpen }: Visit): number {
  const inPictureUs = startUs + INTO_PICTURE_US;
  return rings[0]?.atUs ?? (isOpen ? inPictureUs : Math.min(inPictureUs, lastUs));
}
