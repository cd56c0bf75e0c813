import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { assertLiveGrant, assertMayLeave, LiveGrant, mintLiveGrant } from '../../../device/consent/live-grant.ts';
import { assertCutPermit, assertLivePreview, mintLivePreview } from '../../../device/consent/live-preview.ts';
import type { ErrorCode } from '../../../device/contract/errors.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const NOW_US = 1_800_000_000_000_000;
const window = { startUs: NOW_US - 20_000_000, endUs: NOW_US - 10_000_000 };
const dead = (detail: string) => expect.objectContaining({ code: 'grant_dead', facts: { detail } });
const unmade = dead('it was not made by the gate');

it('a live grant lets work go on, and footage leave, until it is ended', () => {
  const { live, end } = liveGrantFor({ window });
  expect([live.id, live.cut]).toEqual(['grant-1', live.facts.grant]);
  for (const check of [assertLiveGrant, assertMayLeave, assertCutPermit]) expect(() => check(live)).not.toThrow();
  end('it was revoked');
  for (const check of [assertLiveGrant, assertMayLeave, assertCutPermit]) {
    expect(() => check(live)).toThrow(dead('it was revoked'));
  }
});

it('a live grant ends in the exact second of its expiry', () => {
  const clock = new ManualClock(NOW_US);
  const { live } = liveGrantFor({ window, clock });
  clock.setWallUs((live.facts.grant.exp - 1) * 1_000_000 + 999_999);
  expect(() => live.assertAlive()).not.toThrow();
  clock.setWallUs(live.facts.grant.exp * 1_000_000);
  expect(() => live.assertAlive()).toThrow(dead('it has expired'));
});

it('a reason that holds footage back does not end the work', () => {
  const { facts } = liveGrantFor({ window }).live;
  let why: ErrorCode | null = 'consent_revocations_stale';
  const { live } = mintLiveGrant(facts, { clock: new ManualClock(NOW_US), held: () => why });
  expect(() => assertLiveGrant(live)).not.toThrow();
  expect(() => assertMayLeave(live)).toThrow(expect.objectContaining({ code: why }));
  why = null;
  expect(() => assertMayLeave(live)).not.toThrow();
});

it.each<[string, () => unknown]>([
  ['nothing', () => null],
  ['a word', () => 'grant-1'],
  ['an object of the same shape', () => ({ ...liveGrantFor({ window }).live })],
  ['an object that claims to be of the class', () => Object.create(LiveGrant.prototype)],
])('%s is no live grant, no permit to cut and no preview', (_what, make) => {
  const forged = make();
  expect(() => assertLiveGrant(forged)).toThrow(unmade);
  expect(() => assertMayLeave(forged)).toThrow(unmade);
  expect(() => assertCutPermit(forged)).toThrow(unmade);
  expect(() => assertLivePreview(forged)).toThrow(
    expect.objectContaining({ code: 'preview_ended', facts: { detail: 'it was not made by the gate' } }),
  );
});

it('an object that claims to be of the class is not alive by its own method either', () => {
  const real = liveGrantFor({ window }).live;
  const forged: LiveGrant = Object.create(LiveGrant.prototype, { signal: { value: real.signal } });
  expect(() => forged.assertAlive()).toThrow(unmade);
});

it('the facts of a live grant cannot be changed afterwards', () => {
  const { live } = liveGrantFor({ window });
  expect(Object.isFrozen(live) && Object.isFrozen(live.facts)).toBe(true);
});

it('a preview is a permit to cut until it is ended, and never a live grant', () => {
  const terms = { request: 'request-1', window, audio: false, zones: [], byteLimit: 1_000 };
  const { live, end } = mintLivePreview('preview-1', terms);
  expect([live.id, live.cut, Object.isFrozen(live.cut)]).toEqual(['preview-1', terms, true]);
  for (const check of [assertLivePreview, assertCutPermit]) expect(() => check(live)).not.toThrow();
  expect(() => assertLiveGrant(live)).toThrow(unmade);
  end('its time is over');
  for (const check of [assertLivePreview, assertCutPermit]) {
    expect(() => check(live)).toThrow(
      expect.objectContaining({ code: 'preview_ended', facts: { detail: 'its time is over' } }),
    );
  }
});
