// Every event of the bridge is a leaf of one provable log, and the log discloses nothing about homes to outsiders.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { headAnswerSchema } from '../../../cloud-bridge/custody/custody-answers.ts';
import { sha256, sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { freshId, SystemRandom } from '../../../device/base/random.ts';
import { verifyClip } from '../../../device/clip/verify-clip.ts';
import { fromHex, toHex, utf8 } from '../../../device/contract/bytes.ts';
import {
  CustodyBundle,
  CustodyEntry,
  type CustodyProof,
  FACTS,
  openProof,
  printProof,
  TreeHead,
} from '../../../device/contract/custody.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { isConsistent, leafHash, rootOfInclusion } from '../../../device/contract/merkle.ts';
import { type Answer, BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty, type Party } from '../../support/parties.ts';

const crypto = { sha256, verify: verifySignature };
let fixture: BridgeFixture;
let request: string;
let parcel: Parcel;

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
  parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
});
afterAll(() => fixture.close());

async function head() {
  const answer = await fixture.get('/v1/custody/head');
  const opened = openToken(String(answer.body['head']), {
    typ: 'doorsill-tree-head+jws',
    schema: TreeHead,
    audience: 'public',
    keys: [fixture.cast.bridge.key.publicKey],
    verify: verifySignature,
  });
  if (!opened.ok) throw new Error(`the head does not verify: ${opened.fault}`);
  return { size: opened.claims.size, root: fromHex(opened.claims.root) ?? new Uint8Array() };
}

async function entries(from = 0): Promise<{ leaf: number; entry: string }[]> {
  const { body } = await fixture.get(`/v1/custody/entries?from=${from}&limit=500`);
  return body['entries'] as { leaf: number; entry: string }[];
}

const kinds = async (from = 0) =>
  (await entries(from)).map(({ entry }) => {
    const parsed = CustodyEntry.parse(JSON.parse(entry));
    return 'event' in parsed ? `${parsed.kind} ${parsed.event}` : parsed.kind;
  });

/** A device's or owner's call for the custody bundle of a grant. */
function call(by: Party, changes: object = {}): string {
  const iat = fixture.cast.nowS();
  const claims = {
    iss: by.key.publicKey,
    aud: fixture.cast.bridge.id,
    iat,
    exp: iat + 120,
    jti: freshId(fixture.random, 'custody'),
    device: fixture.cast.device.id,
    grant: parcel.grant,
    ...changes,
  };
  return fixture.cast.sign('doorsill-custody+jws', claims, by);
}

const papers = (bearer: string, grant = parcel.grant) => fixture.get(`/v1/intakes/${grant}/custody`, bearer);
const hashes = (body: Record<string, unknown>) =>
  (body['path'] as string[]).map((hex) => fromHex(hex) ?? new Uint8Array());

describe('the log', () => {
  it('records the events of a clip in order: list, request, intake, each access, deletion, the request’s end', async () => {
    const own = await BridgeFixture.open();
    const before = fixture;
    try {
      fixture = own;
      const asked = await own.ready();
      const first = own.parcel(asked);
      await own.deliver(first);
      await own.get(`/v1/clips/${first.clipId}/manifest`, own.access(first.clipId));
      await own.get(`/v1/clips/${first.clipId}`, own.access(first.clipId), { range: 'bytes=0-9' });
      await own.get('/v1/clips', own.access('all'));
      await own.revoke(first);
      await own.revoke(first);
      const id = String(claimsOf(asked)['jti']);
      for (let again = 0; again < 2; again += 1) {
        const resolve = own.agencyCall({ action: 'resolve-request', request: id });
        await own.send('POST', `/v1/requests/${id}/resolve`, { authorization: `Bearer ${resolve}` });
      }
      await own.registry.revoke(own.cast.agency.id);
      await own.bridge.refreshRevocations();
      await own.bridge.refreshRevocations();
      expect(await kinds()).toEqual([
        ...['revocations', 'request published', 'intake', 'access', 'access', 'access', 'deletion'],
        ...['request resolved', 'revocations'],
      ]);
    } finally {
      fixture = before;
      await own.close();
    }
  });

  it('proves each leaf against the signed head, and that the log only grew', async () => {
    const before = await head();
    await fixture.get('/v1/clips', fixture.access('all'));
    const now = await head();
    expect(now.size).toBe(before.size + 1);
    for (const { leaf, entry } of await entries()) {
      const { body } = await fixture.get(`/v1/custody/inclusion?leaf=${leaf}&size=${now.size}`);
      const root = rootOfInclusion({ leaf, size: now.size, path: hashes(body) }, leafHash(utf8(entry), sha256), sha256);
      expect(root && toHex(root)).toBe(toHex(now.root));
    }
    const { body } = await fixture.get(`/v1/custody/consistency?from=${before.size}&to=${now.size}`);
    expect(isConsistent(before, now, hashes(body), sha256)).toBe(true);
    const forged = { size: before.size, root: sha256(utf8('another log')) };
    expect(isConsistent(forged, now, hashes(body), sha256)).toBe(false);
  });

  it('is read in pages, and the last page says that it is the last', async () => {
    const { size } = await head();
    const seen: number[] = [];
    for (let from: unknown = 0; from !== null; ) {
      const { body } = await fixture.get(`/v1/custody/entries?from=${from}&limit=2`);
      const page = body['entries'] as { leaf: number }[];
      expect(page.length).toBeLessThanOrEqual(2);
      seen.push(...page.map(({ leaf }) => leaf));
      from = body['next'];
    }
    expect(seen).toEqual(Array.from({ length: size }, (_, at) => at));
  });

  it('refuses what is out of range or malformed with a code', async () => {
    const { size } = await head();
    const codes: unknown[] = [];
    for (const query of [
      `inclusion?leaf=${size}`,
      `inclusion?leaf=0&size=${size + 1}`,
      'inclusion?leaf=0&size=0',
      `consistency?from=0&to=${size + 1}`,
      'consistency?from=2&to=1',
      'inclusion?leaf=-1',
      'inclusion?leaf=01',
      'inclusion?leaf=0&leaf=1',
      'inclusion?leaf=1e3',
      'inclusion?leaf=0&more=1',
      'consistency?from=1',
      'entries?limit=501',
      'entries?limit=0',
      'entries?from=99999999999999999999',
    ]) {
      codes.push((await fixture.get(`/v1/custody/${query}`)).body['code']);
    }
    expect(codes).toEqual([...Array<string>(5).fill('custody_unknown'), ...Array<string>(9).fill('http_body_invalid')]);
    expect((await fixture.get(`/v1/custody/entries?from=${size + 5}`)).body).toEqual({ entries: [], next: null });
  });
});

describe('a witness’s cosignature', () => {
  it('is served as long as the operator names that witness', async () => {
    const own = await BridgeFixture.open();
    const { cast } = own;
    const [named, removed] = [makeParty('owner', new SystemRandom()), makeParty('owner', new SystemRandom())];
    const witnesses = [named.key.publicKey, removed.key.publicKey];
    const restartWith = async (keys: readonly string[]) => {
      await own.bridge.stop();
      own.options.bridge = { custody: { witnesses: [...keys] } };
      await own.startBridge();
    };
    try {
      await restartWith(witnesses);
      await own.ready();
      const { body } = await own.get('/v1/custody/head');
      const head = String(body['head']);
      const { size, root } = TreeHead.parse(claimsOf(head));
      for (const witness of [named, removed]) {
        const said = {
          iss: witness.key.publicKey,
          aud: 'public',
          iat: cast.nowS(),
          bridge: cast.bridge.id,
          size,
          root,
        };
        const cosignature = cast.sign('doorsill-cosignature+jws', said, witness);
        expect((await own.post('/v1/custody/cosignatures', { head, cosignature })).status).toBe(201);
      }
      const served = async () => {
        const { cosigned } = headAnswerSchema.parse((await own.get('/v1/custody/head')).body);
        return (cosigned?.cosignatures ?? []).map((token) => String(claimsOf(token)['iss'])).sort();
      };
      expect(await served()).toEqual([...witnesses].sort());
      await restartWith([named.key.publicKey]);
      expect(await served()).toEqual([named.key.publicKey]);
      await restartWith([]);
      expect(await served()).toEqual([]);
    } finally {
      await own.close();
    }
  });
});

describe('outsiders', () => {
  it('learn neither home, clip, agency nor request from a clip’s leaves', async () => {
    const text = JSON.stringify((await entries()).filter(({ entry }) => !entry.includes('"kind":"request"')));
    const { cast } = fixture;
    for (const secret of [
      cast.device.id,
      parcel.clipId,
      parcel.grant,
      cast.agency.id,
      String(claimsOf(request)['jti']),
    ]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toContain(sha256Hex(parcel.clip));
  });

  it('cannot link two grants of one device', async () => {
    const { size } = await head();
    const other = fixture.parcel(request);
    await fixture.deliver(other);
    const homes = [...(await entries()), ...(await entries(size))]
      .map(({ entry }) => CustodyEntry.parse(JSON.parse(entry)))
      .flatMap((entry) => (entry.kind === 'intake' ? [entry.home] : []));
    expect(new Set(homes).size).toBe(2);
  });
});

describe('the custody bundle of a clip', () => {
  it('is shown to the agency, the device and the owner who granted, and verifies under the bridge’s key', async () => {
    const { cast } = fixture;
    const agencys = await fixture.get(`/v1/clips/${parcel.clipId}/custody`, fixture.access(parcel.clipId));
    const [devices, owners] = [await papers(call(cast.device)), await papers(call(cast.owner))];
    const receiptHash = (answer: Answer) => sha256Hex(CustodyBundle.parse(answer.body).receipt);
    for (const [answer, reader] of [
      [agencys, cast.agency],
      [devices, cast.device],
      [owners, cast.device],
    ] as const) {
      expect(answer.status).toBe(200);
      const { receipt, proof } = CustodyBundle.parse(answer.body);
      const opened = openProof(printProof(proof), crypto);
      if ('why' in opened) throw new Error(opened.why);
      expect(opened.head.iss).toBe(cast.bridge.key.publicKey);
      expect(FACTS.intake.parse(JSON.parse(opened.facts))).toEqual({
        clip: parcel.clipId,
        grant: parcel.grant,
        request: claimsOf(request)['jti'],
        agency: cast.agency.id,
        clipSha256: sha256Hex(parcel.clip),
        clipBytes: parcel.clip.length,
        manifestSha256: sha256Hex(parcel.manifestToken),
        statementSha256: sha256Hex(parcel.statement),
        receiptSha256: receiptHash(devices),
        statementReceiptSha256: receiptHash(agencys),
      });
      expect(claimsOf(receipt)['aud']).toBe(reader.id);
    }
  });

  it('verifies the statement with the receipt of either reader, and with no other', async () => {
    const { cast } = fixture;
    const verify = (of: { receipt: string; proof: CustodyProof }, statement = parcel.statement) =>
      verifyClip(
        (async function* () {
          yield parcel.clip;
        })(),
        statement,
        { receipt: of.receipt, proof: printProof(of.proof), bridgeKey: cast.bridge.key.publicKey },
      ).then(
        ({ chain, custody }) => [chain, custody?.leaf],
        (thrown: { facts?: { detail?: string } }) => thrown.facts?.detail,
      );
    const agencys = CustodyBundle.parse(
      (await fixture.get(`/v1/clips/${parcel.clipId}/custody`, fixture.access(parcel.clipId))).body,
    );
    const owners = CustodyBundle.parse((await papers(call(cast.owner))).body);
    expect(await verify(agencys)).toEqual(['statement', agencys.proof.leaf]);
    expect(await verify(owners)).toEqual(['statement', owners.proof.leaf]);
    const another = cast.statement(parcel.manifestToken, parcel.grant);
    expect(await verify(agencys, another.statement)).toBe('the receipt is for another statement');
    const stranger = cast.sign(
      'doorsill-intake+jws',
      { ...claimsOf(agencys.receipt), aud: 'agency-other' },
      cast.bridge,
    );
    expect(await verify({ ...agencys, receipt: stranger })).toBe('the receipt is not for this clip');
  });

  it('is shown to nobody else', async () => {
    const { cast } = fixture;
    const stranger = makeParty('owner', new SystemRandom());
    const nowS = cast.nowS();
    const codes: unknown[] = [];
    for (const answer of [
      await papers(call(stranger)),
      await papers(call(cast.agency)),
      await papers(call(cast.owner, { aud: 'bridge-other' })),
      await papers(call(cast.owner, { iat: nowS - 100, exp: nowS })),
      await papers(call(cast.owner, { exp: nowS + 3_600 })),
      await papers(call(cast.owner), 'grant-other'),
      await papers(call(cast.owner, { grant: 'grant-other' }), 'grant-other'),
      await papers(call(cast.device, { grant: 'grant-other' }), 'grant-other'),
      await papers(call(cast.owner, { device: 'device-other' })),
      await papers(parcel.bearer),
      await fixture.get(`/v1/intakes/${parcel.grant}/custody`),
      await fixture.get(`/v1/clips/${parcel.clipId}/custody`, fixture.access(parcel.clipId, stranger)),
    ]) {
      codes.push(answer.body['code']);
    }
    expect(codes).toEqual([
      ...['token_unknown_signer', 'token_unknown_signer', 'token_wrong_audience', 'token_expired', 'token_expired'],
      ...['http_not_found', 'token_unknown_signer', 'http_not_found', 'device_not_enrolled', 'token_unknown_claims'],
      ...['http_unauthorised', 'agency_unknown'],
    ]);
  });

  it('verifies for its own clip, receipt and bridge alone', async () => {
    const { cast } = fixture;
    const other = fixture.parcel(request);
    await fixture.deliver(other);
    const bundleOf = async ({ grant }: Parcel) =>
      CustodyBundle.parse((await papers(call(cast.owner, { grant }), grant)).body);
    const [own, others] = [await bundleOf(parcel), await bundleOf(other)];
    const bytes = async function* () {
      yield parcel.clip;
    };
    const verify = (receipt: string, proof: CustodyProof | string, bridgeKey = cast.bridge.key.publicKey) =>
      verifyClip(bytes(), parcel.manifestToken, {
        receipt,
        proof: typeof proof === 'string' ? proof : printProof(proof),
        bridgeKey,
      }).then(
        ({ custody }) => custody?.leaf,
        (thrown: { facts?: { detail?: string } }) => thrown.facts?.detail,
      );
    expect(await verify(own.receipt, own.proof)).toBe(own.proof.leaf);
    const stranger = makeParty('bridge', new SystemRandom());
    const strangersHead = cast.sign(
      'doorsill-tree-head+jws',
      { ...claimsOf(own.proof.head), iss: stranger.key.publicKey },
      stranger,
    );
    // A second receipt of the bridge for the same clip is not the one that the leaf records.
    const twin = cast.sign('doorsill-intake+jws', { ...claimsOf(own.receipt), jti: 'intake-twin' }, cast.bridge);
    const deletion = cast.sign('doorsill-intake+jws', { ...claimsOf(own.receipt), outcome: 'deleted' }, cast.bridge);
    const { leaf, salt, facts, entry } = own.proof;
    expect([
      await verify(own.receipt, others.proof),
      await verify(others.receipt, others.proof),
      await verify(twin, own.proof),
      await verify(deletion, own.proof),
      await verify(own.receipt, { ...own.proof, head: strangersHead }),
      await verify(own.receipt, own.proof, stranger.key.publicKey),
      await verify(own.receipt, { ...own.proof, leaf: leaf + 1 }),
      await verify(own.receipt, { ...own.proof, path: own.proof.path.slice(1) }),
      await verify(own.receipt, { ...own.proof, salt: salt.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }),
      await verify(own.receipt, { ...own.proof, facts: facts.replace('clip-', 'clip-0') }),
      await verify(own.receipt, { ...own.proof, entry: entry.replace('"intake"', '"access"') }),
      await verify(own.receipt, { ...own.proof, cosignatures: [own.proof.head] }),
      await verify(own.receipt, `${printProof(own.proof)} `),
    ]).toEqual([
      'the leaf is about another receipt or clip',
      'the receipt is for another manifest',
      'the leaf is about another receipt or clip',
      'the receipt is not for this clip',
      'the tree head is of another bridge than the receipt',
      'the receipt is of another bridge',
      'the leaf is not in the tree of the head',
      'the leaf is not in the tree of the head',
      'the leaf is not about these facts',
      'the leaf is not about these facts',
      'the leaf is not in the tree of the head',
      'a cosignature does not verify',
      'the proof is not a valid document',
    ]);
  });

  it('shows the deletion once the clip is revoked', async () => {
    const own = fixture.parcel(request);
    await fixture.deliver(own);
    await fixture.revoke(own);
    const answer = await papers(call(fixture.cast.owner, { grant: own.grant }), own.grant);
    const { receipt, proof } = CustodyBundle.parse(answer.body);
    expect(claimsOf(receipt)['outcome']).toBe('deleted');
    const opened = openProof(printProof(proof), crypto);
    if ('why' in opened) throw new Error(opened.why);
    expect(opened.entry.kind).toBe('deletion');
    expect(JSON.parse(opened.facts)).toEqual({
      grant: own.grant,
      clip: own.clipId,
      cause: 'intake_revoked',
      receiptSha256: sha256Hex(receipt),
    });
  });
});
