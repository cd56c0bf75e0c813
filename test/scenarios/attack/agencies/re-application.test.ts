// @module-tag long
// An approved agency can neither escape a moderator by applying again, nor be silenced that way: until a decision its approved revision is
// in force; a suspension or refusal ends it at registry, bridge and device in one step.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AreaDocument } from '../../../../device/contract/request.ts';
import { DEFAULT_PREFIX, topicsUnder } from '../../../../device/contract/topics.ts';
import { BridgeFixture, type Parcel } from '../../../support/bridge-fixture.ts';
import { collector, startBroker, type TestBroker } from '../../../support/broker.ts';
import { claimsOf } from '../../../support/parties.ts';
import { deviceVerdict, type Papers } from './device-verdict.ts';

const topics = topicsUnder(DEFAULT_PREFIX);
const feedSchema = z.object({
  items: z.array(z.object({ id: z.string(), _doorsill: z.object({ state: z.string() }) })),
});
const OTHER = { name: 'Springfield Constable', contact: { name: 'Desk', email: 'desk@springfield.example' } };

let broker: TestBroker;
let fixture: BridgeFixture;
let agency: string;
/** Of the approved revision, published before the agency applied again. */
let papers: Papers;
let parcel: Parcel;

beforeEach(async () => {
  broker = await startBroker();
  fixture = await BridgeFixture.open({ areaUrl: broker.url, accounts: broker.accounts });
  agency = fixture.cast.agency.id;
  const request = await fixture.ready();
  papers = { request, credential: await fixture.registry.credential(agency) };
  parcel = fixture.parcel(request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
});
afterEach(async () => {
  await fixture.close();
  await broker.stop();
});

const again = () => fixture.registry.register(fixture.registration(OTHER));
const post = async () => (await fixture.post('/v1/requests', { request: fixture.cast.request() })).body;
const readClip = () => fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId));
const atDevice = () => deviceVerdict(fixture, papers, mkdtempSync(join(fixture.folder, 'device-')));
const requestId = () => String(claimsOf(papers.request)['jti']);

describe('an approved agency that applies again', () => {
  it('keeps its approved revision until a decision', async () => {
    expect(await again()).toMatchObject({
      state: 'approved',
      name: 'Springfield Police Department',
      amendment: { name: OTHER.name },
    });
    const fresh = claimsOf(await fixture.registry.credential(agency));
    expect(fresh).toMatchObject({ name: 'Springfield Police Department' });
    expect(claimsOf(await fixture.registry.revocations())['revoked']).toEqual([]);
    expect([await post(), (await readClip()).status, await atDevice()]).toMatchObject([
      { state: 'published' },
      200,
      null,
    ]);
  });

  it.each([
    ['suspends it', 'agency_suspended', (id: string) => fixture.registry.suspend(id, 'searches are looked into')],
    ['refuses the application', 'agency_refused', (id: string) => fixture.registry.refuse(id, 'it is not theirs')],
    ['revokes it', 'agency_revoked', (id: string) => fixture.registry.revoke(id)],
  ])('loses everything at once when a moderator %s', async (_what, code, decide) => {
    const { revision } = await again();
    expect(await decide(agency)).toMatchObject({ state: code.replace('agency_', '') });
    await expect(fixture.registry.credential(agency)).rejects.toMatchObject({ code });
    // The list has every credential that was ever signed for it.
    const { revoked } = claimsOf(await fixture.registry.revocations());
    expect(revoked).toEqual([{ agency, upToRevision: revision }]);
    expect(await atDevice()).toBe('consent_agency_revoked');
    await fixture.bridge.refreshRevocations();
    // Nothing more can be requested, shown or uploaded.
    expect(await post()).toMatchObject({ code });
    expect((await readClip()).body['code']).toBe(code);
    await withdrawn();
    expect((await fixture.openIntake(fixture.parcel(papers.request))).body['code']).toBe('request_not_live');
  });
});

/** Resolves when the request is listed as cancelled for homes and for the public. */
async function withdrawn(): Promise<void> {
  const device = await broker.link({ role: 'device-area', id: fixture.cast.device.id });
  const heard = collector<unknown>();
  device.subscribe([topics.areaRequests(fixture.cast.cell, 1)], ({ payload }) =>
    heard.take(claimsOf(new TextDecoder().decode(payload))),
  );
  device.start();
  for (;;) {
    const { requests, cancelled } = AreaDocument.parse(await heard.next());
    if (requests.length === 0 && cancelled.includes(requestId())) break;
  }
  const { items } = feedSchema.parse((await fixture.get('/neighbors/feed.json')).body);
  expect(items).toContainEqual({ id: requestId(), _doorsill: { state: 'cancelled' } });
}
