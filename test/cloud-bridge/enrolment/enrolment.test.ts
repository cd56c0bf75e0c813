// A device enrols once, with a code and its own key, and receives the keys that it trusts. A code enrols as many devices as its operator
// set.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { passwordFits, readAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { EnrolmentStatement, parseEnrolmentCode } from '../../../device/contract/enrolment.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { makeParty, type Party } from '../../support/parties.ts';

let fixture: BridgeFixture;
beforeEach(async () => {
  fixture = await BridgeFixture.open();
});
afterEach(() => fixture.close());

const enrol = (secret: string, proof: string) => fixture.post('/v1/enrolments', { secret, proof });

function statementOf(token: unknown) {
  const opened = openToken(String(token), {
    typ: 'doorsill-enrolment+jws',
    schema: EnrolmentStatement,
    audience: fixture.cast.device.id,
    keys: [fixture.cast.bridge.key.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

it('prints a code with its address and the thumbprints of both keys', async () => {
  const { code, expiresS } = await fixture.bridge.printEnrolmentCode();
  const { cast } = fixture;
  expect(parseEnrolmentCode(code)).toMatchObject({
    url: fixture.bridge.url,
    bridge: sha256Hex(cast.bridge.key.publicKey),
    registry: sha256Hex(cast.registry.key.publicKey),
  });
  expect(expiresS).toBeGreaterThan(cast.nowS());
});

it('prints codes over HTTP for the holder of the admin token alone', async () => {
  expect((await fixture.post('/v1/enrolment-codes', {})).status).toBe(401);
  expect((await fixture.post('/v1/enrolment-codes', {}, 'a'.repeat(43))).status).toBe(401);
  const answer = await fixture.post('/v1/enrolment-codes', {}, fixture.bridge.adminToken);
  expect(parseEnrolmentCode(String(answer.body['code']))).not.toBeNull();
  const stored = (await readFile(join(fixture.bridgeFolder, 'admin.token'), 'utf8')).trim();
  expect(stored).toBe(fixture.bridge.adminToken);
});

it('answers with a signed statement and an account at the area broker', async () => {
  const answer = await fixture.enrol();
  expect(answer.status).toBe(201);
  const statement = statementOf(answer.body['statement']);
  expect(statement).toMatchObject({
    device: fixture.cast.device.id,
    bridge: fixture.cast.bridge.id,
    registry: fixture.cast.registry.key.publicKey,
  });
  const account = await readAccount(fixture.disk, join(fixture.folder, 'accounts'), statement.area.user);
  expect(account).toMatchObject({ role: 'device-area', id: fixture.cast.device.id });
  expect(account && (await passwordFits(account, statement.area.password))).toBe(true);
});

it('lets one device use a code, which may repeat the call when the answer was lost', async () => {
  const secret = await fixture.newSecret();
  expect((await enrol(secret, fixture.enrolmentProof(secret))).status).toBe(201);
  expect((await enrol(secret, fixture.enrolmentProof(secret))).status).toBe(201);
  const other = makeParty('device', new SystemRandom());
  const refused = await enrol(secret, fixture.enrolmentProof(secret, other));
  expect(refused).toMatchObject({ status: 403, body: { code: 'enrolment_code_invalid' } });
});

it('refuses an expired code', async () => {
  const secret = await fixture.newSecret();
  fixture.clock.shiftS = 2 * 3600;
  expect((await enrol(secret, fixture.enrolmentProof(secret))).body['code']).toBe('enrolment_code_invalid');
});

it('keeps only the hash of a code', async () => {
  const secret = await fixture.newSecret();
  await fixture.bridge.stop();
  const files = await Promise.all(
    (await fixture.disk.list(fixture.bridgeFolder))
      .filter((name) => name.startsWith('bridge.sqlite'))
      .map((name) => readFile(join(fixture.bridgeFolder, name), 'latin1')),
  );
  expect(files.some((bytes) => bytes.includes(sha256Hex(secret)))).toBe(true);
  expect(files.some((bytes) => bytes.includes(secret))).toBe(false);
  await fixture.startBridge();
});

it('refuses an invalid proof', async () => {
  const { cast } = fixture;
  const nowS = cast.nowS();
  const thief = makeParty('device', new SystemRandom());
  const secret = await fixture.newSecret();
  const other = await fixture.newSecret();
  const proofs: [string, string][] = [
    [fixture.enrolmentProof(other), 'enrolment_code_invalid'],
    [fixture.enrolmentProof(secret, cast.device, { aud: 'bridge-other' }), 'token_wrong_audience'],
    [fixture.enrolmentProof(secret, cast.device, { exp: nowS }), 'token_expired'],
    [fixture.enrolmentProof(secret, cast.device, { exp: nowS + 24 * 3600 }), 'token_expired'],
    [fixture.enrolmentProof(secret, thief, { iss: cast.device.key.publicKey }), 'token_bad_signature'],
    [fixture.enrolmentProof(secret, thief, { device: cast.device.id }), 'token_unknown_claims'],
    [fixture.enrolmentProof(secret, cast.device, { place: 'here' }), 'token_unknown_claims'],
    ['nonsense', 'token_malformed'],
  ];
  for (const [proof, code] of proofs) expect((await enrol(secret, proof)).body['code']).toBe(code);
  expect((await enrol(secret, fixture.enrolmentProof(secret))).status).toBe(201);
});

it('rate-limits callers who keep failing', async () => {
  let last = '';
  for (let attempt = 0; attempt < 25 && last !== 'http_rate_limited'; attempt += 1) {
    const guess = `${'g'.repeat(30)}${attempt}`;
    last = String((await enrol(guess, fixture.enrolmentProof(guess))).body['code']);
  }
  expect(last).toBe('http_rate_limited');
  // A caller with a valid code, from the same address, is not limited.
  const secret = await fixture.newSecret();
  expect((await enrol(secret, fixture.enrolmentProof(secret))).status).toBe(201);
});

it('remembers enrolled devices and unused codes over a restart', async () => {
  await fixture.enrol();
  const secret = await fixture.newSecret();
  await fixture.bridge.stop();
  await fixture.startBridge();
  const other = makeParty('device', new SystemRandom());
  expect((await enrol(secret, fixture.enrolmentProof(secret, other))).status).toBe(201);
  await fixture.admitAgency();
  const request = fixture.cast.request();
  await fixture.post('/v1/requests', { request });
  expect((await fixture.openIntake(fixture.parcel(request))).status).toBe(200);
});

describe('a code for several devices', () => {
  const some = (count: number) => Array.from({ length: count }, () => makeParty('device', new SystemRandom()));
  const enrolEach = async (secret: string, devices: readonly Party[]) => {
    const answers = await Promise.all(devices.map((one) => enrol(secret, fixture.enrolmentProof(secret, one))));
    return answers.map(({ status, body }) => (status === 201 ? 'in' : body['code']));
  };
  const batch = async (wish: object) => {
    const { status, body } = await fixture.post('/v1/enrolment-codes', wish, fixture.bridge.adminToken);
    const secret = parseEnrolmentCode(String(body['code']))?.secret ?? '';
    return { status, body, secret, id: String(body['id']) };
  };
  const codes = async () => (await fixture.get('/v1/enrolment-codes', fixture.bridge.adminToken)).body['codes'];
  const end = (id: string, token: string) =>
    fixture.send('DELETE', `/v1/enrolment-codes/${id}`, token ? { authorization: `Bearer ${token}` } : {});

  it('does not exist unless its operator makes it', async () => {
    expect(await codes()).toEqual([]);
    const { body, secret } = await batch({});
    expect(body).toMatchObject({ devices: 1, expiresS: expect.any(Number) });
    expect(await enrolEach(secret, some(2))).toEqual(expect.arrayContaining(['in', 'enrolment_code_invalid']));
    for (const token of ['', 'a'.repeat(43)]) {
      expect((await fixture.post('/v1/enrolment-codes', { devices: 3 }, token)).status).toBe(401);
      expect((await fixture.get('/v1/enrolment-codes', token)).status).toBe(401);
      expect((await end(String(body['id']), token)).status).toBe(401);
    }
  });

  it('enrols that many, each by its own key, and no other', async () => {
    const { secret } = await batch({ devices: 3 });
    const [late, ...first] = some(4);
    expect(await enrolEach(secret, first)).toEqual(['in', 'in', 'in']);
    expect(await enrolEach(secret, late ? [late] : [])).toEqual(['enrolment_code_invalid']);
    // A device whose answer was lost may repeat the call and takes no second place.
    expect(await enrolEach(secret, first)).toEqual(['in', 'in', 'in']);
    expect(await codes()).toMatchObject([{ devices: 3, enrolled: 3 }]);
  });

  it('gives the last place to one of two that come at once', async () => {
    const { secret } = await batch({ devices: 2 });
    expect(await enrolEach(secret, some(1))).toEqual(['in']);
    expect((await enrolEach(secret, some(2))).sort()).toEqual(['enrolment_code_invalid', 'in']);
    expect(await codes()).toMatchObject([{ devices: 2, enrolled: 2 }]);
  });

  it('is valid until its expiry, and over a restart', async () => {
    const { secret, body } = await batch({ devices: 10, lifeS: 3 * 3_600 });
    expect(body['expiresS']).toBe(fixture.cast.nowS() + 3 * 3_600);
    fixture.clock.shiftS = 2 * 3_600;
    await fixture.bridge.stop();
    await fixture.startBridge();
    expect(await enrolEach(secret, some(1))).toEqual(['in']);
    fixture.clock.shiftS = 3 * 3_600 + 1;
    expect(await enrolEach(secret, some(1))).toEqual(['enrolment_code_invalid']);
    expect(await codes()).toEqual([]);
  });

  it('can be ended: enrolled devices stay enrolled, and no further one is', async () => {
    const { secret, id } = await batch({ devices: 10 });
    const [early, late] = some(2);
    if (!early || !late) expect.fail();
    expect(await enrolEach(secret, [early])).toEqual(['in']);
    expect((await end(id, fixture.bridge.adminToken)).status).toBe(204);
    expect(await enrolEach(secret, [late, early])).toEqual(['enrolment_code_invalid', 'enrolment_code_invalid']);
    expect((await end(id, fixture.bridge.adminToken)).body['code']).toBe('enrolment_code_unknown');
    expect((await end('code-%', fixture.bridge.adminToken)).status).toBe(404);
    expect(await codes()).toEqual([]);
  });

  it('is refused with a wrong number, life or name', async () => {
    const numbers = [0, -1, 1.5, 1e9, '3'].map((devices) => ({ devices }));
    for (const wish of [...numbers, { lifeS: 59 }, { lifeS: 8 * 24 * 3_600 }, { device: 3 }]) {
      const { status, body } = await batch(wish);
      expect([wish, status, body['code']]).toEqual([wish, 400, 'http_body_invalid']);
    }
    expect(await codes()).toEqual([]);
  });

  it('is stored as a hash, and its id enrols nobody', async () => {
    const { secret, id } = await batch({ devices: 2 });
    expect(id).toBe(`code-${sha256Hex(secret).slice(0, 32)}`);
    expect(JSON.stringify(await codes())).not.toContain(secret);
    expect(await enrolEach(id, some(1))).toEqual(['enrolment_code_invalid']);
    expect(await enrolEach(sha256Hex(secret), some(1))).toEqual(['enrolment_code_invalid']);
  });
});
