// A stored clip goes to the vault once. The bridge deletes its copy only on the vault's signed acknowledgement of this very clip; until
// then the owner's revocation wins; and a vault that is down, slow or lying loses nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import type { Log } from '../../../device/base/log.ts';
import { itemId, itemIdText, RecallAnswer } from '../../../device/contract/hand-over-documents.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { makeParty } from '../../support/parties.ts';
import { Sqlite } from '../../support/sqlite.ts';
import { bridgeWithVault, OfferedClip, receiptOf, type VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('hand-over');
let fixture: BridgeFixture;
let vault: VaultFixture;
let request: string;
let logged: { message: string; facts: Record<string, unknown> }[] = [];
const note = (message: string, facts: object = {}) => void logged.push({ message, facts: { ...facts } });
const log: Log = { debug: () => undefined, info: note, warn: note, error: note, child: () => log };

beforeEach(async () => {
  logged = [];
  ({ fixture, vault } = await bridgeWithVault((options) => BridgeFixture.open(options), folder.path, {
    log,
    bridge: { answerSMax: 0.5 },
  }));
  request = await fixture.ready();
});
afterEach(async () => {
  await fixture.close();
  await vault.stop();
  folder.dispose();
});

const itemOf = ({ clipId }: Parcel) => itemId(sha256Hex(itemIdText(fixture.cast.bridge.id, clipId)));
const atBridge = () => readdirSync(join(fixture.bridgeFolder, 'clips'));
const atVault = () => readdirSync(join(vault.folder, 'blobs'));
const waits = () =>
  logged
    .filter(
      ({ message }) =>
        message === 'a step of handing a clip over to the vault failed; it is tried again after retryInMs',
    )
    .map(({ facts }) => facts['code']);
const handedOver = async (parcel: Parcel) => {
  const officer = await vault.officer(fixture.cast.agency.id);
  await expect
    .poll(async () => (await vault.as(officer, 'GET', `/evidence/${itemOf(parcel)}`)).status, { timeout: 10_000 })
    .toBe(200);
  await expect.poll(atBridge).toEqual([]);
  return officer;
};

async function delivered(): Promise<Parcel> {
  const parcel = fixture.parcel(request);
  await fixture.deliver(parcel);
  return parcel;
}

describe('a clip that is stored', () => {
  it('goes to the vault that its receipt names; the bridge keeps no copy and answers with the vault’s name', async () => {
    const parcel = await delivered();
    const receipt = receiptOf((await fixture.status(parcel)).body);
    expect(receipt).toMatchObject({ outcome: 'stored', vault: vault.vault.publicKey });
    await handedOver(parcel);
    expect(readFileSync(join(vault.folder, 'blobs', itemOf(parcel), 'clip.mp4')).equals(parcel.clip)).toBe(true);
    const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'), { readonly: true });
    expect(database.prepare('select manifest from intakes').all()).toEqual([{ manifest: '' }]);
    database.close();
    const where = await fetch(`${fixture.bridge.url}/v1/clips/${parcel.clipId}`, {
      redirect: 'manual',
      headers: { authorization: `Bearer ${fixture.access(parcel.clipId)}` },
    });
    const evidence = `${vault.vault.url}/v1/agencies/${fixture.cast.agency.id}/evidence/${itemOf(parcel)}`;
    expect([where.status, where.headers.get('location')]).toEqual([303, evidence]);
    expect((await fixture.get('/v1/clips', fixture.access('all'))).body['clips']).toMatchObject([{ evidence }]);
    // The device may repeat the call and gets the same answer.
    expect(await fixture.status(parcel)).toMatchObject({ status: 200, body: { state: 'stored' } });
    expect(await fixture.openIntake(parcel)).toMatchObject({ status: 200, body: { state: 'stored' } });
  });

  it('waits for a vault that is down, and goes when it is back, also after the bridge was restarted', async () => {
    await vault.stop();
    const parcel = await delivered();
    await expect.poll(waits, { timeout: 5_000 }).toContain('vault_unreachable');
    expect(atBridge()).toEqual([parcel.clipId]);
    expect((await fixture.get(`/v1/clips/${parcel.clipId}/manifest`, fixture.access(parcel.clipId))).status).toBe(200);
    await fixture.bridge.stop();
    await vault.start();
    await fixture.startBridge();
    await handedOver(parcel);
  });

  it('is handed over though this process never noticed it: a commit’s answer was lost, or another instance is gone', async () => {
    await vault.stop();
    const parcel = await delivered();
    await expect.poll(waits, { timeout: 5_000 }).toContain('vault_unreachable');
    await fixture.revoke(parcel);
    await vault.start();
    const database = new Sqlite(join(fixture.bridgeFolder, 'bridge.sqlite'));
    const state = () => database.prepare('select state from hand_overs').pluck().get();
    await expect.poll(state).toBe('withdrawn');
    database.prepare(`update hand_overs set state = 'withdrawing'`).run();
    await expect.poll(state).toBe('withdrawn');
    database.close();
  });

  it('stays at the bridge when its receipt names no vault: clips from before are not handed over', async () => {
    await fixture.bridge.stop();
    Object.assign(fixture.options.bridge ?? {}, { vault: undefined });
    await fixture.startBridge();
    const parcel = await delivered();
    await fixture.bridge.stop();
    Object.assign(fixture.options.bridge ?? {}, { vault: vault.setting() });
    await fixture.startBridge();
    const later = await delivered();
    await expect.poll(() => atVault().includes(itemOf(later))).toBe(true);
    await expect.poll(atBridge).toEqual([parcel.clipId]);
    expect(atVault()).not.toContain(itemOf(parcel));
    // Nor is it offered: the vault would refuse it.
    expect(waits()).toEqual([]);
  });
});

/** Stands between bridge and vault; `lie` may answer in the vault's place. */
class Impostor {
  private readonly server: Server;
  lie: (asked: IncomingMessage, body: Buffer, reply: ServerResponse) => boolean = () => false;
  private constructor(server: Server) {
    this.server = server;
  }

  static async open(real: string): Promise<Impostor> {
    const server = createServer();
    const impostor = new Impostor(server);
    server.on('request', async (asked: IncomingMessage, reply: ServerResponse) => {
      const parts: Buffer[] = [];
      for await (const part of asked) parts.push(part);
      const body = Buffer.concat(parts);
      if (impostor.lie(asked, body, reply)) return;
      const { authorization, 'content-type': type } = asked.headers;
      const headers = { ...(authorization ? { authorization } : {}), ...(type ? { 'content-type': type } : {}) };
      const answer = await fetch(`${real}${asked.url}`, { method: asked.method ?? 'GET', headers, body }).catch(
        () => null,
      );
      if (answer) reply.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      else reply.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return impostor;
  }

  get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

describe('a vault that is slow or lies', () => {
  let impostor: Impostor;
  beforeEach(async () => {
    impostor = await Impostor.open(vault.vault.url);
    await behindImpostor(2);
  });
  afterEach(() => impostor.close());

  /** Starts the bridge with the impostor as its vault; `answerSMax`: how long it waits for an answer. */
  async function behindImpostor(answerSMax: number): Promise<void> {
    await fixture.bridge.stop();
    Object.assign(fixture.options.bridge ?? {}, { vault: vault.setting({ url: impostor.url, answerSMax }) });
    await fixture.startBridge();
  }

  /** Answers every PUT of a clip with `say`, and everything else truly. */
  const lying = (say: (reply: ServerResponse) => void) => {
    impostor.lie = (asked, _body, reply) => {
      if (asked.method !== 'PUT') return false;
      say(reply);
      return true;
    };
  };
  const json = (reply: ServerResponse, status: number, body: object) =>
    reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  it('is not trusted: after each wrong answer the clip stays at the bridge, and the right one is accepted at last', {
    tags: ['long'],
    timeout: 30_000,
  }, async () => {
    const parcel = fixture.parcel(request);
    const real = new OfferedClip(fixture, vault, request, parcel);
    const { cast, random } = fixture;
    const sign = (changes: object, by = { id: vault.vault.id, key: vaultKey() }) =>
      cast.sign(
        'doorsill-acknowledgement+jws',
        { iss: by.key.publicKey, aud: cast.bridge.id, iat: cast.nowS(), jti: 'a-1', ...real.facts, ...changes },
        by,
      );
    const stranger = makeParty('vault', random);
    const held = (acknowledgement?: string, item = real.item) => ({
      item,
      state: 'held',
      ...(acknowledgement ? { acknowledgement } : {}),
    });
    const other = itemId(sha256Hex('other'));
    const lies: [string, string, (reply: ServerResponse) => void][] = [
      ['without an acknowledgement', 'hand_over_unconfirmed', (reply) => json(reply, 200, held())],
      ['another’s signature', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({}, stranger)))],
      ['for another bridge', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({ aud: 'bridge-other' })))],
      ['other bytes', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({ clipSha256: sha256Hex('x') })))],
      ['fewer bytes', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({ clipBytes: 1 })))],
      [
        'another manifest',
        'hand_over_unconfirmed',
        (reply) => json(reply, 200, held(sign({ manifestSha256: sha256Hex('x') }))),
      ],
      ['another item’s id', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({ item: other }), other))],
      [
        'another item’s acknowledgement',
        'hand_over_unconfirmed',
        (reply) => json(reply, 200, held(sign({ item: other }))),
      ],
      ['another grant', 'hand_over_unconfirmed', (reply) => json(reply, 200, held(sign({ grant: 'grant-other' })))],
      [
        'that it is erased',
        'hand_over_unconfirmed',
        (reply) => json(reply, 200, { ...held(sign({})), state: 'erased' }),
      ],
      ['no JSON', 'vault_unreachable', (reply) => reply.writeHead(200).end('<html>')],
      ['a redirect', 'vault_unreachable', (reply) => reply.writeHead(307, { location: 'http://127.0.0.1:9/' }).end()],
      ['an error of its own', 'vault_unreachable', (reply) => reply.writeHead(500).end()],
      ['too much', 'vault_unreachable', (reply) => reply.writeHead(200).end('x'.repeat(100_000))],
      ['nothing, for too long', 'vault_unreachable', () => undefined],
    ];
    await expectLies(parcel, lies);
    impostor.lie = () => false;
    await handedOver(parcel);
    expect(atVault()).toEqual([real.item]);
  });

  async function expectLies(parcel: Parcel, lies: [string, string, (reply: ServerResponse) => void][]): Promise<void> {
    let at = 0;
    lying((reply) => {
      const lie = lies[Math.min(at, lies.length - 1)];
      at += 1;
      lie?.[2](reply);
    });
    await fixture.deliver(parcel);
    await expect.poll(() => waits().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(lies.length);
    expect(waits().slice(0, lies.length)).toEqual(lies.map(([, code]) => code));
    expect(atBridge()).toEqual([parcel.clipId]);
    expect(await fixture.status(parcel)).toMatchObject({ body: { state: 'stored' } });
  }

  const vaultKey = () => {
    const secret = readFileSync(join(vault.folder, 'signing.key'), 'utf8').trim();
    const key = importSigningKey(secret);
    if (!key) throw new Error('the vault has no key');
    return key;
  };

  it('neither loses nor doubles the clip by late or repeated answers', async () => {
    await behindImpostor(0.3);
    impostor.lie = (asked, body, reply) => {
      if (asked.method !== 'PUT') return false;
      // The vault has it, but its answer comes after the bridge's timeout.
      const send = (after: number) =>
        fetch(`${vault.vault.url}${asked.url}`, {
          method: 'PUT',
          headers: {
            authorization: asked.headers.authorization ?? '',
            'content-type': String(asked.headers['content-type']),
          },
          body,
        })
          .then((answer) => answer.text())
          .then((text) => setTimeout(() => reply.end(text), after));
      void send(600).then(() => send(600));
      return true;
    };
    const parcel = await delivered();
    await handedOver(parcel);
    expect(waits()).toContain('vault_unreachable');
    expect(atVault()).toEqual([itemOf(parcel)]);
  });

  it('cannot keep a clip that its owner revokes during the hand-over', async () => {
    let isSent: () => void = () => undefined;
    const sent = new Promise<void>((resolve) => {
      isSent = resolve;
    });
    let isFree = false;
    impostor.lie = (asked, body, reply) => {
      if (asked.method === 'PUT' && !isFree) {
        // The vault takes it and does not answer.
        void fetch(`${vault.vault.url}${asked.url}`, {
          method: 'PUT',
          headers: {
            authorization: asked.headers.authorization ?? '',
            'content-type': String(asked.headers['content-type']),
          },
          body,
        }).then(isSent);
        return true;
      }
      if (isFree) return false;
      return asked.url?.includes('withdrawal') === true && json(reply, 503, {}) !== null;
    };
    const parcel = await delivered();
    await sent;
    expect(atVault()).toEqual([itemOf(parcel)]);
    // While the vault does not answer, the clip is not reported as deleted, and nobody is shown it.
    expect(await fixture.revoke(parcel)).toMatchObject({ status: 503, body: { code: 'vault_unreachable' } });
    expect(atBridge()).toEqual([]);
    const officer = await vault.officer(fixture.cast.agency.id);
    expect((await vault.as(officer, 'GET', `/evidence/${itemOf(parcel)}`)).status).toBe(404);
    isFree = true;
    const revoked = await fixture.revoke(parcel);
    expect(revoked).toMatchObject({ status: 200, body: { state: 'deleted' } });
    expect(receiptOf(revoked.body)).toMatchObject({ outcome: 'deleted' });
    expect(atVault()).toEqual([]);
  });
});

describe('an owner who revokes a clip after its hand-over', () => {
  const answerIn = (body: Record<string, unknown>) =>
    vault.opened(receiptOf(body).recall, 'doorsill-recall-answer+jws', RecallAnswer, receiptOf(body).grant);

  it('has it erased unless the department decides otherwise, and gets the vault’s signed answer', async () => {
    const parcel = await delivered();
    await handedOver(parcel);
    const revoked = await fixture.revoke(parcel);
    expect(revoked.body).toMatchObject({ state: 'deleted' });
    expect(receiptOf(revoked.body)).toMatchObject({ outcome: 'deleted', vault: vault.vault.publicKey });
    expect(answerIn(revoked.body)).toMatchObject({ decision: 'erased', clipSha256: sha256Hex(parcel.clip) });
    expect(existsSync(join(vault.folder, 'blobs', itemOf(parcel)))).toBe(false);
    expect((await fixture.revoke(parcel)).body).toEqual(revoked.body);
    // Only its device gets the same answer to a status call.
    expect((await fixture.status(parcel)).body).toEqual(revoked.body);
    expect((await fixture.get(`/v1/intakes/${parcel.grant}`, fixture.access(parcel.clipId))).status).toBe(403);
    expect((await fixture.get(`/v1/clips/${parcel.clipId}`, fixture.access(parcel.clipId))).status).toBe(404);
  });

  it('gets the reason of a department that keeps it, also when the vault was down at first', async () => {
    const parcel = await delivered();
    const officer = await handedOver(parcel);
    const recall = { answer: 'keep', reason: 'é'.repeat(160) };
    expect((await vault.as(officer, 'PUT', '/policy', { recall })).status).toBe(200);
    await vault.stop();
    expect(await fixture.revoke(parcel)).toMatchObject({ status: 503, body: { code: 'vault_unreachable' } });
    // The recall is not answered yet.
    expect((await fixture.status(parcel)).body['state']).toBe('stored');
    await vault.start();
    // The bridge also retries by itself: the device may be offline.
    await expect
      .poll(() => logged.some(({ message }) => message === 'the vault has answered an owner’s recall of a clip'), {
        timeout: 5_000,
      })
      .toBe(true);
    const revoked = await fixture.revoke(parcel);
    expect(revoked.body).toMatchObject({ state: 'recalled' });
    expect((await fixture.status(parcel)).body).toEqual(revoked.body);
    expect(answerIn(revoked.body)).toMatchObject({ decision: 'kept', reason: recall.reason });
    // It must fit into the device's own receipt.
    expect(String(revoked.body['receipt']).length).toBeLessThanOrEqual(4_096);
    expect(readdirSync(join(vault.folder, 'blobs', itemOf(parcel)))).toContain('clip.mp4');
  });
});
