// Two clips of one home without disclosures cannot be linked by anything that vault, agency and pet owner receive and keep: neither by
// device, owner or keys, nor by any other value that both clips share and another home's clip does not. Bridge, vault, outbox, uploader and
// signing are real. Times are in unlinkable-times.test.ts; the picture itself may link them, as SECURITY.md says.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { buildManifest, disclose } from '../../../device/clip/disclosure.ts';
import { makeStatement } from '../../../device/clip/sign-recipient-statement.ts';
import { mintLiveGrant } from '../../../device/consent/live-grant.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { CustodyBundle } from '../../../device/contract/custody.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { Grant } from '../../../device/contract/owner-orders.ts';
import { Request } from '../../../device/contract/request.ts';
import type { Ask } from '../../../device/contract/request-or-search.ts';
import { Search } from '../../../device/contract/search.ts';
import { Outbox } from '../../../device/upload/outbox.ts';
import { Uploader } from '../../../device/upload/upload.ts';
import { clipOf } from '../../device/upload/support/sender.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { claimsOf, makeParty, type Party, textClaim } from '../../support/parties.ts';
import { plainMp4 } from '../../support/plain-mp4.ts';
import { BARE_JPEG, Searching } from '../../support/searches.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { type Officer, VaultFixture } from '../../support/vault-fixture.ts';

const random = new SystemRandom();
const folder = temporaryFolder('unlinkable');
let fixture: BridgeFixture;
let vault: VaultFixture;
let officer: Officer;
let wire: Wire;
const logged: string[] = [];
const log: Log = {
  ...silentLog(),
  ...Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (message: string, facts: object = {}) => void logged.push(`${message} ${JSON.stringify(facts)}`),
    ]),
  ),
};

/** All bytes between bridge and vault, both ways. */
interface Wire {
  server: Server;
  port: number;
  seen: Buffer[];
}

function tap(targetPort: number): Promise<Wire> {
  const seen: Buffer[] = [];
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      from.on('data', (piece) => {
        seen.push(piece);
        to.write(piece);
      });
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address ? address.port : 0, seen });
    });
  });
}

/** A clip as its home sent it. */
interface Sent {
  clip: string;
  grant: string;
  grantToken: string;
  /** Values that must not occur anywhere. */
  secrets: Record<string, string>;
}

/** One home with the device's real sender. */
class Home {
  readonly device: Party = makeParty('device', random);
  readonly owner: Party = makeParty('owner', random);
  private readonly pairing: string;
  private readonly outbox: Outbox;
  private readonly uploader: Uploader;
  private clips = 0;

  /** Enrolled, with an empty outbox. */
  static async open(name: string): Promise<Home> {
    const home = new Home(name);
    await home.outbox.start();
    await fixture.enrol(home.device);
    return home;
  }

  private constructor(name: string) {
    const { cast, clock } = fixture;
    this.pairing = cast.pairing({ device: this.device.id, key: this.owner.key.publicKey }, this.device);
    const key = generateSealKey(random);
    this.outbox = new Outbox({ disk: fixture.disk, random, log: silentLog(), folder: join(folder.path, name), key });
    this.uploader = new Uploader({
      device: this.device,
      outbox: this.outbox,
      bridge: () => ({ url: fixture.bridge.url, id: cast.bridge.id, key: cast.bridge.key.publicKey }),
      progress: () => undefined,
      clock,
      random,
      log: silentLog(),
    });
  }

  /** Grants a request without disclosures, and sends the clip. */
  async grant(ask: Ask, askToken: string, startUs: number, changes: Partial<Grant> = {}): Promise<Sent> {
    const { cast, clock } = fixture;
    this.clips += 1;
    const window = { startUs, endUs: startUs + 5_000_000 };
    const grantToken = cast.grant(
      askToken,
      { aud: this.device.id, disclose: [], audio: false, window, ...changes },
      this.owner,
    );
    const facts = {
      grant: Grant.parse(claimsOf(grantToken)),
      grantToken,
      request: ask,
      requestToken: askToken,
      pairingToken: this.pairing,
    };
    const { live } = mintLiveGrant(facts, { clock, held: () => null });
    const frames = 20 + this.clips;
    const bytes = plainMp4({ frames, audioPackets: 0, frameBytes: 900 + 10 * this.clips });
    // One camera's clock: the first frame of each clip has the same phase in its second, at 15 frames a second.
    const coverage = { startUs: startUs + 123_457, endUs: startUs + 123_457 + Math.round((frames * 1_000_000) / 15) };
    const clip = { ...clipOf(bytes), frames, coverage };
    const item = await this.outbox.seal(live, clip, async ({ sha256 }) => {
      const { device } = this;
      const manifest = signToken(
        'doorsill-manifest+jws',
        buildManifest(live, {
          clipId: `clip-${sha256Hex(random.bytes(16)).slice(0, 32)}`,
          clip,
          clipSha256: sha256,
          disclosed: disclose(live, {}),
          device: { id: device.id, publicKey: device.key.publicKey },
          iat: cast.nowS(),
        }),
        device.key,
      );
      return { manifest, ...makeStatement(live, manifest, { device, random }) };
    });
    const receipt = await this.uploader.send(live, item);
    const manifest = item.manifest;
    return {
      clip: String(claimsOf(manifest)['jti']),
      grant: live.id,
      grantToken,
      secrets: {
        'the device': this.device.id,
        'its key': this.device.key.publicKey,
        "the owner's key": this.owner.key.publicKey,
        'the owner': this.owner.id,
        'the pairing statement': this.pairing.slice(-60),
        'the grant token': grantToken.slice(-60),
        'the full manifest': manifest.slice(-60),
        'the certificate': String(item.papers?.certificate).slice(-60),
        'its salt': String(claimsOf(String(item.papers?.certificate))['salt']),
        "the device's receipt": receipt.slice(-60),
        'the exact place of a frame in time': String(coverage.startUs),
      },
    };
  }

  /** Revokes a clip as the device does. */
  async revoke(sent: Sent): Promise<string> {
    const revocation = fixture.cast.revoke(sent.grantToken, { aud: this.device.id }, this.owner);
    const homeRecall = await this.outbox.recallOf(sent.grant);
    expect(homeRecall).not.toBeNull();
    const { signal } = new AbortController();
    return this.uploader.revoke(sent.grant, { revocation, homeRecall }, fixture.cast.bridge.id, signal);
  }
}

/** A text with all nested base64url in it decoded, such as tokens' parts. */
function unfolded(text: string, depth = 4): string {
  if (depth === 0) return text;
  const inner = (text.match(/[A-Za-z0-9_-]{20,}/g) ?? []).map((run) =>
    Buffer.from(run, 'base64url').toString('latin1'),
  );
  const readable = inner.filter((decoded) => /^[\x20-\x7e\s]{12,}$/.test(decoded));
  return [text, ...readable.map((decoded) => unfolded(decoded, depth - 1))].join('\n');
}

/** Names of secrets that occur in any of the texts. */
function found(secrets: Record<string, string>, texts: readonly string[]): string[] {
  const all = texts.map((text) => unfolded(text)).join('\n');
  return Object.keys(secrets).filter((name) => all.includes(secrets[name] ?? ''));
}

/** Values too long to be equal by chance. */
function values(texts: readonly string[]): Set<string> {
  const all = texts.map((text) => unfolded(text)).join('\n');
  return new Set(all.match(/[A-Za-z0-9_-]{16,}/g) ?? []);
}

/** Values that two clips share and a clip of another home does not. */
function shared(one: readonly string[], other: readonly string[], strangers: readonly string[]): string[] {
  const [two, third] = [values(other), values(strangers)];
  return [...values(one)].filter((value) => two.has(value) && !third.has(value));
}

async function ask(investigation: string): Promise<{ ask: Ask; token: string; startUs: number }> {
  const token = fixture.cast.request({ investigation, profile: 'nothing' });
  expect((await fixture.post('/v1/requests', { request: token })).status).toBe(201);
  const parsed = Request.parse(claimsOf(token));
  return { ask: parsed, token, startUs: parsed.window.startUs + 60_000_000 };
}

beforeAll(async () => {
  vault = await new VaultFixture(join(folder.path, 'vault'), {}, log).start();
  wire = await tap(Number(new URL(vault.vault.url).port));
  const url = `http://127.0.0.1:${wire.port}`;
  fixture = await BridgeFixture.open({ bridge: { vault: vault.setting({ url }), intake: { freeBytesMin: 0 } } });
  await vault.pin(fixture.cast.bridge);
  await fixture.admitAgency();
  officer = await vault.officer(fixture.cast.agency.id);
});
afterAll(async () => {
  await fixture.close();
  wire.server.close();
  await vault.stop();
  folder.dispose();
});

/** Everything about one clip that its agency and vault can see, without the clip's bytes. */
async function aboutClip({ clip, grant }: Sent): Promise<string[]> {
  const at = (path: string) => fixture.get(`/v1/clips/${clip}${path}`, fixture.access(clip));
  const listed = JSON.stringify((await vault.as(officer, 'GET', '/evidence')).body['items']);
  const item = /"item":"(item-[0-9a-f]+)","clip":"([^"]+)"/g;
  const id = [...listed.matchAll(item)].find(([, , named]) => named === clip)?.[1] ?? 'none';
  const texts: string[] = [];
  const keep = (body: object, headers: Headers) =>
    void texts.push(JSON.stringify(body), [...headers].map(([name, value]) => `${name}: ${value}`).join('\n'));
  for (const answer of [await at(''), await at('/manifest')]) keep(answer.body, answer.headers);
  const { receipt, proof } = CustodyBundle.parse((await at('/custody')).body);
  // The path to the root depends only on the leaf's number in the public log; neighbouring leaves share parts of it.
  const { path: _path, head: _head, ...ofClip } = proof;
  texts.push(JSON.stringify({ receipt, ...ofClip }));
  for (const path of ['', '/manifest', '/trail']) {
    const answer = await vault.as(officer, 'GET', `/evidence/${id}${path}`);
    expect(answer.status).toBe(200);
    keep(answer.body, answer.headers);
  }
  const clipHeaders = await vault.as(officer, 'GET', `/evidence/${id}/clip`);
  keep({}, clipHeaders.headers);
  const database = new Sqlite(join(vault.folder, 'vault.sqlite'), { readonly: true });
  for (const table of ['items', 'trail']) {
    const column = table === 'items' ? 'grant_id' : 'item';
    const rows = database.prepare(`select * from ${table} where ${column} = ?`).all(table === 'items' ? grant : id);
    expect(rows.length).toBeGreaterThan(0);
    texts.push(JSON.stringify(rows));
  }
  database.close();
  texts.push(readFileSync(join(vault.folder, 'blobs', id, 'manifest.jws'), 'latin1'));
  return texts;
}

function filesUnder(path: string): string[] {
  return readdirSync(path).flatMap((name) => {
    const inner = join(path, name);
    return statSync(inner).isDirectory() ? filesUnder(inner) : [readFileSync(inner, 'latin1')];
  });
}

/** Everything that was ever sent, and the bytes since the vault's start. */
async function everythingElse(): Promise<string[]> {
  const log_ = await fixture.get('/v1/custody/entries?from=0&limit=500');
  const audit = await fixture.get('/v1/access-audit', fixture.access('all'));
  const wired = Buffer.concat(wire.seen).toString('latin1');
  return [...filesUnder(vault.folder), wired, ...logged, JSON.stringify(log_.body), JSON.stringify(audit.body)];
}

describe('two clips of one home that disclose nothing', () => {
  it('have nothing in common for agency and vault, including a recall', async () => {
    const [home, neighbor] = [await Home.open('home'), await Home.open('neighbor')];
    await vault.as(officer, 'PUT', '/policy', { recall: { answer: 'restrict', reason: 'a trial' } });
    const sent: Sent[] = [];
    for (const [by, atS] of [
      [home, 10],
      [home, 40],
      [neighbor, 70],
    ] as const) {
      const { ask: asked, token, startUs } = await ask(`SPD-${atS}`);
      sent.push(await by.grant(asked, token, startUs + atS * 1_000_000));
    }
    const inVault = async () => Object(await vault.as(officer, 'GET', '/evidence')).body.items.length;
    await expect.poll(inVault, { timeout: 10_000 }).toBe(3);
    for (const [at, by] of [home, home, neighbor].entries()) {
      const answer = await by.revoke(sent[at] as Sent);
      expect(claimsOf(answer)).toMatchObject({ outcome: 'recalled' });
    }
    const [first = [], second = [], strangers = []] = [
      await aboutClip(sent[0] as Sent),
      await aboutClip(sent[1] as Sent),
      await aboutClip(sent[2] as Sent),
    ];
    expect(first.join()).toContain(String(sent[0]?.clip));
    expect(shared(first, second, strangers)).toEqual([]);
    const rest = await everythingElse();
    for (const { secrets } of sent) expect(found(secrets, [...first, ...second, ...strangers, ...rest])).toEqual([]);

    // Planted: if these were not found, the result above would prove nothing.
    const hidden = toBase64url(Buffer.from(JSON.stringify({ of: home.device.id })));
    const key = home.owner.key.publicKey;
    expect(found(sent[0]?.secrets ?? {}, [...first, `x ${hidden}`])).toEqual(['the device']);
    expect(shared([...first, `{"by":"${key}"}`], [...second, `{"by":"${key}"}`], strangers)).toEqual([key]);
    expect(rest.join().includes(String(sent[0]?.clip))).toBe(true);
  });

  it('have nothing in common for a pet’s owner', async () => {
    const [home, neighbor, posters] = [await Home.open('seer'), await Home.open('other'), await Home.open('poster')];
    const searching = new Searching(fixture.cast);
    const pairing = fixture.cast.pairing(
      { device: posters.device.id, key: searching.poster.key.publicKey },
      posters.device,
    );
    const about: string[][] = [];
    const sent: Sent[] = [];
    for (const [by, agoS] of [
      [home, 300],
      [home, 240],
      [neighbor, 180],
    ] as const) {
      const token = searching.search();
      const body = { search: token, photo: toBase64url(BARE_JPEG), pairing };
      expect((await fixture.post('/v1/search-party/searches', body)).status).toBe(201);
      const recipient = { kind: 'neighbor', key: searching.poster.key.publicKey } as const;
      const startUs = (fixture.cast.nowS() - agoS) * 1_000_000;
      const one = await by.grant(Search.parse(claimsOf(token)), token, startUs, { recipient });
      sent.push(one);
      const texts: string[] = [];
      for (const path of ['', `/${one.clip}/manifest`, `/${one.clip}`]) {
        const call = { action: 'see', clip: path === '' ? 'all' : one.clip } as const;
        const answer = await fixture.get(`/v1/search-party/clips${path}`, searching.call(call));
        expect(answer.status).toBe(200);
        const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
        if (path !== '') texts.push(...headers);
        // The list also has the earlier clips: only this one counts.
        const listed = JSON.stringify(answer.body['clips'] ?? [])
          .split('{')
          .filter((entry) => entry.includes(one.clip));
        texts.push(...(path === '' ? listed : path.endsWith('manifest') ? [JSON.stringify(answer.body)] : []));
      }
      about.push(texts);
      const end = searching.call({ action: 'end', search: textClaim(token, 'jti') });
      const path = `/v1/search-party/searches/${textClaim(token, 'jti')}/end`;
      expect((await fixture.post(path, {}, end)).status).toBe(200);
    }
    const [first = [], second = [], strangers = []] = about;
    expect(shared(first, second, strangers)).toEqual([]);
    for (const { secrets } of sent) expect(found(secrets, about.flat())).toEqual([]);
    expect(found(sent[0]?.secrets ?? {}, [...first, home.owner.key.publicKey])).toEqual(["the owner's key"]);
  });
});
