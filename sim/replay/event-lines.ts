// Events of a replay as text lines and as JSON, in time since the first picture and in wall time.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { NoticedEvent } from './run-replay.ts';

/** How event times and cameras are shown. */
export interface EventView {
  startUs: number;
  /** IANA name. */
  zone: string;
  /** Whether lines name the camera, because there are several. */
  isNamed: boolean;
}

/** Seconds since the first picture, to the millisecond. */
export function secondsAt(us: number): number {
  return Math.round(us / 1_000) / 1_000;
}

/** An event's time in microseconds since the first picture, by the doorbell's clock, which a replay may set. */
export function happenedUs({ event }: NoticedEvent, { startUs }: EventView): number {
  return event.atUs - startUs;
}

/** Wall time with its zone's offset, which changes with daylight saving. */
export function showWallTime(atUs: number, zone: string): string {
  const parts = new Map(
    new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      ...({ year: 'numeric', month: '2-digit', day: '2-digit' } as const),
      ...({ hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'longOffset' } as const),
    })
      .formatToParts(Math.floor(atUs / 1_000))
      .map(({ type, value }) => [type, value]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  const ms = String(Math.floor((((atUs % 1_000_000) + 1_000_000) % 1_000_000) / 1_000)).padStart(3, '0');
  const offset = of('timeZoneName').replace('GMT', '') || 'Z';
  return `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:${of('second')}.${ms}${offset}`;
}

/** An event as JSON: the device's own fields without its ids, the camera, and the time in seconds since the first picture. */
export function eventRecord(noticed: NoticedEvent, view: EventView): Record<string, unknown> {
  const { id: _id, device: _device, type, ...more } = noticed.event;
  return { event: type, camera: noticed.camera, atS: secondsAt(happenedUs(noticed, view)), ...more };
}

/** An event as a line of text. */
export function eventLine(noticed: NoticedEvent, view: EventView): string {
  const at = secondsAt(happenedUs(noticed, view)).toFixed(3).padStart(10);
  const camera = view.isNamed ? `  ${noticed.camera}` : '';
  return `${at} s  ${showWallTime(noticed.event.atUs, view.zone)}${camera}  ${wordsOf(noticed.event, view)}`;
}

function wordsOf(event: DeviceEvent, { startUs }: EventView): string {
  const zones = 'zones' in event && event.zones.length > 0 ? ` in ${event.zones.join(', ')}` : '';
  const since = (us: number) => secondsAt(us - startUs).toFixed(1);
  switch (event.type) {
    case 'ring':
      return `ring at the ${event.button} button`;
    case 'motion-start':
      return `motion begins${zones}`;
    case 'motion-end':
      return `motion ends${zones}, after ${((event.atUs - event.startUs) / 1_000_000).toFixed(1)} s`;
    case 'event-window':
      return `event (${event.cause}) from ${since(event.window.startUs)} s to ${since(event.window.endUs)} s`;
    case 'camera':
      return `camera ${event.state}${event.detail === undefined ? '' : `: ${event.detail}`}`;
    case 'hardware':
      return `${event.part} ${event.name}: ${event.state}${event.detail === undefined ? '' : `, ${event.detail}`}`;
    case 'tamper':
      return `tamper: ${event.what}`;
  }
}
