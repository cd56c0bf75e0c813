// A clip may be cut for its owner to look at only where a grant of it could be accepted. Its permit ends with its time, privacy, its
// request and the device, and lets nothing leave.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { assertLiveGrant, assertMayLeave } from '../../../device/consent/live-grant.ts';
import { assertCutPermit, LivePreview, type PreviewTerms } from '../../../device/consent/live-preview.ts';
import type { Sealing } from '../../../device/contract/sealing.ts';
import { textClaim } from '../../support/parties.ts';
import { clipFacts, GateRig } from './gate-rig.ts';

const random = new SystemRandom();
let rig: GateRig;
let request: string;

beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  request = textClaim(await rig.publish(), 'jti');
});
afterEach(() => rig.close());

const terms = (changes: Partial<PreviewTerms> = {}): PreviewTerms => ({
  request,
  window: rig.cast.window(),
  audio: false,
  zones: [],
  byteLimit: 1_000_000,
  ...changes,
});
const open = (changes: Partial<PreviewTerms> = {}) => rig.gate.previews.open(terms(changes), random);
const refused = (changes: Partial<PreviewTerms>, code: string) =>
  expect(() => open(changes)).toThrow(expect.objectContaining({ code }));

it('lets footage be cut, and nothing leave', () => {
  const live = open();
  expect(() => assertCutPermit(live)).not.toThrow();
  expect(() => assertLiveGrant(live)).toThrow(expect.objectContaining({ code: 'grant_dead' }));
  expect(() => assertMayLeave(live)).toThrow(expect.objectContaining({ code: 'grant_dead' }));
});

it('is made by the gate alone', () => {
  const live = open();
  const forged = Object.setPrototypeOf({ id: live.id, cut: live.cut, signal: live.signal }, LivePreview.prototype);
  expect(() => assertCutPermit(forged)).toThrow(expect.objectContaining({ code: 'grant_dead' }));
  expect(() => forged.assertAlive()).toThrow(
    expect.objectContaining({ code: 'preview_ended', facts: { detail: 'it was not made by the gate' } }),
  );
  expect(live.id).toMatch(/^preview-./);
});

it('is refused where a grant of the same terms would be', async () => {
  const { startUs, endUs } = rig.cast.window();
  refused({ request: 'request-unknown' }, 'consent_request_unknown');
  refused({ window: { startUs: startUs - 1, endUs } }, 'consent_window_outside');
  refused({ window: { startUs, endUs: startUs + 1 } }, 'consent_window_too_short');
  rig.footage.covers = false;
  refused({}, 'consent_window_no_footage');
  rig.footage.covers = true;
  rig.footage.isAmbiguous = true;
  refused({}, 'consent_window_ambiguous');
  rig.footage.isAmbiguous = false;
  await rig.command(rig.cast.command({ action: 'privacy', on: true }));
  refused({}, 'console_privacy_on');
});

it('is refused beyond two at once', () => {
  open();
  const second = open();
  expect(() => open()).toThrow(expect.objectContaining({ code: 'preview_too_many', facts: { most: 2 } }));
  rig.gate.previews.end(second.id, 'its owner removed it');
  expect(() => open()).not.toThrow();
});

it('is listed while it is live, and makes room for another when its request is decided', async () => {
  const other = await rig.publish(rig.cast.request({ jti: 'request-second' }));
  const [first, second] = [open(), open({ request: 'request-second' })];
  expect(rig.gate.previews.list()).toEqual([first, second]);
  await rig.send('deny', rig.cast.denial(other));
  expect(rig.effects.last()).toMatchObject({ outcome: 'denied' });
  expect(() => open()).not.toThrow();
  expect(second.signal.reason).toMatchObject({ code: 'preview_ended' });
  expect(first.signal.aborted).toBe(false);
});

it('is live until the clip that was granted of it is sealed', async () => {
  const requestToken = await rig.publish(rig.cast.request({ jti: 'request-second' }));
  const live = open({ request: 'request-second' });
  rig.footage.previewed = 'a'.repeat(64);
  const token = rig.cast.grant(requestToken, { clipSha256: 'a'.repeat(64) });
  await rig.send('grant', token);
  expect(rig.effects.last()).toMatchObject({ outcome: 'granted' });
  expect(rig.gate.previews.list()).toEqual([live]);
  await rig.gate.clipSealed(textClaim(token, 'jti'), { ...clipFacts('a'), disclosed: [] }, {});
  expect(rig.gate.previews.list()).toEqual([]);
});

it('ends at once where its request is decided already, whatever has happened to that since', async () => {
  const requestToken = await rig.publish(rig.cast.request({ jti: 'request-second' }));
  const token = rig.cast.grant(requestToken);
  const grant = textClaim(token, 'jti');
  const { sha256, bytes, manifestSha256 } = clipFacts('a');
  const facts = { clipSha256: sha256, clipBytes: bytes, manifestSha256 };
  const steps: [string, () => Promise<void>, boolean][] = [
    ['granted', () => rig.send('grant', token), true],
    ['sealed', () => rig.gate.clipSealed(grant, clipFacts('a'), {}), false],
    ['presented', () => rig.gate.tokenPresented(grant), false],
    ['delivered', () => rig.gate.delivered(grant, rig.cast.intakeReceipt(grant, facts)), false],
    ['revoking', () => rig.send('revoke', rig.cast.revoke(token)), false],
    [
      'revoked',
      () => rig.gate.revocationAnswered(grant, rig.cast.intakeReceipt(grant, { ...facts, outcome: 'deleted' })),
      true,
    ],
    ['denied', () => rig.send('deny', rig.cast.denial(requestToken)), false],
  ];
  for (const [state, step, isOpen] of steps) {
    await step();
    expect(rig.gate.openRequests().find((one) => one.request === 'request-second')?.state).toBe(state);
    const live = open({ request: 'request-second' });
    expect([state, rig.gate.previews.list().includes(live)]).toEqual([state, isOpen]);
    rig.gate.previews.end(live.id, 'its owner removed it');
  }
});

it('says why it ended', async () => {
  const said = expect.stringMatching(/\w/);
  const live = [open()];
  await rig.clock.advance(15 * 60_000);
  request = textClaim(await rig.publish(), 'jti');
  live.push(open());
  await rig.area(rig.cast.areaDocument([], { cancelled: [request] }));
  rig.gate.previews.list();
  request = textClaim(await rig.publish(), 'jti');
  live.push(open());
  await rig.gate.stop();
  for (const { signal } of live)
    expect(signal.reason).toMatchObject({ code: 'preview_ended', facts: { detail: said } });
});

it('ends with its time', async () => {
  const live = open();
  await rig.clock.advance(15 * 60_000 - 1);
  expect(live.signal.aborted).toBe(false);
  await rig.clock.advance(1);
  expect(live.signal.reason).toMatchObject({ code: 'preview_ended' });
  expect(rig.gate.previews.find(live.id)).toBe(null);
});

it('ends when its request is cancelled, with the next upkeep', async () => {
  const live = open();
  await rig.area(rig.cast.areaDocument([], { revision: 2, cancelled: [request] }));
  await rig.clock.advance(30_000);
  await rig.gate.idle();
  expect(live.signal.aborted).toBe(true);
});

it('ends with the next upkeep while privacy is on; ending a missing one does nothing', async () => {
  const live = open();
  await rig.command(rig.cast.command({ action: 'privacy', on: true }));
  expect(live.signal.aborted).toBe(false);
  await rig.clock.advance(30_000);
  await rig.gate.idle();
  expect(live.signal.reason).toMatchObject({ code: 'preview_ended', facts: { detail: 'privacy is on' } });
  expect(() => rig.gate.previews.end(live.id, 'again')).not.toThrow();
  expect(rig.gate.previews.list()).toEqual([]);
});

it('ends when the device stops', async () => {
  const live = open();
  await rig.gate.stop();
  expect(live.signal.aborted).toBe(true);
});

it('lets a grant name its clip by hash, and refuses a grant that names another', async () => {
  const requestToken = await rig.publish(rig.cast.request({ jti: 'request-second' }));
  rig.footage.previewed = 'a'.repeat(64);
  await rig.send('grant', rig.cast.grant(requestToken, { clipSha256: 'b'.repeat(64) }));
  expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code: 'preview_changed' });
  await rig.send('grant', rig.cast.grant(requestToken, { clipSha256: 'a'.repeat(64) }));
  expect(rig.effects.last()).toMatchObject({ outcome: 'granted' });
});

it('keeps its clip grantable when the agency changes its key meanwhile, and not to the former key', async () => {
  const [before, after] = [1, 2].map((): Sealing => ({ key: generateSealingKey(random).publicKey, keeper: 'vault' }));
  const token = rig.cast.request({ jti: 'request-second' });
  const publish = (revision: number, sealing = before) =>
    rig.publish(token, rig.cast.credential({ revision, ...(sealing ? { sealing } : {}) }));
  await publish(1);
  const live = open({ request: 'request-second' });
  rig.footage.previewed = 'a'.repeat(64);
  await publish(2, after);
  const answer = async (sealing = before) => {
    const recipient = { kind: 'agency', key: rig.cast.agency.key.publicKey, ...(sealing ? { sealing } : {}) } as const;
    await rig.send('grant', rig.cast.grant(token, { recipient, clipSha256: 'a'.repeat(64) }));
    return rig.effects.last();
  };
  expect(await answer()).toMatchObject({ outcome: 'refused', code: 'consent_sealing_changed' });
  expect([live.signal.aborted, rig.effects.made]).toEqual([false, []]);
  expect(await answer(after)).toMatchObject({ outcome: 'granted' });
  expect(rig.effects.made.map(({ facts }) => facts.grant.recipient.sealing)).toEqual([after]);
});
