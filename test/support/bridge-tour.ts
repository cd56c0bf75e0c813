// A tour of a bridge: each of its operations called as its real callers do, and each kind of refusal once.
import sharp from 'sharp';
import { z } from 'zod';
import { signatureOf } from '../../cloud-bridge/partners/partners.ts';
import { freshId } from '../../device/base/random.ts';
import { toBase64url } from '../../device/contract/bytes.ts';
import { BridgeFixture, type FixtureOptions, type Parcel } from './bridge-fixture.ts';
import { makeParty, textClaim } from './parties.ts';
import { documentSchema } from './recorded-calls.ts';
import { sealedParcel, sealingFor, verdictOn } from './sealed-parcel.ts';
import { BARE_JPEG, Searching } from './searches.ts';
import { custodyCall } from './sent-clip.ts';

const witness = makeParty('bridge', { bytes: (count) => new Uint8Array(count).fill(7), fraction: () => 0 });

/** A bridge where everything has happened once; what it was asked and answered is in `recorded`. */
export async function tourBridge(options: FixtureOptions): Promise<BridgeFixture> {
  const fixture = await BridgeFixture.open({
    ...options,
    bridge: { custody: { witnesses: [witness.key.publicKey] }, ...options.bridge },
  });
  await asking(fixture);
  const parcel = await granting(fixture);
  await reading(fixture, parcel);
  await partnering(fixture);
  await looking(fixture);
  await searchingForPet(fixture);
  await operating(fixture);
  await beingRefused(fixture, parcel);
  await openingSealed(fixture);
  return fixture;
}

async function searchingForPet(fixture: BridgeFixture): Promise<void> {
  const searching = new Searching(fixture.cast);
  const home = makeParty('device', fixture.random);
  await fixture.enrol(home);
  const pairing = fixture.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
  await fixture.get('/v1/search-party');
  const asksPhoto = {
    authorization: `Bearer ${searching.call({ action: 'photo', pairing })}`,
    'content-type': 'image/png',
  };
  const drawn = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#a52' } })
    .png()
    .toBuffer();
  await fixture.send('POST', '/v1/search-party/photos', asksPhoto, new Uint8Array(drawn));
  const sealing = sealingFor('recipient');
  const search = searching.search({ sealing });
  const id = textClaim(search, 'jti');
  const body = { search, photo: toBase64url(BARE_JPEG), pairing };
  await fixture.post('/v1/search-party/searches', body);
  const seeing = (clip: string) => searching.call({ action: 'see', clip });
  const recipient = { kind: 'neighbor', key: searching.poster.key.publicKey, sealing } as const;
  const parcel = sealedParcel(fixture, search, { grantToken: searching.grant(search, { recipient }) });
  await fixture.deliver(parcel);
  const granted = parcel.clipId;
  await fixture.get('/v1/search-party/clips', seeing('all'));
  await fixture.get(`/v1/search-party/clips/${granted}`, seeing(granted));
  await fixture.get(`/v1/search-party/clips/${granted}/manifest`, seeing(granted));
  const verdict = verdictOn(fixture, parcel, searching.poster);
  await fixture.post(`/v1/search-party/clips/${granted}/verdict`, { verdict }, seeing(granted));
  await fixture.post(`/v1/search-party/searches/${id}/end`, {}, searching.call({ action: 'end', search: id }));
}

async function openingSealed(fixture: BridgeFixture): Promise<void> {
  const request = fixture.cast.request({ investigation: freshId(fixture.random, 'case') });
  await fixture.post('/v1/requests', { request });
  const parcel = sealedParcel(fixture, request);
  await fixture.deliver(parcel);
  const access = () => fixture.access(parcel.clipId);
  const path = `/v1/clips/${parcel.clipId}`;
  await fixture.get(path, access());
  await fixture.get(path, access(), { range: 'bytes=0-9' });
  await fixture.get('/v1/clips', fixture.access('all'));
  await fixture.post(`${path}/verdict`, { verdict: verdictOn(fixture, parcel, fixture.cast.agency) }, access());
  await fixture.post(`${path}/verdict`, { verdict: 'x' }, access());
  const leaves = `/v1/intakes/${parcel.grant}/custody/leaves`;
  await fixture.get(leaves, custodyCall(fixture, fixture.cast.device, parcel.grant));
}

/** The bridge's own document. */
export async function documentOf(fixture: Pick<BridgeFixture, 'get'>) {
  return documentSchema.parse((await fixture.get('/openapi.json')).body);
}

const call = (fixture: BridgeFixture, verb: string, request: string) =>
  fixture.agencyCall({ action: `${verb}-request`, request });

async function asking(fixture: BridgeFixture): Promise<void> {
  await fixture.admitAgency();
  const { adminToken } = fixture.bridge;
  const batch = await fixture.post('/v1/enrolment-codes', { devices: 3, lifeS: 60 }, adminToken);
  await fixture.get('/v1/enrolment-codes', adminToken);
  await fixture.send('DELETE', `/v1/enrolment-codes/${batch.body['id']}`, { authorization: `Bearer ${adminToken}` });
  await fixture.enrol();
  const drafts = [freshId(fixture.random, 'case'), freshId(fixture.random, 'case')];
  const [first = '', second = ''] = await Promise.all(
    drafts.map(async (investigation) => {
      const request = fixture.cast.request({ investigation });
      await fixture.post('/v1/requests', { request, draft: true });
      return textClaim(request, 'jti');
    }),
  );
  await fixture.get('/v1/requests?limit=1', fixture.agencyCall({ action: 'list-requests' }));
  await fixture.get(`/v1/requests/${first}`, call(fixture, 'see', first));
  await fixture.post(`/v1/requests/${first}/submit`, {}, call(fixture, 'submit', first));
  await fixture.post(`/v1/requests/${first}/resolve`, {}, call(fixture, 'resolve', first));
  await fixture.post(`/v1/requests/${second}/withdraw`, {}, call(fixture, 'withdraw', second));
  const text = 'Who was at the protest on the square?';
  const found = [];
  for (let count = 0; count < 2; count += 1) {
    const request = fixture.cast.request({ investigation: freshId(fixture.random, 'case'), text });
    await fixture.post('/v1/requests', { request });
    found.push(textClaim(request, 'jti'));
  }
  const admin = fixture.bridge.adminToken;
  await fixture.get('/v1/moderation', admin);
  await fixture.post(`/v1/moderation/${found[0]}/approve`, { revision: 1 }, admin);
  await fixture.post(`/v1/moderation/${found[1]}/refuse`, { revision: 1, reason: 'protests are lawful' }, admin);
}

async function granting(fixture: BridgeFixture): Promise<Parcel> {
  const request = fixture.cast.request();
  await fixture.post('/v1/requests', { request });
  const parcel = fixture.parcel(request);
  await fixture.send('OPTIONS', '/v1/uploads', {});
  await fixture.openIntake(parcel);
  const path = await fixture.create(parcel);
  await fixture.tus('DELETE', path, parcel);
  const again = await fixture.create(parcel);
  await fixture.tus('HEAD', again, parcel);
  await fixture.send('HEAD', `/v1/intakes/${parcel.grant}`, { authorization: `Bearer ${parcel.bearer}` });
  await fixture.patch(parcel, again, 0, parcel.clip);
  await fixture.status(parcel);
  const taken = fixture.parcel(request);
  await fixture.deliver(taken);
  await fixture.revoke(taken);
  await fixture.openIntake(fixture.parcel(request, { grantToken: parcel.grantToken }));
  await fixture.get('/v1/clone-signs', fixture.bridge.adminToken);
  return parcel;
}

async function reading(fixture: BridgeFixture, parcel: Parcel): Promise<void> {
  const { clipId: clip, grant } = parcel;
  const all = () => fixture.access('all');
  await fixture.get('/v1/clips', all());
  await fixture.get(`/v1/clips/${clip}`, fixture.access(clip));
  await fixture.get(`/v1/clips/${clip}`, fixture.access(clip), { range: 'bytes=0-9' });
  await fixture.get(`/v1/clips/${clip}/manifest`, fixture.access(clip));
  await fixture.get(`/v1/clips/${clip}/custody`, fixture.access(clip));
  await fixture.get('/v1/access-audit?limit=2', all());
  await fixture.get('/v1/access-audit', fixture.bridge.adminToken);
  await fixture.get('/v1/access-audit.csv', all());
  await fixture.get('/v1/access-audit.html', all());
  const iat = fixture.cast.nowS();
  const { device } = fixture.cast;
  const said = { iss: device.key.publicKey, aud: fixture.cast.bridge.id, iat, exp: iat + 60, device: device.id, grant };
  const bearer = fixture.cast.sign('doorsill-custody+jws', { ...said, jti: 'custody-1' }, device);
  await fixture.get(`/v1/intakes/${grant}/custody`, bearer);
  await fixture.get(`/v1/intakes/${grant}/custody/leaves`, bearer);
  await fixture.get(`/v1/intakes/${grant}/manifest`, bearer);
  await fixture.post('/v1/disputes', { clip, reason: 'court order 2026-311' }, fixture.bridge.adminToken);
}

async function partnering(fixture: BridgeFixture): Promise<void> {
  const admin = fixture.bridge.adminToken;
  const { body } = await fixture.post('/v1/partners', { partner: 'plate-watch', name: 'Plate Watch' }, admin);
  const secret = String(body['webhookSecret']);
  const request = fixture.cast.request({ investigation: 'partners-1', partner: 'plate-watch' });
  await fixture.post('/v1/partners/plate-watch/requests', { request }, String(body['token']));
  const told = { type: 'request_resolved', id: textClaim(request, 'jti') };
  const hook = JSON.stringify({ meta: { version: '1', request_id: 'hook-1' }, data: told });
  const headers = { 'content-type': 'application/json', 'x-signature': signatureOf(secret, hook) };
  await fixture.send('POST', '/v1/partners/plate-watch/webhooks', headers, hook);
  await fixture.get('/v1/partners');
  await fixture.get('/v1/partners/plate-watch', admin);
  await fixture.post('/v1/partners/plate-watch/tokens', {}, admin);
  await fixture.post('/v1/partners/plate-watch/status', { status: 'suspended', revision: 2 }, admin);
}

async function looking(fixture: BridgeFixture): Promise<void> {
  const { agency } = fixture.cast;
  const feed = z.object({ items: z.array(z.object({ id: z.string() })) });
  const { items } = feed.parse((await fixture.get('/neighbors/feed.json')).body);
  const tag = (await fixture.get('/neighbors')).headers.get('etag') ?? '';
  await fixture.get('/neighbors', undefined, { 'if-none-match': tag });
  for (const path of ['feed.atom', `posts/${items[0]?.id}`, 'transparency']) await fixture.get(`/neighbors/${path}`);
  for (const path of ['', '/feed.json', '/transparency']) await fixture.get(`/neighbors/agencies/${agency.id}${path}`);
  for (const path of ['bridge', 'transparency', `transparency/${agency.id}`]) await fixture.get(`/v1/${path}`);
  await fixture.get('/v1/custody/inclusion?leaf=1');
  await fixture.get('/v1/custody/consistency?from=1&to=2');
  await fixture.get('/v1/custody/entries?limit=2');
  const { head } = z.object({ head: z.string() }).parse((await fixture.get('/v1/custody/head')).body);
  const { size, root } = z.object({ size: z.int(), root: z.string() }).parse(claimsIn(head));
  const said = { iss: witness.key.publicKey, aud: 'public', iat: fixture.cast.nowS(), bridge: fixture.cast.bridge.id };
  const cosignature = fixture.cast.sign('doorsill-cosignature+jws', { ...said, size, root }, witness);
  await fixture.post('/v1/custody/cosignatures', { head, cosignature });
  await fixture.get('/v1/custody/head');
  await fixture.get('/openapi.json');
}

function claimsIn(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

async function operating(fixture: BridgeFixture): Promise<void> {
  const admin = fixture.bridge.adminToken;
  await fixture.post('/v1/moderators', { moderator: 'alex', name: 'Alex' }, admin);
  await fixture.get('/v1/moderators', admin);
  await fixture.send('DELETE', '/v1/moderators/alex', { authorization: `Bearer ${admin}` });
  const call = (action: string) => fixture.agencyCall({ action });
  const url = 'https://agency.example/hook';
  const set = fixture.agencyCall({ action: 'set-webhook', url, secret: 'porch-'.padEnd(43, 'x') });
  await fixture.send('PUT', '/v1/webhook', { authorization: `Bearer ${set}` });
  await fixture.get('/v1/webhook', call('see-webhook'));
  await fixture.get('/v1/webhook/events', call('see-webhook'));
  await fixture.send('DELETE', '/v1/webhook', { authorization: `Bearer ${call('remove-webhook')}` });
  for (const path of ['/', '/healthz', '/readyz', '/metrics']) await fixture.get(path, admin);
}

async function beingRefused(fixture: BridgeFixture, parcel: Parcel): Promise<void> {
  await fixture.get('/v1/nothing');
  await fixture.get('/v1/clips');
  await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access('all'));
  await fixture.get('/v1/moderation?limit=100000', fixture.bridge.adminToken);
  await fixture.post('/v1/requests', { request: 'x' });
  await fixture.post('/v1/requests', { request: fixture.cast.request(), more: true });
  await fixture.send('POST', '/v1/requests', { 'content-type': 'application/json' }, '{');
  await fixture.tus('HEAD', '/v1/uploads/nothing', parcel);
  await fixture.tus('POST', '/v1/uploads', parcel, { 'upload-length': '1' });
}
