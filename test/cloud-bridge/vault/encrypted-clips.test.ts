// The vault opens what was encrypted to it before it is evidence, finds each lie that a home can tell in it, and shows nothing of those;
// what is as granted is decrypted while it is read, whole or in part.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckZones, EncryptedClips } from '../../../cloud-bridge/vault/encrypted-clips.ts';
import { VaultSealingKeys } from '../../../cloud-bridge/vault/vault-sealing-keys.ts';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import { failure } from '../../../device/contract/errors.ts';
import { Statement } from '../../../device/contract/manifest.ts';
import {
  SEALED_CONTENTS_BYTES,
  sealedBytesOf,
  type VerdictOutcome,
  writeContents,
} from '../../../device/contract/sealing.ts';
import { Verdict } from '../../../device/contract/verdict.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { fillerBox, grown, patched, plainMp4 } from '../../support/plain-mp4.ts';
import { OfferedClip, type Officer, type VaultAnswer, type VaultFixture } from '../../support/vault-fixture.ts';
import { DISCLOSED, type SealedParts, sealedClip, sealingKeyOf } from '../support/sealed-clip.ts';
import { VaultRig } from '../support/vault-rig.ts';

const CHUNK_BYTES = 65_536;
const STEP_BYTES = CHUNK_BYTES + 16;
const HEADER_BYTES = 24;
const ZONE = { left: 1_000, top: 2_000, width: 3_000, height: 4_000 };
const random = new SystemRandom();
/** Four chunks and a part of a fifth. */
const LARGE = plainMp4({ frames: 30, audioPackets: 12, frameBytes: 9_000 });

let rig: VaultRig;
let vault: VaultFixture;
let officer: Officer;
/** Answers the vault's next checks of zones. */
let zonesAre: CheckZones = async () => undefined;
const warnings: string[] = [];

beforeAll(async () => {
  const quiet = silentLog();
  const log: Log = { ...quiet, warn: (message) => void warnings.push(message) };
  rig = await VaultRig.open('encrypted', { requestsPerMinuteMax: 100_000 }, undefined, log);
  ({ vault, officer } = rig);
  vault.checkZones = (...check) => zonesAre(...check);
  await vault.stop();
  await vault.start();
});
afterAll(() => rig.close());

const get = (clip: OfferedClip, part = '', headers: Record<string, string> = {}) =>
  vault.as(officer, 'GET', `/evidence/${clip.item}${part}`, undefined, {
    'x-officer': 'Det. Rivera',
    'x-reason': 'case SPD-2026-0117',
    ...headers,
  });
const link = (clip: OfferedClip) => vault.as(officer, 'POST', `/evidence/${clip.item}/links`);
const code = ({ status, body }: VaultAnswer) => `${status} ${body['code']}`;
const verdictOf = ({ body }: VaultAnswer) =>
  vault.opened(body['verdict'], 'doorsill-verdict+jws', Verdict, rig.fixture.cast.bridge.id);
const handOver = async (parts: SealedParts = {}) => {
  const made = await sealedClip(rig, parts);
  await made.clip.handOver();
  return made;
};

describe('a clip that is as granted', () => {
  it('gets a verdict under the vault’s key, the same at every repeat and after a restart', async () => {
    const { clip } = await sealedClip(rig);
    expect((await clip.offer()).body).toEqual({ item: clip.item, state: 'open' });
    const taken = await clip.bytes();
    const { grant, clip: id, clipSha256, statementSha256 } = clip.facts;
    expect(verdictOf(taken)).toMatchObject({ grant, clip: id, clipSha256, statementSha256, outcome: 'as-granted' });
    await vault.stop();
    await vault.start();
    const again = [taken, await clip.offer(), await clip.bytes(), await clip.confirm(), await clip.confirm()];
    expect(new Set(again.map(({ body }) => body['verdict'])).size).toBe(1);
    expect(readFileSync(join(vault.folder, 'blobs', clip.item, 'clip.mp4')).equals(clip.parcel.clip)).toBe(true);
  });

  it('is decrypted for officers, with the facts in it; its item names both files', async () => {
    const { clip, plain, contents } = await handOver({ plain: LARGE });
    expect((await get(clip)).body).toMatchObject({
      ...{ readableBy: 'vault', verdict: 'as-granted', sha256: clip.facts.clipSha256, bytes: clip.facts.clipBytes },
      opened: { sha256: sha256Hex(plain), bytes: plain.length },
    });
    expect((await get(clip, '/manifest')).body).toEqual({ manifest: clip.parcel.statement, contents });
    expect(contents.disclosed).toEqual(DISCLOSED);
    const { url } = (await link(clip)).body;
    for (const answer of [
      await get(clip, '/clip'),
      await get(clip, '/stream'),
      await vault.send('GET', String(url), {}),
    ]) {
      expect(Buffer.from(answer.bytes).equals(plain)).toBe(true);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        ...{ 'content-type': 'video/mp4', 'content-length': String(plain.length), etag: `"${sha256Hex(plain)}"` },
        'content-disposition': `attachment; filename="${clip.facts.clip}.mp4"`,
      });
    }
  });

  it('is decrypted in part: at its start and end, within a chunk, and across the ends of chunks', async () => {
    const { clip, plain } = await handOver({ plain: LARGE });
    const ends = [1, 2, 3].map((chunk) => chunk * CHUNK_BYTES - SEALED_CONTENTS_BYTES);
    const last = plain.length - 1;
    const spans = [
      ...[
        [0, 0],
        [0, 99],
        [70_000, 70_009],
        [last, last],
        [last - 70_000, last],
        [1, last],
      ],
      ...ends.flatMap((end) => [
        [end - 1, end - 1],
        [end, end],
        [end - 1, end],
        [end - 70_000, end + 70_000],
      ]),
    ];
    for (const [from = 0, to = 0] of spans) {
      const start = Math.max(0, from);
      const end = Math.min(last, to);
      const { status, headers, bytes } = await get(clip, '/clip', { range: `bytes=${start}-${end}` });
      expect([status, headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/${plain.length}`]);
      expect(Buffer.from(bytes).equals(plain.subarray(start, end + 1)), `${start} to ${end}`).toBe(true);
    }
  });

  it('is checked for its zones, which its block names', async () => {
    const asked: unknown[] = [];
    zonesAre = async (clip, due) => void asked.push(sha256Hex(await clip.read(0, clip.sizeBytes)), due);
    const { clip, plain } = await handOver({ zones: [ZONE] });
    expect(asked).toEqual([sha256Hex(plain), { frames: 30, audioPackets: 12, zones: [ZONE] }]);
    expect((await get(clip, '/manifest')).body['contents']).toMatchObject({ zones: [ZONE] });
    await handOver();
    expect(asked).toHaveLength(2);
  });

  it('destroyed by a recall, leaves no wrapped key in the vault’s folder', async () => {
    const { clip, sealed } = await handOver();
    const holds = () =>
      (readdirSync(vault.folder, { recursive: true }) as string[])
        .map((name) => join(vault.folder, name))
        .filter((path) => statSync(path).isFile() && holdsKey(readFileSync(path), sealed.contentKey));
    expect(holds()).not.toEqual([]);
    expect((await clip.recall()).status).toBe(200);
    expect((await get(clip)).body).toMatchObject({ state: 'erased', readableBy: 'nobody', opened: null });
    for (const part of ['/clip', '/stream', '/manifest'])
      expect(code(await get(clip, part))).toBe('409 evidence_state');
    await vault.stop();
    expect(holds()).toEqual([]);
    await vault.start();
  });
});

/** Whether a statement with this wrapped key is among the bytes: a token is base64url, in one of three places of its letters. */
function holdsKey(bytes: Buffer, contentKey: string): boolean {
  return [0, 1, 2].some((shift) => {
    const encoded = Buffer.from(`${' '.repeat(shift)}${contentKey}`).toString('base64url');
    return bytes.includes(encoded.slice(4, -4));
  });
}

/** Another clip with as many frames. */
const other = () => patched(plainMp4({ frames: 30, audioPackets: 12 }), 1_500, [1, 2, 3, 4]);
/** The sealed file without, or with, some of its chunks. */
const chunksOf = (file: Uint8Array) =>
  Array.from({ length: Math.ceil((file.length - HEADER_BYTES) / STEP_BYTES) }, (_, at) =>
    file.subarray(HEADER_BYTES + at * STEP_BYTES, HEADER_BYTES + (at + 1) * STEP_BYTES),
  );
const rebuilt = (change: (chunks: Uint8Array[]) => Uint8Array[]) => (file: Uint8Array) =>
  concatBytes([file.subarray(0, HEADER_BYTES), ...change(chunksOf(file))]);
const blackenedNot: CheckZones = async () => {
  throw failure('verify_failed', { detail: 'a zone is not black in frame 13' });
};

const LIES: [string, string, SealedParts][] = [
  ['key', 'another content key', { claims: () => ({ contentKey: 'A'.repeat(107) }) }],
  ['key', 'a content key for another grant', { claims: () => ({ grantSha256: sha256Hex('another grant') }) }],
  ['file', 'garbage', { file: (bytes) => random.bytes(bytes.length) }],
  [
    'file',
    'garbage after the header',
    { file: (bytes) => concatBytes([bytes.subarray(0, 24), random.bytes(bytes.length - 24)]) },
  ],
  ['file', 'less than a header', { file: (bytes) => bytes.subarray(0, 20) }],
  ['file', 'another grant’s file', { id: 'grant-other' }],
  ['file', 'a file that is cut', { file: (bytes) => bytes.subarray(0, -1_000) }],
  ['file', 'a file without its last chunk', { plain: LARGE, file: rebuilt((chunks) => chunks.slice(0, -1)) }],
  ['file', 'a file without a chunk', { plain: LARGE, file: rebuilt((chunks) => chunks.filter((_, at) => at !== 2)) }],
  [
    'file',
    'a chunk twice',
    { plain: LARGE, file: rebuilt((chunks) => chunks.flatMap((one, at) => (at === 2 ? [one, one] : [one]))) },
  ],
  [
    'file',
    'chunks in another order',
    { plain: LARGE, file: rebuilt(([a, b, c, ...rest]) => [a, c, b, ...rest].flatMap((one) => one ?? [])) },
  ],
  ['file', 'one other bit', { plain: LARGE, file: (bytes) => patched(bytes, 200_000, [(bytes[200_000] ?? 0) ^ 1]) }],
  ['file', 'another size than is stated', { claims: ({ clipBytes }) => ({ clipBytes: clipBytes + 1 }) }],
  [
    'contents',
    'other facts',
    { block: (contents) => writeContents({ ...contents, disclosed: { ...DISCLOSED, address: '99 Oak Avenue' } }) },
  ],
  [
    'contents',
    'facts that are not stated',
    {
      block: (contents) =>
        writeContents({
          ...contents,
          disclosed: { ...DISCLOSED, phone: '+1 555 0100' },
          salts: { ...contents.salts, phone: contents.salts.zones },
        }),
    },
  ],
  [
    'contents',
    'facts that are missing',
    { block: ({ zones, salts }) => writeContents({ zones, disclosed: {}, salts: { zones: salts.zones } }) },
  ],
  [
    'contents',
    'other zones',
    { zones: [ZONE], block: (contents) => writeContents({ ...contents, zones: [{ ...ZONE, width: 1 }] }) },
  ],
  [
    'contents',
    'text behind the facts',
    { block: (contents) => patched(writeContents(contents), 8_000, [...utf8('4711')]) },
  ],
  ['contents', 'no facts at all', { block: () => random.bytes(SEALED_CONTENTS_BYTES) }],
  ['contents', 'zones in a clip that is not stated as redacted', { zones: [ZONE], stated: { redacted: false } }],
  [
    'contents',
    'no zones in a clip that is stated as redacted',
    { stated: { redacted: true, method: 're-encode', encodedFrames: 30 } },
  ],
  ['clip', 'another clip', { inside: other() }],
  ['recording', 'more frames', { plain: plainMp4({ frames: 31, audioPackets: 12 }) }],
  [
    'recording',
    'sound that is not stated',
    { plain: plainMp4({ frames: 30, audioPackets: 12 }), stated: { audioPackets: 0 } },
  ],
  ['recording', 'data behind the clip', { plain: concatBytes([other(), utf8('serial number 4711')]) }],
  ['recording', 'a box of hidden data', { plain: grown(other(), ['moov'], fillerBox('free', 100)) }],
  ['recording', 'frames of a longer time', { plain: plainMp4({ frames: 30, audioPackets: 12, frameTicks: 60_000 }) }],
  ['recording', 'no recording', { plain: random.bytes(20_000) }],
  ['zones', 'a zone that is not black', { zones: [ZONE] }],
];

describe.each(LIES)('a lie that the check %s finds: %s', (outcome, _what, parts) => {
  it('is told to the bridge, and nothing of it is shown in any way', async () => {
    zonesAre = blackenedNot;
    const { clip } = await sealedClip(rig, parts);
    await clip.offer();
    const taken = await clip.bytes();
    expect(verdictOf(taken)).toMatchObject({ outcome });
    expect(taken.body).toMatchObject({ state: 'held' });
    expect((await clip.bytes()).body['verdict']).toBe(taken.body['verdict']);
    await clip.confirm();
    expect((await get(clip)).body).toMatchObject({ readableBy: 'nobody', verdict: outcome, opened: null });
    for (const part of ['/clip', '/stream', '/manifest']) {
      expect(await get(clip, part)).toMatchObject({
        status: 409,
        body: { code: 'evidence_unopened', facts: { outcome } },
      });
    }
    expect(code(await link(clip))).toBe('409 evidence_unopened');
    expect(warnings.at(-1)).toMatch(/nothing of it is shown/);
  });
});

describe('a clip that a captured bridge states anew, under a home that it made up', () => {
  const ownHome = makeParty('home', random);
  const stranger = makeParty('agency', random);

  it.each<[string, () => { agency: string; isErased: boolean }]>([
    ['as evidence of another agency', () => ({ agency: stranger.id, isErased: false })],
    ['as evidence of its agency, once it was erased there', () => ({ agency: officer.agency, isErased: true })],
  ])('%s, does not open', async (_what, of) => {
    const { agency, isErased } = of();
    const { clip: granted } = await handOver();
    if (isErased) expect((await granted.recall()).status).toBe(200);
    const { cast } = rig.fixture;
    const clipId = `clip-stolen-${isErased}`;
    const named = { iss: ownHome.key.publicKey, home: ownHome.id, aud: agency, jti: clipId };
    const statement = cast.sign('doorsill-statement+jws', { ...claimsOf(granted.parcel.statement), ...named }, ownHome);
    const parcel = { ...granted.parcel, statement, clipId, home: ownHome };
    const stolen = new OfferedClip(rig.fixture, vault, rig.request, parcel);
    const step = (name: 'offer' | 'confirm') => stolen.step(name, { agency });
    const offered = await stolen.offer({ offer: step('offer'), receipt: stolen.receipt({ aud: agency }) });
    expect(offered.body).toEqual({ item: stolen.item, state: 'open' });
    expect(verdictOf(await stolen.bytes({ offer: step('offer') }))).toMatchObject({ outcome: 'key' });
    await stolen.confirm(step('confirm'));
    const reader = await vault.officer(agency);
    for (const part of ['/clip', '/stream', '/manifest'])
      expect(code(await vault.as(reader, 'GET', `/evidence/${stolen.item}${part}`))).toBe('409 evidence_unopened');
  });
});

describe('a clip whose zones cannot be checked now', () => {
  it('stays at the bridge while the check fails for a reason of the machine, and is then taken', async () => {
    zonesAre = async () => {
      throw failure('ffmpeg_missing', { detail: 'it was removed' });
    };
    const { clip } = await sealedClip(rig, { zones: [ZONE] });
    await clip.offer();
    expect((await clip.bytes()).status).toBeGreaterThanOrEqual(500);
    expect(readdirSync(join(vault.folder, 'staging'))).toEqual([]);
    expect(readdirSync(join(vault.folder, 'blobs'))).not.toContain(clip.item);
    expect((await clip.offer()).body).toEqual({ item: clip.item, state: 'open' });
    zonesAre = async () => undefined;
    expect(verdictOf(await clip.bytes())).toMatchObject({ outcome: 'as-granted' });
  });

  it('stays at the bridge while the vault has no ffmpeg, before a byte of it is sent', async () => {
    const { clip } = await sealedClip(rig, { zones: [ZONE] });
    await clip.offer();
    vault.checkZones = undefined;
    await vault.stop();
    await vault.start();
    const answers = [await clip.offer(), await clip.bytes()];
    for (const { status, body } of answers) {
      expect([status, body['code'], JSON.stringify(body)]).toEqual([
        503,
        'vault_unreachable',
        expect.stringMatching(/no ffmpeg/),
      ]);
    }
    expect(warnings.at(-1)).toMatch(/no ffmpeg/);
    expect(verdictOf(await (await handOver()).clip.bytes())).toMatchObject({ outcome: 'as-granted' });
    vault.checkZones = (...check) => zonesAre(...check);
    await vault.stop();
    await vault.start();
  });

  it('is checked once, also when the bridge does not wait; others that come meanwhile wait for their turn', async () => {
    const started: (() => void)[] = [];
    zonesAre = () => new Promise((resolve) => void started.push(resolve));
    const [first, second] = [await sealedClip(rig, { zones: [ZONE] }), await sealedClip(rig, { zones: [ZONE] })];
    for (const { clip } of [first, second]) await clip.offer();
    const impatient = new AbortController();
    const sent = fetch(`${vault.vault.url}/v1/hand-overs/${first.clip.item}/clip`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${first.clip.step('offer')}`,
        'content-type': 'application/offset+octet-stream',
      },
      body: new Uint8Array(first.clip.parcel.clip),
      signal: impatient.signal,
    }).catch(() => null);
    await expect.poll(() => started.length).toBe(1);
    impatient.abort();
    await sent;
    expect(await first.clip.bytes()).toMatchObject({ status: 503, body: { code: 'vault_unreachable' } });
    expect(await first.clip.offer()).toMatchObject({ status: 503, body: { code: 'vault_unreachable' } });
    const later = second.clip.bytes();
    await expect.poll(async () => code(await second.clip.offer())).toBe('503 vault_unreachable');
    expect(started).toHaveLength(1);
    started[0]?.();
    await expect.poll(() => started.length).toBe(2);
    started[1]?.();
    expect(verdictOf(await later)).toMatchObject({ outcome: 'as-granted' });
    await expect
      .poll(async () => (await first.clip.offer()).body)
      .toMatchObject({ state: 'held', verdict: expect.any(String) });
    expect(started).toHaveLength(2);
  });

  it('is left when the vault stops', async () => {
    let asked: AbortSignal | undefined;
    zonesAre = (_clip, _due, signal) => {
      asked = signal;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const { clip } = await sealedClip(rig, { zones: [ZONE] });
    await clip.offer();
    const sent = clip.bytes().catch(() => null);
    await expect.poll(() => asked?.aborted).toBe(false);
    await vault.stop();
    expect(asked?.aborted).toBe(true);
    await sent;
    await vault.start();
  });
});

describe('a clip of ten gigabytes that opens to nothing', () => {
  const SIZE_BYTES = 10_000_000_000;

  /** Judges a file that is made while it is read: what the vault says, how much it read in all, and at most at once. */
  async function judged(parts: SealedParts, bytesAt: (at: number, length: number, whole: Uint8Array) => Uint8Array) {
    const { clip } = await sealedClip(rig, parts);
    const statement = Statement.parse(claimsOf(clip.parcel.statement));
    const reads: number[] = [];
    const read = async (at: number, length: number) => {
      reads.push(length);
      return bytesAt(at, length, clip.parcel.clip);
    };
    const keys = new VaultSealingKeys(vault.disk, random, vault.folder);
    const blobs = { open: () => Promise.reject(new Error('it is no evidence yet')) };
    const clips = new EncryptedClips({ log: silentLog(), keys, blobs, checkZones: null });
    const outcome = await clips.judge(statement, clip.item, async () => ({ read, close: async () => undefined }));
    return { outcome, total: reads.reduce((sum, length) => sum + length, 0), most: Math.max(...reads) };
  }

  it('is not taken: a limit refuses it before a byte comes', async () => {
    const { clip } = await sealedClip(rig);
    const refused = await clip.offer({ offer: clip.step('offer', { clipBytes: SIZE_BYTES }) });
    expect([code(refused), JSON.stringify(refused.body)]).toEqual([
      ...['422 hand_over_refused', expect.stringMatching(/a clip has \d+ bytes at most/)],
    ]);
  });

  it.each<[string, VerdictOutcome, SealedParts]>([
    ['garbage', 'file', {}],
    ['zeros that the home has encrypted', 'contents', { block: () => new Uint8Array(SEALED_CONTENTS_BYTES) }],
  ])('is judged by its first chunk where the limit lets it pass: %s', async (what, outcome, parts) => {
    const sealed = { claims: () => ({ clipBytes: SIZE_BYTES - SEALED_CONTENTS_BYTES }) };
    const stated = { clipBytes: sealedBytesOf(SIZE_BYTES - SEALED_CONTENTS_BYTES) };
    const said = await judged({ ...sealed, plain: LARGE, stated, ...parts }, (at, length, file) => {
      const bytes = what === 'garbage' && at > 0 ? random.bytes(length) : file.slice(at, at + length);
      return bytes;
    });
    expect(said).toMatchObject({ outcome });
    expect(said.total).toBeLessThan(100_000);
  });

  it('is read once, in pieces, where its home has encrypted all of it', async () => {
    const plain = new Uint8Array(64 * 1024 * 1024);
    const said = await judged({ plain }, (at, length, file) => file.slice(at, at + length));
    expect(said).toMatchObject({ outcome: 'recording' });
    expect(said.most).toBeLessThan(1024 * 1024);
    expect(said.total).toBeLessThan(plain.length + 1024 * 1024);
  });
});

describe('a clip that its recipient alone can open', () => {
  it('gets no verdict, is downloaded as it is stored, and is neither streamed nor linked', async () => {
    const { clip } = await sealedClip(rig, { key: generateSealingKey(random).publicKey, inside: other() });
    await clip.offer();
    const taken = await clip.bytes();
    expect(taken.body).toEqual({ item: clip.item, state: 'held', acknowledgement: expect.any(String) });
    await clip.confirm();
    expect((await get(clip)).body).toMatchObject({ readableBy: 'recipient', verdict: null, opened: null });
    expect((await get(clip, '/manifest')).body).toEqual({ manifest: clip.parcel.statement });
    const { bytes, headers } = await get(clip, '/clip');
    expect(Buffer.from(bytes).equals(clip.parcel.clip)).toBe(true);
    expect(Object.fromEntries(headers)).toMatchObject({
      ...{ 'content-type': 'application/octet-stream', etag: `"${clip.facts.clipSha256}"` },
      'content-disposition': `attachment; filename="${clip.facts.clip}.sealed"`,
    });
    for (const answer of [await get(clip, '/stream'), await link(clip)]) {
      expect([code(answer), answer.body['detail']]).toEqual(['409 evidence_sealed', expect.any(String)]);
      expect(JSON.stringify(answer.body)).toContain('doorsill verify');
    }
  });
});

describe('the vault’s sealing key', () => {
  it('is in a file that only its user can read, and stays over a restart', async () => {
    const key = await sealingKeyOf(rig);
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(join(vault.folder, 'sealing.keys')).mode & 0o777).toBe(0o600);
    await vault.stop();
    await vault.start();
    expect(await sealingKeyOf(rig)).toBe(key);
  });

  it('is followed by another one when the operator says so, and only then; the former one still opens', async () => {
    const former = await sealingKeyOf(rig);
    const stranger = { authorization: `Bearer ${officer.token}` };
    expect((await vault.send('POST', '/v1/sealing-keys', stranger)).status).toBe(401);
    expect(await sealingKeyOf(rig)).toBe(former);
    const made = await Promise.all([1, 2, 3].map(() => vault.operator('POST', '/v1/sealing-keys', {})));
    const added = made.map(({ status, body }) => [status, String(body['sealingKey'])] as const);
    expect(new Set(added.map(([, key]) => key)).size).toBe(3);
    expect(added.map(([status]) => status)).toEqual([201, 201, 201]);
    for (const key of [former, ...added.map(([, each]) => each)]) {
      const { clip, plain } = await handOver({ key });
      expect(Buffer.from((await get(clip, '/clip')).bytes).equals(plain)).toBe(true);
    }
  });

  it('that was lost is named when it is needed', async () => {
    const { clip } = await handOver();
    const path = join(vault.folder, 'sealing.keys');
    const kept = readFileSync(path);
    await vault.disk.replaceFile(path, utf8(`${generateSealingKey(random).exportSecret()}\n`));
    expect(code(await get(clip, '/manifest'))).toBe('500 state_damaged');
    await vault.disk.replaceFile(path, kept);
    expect((await get(clip, '/manifest')).status).toBe(200);
  });

  it('is not replaced while its file is missing, such as on a disk that is not mounted', async () => {
    const { clip } = await handOver();
    const path = join(vault.folder, 'sealing.keys');
    const kept = readFileSync(path);
    await vault.disk.remove(path);
    const { clip: coming } = await sealedClip(rig, { key: generateSealingKey(random).publicKey });
    await coming.offer();
    const answers = [
      await vault.send('GET', '/v1/vault', {}),
      await vault.operator('POST', '/v1/sealing-keys', {}),
      await get(clip, '/clip'),
      // Whether it is encrypted to the vault is not known without the keys.
      await coming.bytes(),
    ];
    expect(answers.map(code)).toEqual(answers.map(() => '500 state_damaged'));
    expect(readdirSync(vault.folder)).not.toContain('sealing.keys');
    await vault.disk.replaceFile(path, kept);
    expect((await get(clip, '/clip')).status).toBe(200);
  });
});

// The last one: it ends the officer's session.
describe('a vault whose clock is wrong', () => {
  it.each([-1, 1])(
    'by %d days takes nothing, and the verdict of a right one is as it would have been',
    async (days) => {
      const { clip } = await sealedClip(rig);
      const iat = rig.fixture.cast.nowS();
      const offer = clip.step('offer', { iat, exp: iat + 600 });
      vault.clock.shiftS = days * 24 * 3_600;
      expect([await clip.offer({ offer }), await clip.bytes({ offer })].map(code)).toEqual([
        '403 token_expired',
        '403 token_expired',
      ]);
      vault.clock.shiftS = 0;
      expect((await clip.offer({ offer })).body).toMatchObject({ state: 'open' });
      expect(verdictOf(await clip.bytes({ offer }))).toMatchObject({ outcome: 'as-granted' });
    },
  );
});
