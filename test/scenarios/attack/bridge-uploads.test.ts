// Each attack on an upload is refused with its own code, leaves nothing and starts no process; later uploads of honest devices are
// accepted.
import { createHook } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BridgeConfig } from '../../../cloud-bridge/bridge-config.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type Answer, BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { Cast, claimsOf, makeParty, type Party } from '../../support/parties.ts';
import { proved } from '../../support/proved.ts';

let fixture: BridgeFixture;
let request: string;
let stranger: Party;
let strangers: Cast;
let processes = 0;
/** Detects child processes, including the bridge's, which runs in this process. */
const watch = createHook({
  init: (_id, type) => {
    if (type === 'PROCESSWRAP') processes += 1;
  },
});

beforeAll(async () => {
  fixture = await BridgeFixture.open({ bridge: { intake: { openPerDeviceMax: 500 } } });
  request = await fixture.ready();
  stranger = makeParty('device', new SystemRandom());
  strangers = new Cast(fixture.clock, new SystemRandom());
  await fixture.enrol(stranger);
  watch.enable();
});
afterAll(async () => {
  watch.disable();
  await fixture.close();
});

/** An opened intake; `create` also makes its upload. */
async function opened(): Promise<Parcel> {
  const parcel = fixture.parcel(request);
  expect((await fixture.openIntake(parcel)).status).toBe(200);
  return parcel;
}

async function created(): Promise<{ parcel: Parcel; path: string }> {
  const parcel = await opened();
  return { parcel, path: await fixture.create(parcel) };
}

/** An upload token with changed claims, signed by the device unless another party is given. */
function tokenLike(parcel: Parcel, changes: object, by: Party = fixture.cast.device): Pick<Parcel, 'bearer'> {
  const claims = { ...claimsOf(parcel.bearer), ...changes };
  return { bearer: fixture.cast.sign('doorsill-upload+jws', claims, by) };
}

const creation = (parcel: Pick<Parcel, 'bearer'>, headers: Record<string, string>) =>
  fixture.tus('POST', '/v1/uploads', parcel, headers);

/** Creates the parcel's upload with the right length and these additional headers. */
async function createdWith(headers: Record<string, string>): Promise<Answer> {
  const parcel = await opened();
  return creation(parcel, { 'upload-length': String(parcel.clip.length), ...headers });
}

const grantOf = (changes: Parameters<Cast['grant']>[1], by?: Party) => fixture.cast.grant(request, changes, by);
const manifestWith = (changes: object) => fixture.openIntake(fixture.parcel(request, { manifest: changes }));
const grantWith = (changes: Parameters<Cast['grant']>[1], by?: Party) =>
  fixture.openIntake(fixture.parcel(request, { grantToken: grantOf(changes, by) }));

/** A complete upload of changed bytes. */
async function sent(change: (clip: Uint8Array) => Uint8Array): Promise<Answer> {
  const { parcel, path } = await created();
  const answer = await fixture.patch(parcel, path, 0, change(parcel.clip));
  // Nothing of a refused clip remains, and the right bytes are accepted.
  if (answer.body['code'] === 'intake_hash') {
    expect((await fixture.patch(parcel, await fixture.create(parcel), 0, parcel.clip)).status).toBe(204);
  }
  return answer;
}

/** A request with an exact path; `fetch` would remove dots from it. */
function asIs(method: string, path: string, { bearer }: Parcel, headers: object, body: string): Promise<Answer> {
  const all = { 'tus-resumable': '1.0.0', authorization: `Bearer ${bearer}`, ...headers };
  return new Promise((resolve, reject) => {
    const sent = ask(fixture.bridge.url, { method, path, headers: all }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.once('end', () => {
        const parsed: Record<string, unknown> = JSON.parse(text);
        resolve({ status: answer.statusCode ?? 0, headers: new Headers(), body: parsed });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

type Attack = [what: string, expected: [number, string], attack: () => Promise<Answer>];

const lengths: Attack[] = [
  ...['1', '0', '-1', '1e3', '0x10', ' ', '99999999999999999999', '1, 1'].map(
    (length): Attack => [
      `a length of '${length}'`,
      [413, 'intake_length'],
      async () => creation(await opened(), { 'upload-length': length }),
    ],
  ),
  ['no length', [413, 'intake_length'], async () => creation(await opened(), {})],
  [
    'a length that comes later',
    [413, 'intake_length'],
    async () => creation(await opened(), { 'upload-defer-length': '1' }),
  ],
  ['a length now and later', [501, 'http_body_invalid'], () => createdWith({ 'upload-defer-length': '1' })],
  [
    'a byte too many',
    [413, 'intake_length'],
    () => sent((clip) => new Uint8Array(Buffer.concat([clip, clip.slice(0, 1)]))),
  ],
  [
    'a manifest of another length than the token',
    [422, 'intake_manifest_invalid'],
    () => fixture.openIntake(fixture.parcel(request, { token: { clipBytes: 5 } })),
  ],
  ['a clip over the grant’s limit', [422, 'intake_manifest_invalid'], () => grantWith({ byteLimit: 10 })],
];

const hashes: Attack[] = [
  [
    'one bit of the clip',
    [422, 'intake_hash'],
    () => sent((clip) => clip.with(clip.length - 1, (clip.at(-1) ?? 0) ^ 1)),
  ],
  ['bytes of the same length', [422, 'intake_hash'], () => sent((clip) => new Uint8Array(clip.length))],
  [
    'a token for another clip',
    [422, 'intake_manifest_invalid'],
    () => fixture.openIntake(fixture.parcel(request, { token: { clipSha256: sha256Hex('other') } })),
  ],
  [
    'a token for another manifest',
    [422, 'intake_manifest_invalid'],
    () => fixture.openIntake(fixture.parcel(request, { token: { manifestSha256: sha256Hex('other') } })),
  ],
];

const tokens: Attack[] = [
  [
    'no token',
    [401, 'http_unauthorised'],
    async () => fixture.send('HEAD', (await created()).path, { 'tus-resumable': '1.0.0' }),
  ],
  ['a token of junk', [403, 'intake_token_invalid'], () => creation({ bearer: 'a'.repeat(40) }, {})],
  [
    'a grant for a token',
    [403, 'intake_token_invalid'],
    async () => creation({ bearer: (await opened()).grantToken }, {}),
  ],
  [
    'a manifest for a token',
    [403, 'intake_token_invalid'],
    async () => creation({ bearer: (await opened()).manifestToken }, {}),
  ],
  ...(
    [
      ['for another bridge', { aud: 'bridge-other' }],
      ['whose time is over', { iat: 1, exp: 2 }],
      ['without end', { exp: 9_000_000_000 }],
      ['from the future', { iat: 8_000_000_000, exp: 8_000_000_060 }],
      ['with a claim nobody knows', { admin: true }],
      ['with an id that is none', { grant: '../../etc' }],
    ] as const
  ).map(
    ([what, changes]): Attack => [
      `a token ${what}`,
      [403, 'intake_token_invalid'],
      async () => creation(tokenLike(await opened(), changes), {}),
    ],
  ),
  [
    'a token by the owner',
    [403, 'intake_token_invalid'],
    async () => creation(tokenLike(await opened(), {}, fixture.cast.owner), {}),
  ],
  [
    'a token by another device',
    [403, 'intake_token_invalid'],
    async () => creation(tokenLike(await opened(), {}, stranger), {}),
  ],
  [
    'a token by another device in its own name',
    [404, 'http_not_found'],
    async () => {
      const theirs = { iss: stranger.key.publicKey, device: stranger.id };
      const { parcel, path } = await created();
      return fixture.tus('HEAD', path, tokenLike(parcel, theirs, stranger));
    },
  ],
  [
    'another device’s upload',
    [404, 'http_not_found'],
    async () => {
      const { path } = await created();
      return fixture.patch(await opened(), path, 0, new Uint8Array(9));
    },
  ],
  [
    'a device nobody enrolled',
    [403, 'device_not_enrolled'],
    () => fixture.openIntake(fixture.parcel(request, { device: strangers.device })),
  ],
];

const grants: Attack[] = [
  ['a grant by a stranger', [403, 'intake_grant_invalid'], () => grantWith({}, strangers.owner)],
  ['a grant to another device', [403, 'intake_grant_invalid'], () => grantWith({ aud: stranger.id })],
  ['a grant whose time is over', [403, 'intake_grant_invalid'], () => grantWith({ exp: fixture.cast.nowS() })],
  ['a grant of other bytes', [403, 'intake_grant_invalid'], () => grantWith({ requestSha256: sha256Hex('x') })],
  ['a grant of a request nobody knows', [410, 'request_not_live'], () => grantWith({ request: 'request-unknown' })],
  [
    'a grant to another agency',
    [403, 'intake_grant_invalid'],
    () => grantWith({ recipient: { kind: 'agency', key: strangers.agency.key.publicKey } }),
  ],
  [
    'a grant of a longer window',
    [403, 'intake_grant_invalid'],
    () => {
      const { startUs, endUs } = fixture.cast.window();
      return grantWith({ window: { startUs: startUs - 60_000_000, endUs } });
    },
  ],
  ['a grant of more facts', [403, 'intake_grant_invalid'], () => grantWith({ disclose: ['name', 'address'] })],
  [
    'an upload for another grant',
    [403, 'intake_grant_invalid'],
    () => fixture.openIntake(fixture.parcel(request, { token: { grant: 'grant-x' } })),
  ],
  [
    'a pairing by another device',
    [403, 'intake_grant_invalid'],
    () => manifestWith({ pairing: fixture.cast.pairing({}, stranger) }),
  ],
  [
    'more disclosed than granted',
    [422, 'intake_manifest_invalid'],
    () => manifestWith({ disclosed: { name: 'A', address: 'B', email: 'c@d' } }),
  ],
  ['a manifest for another agency', [422, 'intake_manifest_invalid'], () => manifestWith({ aud: strangers.agency.id })],
];

const PATCH = { 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
const NOWHERE = [404, 'http_not_found'] as const;

const smuggled: Attack[] = [
  ...(
    [
      ['../bridge.sqlite', NOWHERE],
      ['..', NOWHERE],
      ['.', NOWHERE],
      ['..%2f..%2fsigning.key', NOWHERE],
      ['%2e%2e%2fclips', NOWHERE],
      ['/etc/passwd', NOWHERE],
      ['x%00', NOWHERE],
      ['+', NOWHERE],
      ['%ff', NOWHERE],
      ['%', NOWHERE],
      ['x'.repeat(9_000), NOWHERE],
    ] as const
  ).map(
    ([path, [status, code]]): Attack => [
      `an upload at '${path.slice(0, 30)}'`,
      [status, code],
      async () => asIs('PATCH', `/v1/uploads/${path}`, await opened(), PATCH, 'x'),
    ],
  ),
  ...['../../device/clip', 'a/b', '.', 'CLIP', 'x'.repeat(64), '__proto__'].map(
    (id): Attack => [`a clip id '${id.slice(0, 12)}'`, [400, 'token_unknown_claims'], () => manifestWith({ jti: id })],
  ),
  ['a part of an upload', [501, 'http_body_invalid'], () => createdWith({ 'upload-concat': 'partial' })],
  [
    'an upload put together',
    [501, 'http_body_invalid'],
    () => createdWith({ 'upload-concat': 'final;/v1/uploads/a /v1/uploads/b' }),
  ],
  [
    'a clip in gzip',
    [400, 'http_body_invalid'],
    async () => {
      const { parcel, path } = await created();
      const headers = {
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
        'content-encoding': 'gzip',
      };
      return fixture.tus('PATCH', path, parcel, headers, new Uint8Array(gzipSync(parcel.clip)));
    },
  ],
  [
    'a gzip bomb',
    [400, 'http_body_invalid'],
    async () => {
      const bomb = new Uint8Array(gzipSync(Buffer.alloc(60_000_000, '[')));
      return fixture.send(
        'POST',
        '/v1/intakes',
        {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          authorization: `Bearer ${(await opened()).bearer}`,
        },
        bomb,
      );
    },
  ],
  [
    'another offset',
    [409, 'intake_offset'],
    async () => {
      const { parcel, path } = await created();
      return fixture.patch(parcel, path, 7, parcel.clip.slice(7));
    },
  ],
];

const attacks: Attack[] = [...lengths, ...hashes, ...tokens, ...grants, ...smuggled];

it('refuses each attack with its code, without decoding anything', async (test) => {
  const missed: unknown[] = [];
  const before = await readdir(join(fixture.bridgeFolder, 'clips'));
  let restored = 0;
  for (const [what, expected, attack] of attacks) {
    const answer = await attack();
    const { status, body } = answer;
    // A HEAD answer has no body; its status suffices.
    const code =
      status === expected[0] && body['code'] === undefined && body['text'] === '' ? expected[1] : body['code'];
    if (status !== expected[0] || code !== expected[1]) missed.push([what, expected, status, body]);
    if (code === 'intake_hash') restored += 1;
  }
  expect(missed).toEqual([]);
  expect((await readdir(join(fixture.bridgeFolder, 'clips'))).length - before.length).toBe(restored);
  expect(processes).toBe(0);
  await promisify(execFile)(process.execPath, ['--version']);
  expect(processes).toBe(1);
  const parcel = fixture.parcel(request);
  expect((await fixture.deliver(parcel)).status).toBe(204);
  proved(
    test,
    'attacks on a clip’s way into the bridge refused with their codes, no process started',
    `${attacks.length - missed.length} of ${attacks.length}`,
  );
}, 60_000);

it('detects contradicting limits at its start', () => {
  const faults = (intake: object) =>
    BridgeConfig.safeParse({
      dataFolder: '/x',
      registry: { url: 'http://r', key: 'A'.repeat(43) },
      area: { url: 'mqtt://a', accounts: '/y' },
      intake,
    }).error?.issues.map(({ message }) => message);
  expect(faults({})).toBeUndefined();
  expect(faults({ dayBytesPerDeviceMax: 1_000 })).toEqual(['clipBytesMax is above the upload limits of one device']);
});
