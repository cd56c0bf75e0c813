import { describe, expect, it } from 'vitest';
import { momentOf, visitsAndOthers } from '../../../../device/console-page/kit/visits.ts';

const moment = (atS: number) => ({ v: 1 as const, id: `event-${atS}`, device: 'device-1', atUs: atS * 1e6 });
const ring = (atS: number) => ({ ...moment(atS), type: 'ring' as const, button: 'front', source: 'local' as const });
const starts = (atS: number, ...zones: string[]) => ({ ...moment(atS), type: 'motion-start' as const, zones });
const ends = (fromS: number, atS: number, ...zones: string[]) => ({
  ...moment(atS),
  ...{ type: 'motion-end' as const, startUs: fromS * 1e6, zones },
});
const camera = (atS: number) => ({ ...moment(atS), type: 'camera' as const, state: 'lost' as const });

/** Each visit as `start-end rings zones`, newest first. */
const visits = (...events: Parameters<typeof visitsAndOthers>[0]) =>
  visitsAndOthers(events).map((one) => {
    if (one.type !== 'visit') return one.type;
    return `${one.startUs / 1e6}-${one.lastUs / 1e6}${one.isOpen ? '+' : ''} ${one.rings.length} ${one.zones.join()}`.trim();
  });

describe('visits', () => {
  it('join a ring and the movements around it, in any order of the events', () => {
    expect(
      visits(ends(20, 30, 'porch'), ring(12), starts(10, 'porch'), ends(10, 15, 'porch'), starts(20, 'path')),
    ).toEqual(['10-30 1 porch,path']);
  });

  it('are apart after thirty seconds without any', () => {
    expect(visits(starts(10), ends(10, 15), starts(45), ends(45, 50), starts(81), ends(81, 90))).toEqual([
      '81-90 0',
      '10-50 0',
    ]);
  });

  it('go on while something moves, and through a ring meanwhile', () => {
    expect(visits(starts(10, 'porch'), ring(20))).toEqual(['10-20+ 1 porch']);
  });

  it('end with the next movement where an end is not known', () => {
    expect(visits(starts(10), starts(100), ends(100, 105), ring(400))).toEqual(['400-400 1', '100-105 0', '10-10+ 0']);
  });

  it('count rings, and stand among other events', () => {
    expect(visits(ring(10), ring(15), camera(100), ring(200))).toEqual(['200-200 1', 'camera', '10-15 2']);
  });

  it('take a movement whose start is not known from its end', () => {
    expect(visits(ends(50, 60, 'porch'))).toEqual(['50-60 0 porch']);
  });

  it('are cut after five minutes of movement', () => {
    const street = Array.from({ length: 40 }, (_, at) => [starts(at * 20), ends(at * 20, at * 20 + 10)]).flat();
    expect(visits(...street)).toEqual(['640-790 0', '320-630 0', '0-310 0']);
  });

  it('are shown by their ring, or by who has come into the picture', () => {
    const [rung, moved, brief] = [[starts(10), ring(20)], [starts(10)], [starts(10), ends(10, 10.4)]].map(
      (events) => visitsAndOthers(events)[0],
    );
    const shown = [rung, moved, brief].map((one) => (one?.type === 'visit' ? momentOf(one) / 1e6 : null));
    expect(shown).toEqual([20, 11, 10.4]);
  });
});
