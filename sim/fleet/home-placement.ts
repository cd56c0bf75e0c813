// Places homes along the streets of a generated town, in areas that an agency can ask.
import type { Random } from '@doorsill/base/random';
import type { Place } from '@doorsill/contract/area-cells';
import type { Polygon } from '@doorsill/contract/request';
import type { FleetTown, TownArea } from './fleet-profile.ts';

/** Metres in a degree of latitude, for a spherical earth. */
const DEGREE_M = 111_195;
/** Distance between streets, and from a street's middle to a door. */
const STREET_M = 80;
const SETBACK_M = 14;
/** Corners of the polygon around an area. */
const CORNERS = 16;

/** A random place at one of an area's streets, which run east and north; never outside of the area's circle. */
export function drawPlace(town: FleetTown, area: TownArea, random: Random): Place {
  // Evenly distributed over the circle, before it is moved to the nearest street.
  const distanceM = Math.sqrt(random.fraction()) * Math.max(0, area.radiusM - STREET_M);
  const angle = random.fraction() * 2 * Math.PI;
  const [eastM, northM] = [Math.cos(angle) * distanceM, Math.sin(angle) * distanceM];
  const side = random.fraction() < 0.5 ? -SETBACK_M : SETBACK_M;
  const onStreet = (metres: number) => Math.round(metres / STREET_M) * STREET_M + side;
  const isByStreetNorth = random.fraction() < 0.5;
  const at = isByStreetNorth ? { eastM: onStreet(eastM), northM } : { eastM, northM: onStreet(northM) };
  return placeAt(town, clamped(at, area.radiusM), area);
}

/** A polygon around all homes of an area. Its corners have 6 decimals of a degree. */
export function areaPolygon(town: FleetTown, area: TownArea): Polygon {
  // A polygon's edges are nearer to its middle than its corners.
  const cornerM = (area.radiusM + 1) / Math.cos(Math.PI / CORNERS);
  const corners = Array.from({ length: CORNERS }, (_, at): [number, number] => {
    const angle = (at / CORNERS) * 2 * Math.PI;
    const { longitude, latitude } = placeAt(
      town,
      { eastM: Math.cos(angle) * cornerM, northM: Math.sin(angle) * cornerM },
      area,
    );
    return [longitude, latitude];
  });
  return { type: 'Polygon', coordinates: [[...corners, ...corners.slice(0, 1)]] };
}

interface Metres {
  eastM: number;
  northM: number;
}

function clamped({ eastM, northM }: Metres, radiusM: number): Metres {
  const distanceM = Math.hypot(eastM, northM);
  const share = distanceM > radiusM ? radiusM / distanceM : 1;
  return { eastM: eastM * share, northM: northM * share };
}

function placeAt(town: FleetTown, { eastM, northM }: Metres, area: TownArea): Place {
  const latitude = town.latitude + (area.northM + northM) / DEGREE_M;
  const degreeM = DEGREE_M * Math.cos((town.latitude * Math.PI) / 180);
  const longitude = town.longitude + (area.eastM + eastM) / degreeM;
  // Longitudes wrap around at the 180th meridian.
  return { longitude: rounded(((longitude + 540) % 360) - 180), latitude: rounded(latitude) };
}

const rounded = (degrees: number) => Math.round(degrees * 1e6) / 1e6;
