// The demo agency's request: an area around the demo home and a time window in the past.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Place } from '@doorsill/contract/area-cells';
import type { Polygon } from '@doorsill/contract/request';
import type { DisclosureProfile, Window } from '@doorsill/contract/shared-claims';
import type { Ask } from '../officer/agency-client.ts';
import { DEMO_AGENCY } from '../officer/registration.ts';

/** The shortest window an agency may ask about. */
const WINDOW_US_MIN = 15 * 60 * 1_000_000;
/** The longest. */
const WINDOW_US_MAX = 12 * 3600 * 1_000_000;

/** Half the height of the asked area in degrees: about 250 m. */
const HALF_HEIGHT_DEG = 0.00225;

/** A square of about 500 m by 500 m around a place. */
export function areaAround(place: Place): Polygon {
  const halfWidthDeg = HALF_HEIGHT_DEG / Math.cos((place.latitude * Math.PI) / 180);
  const [west, east] = [place.longitude - halfWidthDeg, place.longitude + halfWidthDeg].map(roundDeg);
  const [south, north] = [place.latitude - HALF_HEIGHT_DEG, place.latitude + HALF_HEIGHT_DEG].map(roundDeg);
  const corner = (x: number | undefined, y: number | undefined): [number, number] => [x ?? 0, y ?? 0];
  const ring = [
    corner(west, south),
    corner(east, south),
    corner(east, north),
    corner(west, north),
    corner(west, south),
  ];
  return { type: 'Polygon', coordinates: [ring] };
}

const roundDeg = (degrees: number) => Math.round(degrees * 1e6) / 1e6;

/** The demo agency's request: for a window of at least 15 minutes around `about` that has already ended. */
export function demoAsk(clock: Clock, place: Place, about: Window, profile: DisclosureProfile): Ask {
  const nowUs = clock.wallUs();
  const endUs = Math.min(nowUs, Math.max(about.endUs, about.startUs + WINDOW_US_MIN));
  const startUs = Math.max(Math.min(about.startUs, endUs - WINDOW_US_MIN), endUs - WINDOW_US_MAX);
  return {
    investigation: `SPD-${wallSeconds(clock)}`,
    incidentType: 'package theft',
    text: 'A parcel was taken from a porch on Maple Street. If your camera saw the street or the porch, please share it.',
    contact: { ...DEMO_AGENCY.contact },
    area: areaAround(place),
    window: { startUs, endUs },
    profile,
    retention: 'package-theft',
    expiresInS: 7 * 24 * 3600,
  };
}
