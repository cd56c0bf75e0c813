// Holds: which stored answers are deleted above the limit: the oldest that are settled or expired, and never one that is still needed.
import { expect, it } from 'vitest';
import {
  type Draft,
  type KeptGrant,
  surplusDrafts,
  surplusGrants,
} from '../../../../device/console-page/requests/kept-answers.ts';

const grant = (request: string, atUs: number, isOver: boolean) => ({ request, atUs, isOver }) as KeptGrant;
const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64url');
const draft = (request: string, exp: number) =>
  ({
    request,
    published: {
      request: `${part({ alg: 'EdDSA' })}.${part({ exp })}.${'A'.repeat(86)}`,
      credential: '',
      publication: '',
    },
  }) as Draft;
const requests = (rows: readonly { request: string }[]) => rows.map(({ request }) => request);

it('deletes no grant up to the limit', () => {
  expect(surplusGrants([grant('a', 1, true), grant('b', 2, true)], 2)).toEqual([]);
});

it('deletes the oldest settled grants above the limit', () => {
  const grants = [grant('new', 9, true), grant('old', 1, true), grant('older', 0, true), grant('newest', 10, true)];
  expect(requests(surplusGrants(grants, 2))).toEqual(['older', 'old']);
});

it('keeps a grant that may still be sent, however old it is and however many there are', () => {
  const grants = [grant('unsent', 0, false), grant('a', 5, true), grant('b', 6, true), grant('unsent-too', 1, false)];
  expect(requests(surplusGrants(grants, 3))).toEqual(['a']);
  expect(requests(surplusGrants(grants, 0))).toEqual(['a', 'b']);
});

it('deletes the drafts of the requests that have been expired the longest, and of no open request', () => {
  const drafts = [draft('open', 200), draft('expired', 90), draft('long-expired', 10), draft('open-too', 100)];
  expect(requests(surplusDrafts(drafts, 3, 100))).toEqual(['long-expired']);
  expect(requests(surplusDrafts(drafts, 0, 100))).toEqual(['long-expired', 'expired']);
  expect(surplusDrafts(drafts, 4, 100)).toEqual([]);
});
