// Holds: a request's standing follows the device's receipts, else its list; a signed token without an answer is never shown as accepted,
// and a refused or ended grant can be followed by another.
import { describe, expect, it } from 'vitest';
import type { KeptGrant } from '../../../../device/console-page/requests/kept-answers.ts';
import { isFinal, type StandingFacts, standingOf } from '../../../../device/console-page/requests/request-standing.ts';
import type { Receipt, ReceiptClip } from '../../../../device/contract/home-messages.ts';

const hash = 'a'.repeat(64);
const clip: ReceiptClip = {
  ...{ id: 'clip-1', sha256: hash, bytes: 10, frames: 2, window: { startUs: 1, endUs: 2 }, method: 'copy' },
  ...{ disclosed: [], manifestSha256: hash },
};
const receipt = (outcome: Receipt['outcome'], changes: Partial<Receipt> = {}): Receipt => ({
  ...{ iss: 'k'.repeat(43), aud: 'owner', iat: 1, jti: 'receipt-1', device: 'device-1', outcome, request: 'request-1' },
  ...{ grant: 'grant-1', ledger: { entries: 1, hash }, lastOrder: hash, ...changes },
});
const kept = (changes: Partial<KeptGrant> = {}): KeptGrant => ({
  ...{ request: 'request-1', published: { request: 'a', credential: 'b', publication: 'c' }, token: 'token' },
  ...{ values: {}, atUs: 1, receipt: null, revoke: null, isOver: false, ...changes },
});
const facts = (changes: Partial<StandingFacts> = {}): StandingFacts => ({
  ...{ isWaiting: false, listed: null, receipt: null, kept: null, upload: null, ...changes },
});

describe('the standing of a request', () => {
  it('is open while the device announces the request and nothing was signed', () => {
    expect(standingOf(facts({ isWaiting: true, listed: 'pending' }))).toEqual({ at: 'open', failed: null });
  });

  it('is signed, not granted, until the device answers, even while it still announces the request', () => {
    expect(standingOf(facts({ isWaiting: true, listed: 'pending', kept: kept() })).at).toBe('signed');
    expect(standingOf(facts({ kept: kept(), receipt: receipt('granted') })).at).toBe('under-way');
  });

  it('is open again when the grant was refused for good', () => {
    expect(standingOf(facts({ isWaiting: true, kept: kept({ isOver: true }) })).at).toBe('open');
  });

  it('is open again, with the reason, when the clip could not be made', () => {
    const failed = receipt('failed', { code: 'preview_changed' });
    expect(
      standingOf(facts({ isWaiting: true, receipt: failed, kept: kept({ isOver: true, receipt: failed }) })),
    ).toEqual({
      at: 'open',
      failed,
    });
    expect(standingOf(facts({ receipt: failed }))).toEqual({ at: 'failed', receipt: failed });
  });

  it('is closed, not failed, when the request ended before anybody answered it', async () => {
    const ended = receipt('failed', { code: 'consent_request_cancelled' });
    delete ended.grant;
    expect(standingOf(facts({ receipt: ended }))).toEqual({ at: 'closed' });
  });

  it('is “taking back” until the device confirms it, whatever the upload reports meanwhile', () => {
    const taking = kept({ revoke: 'token', receipt: receipt('sealed', { clip }) });
    expect(standingOf(facts({ kept: taking, receipt: receipt('sent', { clip }) })).at).toBe('taking-back');
    expect(standingOf(facts({ kept: taking, receipt: receipt('revoked', { clip }) }))).toEqual({
      ...{ at: 'taken-back', erased: 'waiting', vault: null },
    });
  });

  it('says how far a revoked clip is erased', () => {
    expect(standingOf(facts({ receipt: receipt('revoked') }))).toMatchObject({
      at: 'taken-back',
      erased: 'never-left',
    });
    expect(standingOf(facts({ receipt: receipt('deleted', { intake: 'x' }) }))).toMatchObject({ erased: 'everywhere' });
    expect(standingOf(facts({ receipt: receipt('recalled') }))).toEqual({ at: 'recalled', vault: null });
  });

  it.each([
    ['granted', 'under-way'],
    ['presented', 'under-way'],
    ['delivered', 'sent'],
    ['revoking', 'taken-back'],
    ['recalled', 'recalled'],
    ['denied', 'declined'],
    ['expired', 'closed'],
    [null, 'closed'],
  ])('by the device’s list alone, %s is %s', (listed, at) => {
    expect(standingOf(facts({ listed })).at).toBe(at);
  });

  it('is declined after a receipt, also for another owner’s denial', () => {
    expect(standingOf(facts({ receipt: receipt('denied') })).at).toBe('declined');
  });

  it.each([
    ['granted', false],
    ['sealed', false],
    ['sent', false],
    ['failed', true],
    ['deleted', true],
    ['recalled', true],
    ['revoked', true],
  ] as const)('another grant may be signed after %s: %s', (outcome, isOver) => {
    expect(isFinal(receipt(outcome))).toBe(isOver);
  });

  it('waits for the bridge’s confirmation if the bridge may have a part of the clip', () => {
    expect(isFinal(receipt('revoked', { clip }))).toBe(false);
  });
});
