// Requests and searches have separate id spaces on a device, whatever a neighbour posts and a bridge publishes.
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Sighted } from '../../../device/contract/home-messages.ts';
import { textClaim } from '../../support/parties.ts';
import { Searching } from '../../support/searches.ts';
import { GateRig } from './gate-rig.ts';

let rig: GateRig;
let searching: Searching;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  searching = new Searching(rig.cast);
  await rig.command(rig.cast.command({ action: 'search-party', on: true }));
});
afterEach(() => rig.close());

const hear = (token: string) => rig.gate.onSearchDocument(1, token);
const requestOf = (token: string) => textClaim(token, 'request');

function seen(): Sighted {
  const endUs = rig.cast.nowS() * 1_000_000 - 60_000_000;
  return { window: { startUs: endUs - 10_000_000, endUs }, stillUs: endUs - 4_000_000, likeness: 0.8 };
}

it('a search that ended under a request’s id ends no grant of the request, and keeps it in the list', async () => {
  const { requestToken, grantToken } = await rig.granted();
  const id = requestOf(grantToken);
  await hear(searching.document([searching.published(searching.search({ jti: id }))]));
  await hear(searching.document([], { revision: 2, ended: [id] }));
  await rig.clock.advance(30_000);
  await rig.gate.idle();
  expect(rig.effects.made[0]?.signal.aborted).toBe(false);
  expect(rig.gate.unfinishedGrants()).toEqual([textClaim(grantToken, 'jti')]);
  await rig.send('revoke', rig.cast.revoke(grantToken));
  await rig.send('grant', rig.cast.grant(requestToken));
  expect(rig.effects.last().outcome).toBe('granted');
});

it('a search that ended under a request’s id does not affect a request that arrives later', async () => {
  const request = rig.cast.request();
  await hear(searching.document([], { ended: [textClaim(request, 'jti')] }));
  await rig.send('grant', rig.cast.grant(request));
  expect(rig.effects.last().code).toBe('consent_request_unknown');
  await rig.publish(request);
  await rig.send('grant', rig.cast.grant(request));
  expect(rig.effects.last().outcome).toBe('granted');
});

it('a request that was cancelled under a search’s id ends no grant of the search', async () => {
  const token = searching.search();
  const id = textClaim(token, 'jti');
  await hear(searching.document([searching.published(token)]));
  await rig.gate.sighted(id, seen());
  await rig.send('grant', searching.grant(token));
  await rig.area(rig.cast.areaDocument([], { cancelled: [id] }));
  expect(rig.effects.made[0]?.signal.aborted).toBe(false);
  await rig.send('revoke', rig.cast.revoke(searching.grant(token)));
});

it('a request under a search’s id, or the other way round, is refused', async () => {
  const request = rig.cast.request({ jti: 'search-1' });
  await rig.publish(request);
  expect([rig.effects.notices, rig.gate.unbelievedCounts()]).toEqual([[], { id_kind_wrong: 1 }]);
  await rig.send('grant', rig.cast.grant(request));
  expect(rig.effects.last().code).toBe('consent_request_unknown');
  const search = searching.search({ jti: 'request-1' });
  await hear(searching.document([searching.published(search)]));
  await rig.gate.sighted('request-1', seen());
  expect([rig.effects.sightings, rig.gate.unbelievedCounts()]).toEqual([[], { id_kind_wrong: 2 }]);
});
