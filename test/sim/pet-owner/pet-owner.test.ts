// A pet's owner reads clips that were encrypted for their search, by the client and by `search-party clips`, which saves the checked clip and
// shows its facts; one that cannot be opened is not saved, and holds up no other.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { encryptTo } from '../../../device/base/hpke.ts';
import { sha256, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { writeSealedFile } from '../../../device/base/sealed-file.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { SALT_BYTES } from '../../../device/contract/commitment.ts';
import { ClipLeaves } from '../../../device/contract/custody.ts';
import { commitmentsOf, contentKeyInfo, type SealedContents, writeContents } from '../../../device/contract/sealing.ts';
import { type PairedDevice, storePairedDevice } from '../../../device/owner/paired-devices.ts';
import { ownSealing, readKeysIn, SEALING_KEYS_NAME } from '../../../sim/officer/agency-sealing.ts';
import { endSearch, fetchClip, grantedClips, type PetOwner } from '../../../sim/pet-owner/pet-owner.ts';
import { drawDogPhoto } from '../../../sim/porch/dog-art.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { callCommand } from '../../support/call-command.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { claimsOf, makeParty, textClaim } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { custodyCall } from '../../support/sent-clip.ts';
import { Sqlite } from '../../support/sqlite.ts';

const folder = temporaryFolder('pet-owner');
const at = (...names: string[]) => join(folder.path, ...names);
const OWNER = at('data', 'owner');
const random = new SystemRandom();
const disk = new SystemDisk();
const FACTS = { email: 'casey@home.example' };
const PLAIN = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 2_000 });

let fixture: BridgeFixture;
let searching: Searching;
let search: string;
let petOwner: PetOwner;
beforeAll(async () => {
  fixture = await BridgeFixture.open();
  const { cast, clock } = fixture;
  await fixture.enrol();
  const device = makeParty('device', random);
  await fixture.enrol(device);
  searching = new Searching(cast);
  const { poster } = searching;
  await mkdir(OWNER, { recursive: true, mode: 0o700 });
  const keyFile = { kind: 'doorsill-owner-key', secret: poster.key.exportSecret() };
  writeFileSync(join(OWNER, 'owner.key'), JSON.stringify(keyFile), { mode: 0o600 });
  const sealing = await ownSealing({ disk, random }, OWNER);
  const pairing = cast.pairing({ device: device.id, key: poster.key.publicKey }, device);
  search = searching.search({ sealing, profile: 'address-and-email' });
  const posted = await fixture.post('/v1/search-party/searches', { search, photo: toBase64url(BARE_JPEG), pairing });
  expect(posted.status).toBe(201);
  const home: PairedDevice = {
    ...{ device: device.id, deviceKey: device.key.publicKey, name: 'Biscuit’s home', pairing },
    trust: { bridgeKey: cast.bridge.key.publicKey, registryKey: cast.registry.key.publicKey },
    account: { url: 'mqtt://127.0.0.1:9', user: 'user', password: 'password', prefix: 'home/1' },
  };
  await storePairedDevice(disk, OWNER, home);
  const signer = { key: poster.key, clock, random };
  const sealingKeys = await readKeysIn(disk, OWNER);
  petOwner = { signer, home, bridgeUrl: fixture.bridge.url, sealingKeys };
});
afterAll(async () => {
  await fixture.close();
  folder.dispose();
});

/** A clip for the search, delivered to the bridge; `inside`: what is encrypted instead of the clip that is stated. */
async function delivered(inside: Uint8Array = PLAIN): Promise<Parcel> {
  const { keeper, key } = (await ownSealing({ disk, random }, OWNER)) ?? {};
  const recipient = { kind: 'neighbor' as const, key: searching.poster.key.publicKey, sealing: { keeper, key } };
  const grantToken = searching.grant(search, { recipient, disclose: ['email'], audio: true });
  const salt = () => toBase64url(random.bytes(SALT_BYTES));
  const contents: SealedContents = { disclosed: FACTS, zones: [], salts: { email: salt(), zones: salt() } };
  const contentKey = generateSealKey(random);
  const path = at('made.encrypted');
  await writeSealedFile(disk, random, { path, key: contentKey, id: textClaim(grantToken, 'jti') }, [
    writeContents(contents),
    inside,
  ]);
  const grantSha256 = sha256Hex(grantToken);
  const home = makeParty('home', random);
  const message = encryptTo(key, contentKey.secret, { info: contentKeyInfo({ home: home.id, grantSha256 }) }, random);
  const sealed = {
    ...{ clipSha256: sha256Hex(PLAIN), clipBytes: PLAIN.length, recipientKey: key, grantSha256 },
    ...{ contentKey: toBase64url(message ?? new Uint8Array()), ...commitmentsOf(contents, sha256) },
  };
  const clip = new Uint8Array(readFileSync(path));
  const manifest = { aud: searching.poster.id, disclosed: {}, sealed };
  const parcel = fixture.parcel(search, { clip, grantToken, manifest, home });
  const answer = await fixture.deliver(parcel);
  if (answer.status !== 204) throw new Error(JSON.stringify(answer.body));
  return parcel;
}

/** What the home is shown of the verdicts on its clip. */
async function outcomesOf({ grant }: Parcel): Promise<unknown[]> {
  const bearer = custodyCall(fixture, fixture.cast.device, grant);
  const { leaves } = ClipLeaves.parse((await fixture.get(`/v1/intakes/${grant}/custody/leaves`, bearer)).body);
  return leaves.map(({ facts }) => JSON.parse(facts).outcome).filter(Boolean);
}

const clips = (...words: string[]) =>
  callCommand(['search-party', 'clips', '--data', at('data'), '--bridge', fixture.bridge.url, ...words]);
const other = Uint8Array.from(PLAIN).fill(7, PLAIN.length - 9);

describe('a clip that was encrypted for a search', () => {
  let parcel: Parcel;
  beforeAll(async () => {
    parcel = await delivered();
  });

  it('is fetched open, with its facts, and the bridge records that it is as granted', async () => {
    const [granted] = await grantedClips(petOwner);
    if (!granted) throw new Error('nothing was granted');
    const { bytes, disclosed, zones, isReported, manifest } = await fetchClip(petOwner, granted);
    expect(bytes).toEqual(PLAIN);
    expect([disclosed, zones, manifest.disclosed]).toEqual([FACTS, 0, {}]);
    expect(isReported).toBe(true);
    expect(await outcomesOf(parcel)).toEqual(['as-granted']);
  });

  it('is saved for this user alone, and its facts are shown', async () => {
    const out = at('seen');
    const { status, stdout } = await clips('--out', out);
    expect([status, stdout]).toEqual([0, expect.stringContaining('disclosed  email (casey@home.example)')]);
    const file = join(out, `${parcel.clipId}.mp4`);
    expect(readFileSync(file)).toEqual(Buffer.from(PLAIN));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { last } = await clips('--json', '--out', out);
    expect(last).toMatchObject({ clips: [{ clip: parcel.clipId, disclosed: FACTS, zones: 0, file }] });
  });

  it('is not saved if it is not what is stated, and holds up no other', async () => {
    const lie = await delivered(other);
    const out = at('some');
    const { status, stdout, stderr } = await clips('--out', out);
    expect([status, stderr]).toEqual([3, expect.stringContaining('clip_unopened')]);
    expect(stdout).toContain('not written: Nothing of this encrypted clip is shown');
    expect(readdirSync(out).filter((name) => name.endsWith('.mp4'))).toEqual([`${parcel.clipId}.mp4`]);
    expect(readdirSync(out).some((name) => name.includes(lie.clipId))).toBe(false);
    expect(await outcomesOf(lie)).toEqual(['clip']);
  });

  it('is not saved without its key', async () => {
    rmSync(join(OWNER, SEALING_KEYS_NAME));
    const out = at('lost');
    const { status, stderr } = await clips('--out', out);
    expect([status, stderr]).toEqual([3, expect.stringContaining('clip_unopened')]);
    expect(await disk.list(out)).toEqual([]);
    const [granted] = await grantedClips(petOwner);
    const { sealingKeys: _lost, ...without } = petOwner;
    if (!granted) throw new Error('nothing was granted');
    await expect(fetchClip(without, granted)).rejects.toMatchObject({ code: 'clip_unopened' });
  });
});

it('a search names the owner’s key, unless encryption is switched off', async () => {
  const photo = at('photo.jpg');
  writeFileSync(photo, await drawDogPhoto());
  const post = ['search-party', 'post', '--data', at('data'), '--bridge', fixture.bridge.url, '--photo', photo];
  const facts = ['--kind', 'dog', '--text', 'Red collar.', '--cell', fixture.cast.cell, '--json'];
  const wrong = await callCommand([...post, ...facts, '--sealing', 'vault']);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('--sealing takes recipient or off')]);
  await endSearch(petOwner, textClaim(search, 'jti'));
  const own = await callCommand([...post, ...facts]);
  const [pair] = await readKeysIn(disk, OWNER);
  expect(own.last, own.stderr).toMatchObject({ sealing: { key: pair?.publicKey, keeper: 'recipient' } });
  await endSearch(petOwner, String(own.last?.['search']));
  const off = await callCommand([...post, ...facts, '--sealing', 'off']);
  expect(off.last, off.stderr).toMatchObject({ sealing: null });
  const published = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
  const rows = published.prepare('select token from searches').all();
  published.close();
  const named = rows.map((row) => claimsOf(String(Object(row).token))['sealing']);
  expect(named.filter((sealing) => sealing === undefined)).toHaveLength(1);
  expect(named).toContainEqual({ key: pair?.publicKey, keeper: 'recipient' });
});
