// Each limit of a request at its exact value, and outlines at the edges of the map.
import { describe, expect, it } from 'vitest';
import { BridgeConfig } from '../../../cloud-bridge/bridge-config.ts';
import { checkLimits } from '../../../cloud-bridge/requests/request-limits.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { isFailure } from '../../../device/contract/errors.ts';
import { Credential, type Polygon, Request } from '../../../device/contract/request.ts';
import { Cast, claimsOf, squareAround } from '../../support/parties.ts';

const MINUTE_US = 60_000_000;
const HOUR_US = 60 * MINUTE_US;

const { requests: rules } = BridgeConfig.parse({
  dataFolder: '/tmp/x',
  registry: { url: 'http://localhost', key: 'A'.repeat(43) },
  area: { url: 'mqtt://localhost', accounts: '/tmp/x' },
});

/** The result of the limits for a request at a time: its cells, or the refusal. */
function judge(make: (nowUs: number) => Partial<Request>, now = Date.UTC(2026, 10, 25, 12)): string {
  const cast = new Cast(new ManualClock(now * 1_000));
  const request = Request.parse(claimsOf(cast.request(make(now * 1_000))));
  try {
    return checkLimits(request, Credential.parse(claimsOf(cast.credential())), rules, cast.nowS()).join();
  } catch (thrown) {
    return isFailure(thrown) && thrown.code === 'request_limits' ? thrown.message : 'not coded';
  }
}

const ended =
  (lengthUs: number, agoUs = 0) =>
  (nowUs: number) => ({
    window: { startUs: nowUs - agoUs - lengthUs, endUs: nowUs - agoUs },
  });
const PASSES = /^9q8yy$/;

describe('a window', () => {
  it.each<[string, number, RegExp]>([
    ['14 min 59.999999 s', 15 * MINUTE_US - 1, /899.999999 s long/],
    ['15 min', 15 * MINUTE_US, PASSES],
    ['11 h 59', 12 * HOUR_US - MINUTE_US, PASSES],
    ['12 h', 12 * HOUR_US, PASSES],
    ['12 h and a microsecond', 12 * HOUR_US + 1, /43200.000001 s long/],
    ['12 h 01', 12 * HOUR_US + MINUTE_US, /43260 s long/],
  ])('of %s', (_what, lengthUs, expected) => expect(judge(ended(lengthUs))).toMatch(expected));

  it('that ends in the future, or does not end, is refused; one that is reversed is no request at all', () => {
    expect(judge(ended(20 * MINUTE_US, -2_000_000))).toMatch(/not ended/);
    expect(judge(ended(20 * MINUTE_US, 0))).toMatch(PASSES);
    const window = { startUs: 2, endUs: 1 };
    expect(Request.safeParse({ ...claimsOf(new Cast(new ManualClock(0)).request()), window }).success).toBe(false);
  });

  it.each([
    ['skips an hour', Date.UTC(2026, 2, 8, 12)],
    ['repeats an hour', Date.UTC(2026, 10, 1, 12)],
  ])('over a night that %s has its real length, whatever the local time showed', (_what, now) => {
    // From 22:00 to 10:00 local time in New York: 11 hours in spring, 13 in autumn.
    expect(judge(ended(11 * HOUR_US), now)).toMatch(PASSES);
    expect(judge(ended(13 * HOUR_US), now)).toMatch(/46800 s long/);
  });
});

describe('an area', () => {
  const ring = (...corners: [number, number][]): Polygon => ({
    type: 'Polygon',
    coordinates: [corners.concat(corners.slice(0, 1))],
  });
  const box = (west: number, south: number, east: number, north: number) =>
    ring([west, south], [east, south], [east, north], [west, north]);

  it.each<[string, Polygon, RegExp]>([
    [
      'a hair under 0.025 square miles',
      squareAround({ longitude: 0.02, latitude: 0.02 }, 0.001146),
      /the area is 64\d{3} m2/,
    ],
    ['a hair over it', squareAround({ longitude: 0.02, latitude: 0.02 }, 0.001148), /^s0000$/],
    ['that is tiny', squareAround({ longitude: 0, latitude: 0 }, 1e-9), /the area is 0 m2/],
    ['that is huge', box(-80, -80, 80, 80), /the area is \d{15} m2/],
    ['of half the world', box(0, -85, 180, 85), /the area is/],
    ['that crosses itself', ring([0, 0], [0.008, 0.008], [0.008, 0], [0, 0.008]), /crosses or touches/],
    ['around the north pole', ring([0, 89.99], [90, 89.99], [180, 89.99], [-90, 89.99]), /85 degrees/],
    ['at the south pole', box(0, -90, 20, -89.99), /85 degrees/],
    ['over the antimeridian', box(179.996, 0, -179.996, 0.008), /antimeridian/],
    ['that ends right at it', box(179.992, 0, 180, 0.008), /^\w{5}(,\w{5})*$/],
    ['that begins right at it', box(-180, 0, -179.992, 0.008), /^\w{5}(,\w{5})*$/],
    ['on the equator and the meridian of Greenwich', box(-0.004, -0.004, 0.004, 0.004), /^7zzzz,ebpbp,kpbpb,s0000$/],
  ])('%s', (_what, area, expected) => expect(judge(() => ({ area }))).toMatch(expected));
});
