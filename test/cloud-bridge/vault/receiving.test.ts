// The vault takes exactly what a pinned bridge, the device and its owner signed, once, and acknowledges it with its own signature.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { acknowledgementSchema } from '../../../cloud-bridge/signing/hand-over-documents.ts';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { Deletion } from '../../../device/contract/hand-over-documents.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { type OfferedClip, type Officer, VaultFixture } from '../../support/vault-fixture.ts';
import { VaultRig } from '../support/vault-rig.ts';

let rig: VaultRig;
let vault: VaultFixture;
let officer: Officer;
let clip: OfferedClip;
beforeAll(async () => {
  rig = await VaultRig.open('vault');
  ({ vault, officer } = rig);
});
afterAll(() => rig.close());
beforeEach(() => {
  clip = rig.clip();
});

const blobs = () => readdirSync(join(vault.folder, 'blobs'));
const seen = async () => (await vault.as(officer, 'GET', `/evidence/${clip.item}`)).status;

function acknowledged(body: Record<string, unknown>) {
  const { acknowledgement } = body;
  return vault.opened(
    acknowledgement,
    'doorsill-acknowledgement+jws',
    acknowledgementSchema,
    rig.fixture.cast.bridge.id,
  );
}

describe('a hand-over', () => {
  it('ends in a signed acknowledgement of these bytes, which are shown to nobody before the confirmation', async () => {
    expect((await clip.offer()).body).toEqual({ item: clip.item, state: 'open' });
    const taken = await clip.bytes();
    expect(taken.body).toMatchObject({ item: clip.item, state: 'held' });
    expect(acknowledged(taken.body)).toMatchObject(clip.facts);
    expect(readFileSync(join(vault.folder, 'blobs', clip.item, 'clip.mp4')).equals(clip.parcel.clip)).toBe(true);
    expect(readFileSync(join(vault.folder, 'blobs', clip.item, 'manifest.jws'), 'utf8')).toBe(clip.parcel.statement);
    expect(await seen()).toBe(404);
    expect((await clip.confirm()).body).toMatchObject({ state: 'confirmed' });
    expect(await seen()).toBe(200);
  });

  it('repeated at any step gets the same acknowledgement and makes no second item', async () => {
    await clip.offer();
    const [first, second] = await Promise.all([clip.bytes(), clip.bytes()]);
    const again = [first, second, await clip.offer(), await clip.bytes(), await clip.confirm(), await clip.confirm()];
    expect(new Set(again.map(({ body }) => body['acknowledgement'])).size).toBe(1);
    expect(blobs().filter((name) => name === clip.item)).toHaveLength(1);
    expect(readdirSync(join(vault.folder, 'staging'))).toEqual([]);
    const trail = await vault.as(officer, 'GET', `/evidence/${clip.item}/trail`);
    const events = Object(trail.body['entries']).map((entry: { event: string }) => entry.event);
    expect(events.filter((event: string) => event === 'received' || event === 'handed-over')).toHaveLength(2);
  });

  it('keeps the acknowledged clip over a restart, and drops bytes that were never acknowledged', async () => {
    await clip.handOver();
    const orphan = join(vault.folder, 'blobs', 'item-nobodys');
    await vault.disk.makeFolder(orphan);
    await vault.disk.makeFolder(join(vault.folder, 'staging', 'staged-left'));
    await vault.stop();
    await vault.start();
    expect(existsSync(orphan)).toBe(false);
    expect(readdirSync(join(vault.folder, 'staging'))).toEqual([]);
    expect(await seen()).toBe(200);
  });

  it('refuses other bytes, of which nothing is kept, and then takes the right ones', async () => {
    await clip.offer();
    const wrong = Uint8Array.from(clip.parcel.clip);
    wrong[9] = (wrong[9] ?? 0) ^ 1;
    for (const bytes of [wrong, clip.parcel.clip.slice(1), new Uint8Array([...clip.parcel.clip, 0])]) {
      expect(await clip.bytes({ clip: bytes })).toMatchObject({ status: 422, body: { code: 'hand_over_refused' } });
    }
    expect(blobs()).not.toContain(clip.item);
    expect(readdirSync(join(vault.folder, 'staging'))).toEqual([]);
    expect((await clip.bytes()).status).toBe(200);
  });

  it('is refused when any of its documents is missing, another’s, or about another clip', async () => {
    const { cast } = rig.fixture;
    const stranger = makeParty('bridge', new SystemRandom());
    const other = rig.clip();
    const nowS = cast.nowS();
    const refused = [
      await clip.offer({ offer: clip.step('offer', {}, stranger) }),
      await clip.offer({ offer: clip.step('confirm') }),
      await clip.offer({ offer: clip.step('offer', { item: other.item }) }),
      await clip.offer({ offer: clip.step('offer', { aud: 'vault-other' }) }),
      await clip.offer({ offer: clip.step('offer', { agency: 'agency-other' }) }),
      await clip.offer({ offer: clip.step('offer', { clipSha256: sha256Hex('other') }) }),
      await clip.offer({ statement: other.parcel.statement }),
      await clip.offer({ statement: clip.parcel.manifestToken }),
      await clip.offer({ receipt: other.receipt() }),
      await clip.offer({ receipt: clip.receipt({ outcome: 'deleted' }) }),
      await clip.offer({ receipt: clip.receipt({ vault: stranger.key.publicKey }) }),
      await clip.offer({ receipt: clip.receipt({}, stranger) }),
      await clip.bytes({ item: other.item }),
    ];
    expect(refused.map(({ status, body }) => `${status} ${body['code']}`)).toEqual(
      refused.map(() => '422 hand_over_refused'),
    );
    expect((await clip.offer({ offer: clip.step('offer', { exp: nowS }) })).body).toMatchObject({
      code: 'token_expired',
    });
    expect((await clip.bytes()).body).toMatchObject({ code: 'evidence_unknown' });
    expect((await clip.confirm()).body).toMatchObject({ code: 'evidence_unknown' });
  });

  it('refuses a statement that its own key has not signed, or that names another home, clip or recipient', async () => {
    const { cast } = rig.fixture;
    const mallory = makeParty('home', new SystemRandom());
    const claims = claimsOf(clip.parcel.statement);
    const sign = (changes: object, by = clip.parcel.home) =>
      cast.sign('doorsill-statement+jws', { ...claims, ...changes }, by);
    for (const statement of [
      sign({}, mallory),
      // All are under a key of the bridge's own; only the pseudonym is copied.
      sign({ iss: mallory.key.publicKey }, mallory),
      sign({ home: mallory.id }),
      sign({ home: cast.device.id }),
      sign({ grant: 'grant-other' }),
      sign({ jti: 'clip-other' }),
      sign({ request: 'request-other' }),
      sign({ clipSha256: sha256Hex('another clip') }),
      sign({ clipBytes: clip.parcel.clip.length + 1 }),
      sign({ aud: 'agency-other' }),
      sign({ device: cast.device.id }),
    ]) {
      const statementSha256 = sha256Hex(statement);
      const offer = clip.step('offer', { statementSha256 });
      const refused = await clip.offer({ offer, statement, receipt: clip.receipt({ statementSha256 }) });
      expect(refused.status).toBe(refused.body['code'] === 'token_unknown_claims' ? 400 : 422);
      expect(refused.body['code']).toMatch(/^(hand_over_refused|token_unknown_claims)$/);
    }
  });

  it.each([
    ['more frames than its window can hold', { frames: 1_000_000 }, /1000000 frames in a window/],
    ['more sound than its window can hold', { audioPackets: 1_000_000 }, /1000000 packets of sound/],
    ['that it is redacted, and is a copy', { redacted: true, method: 'copy', encodedFrames: 0 }, /copy, 0 of 30/],
    ['that it is a copy with encoded frames', { method: 'copy' }, /copy, 5 of 30/],
    ['thirty frames of a microsecond', { coverage: { startUs: 1_000_000, endUs: 1_000_001 } }, /30 frames in 1 µs/],
    ['a gap outside its window', { gaps: [{ startUs: 1, endUs: 2 }] }, /leave the window/],
  ])('refuses a statement with impossible content: %s', async (_what, changes, detail) => {
    const statement = rig.fixture.cast.sign(
      'doorsill-statement+jws',
      { ...claimsOf(clip.parcel.statement), ...changes },
      clip.parcel.home,
    );
    const statementSha256 = sha256Hex(statement);
    const offer = clip.step('offer', { statementSha256 });
    const refused = await clip.offer({ offer, statement, receipt: clip.receipt({ statementSha256 }) });
    expect(refused).toMatchObject({ status: 422, body: { code: 'hand_over_refused' } });
    expect(JSON.stringify(refused.body)).toMatch(detail);
  });

  it('refuses a full manifest in place of a statement: it names the home', async () => {
    const { cast } = rig.fixture;
    const manifest = clip.parcel.manifestToken;
    const facts = { home: cast.device.id, statementSha256: sha256Hex(manifest) };
    const item = `item-${sha256Hex(`${cast.bridge.id}/${cast.device.id}/${clip.parcel.grant}`).slice(0, 32)}`;
    const offer = clip.step('offer', { ...facts, item });
    const receipt = clip.receipt({ statementSha256: sha256Hex(manifest) });
    expect((await clip.offer({ offer, statement: manifest, receipt })).status).toBeGreaterThanOrEqual(400);
    expect(blobs()).not.toContain(item);
  });
});

describe('a withdrawal', () => {
  it('erases the received clip and returns a signed confirmation', async () => {
    await clip.offer();
    await clip.bytes();
    expect((await clip.withdraw()).body).toEqual({ item: clip.item, state: 'erased' });
    expect(blobs()).not.toContain(clip.item);
    const view = await vault.as(officer, 'GET', `/evidence/${clip.item}`);
    expect(view.body).toMatchObject({ state: 'erased', sha256: clip.facts.clipSha256 });
    const deletion = openToken(String(view.body['deletion']), {
      typ: 'doorsill-deletion+jws',
      schema: Deletion,
      audience: 'public',
      keys: [vault.vault.publicKey],
      verify: verifySignature,
    });
    expect(deletion).toMatchObject({ ok: true, claims: { ...clip.facts, cause: 'withdrawn' } });
  });

  it('that arrives before the bytes keeps them out permanently', async () => {
    await clip.offer();
    await clip.withdraw();
    expect((await clip.bytes()).body).toMatchObject({ state: 'erased' });
    expect((await clip.offer()).body).toMatchObject({ state: 'erased' });
    expect(blobs()).not.toContain(clip.item);
    expect((await clip.withdraw()).status).toBe(200);
  });

  it('is refused once the clip is handed over', async () => {
    await clip.handOver();
    expect(await clip.withdraw()).toMatchObject({ status: 409, body: { code: 'evidence_state' } });
    expect(blobs()).toContain(clip.item);
  });
});

it('reports that it has no space instead of taking what it cannot store', async () => {
  await vault.stop();
  const full = await new VaultFixture(vault.folder, { freeBytesMin: Number.MAX_SAFE_INTEGER }).start();
  try {
    const crowded = rig.clip(full);
    expect(await crowded.offer()).toMatchObject({ status: 503, body: { code: 'vault_unreachable' } });
  } finally {
    await full.stop();
    await vault.start();
  }
});
