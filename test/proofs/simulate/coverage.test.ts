import { expect, it } from 'vitest';
import { ERRORS } from '../../../sim/errors.ts';
import {
  FollowedRequests,
  neverReached,
  provokedIn,
  Reached,
  sharesOf,
  unknownTransitions,
  whyUnreachable,
} from './coverage.ts';
import { packetOf } from './mqtt-packets.ts';

const shareOf = (covered: ReadonlyMap<string, number>, what: string) => {
  const share = sharesOf(covered).find((one) => one.what === what);
  if (!share) throw new Error(`there is no share of ${what}`);
  return share;
};

it('takes a request’s transitions from the state machine, and lists each until it is reached', () => {
  const none = shareOf(new Map(), 'transitions of a request');
  expect(none.reached).toEqual([]);
  for (const move of [
    'pending > granted',
    'granted > sealed',
    'presented > revoking',
    'revoking > recalled',
    'failed > granted',
  ])
    expect(none.never).toContain(move);
  expect(none.never).not.toContain('denied > granted');
  const some = shareOf(new Map([['request granted > sealed', 3]]), 'transitions of a request');
  expect(some.reached).toEqual(['granted > sealed']);
  expect(some.never).toHaveLength(none.never.length - 1);
});

it('derives transitions of uploads and intakes from their states', () => {
  expect(shareOf(new Map(), 'transitions of an upload').never).toEqual([
    'new > waiting',
    ...['waiting > sending', 'waiting > retrying', 'waiting > stored', 'waiting > stopped'],
    ...['sending > waiting', 'sending > retrying', 'sending > stored', 'sending > stopped'],
    ...['retrying > waiting', 'retrying > sending', 'retrying > stored', 'retrying > stopped'],
    ...['stored > waiting', 'stopped > waiting'],
  ]);
  const { never } = shareOf(new Map(), 'transitions of an intake');
  expect(never).toEqual([
    ...['new > open', 'new > stored', 'new > deleted', 'new > recalled'],
    ...['open > stored', 'open > deleted', 'open > recalled', 'stored > deleted', 'stored > recalled'],
  ]);
  expect(never.filter((move) => whyUnreachable(move) !== null)).toEqual(['new > recalled']);
});

it('lists an unknown transition that was seen', () => {
  const seen = [
    'request pending > granted',
    'request denied > granted',
    'intake deleted > open',
    'upload stored > sending',
  ];
  expect(unknownTransitions(new Map(seen.map((what) => [what, 1])))).toEqual(seen.slice(1, 3));
});

it('records published states of uploads and intakes, each change once', () => {
  const reached: string[] = [];
  const watch = new Reached((what) => reached.push(what));
  const upload = (state: string) => {
    const progress = { device: 'd', grant: 'g', request: 'r', state, sentBytes: 0, totalBytes: 1 };
    const payload = Buffer.from(JSON.stringify(progress));
    const bytes = packetOf({ topic: 'doorsill/v1/home/d/upload', payload, retained: false });
    watch.piece({ from: 'home-1', to: 'broker', bytes, sentUs: 0 });
  };
  for (const state of ['waiting', 'sending', 'sending', 'stored']) upload(state);
  const answer = (text: string) =>
    watch.piece({ from: 'bridge', to: 'home-1', bytes: Buffer.from(`HTTP/1.1 200 OK\r\n\r\n${text}`), sentUs: 0 });
  answer('{"grant":"g","state":"open"}');
  answer('{"grant":"g","state":"stored","receipt":"x"}');
  answer('{"type":"urn:doorsill:intake_full","code":"intake_full"}');
  expect(reached.filter((what) => what.includes('>'))).toEqual([
    'upload new > waiting',
    'upload waiting > sending',
    'upload sending > stored',
    'intake new > open',
    'intake open > stored',
  ]);
  expect(reached).toContain('answered intake_full');
});

it('follows a request through a ledger', () => {
  const requests = new FollowedRequests();
  const at = { sequence: 0, previousHash: '0'.repeat(64), atUs: 0, boot: 'boot-1' };
  const about = { request: 'request-1', grant: 'grant-1' };
  const tokens = { grantToken: 'g', requestToken: 'r', pairingToken: 'p' };
  requests.entry({ ...at, type: 'granted', body: { ...about, ...tokens } });
  requests.entry({ ...at, type: 'failed', body: { ...about, code: 'internal' } });
  requests.entry({
    ...at,
    type: 'denied',
    body: { request: 'request-1', jti: 'deny-1', token: 't', requestToken: 'r' },
  });
  expect(requests.reached.filter((what) => what.includes('>'))).toEqual([
    'request pending > granted',
    'request granted > failed',
    'request failed > denied',
  ]);
});

it('lists refusals that no run has provoked, with the reason if one cannot be', () => {
  const never = neverReached(new Map([['receipt refused consent_too_old', 1]]));
  expect(never).toContain('consent_replayed');
  expect(never).not.toContain('consent_too_old');
  expect(whyUnreachable('consent_zones_unsupported')).toMatch(/every stream/);
  expect(whyUnreachable('granted')).toBeNull();
  expect(whyUnreachable('consent_sealing_key')).toMatch(/registry/);
  const ofConsent = Object.keys(ERRORS).filter((code) => code.startsWith('consent_'));
  expect(ofConsent.filter((code) => !never.includes(code))).toEqual(['consent_too_old']);
});

it('finds a refusal by its code in everything that a run reached', () => {
  const covered = new Map([
    ['receipt refused consent_too_old', 3],
    ['order grant refused consent_too_old', 3],
    ['answered intake_full', 1],
    ['answered vault_unreachable', 1],
    ['receipt granted', 2],
  ]);
  expect([...provokedIn(covered)]).toEqual(['consent_too_old', 'intake_full']);
});
