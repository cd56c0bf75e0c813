import { describe, expect, it } from 'vitest';
import { insideArea } from '../../../device/contract/area-cells.ts';
import { type DrawnDoorbell, drawFleet, happeningsOf } from '../../../sim/fleet/draw-fleet.ts';
import { DEFAULT_PROFILE, FleetProfile } from '../../../sim/fleet/fleet-profile.ts';
import { areaPolygon } from '../../../sim/fleet/home-placement.ts';

const SEED = 20_261_128;
const DAY_MS = 24 * 3_600_000;

const percentWhere = (fleet: readonly DrawnDoorbell[], holds: (one: DrawnDoorbell) => boolean) =>
  (100 * fleet.filter(holds).length) / fleet.length;

describe('a fleet', () => {
  it('is the same for the same seed, and differs for another', () => {
    expect(drawFleet(DEFAULT_PROFILE, SEED, 50)).toEqual(drawFleet(DEFAULT_PROFILE, SEED, 50));
    const other = drawFleet(DEFAULT_PROFILE, SEED + 1, 50);
    const same = drawFleet(DEFAULT_PROFILE, SEED, 50).filter(({ seed, place }, at) => {
      const { [at]: one } = other;
      return seed === one?.seed || (place.latitude === one?.place.latitude && place.longitude === one.place.longitude);
    });
    expect(same).toEqual([]);
  });

  it.each([1, 2, 3, 8, 60])('of %i parts has each doorbell in exactly one part', (of) => {
    const whole = drawFleet(DEFAULT_PROFILE, SEED, 50);
    const parts = Array.from({ length: of }, (_, at) => drawFleet(DEFAULT_PROFILE, SEED, 50, { index: at + 1, of }));
    const all = parts.flat().sort((a, b) => a.number - b.number);
    expect(all).toEqual(whole);
    const sizes = parts.map((part) => part.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });

  it('begins with the doorbells of a smaller one with its seed', () => {
    expect(drawFleet(DEFAULT_PROFILE, SEED, 500).slice(0, 50)).toEqual(drawFleet(DEFAULT_PROFILE, SEED, 50));
  });

  it('gives each doorbell its own name and seed, also for the largest numbers', () => {
    const fleet = drawFleet(DEFAULT_PROFILE, 0xffff_ffff, 100_000, { index: 7, of: 10 });
    expect(new Set(fleet.map(({ name }) => name)).size).toBe(10_000);
    expect(new Set(fleet.map(({ seed }) => seed)).size).toBe(10_000);
  });

  it.each([
    ['no doorbell', [SEED, 0], 'the number of doorbells is 0. It takes a whole number from 1 to 100000'],
    ['1e9 of them', [SEED, 1e9], 'the number of doorbells is 1000000000'],
    ['half a doorbell', [SEED, 1.5], 'the number of doorbells is 1.5'],
    ['not a number', [SEED, Number.NaN], 'the number of doorbells is NaN'],
    ['a negative seed', [-1, 10], 'the seed is -1'],
    ['a seed of 33 bits', [2 ** 32, 10], 'the seed is 4294967296'],
    ['part 0', [SEED, 10, { index: 0, of: 2 }], 'the part is 0. It takes a whole number from 1 to 2'],
    ['part 3 of 2', [SEED, 10, { index: 3, of: 2 }], 'the part is 3'],
    ['a part of none', [SEED, 10, { index: 1, of: 0 }], 'the number of parts is 0'],
  ] as [string, [number, number, { index: number; of: number }?], string][])('refuses %s', (_what, asked, says) => {
    const draw = () => drawFleet(DEFAULT_PROFILE, ...asked);
    expect(draw).toThrow(expect.objectContaining({ code: 'fleet_size_refused' }));
    expect(() => draw()).toThrow(says.split('. ')[0]);
  });
});

describe('ten thousand doorbells', () => {
  const profile: FleetProfile = FleetProfile.parse({
    scenes: { day: { percent: 70, loop: 20 }, night: { percent: 30, kbitPerS: 2_000 } },
    town: { areas: { centre: { percent: 80 }, hill: { percent: 20, eastM: 3_000, radiusM: 200 } } },
    owners: { share: 30, decline: 20, ignore: 25, slow: 10, revoke: 10, offline: 5 },
    disclose: { address: 40, email: 90 },
    clocks: { wrongPercent: 10, offset: '30s', driftPpm: 50 },
    presses: 2,
  });
  const fleet = drawFleet(profile, SEED, 10_000);

  it.each<[string, number, (one: DrawnDoorbell) => boolean]>([
    ['film the day', 70, ({ scene }) => scene === 'day'],
    ['stand on the hill', 20, ({ area }) => area === 'hill'],
    ['are of owners who decline', 20, ({ owner }) => owner.answer === 'decline'],
    ['are of owners who ignore', 25, ({ owner }) => owner.answer === 'ignore'],
    ['are of owners who share in the end', 50, ({ owner }) => owner.answer === 'share' && !owner.isOffline],
    ['are of owners who take it back', 10, ({ owner }) => owner.revokes],
    ['are of owners who are never there', 5, ({ owner }) => owner.isOffline],
    ['are of owners who take their time', 10, ({ owner }) => owner.delayMs >= 20_001],
    ['disclose the address', 40, ({ owner }) => owner.disclose.includes('address')],
    ['disclose the mail address', 90, ({ owner }) => owner.disclose.includes('email')],
    ['disclose the name', 0, ({ owner }) => owner.disclose.includes('name')],
    ['have a wrong clock', 10, ({ clock }) => clock.offsetMs !== 0],
    [
      'begin in the first half of their loop',
      50,
      ({ scene, startAtUs }) => startAtUs < (profile.scenes[scene]?.loop ?? 0) / 2,
    ],
    ['start in the first half of the ramp', 50, ({ startsAfterMs }) => startsAfterMs < 15_000],
  ])('%s: near %i percent', (_what, percent, holds) => {
    // Four standard deviations.
    const allowed = 4 * Math.sqrt((percent * (100 - percent)) / fleet.length);
    expect(Math.abs(percentWhere(fleet, holds) - percent)).toBeLessThanOrEqual(allowed);
  });

  it('are within every limit of the profile', () => {
    const bytes = { day: 8_626_176, night: 17_252_352 };
    const beyond = fleet.filter(
      ({ scene, startAtUs, ring, clock, pressesPerHour, startsAfterMs, owner }) =>
        startAtUs >= (scene === 'day' ? 20_000_000 : 24_000_000) ||
        ring.bytes !== (scene === 'day' ? bytes.day : bytes.night) ||
        Math.abs(clock.offsetMs) > 30_000 ||
        Math.abs(clock.driftPpm) > 50 ||
        pressesPerHour.length !== 24 ||
        pressesPerHour.some((rate) => rate < 1 || rate > 3) ||
        startsAfterMs >= 30_000 ||
        owner.delayMs < 2_000 ||
        owner.delayMs > 45_000,
    );
    expect(beyond).toEqual([]);
    expect(new Set(fleet.map(({ pressesPerHour }) => pressesPerHour[0])).size).toBeGreaterThan(9_000);
  });

  it('are inside the polygons of their areas, at many places', () => {
    const { town } = profile;
    for (const name of ['centre', 'hill']) {
      const polygon = areaPolygon(town, town.areas[name] ?? expect.fail(name));
      const outside = fleet.filter(({ area, place }) => (area === name) !== insideArea(place, polygon));
      expect(outside).toEqual([]);
    }
    expect(new Set(fleet.map(({ place }) => `${place.longitude},${place.latitude}`)).size).toBeGreaterThan(9_000);
  });
});

describe('the events at a doorbell', () => {
  const profile = FleetProfile.parse({
    presses: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    motions: 6,
    reboots: { perDay: 4 },
    churn: { perDay: 2, away: '10m' },
    spread: 0,
    ramp: 0,
  });
  const days = drawFleet(profile, SEED, 100).map((one) => {
    const found = [];
    for (const each of happeningsOf(one, 11)) {
      if (each.atMs >= DAY_MS) break;
      found.push(each);
    }
    return found;
  });
  const all = days.flat();
  const count = (what: string) => all.filter((each) => each.what === what).length;

  it('are in order, and the same in every run', () => {
    for (const day of days)
      expect(day.map(({ atMs }) => atMs)).toEqual(day.map(({ atMs }) => atMs).sort((a, b) => a - b));
    const [first] = drawFleet(profile, SEED, 1);
    const again = happeningsOf(first ?? expect.fail(), 11);
    for (const each of days[0]?.slice(0, 50) ?? []) expect(again.next().value).toEqual(each);
  });

  it.each([
    ['press', 100 * 60],
    ['motion', 100 * 24 * 6],
    ['reboot', 100 * 4],
    ['absence', 100 * 2],
  ])('have the frequency of the profile: %s', (what, mean) => {
    expect(Math.abs(count(what) - mean)).toBeLessThan(4 * Math.sqrt(mean));
  });

  it('come in the hours of the profile, counted from the hour of the start', () => {
    const hours = new Set(all.filter(({ what }) => what === 'press').map(({ atMs }) => Math.floor(atMs / 3_600_000)));
    expect([...hours]).toEqual([1]);
  });

  it('are none if every rate is 0', () => {
    const quiet = FleetProfile.parse({ presses: 0, motions: 0 });
    expect(drawFleet(quiet, SEED, 3).flatMap((one) => [...happeningsOf(one, 0)])).toEqual([]);
  });
});
