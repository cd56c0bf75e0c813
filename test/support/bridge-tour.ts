// Owns: a tour of a bridge: each of its operations called as its real callers do, and each kind of refusal once. Not here: any
// judgement of the answers (they are recorded by the house).
import sharp from 'sharp';
import { z } from 'zod';
import { signatureOf } from '../../cloud-bridge/partners/signature.ts';
import { toBase64url } from '../../device/base/bytes.ts';
import { freshId } from '../../device/base/random.ts';
import { BridgeHouse, type HouseOptions, type Parcel } from './bridge-house.ts';
import { makeParty, textClaim } from './parties.ts';
import { documentSchema } from './recorded-calls.ts';
import { BARE_JPEG, Searching } from './searches.ts';

const witness = makeParty('bridge', { bytes: (count) => new Uint8Array(count).fill(7), fraction: () => 0 });

/** A bridge where everything has happened once; what it was asked and answered is in `recorded`. */
export async function tourBridge(options: HouseOptions): Promise<BridgeHouse> {
  const house = await BridgeHouse.open({
    ...options,
    bridge: { custody: { witnesses: [witness.key.publicKey] }, ...options.bridge },
  });
  await asking(house);
  const parcel = await granting(house);
  await reading(house, parcel);
  await partnering(house);
  await looking(house);
  await searchingForPet(house);
  await operating(house);
  await beingRefused(house, parcel);
  return house;
}

async function searchingForPet(house: BridgeHouse): Promise<void> {
  const searching = new Searching(house.cast);
  const home = makeParty('device', house.random);
  await house.enrol(home);
  const pairing = house.cast.pairing({ device: home.id, key: searching.poster.key.publicKey }, home);
  await house.get('/v1/search-party');
  const asksPhoto = {
    authorization: `Bearer ${searching.call({ action: 'photo', pairing })}`,
    'content-type': 'image/png',
  };
  const drawn = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#a52' } })
    .png()
    .toBuffer();
  await house.send('POST', '/v1/search-party/photos', asksPhoto, new Uint8Array(drawn));
  const search = searching.search();
  const id = textClaim(search, 'jti');
  const body = { search, photo: toBase64url(BARE_JPEG), pairing };
  await house.post('/v1/search-party/searches', body);
  const seeing = (clip: string) => searching.call({ action: 'see', clip });
  const manifest = { aud: searching.poster.id, disclosed: {} };
  const parcel = house.parcel(search, { grantToken: searching.grant(search), manifest });
  await house.deliver(parcel);
  const granted = parcel.clipId;
  await house.get('/v1/search-party/clips', seeing('all'));
  await house.get(`/v1/search-party/clips/${granted}`, seeing(granted));
  await house.get(`/v1/search-party/clips/${granted}/manifest`, seeing(granted));
  await house.post(`/v1/search-party/searches/${id}/end`, {}, searching.call({ action: 'end', search: id }));
}

/** The bridge's own document. */
export async function documentOf(house: Pick<BridgeHouse, 'get'>) {
  return documentSchema.parse((await house.get('/openapi.json')).body);
}

const call = (house: BridgeHouse, verb: string, request: string) =>
  house.agencyCall({ action: `${verb}-request`, request });

async function asking(house: BridgeHouse): Promise<void> {
  await house.admitAgency();
  await house.post('/v1/enrolment-codes', {}, house.bridge.adminToken);
  await house.enrol();
  const drafts = [freshId(house.random, 'case'), freshId(house.random, 'case')];
  const [first = '', second = ''] = await Promise.all(
    drafts.map(async (investigation) => {
      const request = house.cast.request({ investigation });
      await house.post('/v1/requests', { request, draft: true });
      return textClaim(request, 'jti');
    }),
  );
  await house.get('/v1/requests?limit=1', house.agencyCall({ action: 'list-requests' }));
  await house.get(`/v1/requests/${first}`, call(house, 'see', first));
  await house.post(`/v1/requests/${first}/submit`, {}, call(house, 'submit', first));
  await house.post(`/v1/requests/${first}/resolve`, {}, call(house, 'resolve', first));
  await house.post(`/v1/requests/${second}/withdraw`, {}, call(house, 'withdraw', second));
  const text = 'Who was at the protest on the square?';
  const found = [];
  for (let count = 0; count < 2; count += 1) {
    const request = house.cast.request({ investigation: freshId(house.random, 'case'), text });
    await house.post('/v1/requests', { request });
    found.push(textClaim(request, 'jti'));
  }
  const admin = house.bridge.adminToken;
  await house.get('/v1/moderation', admin);
  await house.post(`/v1/moderation/${found[0]}/approve`, { revision: 1 }, admin);
  await house.post(`/v1/moderation/${found[1]}/refuse`, { revision: 1, reason: 'protests are lawful' }, admin);
}

async function granting(house: BridgeHouse): Promise<Parcel> {
  const request = house.cast.request();
  await house.post('/v1/requests', { request });
  const parcel = house.parcel(request);
  await house.send('OPTIONS', '/v1/uploads', {});
  await house.openIntake(parcel);
  const path = await house.create(parcel);
  await house.tus('DELETE', path, parcel);
  const again = await house.create(parcel);
  await house.tus('HEAD', again, parcel);
  await house.send('HEAD', `/v1/intakes/${parcel.grant}`, { authorization: `Bearer ${parcel.bearer}` });
  await house.patch(parcel, again, 0, parcel.clip);
  await house.status(parcel);
  const taken = house.parcel(request);
  await house.deliver(taken);
  await house.revoke(taken);
  return parcel;
}

async function reading(house: BridgeHouse, parcel: Parcel): Promise<void> {
  const { clipId: clip, grant } = parcel;
  const all = () => house.access('all');
  await house.get('/v1/clips', all());
  await house.get(`/v1/clips/${clip}`, house.access(clip));
  await house.get(`/v1/clips/${clip}`, house.access(clip), { range: 'bytes=0-9' });
  await house.get(`/v1/clips/${clip}/manifest`, house.access(clip));
  await house.get(`/v1/clips/${clip}/custody`, house.access(clip));
  await house.get('/v1/access-audit?limit=2', all());
  await house.get('/v1/access-audit', house.bridge.adminToken);
  await house.get('/v1/access-audit.csv', all());
  await house.get('/v1/access-audit.html', all());
  const iat = house.cast.nowS();
  const { device } = house.cast;
  const said = { iss: device.key.publicKey, aud: house.cast.bridge.id, iat, exp: iat + 60, device: device.id, grant };
  const bearer = house.cast.sign('doorsill-custody+jws', { ...said, jti: 'custody-1' }, device);
  await house.get(`/v1/intakes/${grant}/custody`, bearer);
  await house.get(`/v1/intakes/${grant}/manifest`, bearer);
  await house.post('/v1/disputes', { clip, reason: 'court order 2026-311' }, house.bridge.adminToken);
}

async function partnering(house: BridgeHouse): Promise<void> {
  const admin = house.bridge.adminToken;
  const { body } = await house.post('/v1/partners', { partner: 'plate-watch', name: 'Plate Watch' }, admin);
  const secret = String(body['webhookSecret']);
  const request = house.cast.request({ investigation: 'partners-1', partner: 'plate-watch' });
  await house.post('/v1/partners/plate-watch/requests', { request }, String(body['token']));
  const told = { type: 'request_resolved', id: textClaim(request, 'jti') };
  const hook = JSON.stringify({ meta: { version: '1', request_id: 'hook-1' }, data: told });
  const headers = { 'content-type': 'application/json', 'x-signature': signatureOf(secret, hook) };
  await house.send('POST', '/v1/partners/plate-watch/webhooks', headers, hook);
  await house.get('/v1/partners');
  await house.get('/v1/partners/plate-watch', admin);
  await house.post('/v1/partners/plate-watch/tokens', {}, admin);
  await house.post('/v1/partners/plate-watch/status', { status: 'suspended', revision: 2 }, admin);
}

async function looking(house: BridgeHouse): Promise<void> {
  const { agency } = house.cast;
  const feed = z.object({ items: z.array(z.object({ id: z.string() })) });
  const { items } = feed.parse((await house.get('/neighbors/feed.json')).body);
  const tag = (await house.get('/neighbors')).headers.get('etag') ?? '';
  await house.get('/neighbors', undefined, { 'if-none-match': tag });
  for (const path of ['feed.atom', `posts/${items[0]?.id}`, 'transparency']) await house.get(`/neighbors/${path}`);
  for (const path of ['', '/feed.json', '/transparency']) await house.get(`/neighbors/agencies/${agency.id}${path}`);
  for (const path of ['bridge', 'transparency', `transparency/${agency.id}`]) await house.get(`/v1/${path}`);
  await house.get('/v1/custody/inclusion?leaf=1');
  await house.get('/v1/custody/consistency?from=1&to=2');
  await house.get('/v1/custody/entries?limit=2');
  const { head } = z.object({ head: z.string() }).parse((await house.get('/v1/custody/head')).body);
  const { size, root } = z.object({ size: z.int(), root: z.string() }).parse(claimsIn(head));
  const said = { iss: witness.key.publicKey, aud: 'public', iat: house.cast.nowS(), bridge: house.cast.bridge.id };
  const cosignature = house.cast.sign('doorsill-cosignature+jws', { ...said, size, root }, witness);
  await house.post('/v1/custody/cosignatures', { head, cosignature });
  await house.get('/v1/custody/head');
  await house.get('/openapi.json');
}

function claimsIn(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

async function operating(house: BridgeHouse): Promise<void> {
  const admin = house.bridge.adminToken;
  await house.post('/v1/moderators', { moderator: 'alex', name: 'Alex' }, admin);
  await house.get('/v1/moderators', admin);
  await house.send('DELETE', '/v1/moderators/alex', { authorization: `Bearer ${admin}` });
  const call = (action: string) => house.agencyCall({ action });
  const url = 'https://agency.example/hook';
  const set = house.agencyCall({ action: 'set-webhook', url, secret: 'porch-'.padEnd(43, 'x') });
  await house.send('PUT', '/v1/webhook', { authorization: `Bearer ${set}` });
  await house.get('/v1/webhook', call('see-webhook'));
  await house.get('/v1/webhook/events', call('see-webhook'));
  await house.send('DELETE', '/v1/webhook', { authorization: `Bearer ${call('remove-webhook')}` });
  for (const path of ['/', '/healthz', '/readyz', '/metrics']) await house.get(path, admin);
}

async function beingRefused(house: BridgeHouse, parcel: Parcel): Promise<void> {
  await house.get('/v1/nothing');
  await house.get('/v1/clips');
  await house.get(`/v1/clips/${parcel.clipId}`, house.access('all'));
  await house.get('/v1/moderation?limit=100000', house.bridge.adminToken);
  await house.post('/v1/requests', { request: 'x' });
  await house.post('/v1/requests', { request: house.cast.request(), more: true });
  await house.send('POST', '/v1/requests', { 'content-type': 'application/json' }, '{');
  await house.tus('HEAD', '/v1/uploads/nothing', parcel);
  await house.tus('POST', '/v1/uploads', parcel, { 'upload-length': '1' });
}
