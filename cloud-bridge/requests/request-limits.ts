// Checks a request against the limits of public practice: its area, its time, its window. Pure.
import { cellsOf } from '@doorsill/contract/area-cells';
import { failure } from '@doorsill/contract/errors';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import type { Credential, Polygon, Request } from '@doorsill/contract/request';
import { areaM2, isSimple } from './area-size.ts';
import type { RequestRules } from './requests-settings.ts';

/** An area within the limits touches at most 4 cells, unless it is a sliver in a far larger bounding box. */
const CELLS_MAX = 9;

/** Longest age of a request. */
const AGE_S_MAX = 24 * 3600;

/** The cells a request is published to. Throws `request_limits` naming the first limit it breaks. */
export function checkLimits(request: Request, credential: Credential, rules: RequestRules, nowS: number): string[] {
  const refuse = (detail: string) => failure('request_limits', { detail });
  checkTimes(request, rules, nowS, refuse);
  const { email } = request.contact;
  if (email !== undefined && rules.officialEmailOnly && !isOfficial(email, credential.domain)) {
    throw refuse(`the contact's email is not at ${credential.domain}`);
  }
  if (
    blank(request.investigation) ||
    blank(request.incidentType) ||
    blank(request.text) ||
    blank(request.contact.name)
  ) {
    throw refuse('investigation, incident type, text and contact are mandatory');
  }
  checkPlace(request.area, refuse);
  if (!isSimple(request.area)) throw refuse('the area’s outline crosses or touches itself');
  const sizeM2 = Math.round(areaM2(request.area));
  if (sizeM2 < rules.areaM2Min || sizeM2 > rules.areaM2Max) {
    throw refuse(`the area is ${sizeM2} m2, not ${rules.areaM2Min} to ${rules.areaM2Max}`);
  }
  const cells = cellsOf(request.area, CELLS_MAX);
  if (!cells) throw refuse('the area is too long and thin');
  return cells;
}

/** Beyond this, meridians converge noticeably within an area, and an outline drawn in degrees is distorted. */
const LATITUDE_MAX = 85;

function checkPlace({ coordinates: [ring] }: Polygon, refuse: (detail: string) => Error): void {
  if (ring.some(([, latitude]) => Math.abs(latitude) > LATITUDE_MAX)) {
    throw refuse(`the area reaches beyond ${LATITUDE_MAX} degrees of latitude`);
  }
  // RFC 7946 §3.1.9: a shape that crosses the antimeridian is cut there.
  const jumps = ring.some(([longitude], at) => Math.abs(longitude - (ring[at - 1]?.[0] ?? longitude)) > 180);
  if (jumps) throw refuse('the area crosses the antimeridian; post two requests, one for each side');
}

function checkTimes(request: Request, rules: RequestRules, nowS: number, refuse: (detail: string) => Error): void {
  const windowS = (request.window.endUs - request.window.startUs) / 1_000_000;
  if (windowS < rules.windowSMin || windowS > rules.windowSMax) {
    throw refuse(`the window is ${windowS} s long, not ${rules.windowSMin} to ${rules.windowSMax}`);
  }
  // In whole seconds: the current second counts as past.
  if (request.window.endUs > (nowS + 1) * 1_000_000) throw refuse('the window has not ended yet');
  if (request.iat > nowS + CLOCK_SKEW_S_MAX) throw refuse('it is dated in the future');
  if (request.iat < nowS - AGE_S_MAX) throw refuse('it was signed too long ago');
  if (request.exp <= nowS) throw refuse('it has expired');
  if (request.exp - request.iat > rules.lifeSMax || request.exp - nowS > rules.lifeSMax) {
    throw refuse(`it lives longer than ${rules.lifeSMax} s`);
  }
}

function isOfficial(email: string, domain: string): boolean {
  const host = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  return host === domain || host.endsWith(`.${domain}`);
}

function blank(text: string): boolean {
  return text.trim() === '';
}

/** The normalised code by which an investigation's posts are counted. */
export function investigationKey(investigation: string): string {
  return investigation
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}
