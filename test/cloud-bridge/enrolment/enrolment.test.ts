// Holds: a device gets in with a one-time code and its own key, once, and learns whom to trust.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { passwordFits, readAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { enrolmentStatementSchema, readEnrolmentCode } from '../../../device/protocol/enrolment.ts';
import { openToken } from '../../../device/protocol/jws.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { makeParty } from '../../support/parties.ts';

let fixture: BridgeFixture;
beforeEach(async () => {
  fixture = await BridgeFixture.open();
});
afterEach(() => fixture.close());

const enrol = (secret: string, proof: string) => fixture.post('/v1/enrolments', { secret, proof });

function statementOf(token: unknown) {
  const opened = openToken(String(token), {
    typ: 'doorsill-enrolment+jws',
    schema: enrolmentStatementSchema,
    audience: fixture.cast.device.id,
    keys: [fixture.cast.bridge.key.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

it('prints a code that carries its address and the thumbprints of both keys', async () => {
  const { code, expiresS } = await fixture.bridge.printEnrolmentCode();
  const { cast } = fixture;
  expect(readEnrolmentCode(code)).toMatchObject({
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
  expect(readEnrolmentCode(String(answer.body['code']))).not.toBeNull();
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

it('lets a code be used by one device only, which may repeat it when the answer was lost', async () => {
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

it('refuses a proof that does not hold', async () => {
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

it('slows down those who keep failing', async () => {
  let last = '';
  for (let attempt = 0; attempt < 25 && last !== 'http_rate_limited'; attempt += 1) {
    const guess = `${'g'.repeat(30)}${attempt}`;
    last = String((await enrol(guess, fixture.enrolmentProof(guess))).body['code']);
  }
  expect(last).toBe('http_rate_limited');
  // Not whoever has a code, from the same address.
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
