// Each rule about network traffic fires when it is broken, and none does otherwise.
import { generate } from 'mqtt-packet';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { Cast } from '../../support/parties.ts';
import { FRAME_US, GOP_US } from './ffmpeg-twin.ts';
import { packetOf } from './mqtt-packets.ts';
import { NetworkWatch, type WatchedHome } from './network-watch.ts';
import type { SignedOrder } from './simulated-owner.ts';

const START_US = Date.UTC(2026, 9, 5, 11) * 1_000;
const cast = new Cast(new ManualClock(START_US), new SeededRandom(1));
const marks = Array.from({ length: 8 }, (_, at) => new Uint8Array(24).fill(at + 1));

const ADDRESS = 'home-1, 12 Maple Street';
/** GOPs 2 and 3 that the home has filmed since `START_US`. */
const window = { startUs: START_US + 2 * GOP_US, endUs: START_US + 4 * GOP_US };
const grantToken = cast.sign('doorsill-grant+jws', { jti: 'grant-1' }, cast.owner);
const grant: SignedOrder = {
  ...{ kind: 'grant', jti: 'grant-1', token: grantToken, request: 'request-1', agency: 'agency-1' },
  ...{ window, disclose: ['address'] },
};
/** As `grant`, for a recipient whose clips are encrypted. */
const sealedToken = cast.sign(
  'doorsill-grant+jws',
  { jti: 'grant-2', recipient: { kind: 'agency', sealing: { key: 'vault-key', keeper: 'vault' } } },
  cast.owner,
);
const sealedGrant: SignedOrder = { ...grant, jti: 'grant-2', token: sealedToken };
const revocation: SignedOrder = {
  ...{ kind: 'revoke', jti: 'revoke-1', token: cast.sign('doorsill-revoke+jws', { jti: 'revoke-1' }, cast.owner) },
  ...{ request: 'request-1', grant: 'grant-1' },
};

const clip = {
  ...{ grant: grantToken, window, frames: (window.endUs - window.startUs) / FRAME_US },
  ...{ aud: 'agency-1', disclosed: { address: ADDRESS } },
};
const manifest = (changes: object = {}) => cast.sign('doorsill-manifest+jws', { ...clip, ...changes }, cast.device);
const bearer = cast.sign('doorsill-upload+jws', { grant: 'grant-1' }, cast.device);
const head = (line: string) => `${line} HTTP/1.1\r\nAuthorization: Bearer ${bearer}\r\n\r\n`;
const offer = (changes: object = {}) => `${head('POST /v1/intakes')}{"manifest":"${manifest(changes)}"}`;
const patch = head('PATCH /v1/uploads/upload-1');
const picture = (gop: number) =>
  Buffer.concat([Buffer.alloc(64, 0xee), Buffer.from(marks[gop] ?? []), Buffer.alloc(8)]);
const about = (text: string, ...gops: number[]) => Buffer.concat([Buffer.from(text), ...gops.map(picture)]);

/** A run with one home, whose ledger durably contains the texts accepted by `holds`. */
function setUp(holds: (text: string) => boolean = () => true, filmedFromUs = START_US) {
  const clock = new ManualClock(START_US);
  const watch = new NetworkWatch({ marks }, () => clock.monotonicMs());
  const home: WatchedHome = {
    ...{ plan: { name: 'home-1' }, orders: [grant, revocation, sealedGrant], filmedFromUs: [filmedFromUs] },
    facts: { name: 'Robin Maple', address: ADDRESS },
    ...{ device: { id: cast.device.id, key: '' }, boots: 1, isReady: true, clockBehindSinceUs: null },
    ...{ clock, ownersClock: clock, ledgerFolder: '/consent' },
    disk: { durablyHolds: (_folder, bytes) => holds(Buffer.from(bytes).toString()) },
  };
  watch.add(home);
  watch.open();
  const piece = (from: string, to: string, said: Uint8Array | string, sentUs = clock.wallUs(), connection = 1) =>
    watch.seen({ from, to, bytes: Buffer.from(said), sentUs, connection });
  return {
    ...{ clock, watch },
    piece,
    says: (said: Uint8Array | string, sentUs?: number) => piece('home-1', 'bridge', said, sentUs),
    /** Delivers the revocation of the home's grant. */
    revoke: () => {
      const topic = `doorsill/v1/home/${cast.device.id}/consent/request-1/revoke`;
      piece('home-1', 'broker', generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] }));
      piece('broker', 'home-1', packetOf({ topic, payload: Buffer.from(revocation.token), retained: false }));
    },
    broken: () => watch.breaches.map(({ rule, what }) => `${rule}: ${what}`),
  };
}

it('accepts a clip that is offered, sent and handed over as granted', () => {
  const { piece, says, broken, watch } = setUp();
  piece('home-1', 'broker', Buffer.alloc(200));
  says(offer());
  piece('bridge', 'home-1', 'HTTP/1.1 201 Created\r\nLocation: http://127.0.0.1:8100/v1/uploads/upload-0\r\n\r\n');
  says(about(patch, 2));
  says(picture(3));
  says(offer());
  piece('services', 'vault', about('PUT /v1/hand-overs/item-1/clip HTTP/1.1\r\n\r\n', 2, 3));
  expect(broken()).toEqual([]);
  expect([...watch.uploads]).toEqual([
    ['upload-0', 'grant-1'],
    ['upload-1', 'grant-1'],
  ]);
  expect(watch.toBridge('home-1')).toBeGreaterThan(300);
});

it('follows each connection of a home, and an offer in several pieces', () => {
  const { piece, broken, watch } = setUp();
  const on = (connection: number, said: Uint8Array | string) => piece('home-1', 'bridge', said, START_US, connection);
  const text = offer();
  on(1, text.slice(0, 900));
  on(
    2,
    head('GET /v1/intakes/grant-9').replace(
      bearer,
      cast.sign('doorsill-upload+jws', { grant: 'grant-9' }, cast.device),
    ),
  );
  on(1, text.slice(900));
  on(1, patch);
  on(
    2,
    head('HEAD /v1/uploads/upload-9').replace(
      bearer,
      cast.sign('doorsill-upload+jws', { grant: 'grant-9' }, cast.device),
    ),
  );
  on(1, picture(2));
  expect(broken()).toEqual([]);
  on(2, picture(3));
  expect(broken()).toEqual(['1: home-1 sent pictures before it had offered a granted clip']);
  expect(Object.fromEntries(watch.uploads)).toEqual({ 'upload-1': 'grant-1', 'upload-9': 'grant-9' });
});

it('recognizes a picture in two pieces', () => {
  const { says, broken } = setUp();
  says(offer());
  const text = about(patch, 4);
  says(text.subarray(0, -20));
  expect(broken()).toEqual([]);
  says(text.subarray(-20));
  expect(broken()).toEqual(['2: home-1 sent a picture that is outside of the window of grant-1']);
});

it.each([
  ['home-1', 'broker'],
  ['home-1', 'vault'],
  ['owner-of-home-1', 'bridge'],
  ['bridge', 'home-1'],
  ['bridge', 'services'],
  ['services', 'bridge'],
  ['services', 'registry'],
  ['vault', 'services'],
])('1: reports pictures from %s to %s, even granted ones', (from, to) => {
  const { piece, says, broken } = setUp();
  says(offer());
  says(about(patch, 2));
  piece(from, to, picture(2));
  expect(broken()).toEqual([`1: a piece from ${from} to ${to} holds pictures`]);
});

it('1: reports pictures at the vault that no home has sent', () => {
  const { piece, says, broken } = setUp();
  says(offer());
  says(about(patch, 2));
  piece('services', 'vault', about('', 2, 4));
  expect(broken()).toEqual(['1: the vault is given pictures that no home has sent']);
});

it.each([
  ['before any clip was offered', 'PATCH /v1/uploads/upload-1 HTTP/1.1\r\n\r\n'],
  ['without a request', ''],
  ['under a grant whose clip was not offered', patch],
])('1: reports pictures that leave %s', (_when, text) => {
  const { says, broken } = setUp();
  says(about(text, 2));
  expect(broken()).toEqual(['1: home-1 sent pictures before it had offered a granted clip']);
});

it('2: reports a picture outside the window', () => {
  const { says, broken } = setUp();
  says(offer());
  says(about(patch, 2, 4));
  expect(broken()).toEqual(['2: home-1 sent a picture that is outside of the window of grant-1']);
});

it.each([
  { filmed: 'one microsecond later', byUs: 1, outside: 4, inside: 2 },
  { filmed: 'one microsecond earlier', byUs: -1, outside: 2, inside: 4 },
])('2: decides to the microsecond which pictures are outside, filmed $filmed', ({ byUs, outside, inside }) => {
  const { says, broken } = setUp(undefined, START_US + byUs);
  says(offer());
  says(about(patch, inside, 3));
  expect(broken()).toEqual([]);
  says(picture(outside));
  expect(broken()).toEqual(['2: home-1 sent a picture that is outside of the window of grant-1']);
});

it.each([
  ['2', { window: { ...window, endUs: window.endUs + 1 } }, 'home-1 offers another window than grant-1 grants'],
  [
    '2',
    { frames: clip.frames + 1 },
    `home-1 offers ${clip.frames + 1} pictures under grant-1, which holds ${clip.frames}`,
  ],
  ['3', { disclosed: { address: 'x', email: 'y' } }, 'home-1 discloses address, email under grant-1'],
  ['3', { disclosed: {} }, 'home-1 discloses nothing under grant-1'],
  ['4', { aud: 'agency-2' }, 'home-1 offers to agency-2 what grant-1 grants to agency-1'],
  [
    '4',
    { grant: cast.sign('doorsill-grant+jws', { jti: 'grant-1', audio: true }, cast.owner) },
    'home-1 offers a clip under grant-1, which its owner never signed',
  ],
  [
    '4',
    { grant: cast.sign('doorsill-grant+jws', { jti: 'grant-9' }, cast.owner) },
    'home-1 offers a clip under grant-9, which its owner never signed',
  ],
])('%s: reports a clip that is offered with %j', (rule, changes, what) => {
  const { says, broken } = setUp();
  says(offer(changes));
  expect(broken()).toEqual([`${rule}: ${what}`]);
});

it.each([
  ['the grant', 'grant-1'],
  ['that the bridge will hear of it', '"type":"token-presented","body":{"request":"request-1","grant":"grant-1"}'],
])('6: reports a clip that is offered before the ledger durably contains %s', (_what, missing) => {
  const { says, broken } = setUp((text) => text !== missing);
  says(offer());
  expect(broken()).toEqual([`6: home-1 offers the clip of grant-1 before its ledger holds ${missing} durably`]);
});

it('7: reports a second clip under one grant', () => {
  const { says, broken } = setUp();
  says(offer());
  says(offer({ jti: 'clip-2' }));
  expect(broken()).toEqual(['7: home-1 offers a second clip under grant-1']);
});

it('8: reports a request that begins after the doorbell got the revocation, and none that began before', async () => {
  const { says, broken, revoke, clock } = setUp();
  says(offer());
  revoke();
  const beforeUs = clock.wallUs();
  await clock.advance(10);
  says(about(patch, 2), beforeUs);
  expect(broken()).toEqual([]);
  says(patch);
  expect(broken()).toEqual(['8: home-1 goes on with grant-1 after it was given its revocation']);
});

it('8: reports the first picture sent after the doorbell got the revocation, in an earlier request', async () => {
  const { says, broken, revoke, clock } = setUp();
  says(offer());
  says(about(patch, 2));
  revoke();
  const beforeUs = clock.wallUs();
  await clock.advance(10);
  says(picture(3), beforeUs);
  expect(broken()).toEqual([]);
  says(picture(3));
  expect(broken()).toEqual(['8: home-1 went on sending pictures after it had the revocation of grant-1']);
});

const sealedBearer = cast.sign('doorsill-upload+jws', { grant: 'grant-2' }, cast.device);
const sealedHead = (line: string) => head(line).replace(bearer, sealedBearer);
const sealed = { recipientKey: 'vault-key', facts: { address: 'a hash' } };
const sealedOffer = (changes: object = {}) => {
  const claims = { grant: sealedToken, disclosed: {}, sealed, ...changes };
  return `${sealedHead('POST /v1/intakes')}{"manifest":"${manifest(claims)}"}`;
};

it('9: accepts an encrypted clip, in which nobody on the way can read anything', () => {
  const { piece, says, broken, watch } = setUp();
  says(sealedOffer());
  says(about(sealedHead('PATCH /v1/uploads/upload-1')));
  says(Buffer.alloc(4_000, 0x5a));
  piece('services', 'vault', 'PUT /v1/hand-overs/item-1/clip HTTP/1.1\r\n\r\n');
  watch.officersRead();
  piece('vault', 'services', about(ADDRESS, 2));
  // Its owner reads in a notice what would be disclosed.
  piece('home-1', 'broker', ADDRESS);
  piece('broker', 'owner-of-home-1', ADDRESS);
  expect(broken()).toEqual([]);
});

it.each([
  [
    'sealed to nobody',
    { sealed: undefined, disclosed: {} },
    /^9: home-1 offers a clip that is not encrypted as grant-2/,
  ],
  ['sealed to another key', { sealed: { ...sealed, recipientKey: 'other' } }, /^9: home-1 offers a clip that is not/],
  [
    'with other facts',
    { sealed: { ...sealed, facts: { email: 'a hash' } } },
    /^3: home-1 discloses email under grant-2/,
  ],
])('reports an encrypted clip that is offered %s', (_how, changes, what) => {
  const { says, broken } = setUp();
  says(sealedOffer(changes));
  expect(broken()).toContainEqual(expect.stringMatching(what));
});

it('9: reports a clip that is encrypted although its recipient has no key', () => {
  const { says, broken } = setUp();
  says(offer({ disclosed: {}, sealed }));
  expect(broken()).toEqual(['9: home-1 offers a clip that is not encrypted as grant-1 says']);
});

it('9: reports pictures under a grant whose clip is encrypted', () => {
  const { says, broken, piece } = setUp();
  says(sealedOffer());
  says(about(sealedHead('PATCH /v1/uploads/upload-1'), 2));
  expect(broken()).toEqual(['9: home-1 sent pictures of grant-2 that the bridge can read']);
  piece('services', 'vault', picture(2));
  expect(broken().slice(1)).toEqual(['1: the vault is given pictures that no home has sent']);
});

const inToken = (disclosed: object) => cast.sign('doorsill-statement+jws', { disclosed }, cast.device);

it.each([
  ['as it is', ADDRESS],
  ...[0, 1, 2].map((at): [string, string] => [
    `in a token, at place ${at}`,
    inToken({ x: 'x'.repeat(at), address: ADDRESS }),
  ]),
])('9: reports a fact that the bridge can read under such a grant: %s', (_how, text) => {
  const { says, broken } = setUp();
  says(sealedOffer());
  says(sealedHead('POST /v1/intakes') + text);
  expect(broken()).toEqual(['9: home-1 sent its address readably under grant-2']);
});

it('9: recognizes a fact in two pieces, and reports it once', () => {
  const { says, broken } = setUp();
  says(`${sealedHead('POST /v1/intakes')}${ADDRESS.slice(0, 9)}`);
  expect(broken()).toEqual([]);
  says(`${ADDRESS.slice(9)}${'-'.repeat(200)}`);
  says('-');
  expect(broken()).toEqual(['9: home-1 sent its address readably under grant-2']);
});

it.each([
  ['under no grant', (text: string) => `POST /v1/intakes HTTP/1.1\r\n\r\n${text}`, ADDRESS, 'address', 'no grant'],
  ['beyond its grant', (text: string) => head('POST /v1/intakes') + text, 'Robin Maple', 'name', 'grant-1'],
])('9: reports a fact that is sent %s', (_how, sent, text, key, grantId) => {
  const { says, broken } = setUp();
  says(sent(text));
  expect(broken()).toEqual([`9: home-1 sent its ${key} readably under ${grantId}`]);
});

it.each([
  ['services', 'vault'],
  ['bridge', 'services'],
  ['vault', 'services'],
  ['home-1', 'registry'],
])('9: reports a fact from %s to %s that the bridge was not given', (from, to) => {
  const { piece, broken } = setUp();
  piece(from, to, inToken({ address: ADDRESS }));
  expect(broken()).toEqual([`9: a piece from ${from} to ${to} holds the address of home-1`]);
  // From then on the bridge may pass it on.
  const granted = setUp();
  granted.says(offer());
  granted.piece(from, to, inToken({ address: ADDRESS }));
  expect(granted.broken()).toEqual([]);
});

it('9: reports pictures and facts in the bridge’s files, but those that it was given', () => {
  const { says, broken, watch } = setUp();
  says(offer());
  says(about(patch, 2));
  watch.keptByBridge('/bridge/clips/clip-1/clip.mp4', about(ADDRESS, 2));
  expect(broken()).toEqual([]);
  watch.keptByBridge('/bridge/staging/upload-1', about('Robin Maple', 3));
  expect(broken()).toEqual([
    '9: the bridge keeps pictures in /bridge/staging/upload-1 that no home has sent to it readably',
    '9: the bridge keeps in /bridge/staging/upload-1 the name of home-1',
  ]);
});

it('5: reports wrong publications of a home, too', () => {
  const { piece, broken } = setUp();
  piece(
    'home-1',
    'broker',
    packetOf({ topic: 'doorsill/v1/area/requests', payload: Buffer.from('{}'), retained: false }),
  );
  expect(broken()).toEqual(['5: home-1 publishes on doorsill/v1/area/requests']);
});

it('keeps at most a thousand breaches', () => {
  const { watch } = setUp();
  for (let at = 0; at < 1_200; at += 1) watch.breach('1', String(at));
  expect(watch.breaches).toHaveLength(1_000);
});
