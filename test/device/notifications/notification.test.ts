// Each request, each sent clip and each trouble of the storage is told once; a request's words stand apart from the words that
// tell nothing, cleaned and cut.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { HomeMessage } from '../../../device/home-link/home-link.ts';
import { NotificationReader } from '../../../device/notifications/notification.ts';
import { Cast } from '../../support/parties.ts';

const NOW_US = 1_790_000_000_000_000;
const cast = new Cast(new ManualClock(NOW_US));

function request(text: string): HomeMessage {
  const published = cast.published(cast.request({ text }));
  const notice = { device: cast.device.id, published, wouldDisclose: {}, askedKeys: [], coverage: [] };
  return { kind: 'request', request: notice };
}

function receipt(outcome: string, grant: string): HomeMessage {
  const nowS = cast.nowS();
  const clip = {
    ...{ id: 'clip-1', sha256: '0'.repeat(64), bytes: 1, frames: 1, window: { startUs: 1, endUs: 2 } },
    ...{ method: 'copy', disclosed: [], manifestSha256: '0'.repeat(64) },
  };
  const claims = {
    ...{ iss: cast.device.key.publicKey, aud: 'owner', iat: nowS, jti: `receipt-${grant}`, device: cast.device.id },
    ...{ outcome, grant, request: 'request-1', ...(outcome === 'sent' ? { clip } : {}) },
    ...{ ledger: { entries: 1, hash: '0'.repeat(64) }, lastOrder: '0'.repeat(64) },
  };
  return { kind: 'receipt', receipt: cast.sign('doorsill-receipt+jws', claims, cast.device) };
}

const state = (storage: 'ok' | 'full') =>
  ({ kind: 'state', state: { storage: { state: storage }, atUs: 5 } }) as HomeMessage;

it('notifies of a request once, with its words in a field of their own', () => {
  const reader = new NotificationReader();
  const asked = request(`Did you see\u0000 a van?\n${'x'.repeat(1_900)}`);
  const told = reader.read(asked, NOW_US);
  expect(told).toMatchObject({ kind: 'request', text: 'A request for footage waits for your answer.', atUs: NOW_US });
  expect(told?.textWithRequest).toMatch(/asks for footage: Did you see +a van\? x+$/);
  expect(told?.textWithRequest?.length).toBeLessThan(1_000);
  expect(reader.read(asked, NOW_US)).toBeNull();
  expect(reader.read(request('Another.'), NOW_US)).toMatchObject({ kind: 'request' });
});

it('passes on no character that reverses or hides others', () => {
  const hostile = request('\u202egnp.ecilop\u2066 Was it\u200b you\u2029? \u{e0041}\u00ad');
  const told = new NotificationReader().read(hostile, NOW_US);
  expect(told?.textWithRequest?.replaceAll(/ +/g, ' ')).toBe(
    'Springfield Police Department asks for footage: gnp.ecilop Was it you ?',
  );
  const renamed = cast.published(cast.request(), cast.credential({ name: 'Springfield\u202e\u2066 Police\u200b' }));
  const notice = { device: cast.device.id, published: renamed, wouldDisclose: {}, askedKeys: [], coverage: [] };
  const named = new NotificationReader().read({ kind: 'request', request: notice }, NOW_US);
  expect(named?.textWithRequest).toMatch(/^Springfield {1,2}Police asks for footage: /);
  expect(named?.textWithRequest).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});

it('notifies of a sent clip once, and of no other receipt', () => {
  const reader = new NotificationReader();
  expect(reader.read(receipt('granted', 'grant-1'), NOW_US)).toBeNull();
  expect(reader.read(receipt('sent', 'grant-1'), NOW_US)).toMatchObject({ kind: 'clip-sent', atUs: NOW_US });
  expect(reader.read(receipt('sent', 'grant-1'), NOW_US)).toBeNull();
  expect(reader.read(receipt('sent', 'grant-2'), NOW_US)).toMatchObject({ kind: 'clip-sent' });
});

it('notifies of the storage each time it begins to fail', () => {
  const reader = new NotificationReader();
  const told = (['ok', 'full', 'full', 'ok', 'full'] as const).map((one) => reader.read(state(one), NOW_US)?.kind);
  expect(told).toEqual([undefined, 'storage', undefined, undefined, 'storage']);
});
