// Holds: a device gets in with a one-time code and its own key, once, and learns whom to trust.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { passwordFits, readAccount } from '../../../device/base/account-folder.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { enrolmentStatementSchema, readEnrolmentCode } from '../../../device/protocol/enrolment.ts';
import { openToken } from '../../../device/protocol/jws.ts';
import { BridgeHouse } from '../../support/bridge-house.ts';
import { makeParty } from '../../support/parties.ts';

let house: BridgeHouse;
beforeEach(async () => {
  house = await BridgeHouse.open();
});
afterEach(() => house.close());

const enrol = (secret: string, proof: string) => house.post('/v1/enrolments', { secret, proof });

function statementOf(token: unknown) {
  const opened = openToken(String(token), {
    typ: 'doorsill-enrolment+jws',
    schema: enrolmentStatementSchema,
    audience: house.cast.device.id,
    keys: [house.cast.bridge.key.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(opened.fault);
  return opened.claims;
}

it('prints a code that carries its address and the thumbprints of both keys', async () => {
  const { code, expiresS } = await house.bridge.printEnrolmentCode();
  const { cast } = house;
  expect(readEnrolmentCode(code)).toMatchObject({
    url: house.bridge.url,
    bridge: sha256Hex(cast.bridge.key.publicKey),
    registry: sha256Hex(cast.registry.key.publicKey),
  });
  expect(expiresS).toBeGreaterThan(cast.nowS());
});

it('prints codes over HTTP for the holder of the admin token alone', async () => {
  expect((await house.post('/v1/enrolment-codes', {})).status).toBe(401);
  expect((await house.post('/v1/enrolment-codes', {}, 'a'.repeat(43))).status).toBe(401);
  const answer = await house.post('/v1/enrolment-codes', {}, house.bridge.adminToken);
  expect(readEnrolmentCode(String(answer.body['code']))).not.toBeNull();
  const stored = (await readFile(join(house.bridgeFolder, 'admin.token'), 'utf8')).trim();
  expect(stored).toBe(house.bridge.adminToken);
});

it('answers with a signed statement and an account at the area broker', async () => {
  const answer = await house.enrol();
  expect(answer.status).toBe(201);
  const statement = statementOf(answer.body['statement']);
  expect(statement).toMatchObject({
    device: house.cast.device.id,
    bridge: house.cast.bridge.id,
    registry: house.cast.registry.key.publicKey,
  });
  const account = await readAccount(house.disk, join(house.folder, 'accounts'), statement.area.user);
  expect(account).toMatchObject({ role: 'device-area', id: house.cast.device.id });
  expect(account && (await passwordFits(account, statement.area.password))).toBe(true);
});

it('lets a code be used by one device only, which may repeat it when the answer was lost', async () => {
  const secret = await house.newSecret();
  expect((await enrol(secret, house.enrolmentProof(secret))).status).toBe(201);
  expect((await enrol(secret, house.enrolmentProof(secret))).status).toBe(201);
  const other = makeParty('device', new SystemRandom());
  const refused = await enrol(secret, house.enrolmentProof(secret, other));
  expect(refused).toMatchObject({ status: 403, body: { code: 'enrolment_code_invalid' } });
});

it('refuses an expired code', async () => {
  const secret = await house.newSecret();
  house.clock.shiftS = 2 * 3600;
  expect((await enrol(secret, house.enrolmentProof(secret))).body['code']).toBe('enrolment_code_invalid');
});

it('keeps only the hash of a code', async () => {
  const secret = await house.newSecret();
  await house.bridge.stop();
  const files = await Promise.all(
    (await house.disk.list(house.bridgeFolder))
      .filter((name) => name.startsWith('bridge.sqlite'))
      .map((name) => readFile(join(house.bridgeFolder, name), 'latin1')),
  );
  expect(files.some((bytes) => bytes.includes(sha256Hex(secret)))).toBe(true);
  expect(files.some((bytes) => bytes.includes(secret))).toBe(false);
  await house.startBridge();
});

it('refuses a proof that does not hold', async () => {
  const { cast } = house;
  const nowS = cast.nowS();
  const thief = makeParty('device', new SystemRandom());
  const secret = await house.newSecret();
  const other = await house.newSecret();
  const proofs: [string, string][] = [
    [house.enrolmentProof(other), 'enrolment_code_invalid'],
    [house.enrolmentProof(secret, cast.device, { aud: 'bridge-other' }), 'token_wrong_audience'],
    [house.enrolmentProof(secret, cast.device, { exp: nowS }), 'token_expired'],
    [house.enrolmentProof(secret, cast.device, { exp: nowS + 24 * 3600 }), 'token_expired'],
    [house.enrolmentProof(secret, thief, { iss: cast.device.key.publicKey }), 'token_bad_signature'],
    [house.enrolmentProof(secret, thief, { device: cast.device.id }), 'token_unknown_claims'],
    [house.enrolmentProof(secret, cast.device, { place: 'here' }), 'token_unknown_claims'],
    ['nonsense', 'token_malformed'],
  ];
  for (const [proof, code] of proofs) expect((await enrol(secret, proof)).body['code']).toBe(code);
  expect((await enrol(secret, house.enrolmentProof(secret))).status).toBe(201);
});

it('slows down those who keep failing', async () => {
  let last = '';
  for (let attempt = 0; attempt < 25 && last !== 'http_rate_limited'; attempt += 1) {
    const guess = `${'g'.repeat(30)}${attempt}`;
    last = String((await enrol(guess, house.enrolmentProof(guess))).body['code']);
  }
  expect(last).toBe('http_rate_limited');
  // Not whoever has a code, from the same address.
  const secret = await house.newSecret();
  expect((await enrol(secret, house.enrolmentProof(secret))).status).toBe(201);
});

it('remembers enrolled devices and unused codes over a restart', async () => {
  await house.enrol();
  const secret = await house.newSecret();
  await house.bridge.stop();
  await house.startBridge();
  const other = makeParty('device', new SystemRandom());
  expect((await enrol(secret, house.enrolmentProof(secret, other))).status).toBe(201);
  await house.admitAgency();
  const request = house.cast.request();
  await house.post('/v1/requests', { request });
  expect((await house.openIntake(house.parcel(request))).status).toBe(200);
});
