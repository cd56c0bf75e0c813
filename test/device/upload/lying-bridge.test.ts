// An upload to a bridge that lies ends with the exact bytes sent or with nothing, whatever the bridge answers.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import type { UploadProgress } from '../../../device/contract/home-messages.ts';
import type { OutboxItem } from '../../../device/upload/outbox.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { sealErrand } from './support/sealed-errand.ts';
import { type Errand, makeErrand, Sender } from './support/sender.ts';

// A bridge of the test's own, which behaves as each test says: honest where nothing else is said. The device must neither
// believe a lie nor send a byte twice or beyond the clip for it; it tries again until the grant ends.

interface Told {
  method: string;
  path: string;
  offset: string | undefined;
  bodyBytes: number;
}
type Lie = (told: Told, reply: ServerResponse) => boolean;

let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let errand: Errand;
let item: OutboxItem;
let lie: Lie;
let heard: Told[];
let received: number;
const server = createServer((message, reply) => void serve(message, reply));

beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  fixture.clock.shiftS = 0;
  sender = await Sender.open(fixture);
  errand = makeErrand(fixture, request, 400_000);
  item = await sender.seal(errand);
  [lie, heard, received] = [() => false, [], 0];
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address !== 'object') throw new Error('no port');
  sender.bridgeUrl = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  await sender.close();
});

const storedReceipt = (changes: object = {}, by = fixture.cast.bridge) => {
  const { clipSha256, clipBytes, manifestSha256 } = item;
  return fixture.cast.intakeReceipt(item.grant, { clipSha256, clipBytes, manifestSha256, ...changes }, by);
};

function json(reply: ServerResponse, status: number, body: object): void {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function serve(message: IncomingMessage, reply: ServerResponse): Promise<void> {
  let bodyBytes = 0;
  for await (const part of message) bodyBytes += Buffer.from(part).length;
  const [method, path] = [message.method ?? '', message.url ?? ''];
  const told = { method, path, offset: message.headers['upload-offset']?.toString(), bodyBytes };
  heard.push(told);
  if (method === 'PATCH') received += bodyBytes;
  if (lie(told, reply)) return;
  const { grant } = item;
  const length = { 'tus-resumable': '1.0.0', 'upload-length': String(item.clipBytes) };
  if (method === 'POST' && path === '/v1/intakes') json(reply, 200, { grant, state: 'open' });
  else if (method === 'HEAD' && path.startsWith('/v1/intakes/')) reply.writeHead(200).end();
  else if (method === 'POST') reply.writeHead(201, { location: '/v1/uploads/upload-1' }).end();
  else if (method === 'HEAD') reply.writeHead(200, { ...length, 'upload-offset': String(received) }).end();
  else if (method === 'PATCH') reply.writeHead(204, { ...length, 'upload-offset': String(received) }).end();
  else json(reply, 200, { grant, state: 'stored', receipt: storedReceipt() });
}

/** The first reported retry, after which the grant ends; the upload must not have succeeded. */
async function firstRetry(): Promise<UploadProgress> {
  const retry = new Promise<UploadProgress>((resolve) => {
    sender.onProgress = (progress) => {
      if (progress.state === 'retrying') resolve(progress);
    };
  });
  const outcome = sender.uploader.send(errand.live, item);
  outcome.catch(() => undefined);
  const first = await Promise.race([retry, outcome.then(() => null)]);
  errand.end('the test has seen enough');
  if (!first) throw new Error('the lie was believed');
  await expect(outcome).rejects.toMatchObject({ code: 'grant_dead' });
  return first;
}

const isPatch = (told: Told) => told.method === 'PATCH';
const isUploadHead = (told: Told) => told.method === 'HEAD' && told.path.startsWith('/v1/uploads/');
const isStatus = (told: Told) => told.method === 'GET';

describe('an upload to a bridge that lies', () => {
  it('accepts an honest one, so that the lies below are the cause of the refusals', async () => {
    expect(await sender.uploader.send(errand.live, item)).toContain('.');
    expect(received).toBe(item.clipBytes);
  });

  it.each([
    ['beyond the clip', (told: Told) => isUploadHead(told), { 'upload-offset': '99999999', 'upload-length': 'own' }, 0],
    ['that is no number', (told: Told) => isUploadHead(told), { 'upload-offset': '-1', 'upload-length': 'own' }, 0],
    ['of another length', (told: Told) => isUploadHead(told), { 'upload-offset': '0', 'upload-length': '5' }, 0],
    ['that it was not sent', (told: Told) => isPatch(told), { 'upload-offset': '300000' }, 1],
    ['where it already was', (told: Told) => isPatch(told), { 'upload-offset': '0' }, 1],
    ['before the last one', (told: Told) => isPatch(told) && told.offset !== '0', { 'upload-offset': '5' }, 2],
    ['in no header', (told: Told) => isPatch(told), {}, 1],
  ])('does not follow an offset %s', async (_name, applies, headers: Record<string, string>, patches) => {
    lie = (told, reply) => {
      if (!applies(told)) return false;
      const length = headers['upload-length'] === 'own' ? { 'upload-length': String(item.clipBytes) } : {};
      reply.writeHead(told.method === 'HEAD' ? 200 : 204, { ...headers, ...length }).end();
      return true;
    };
    expect(await firstRetry()).toMatchObject({ code: 'upload_unreachable' });
    // Nothing was sent because of the lie.
    expect(heard.filter(isPatch).map((told) => told.offset)).toEqual(['0', '196608', '393216'].slice(0, patches));
  });

  it.each([
    ['signed by somebody else', () => storedReceipt({}, makeParty('bridge', fixture.random))],
    ['for another device', () => storedReceipt({ aud: 'device-other' })],
    ['for another grant', () => fixture.cast.intakeReceipt('grant-other')],
    ['for other bytes', () => storedReceipt({ clipSha256: sha256Hex('other') })],
    ['for fewer bytes', () => storedReceipt({ clipBytes: 5 })],
    ['for another manifest', () => storedReceipt({ manifestSha256: sha256Hex('other') })],
    ['of a deletion', () => storedReceipt({ outcome: 'deleted' })],
    ['that says it has not opened a clip that is not encrypted', () => storedReceipt({ unopened: true })],
    ['that is not a token', () => 'yes'],
    ['that is missing', () => undefined],
  ])('does not believe a receipt %s', async (_name, receipt) => {
    lie = (told, reply) => {
      if (!isStatus(told)) return false;
      json(reply, 200, { grant: item.grant, state: 'stored', receipt: receipt() });
      return true;
    };
    expect(await firstRetry()).toMatchObject({ code: 'upload_unreachable', sentBytes: item.clipBytes });
  });

  describe('about a clip that only its recipient can read', () => {
    beforeEach(async () => {
      await sender.outbox.remove(item.grant);
      const sealed = await sealErrand(sender, request, { plain: errand.parcel.clip });
      [errand, item] = [sealed, sealed.item];
    });

    const innerSha256 = () => String(Object(claimsOf(item.manifest)['sealed'])['clipSha256']);

    /** Answers the upload with this receipt. */
    const answerWith = (changes: object) => {
      lie = (told, reply) => {
        if (!isStatus(told)) return false;
        json(reply, 200, { grant: item.grant, state: 'stored', receipt: storedReceipt(changes) });
        return true;
      };
    };

    it('believes a receipt that says that the bridge has not opened it', async () => {
      answerWith({ unopened: true });
      expect(await sender.uploader.send(errand.live, item)).toContain('.');
      expect(received).toBe(item.clipBytes);
    });

    it.each<[string, () => object]>([
      ['that does not say so', () => ({})],
      ['for the clip itself', () => ({ unopened: true, clipSha256: innerSha256() })],
    ])('does not believe a receipt %s', async (_name, changes) => {
      answerWith(changes());
      expect(await firstRetry()).toMatchObject({ code: 'upload_unreachable', sentBytes: item.clipBytes });
    });
  });

  it.each([
    ['a redirect', 302, { location: 'http://127.0.0.1:9/elsewhere' }, ''],
    ['a page of somebody else', 200, { 'content-type': 'text/html' }, '<html>'],
    ['a status of another grant', 200, {}, JSON.stringify({ grant: 'grant-other', state: 'open' })],
    ['unknown fields', 200, {}, JSON.stringify({ grant: 'own', state: 'open', upload: 'http://127.0.0.1:9/' })],
    ['more than the size limit', 200, {}, JSON.stringify({ grant: 'own', state: 'open' }) + ' '.repeat(100_000)],
    ['an error of its own', 500, {}, JSON.stringify({ code: 'internal' })],
  ])('is not led away by %s', async (_name, status, headers, body) => {
    lie = (told, reply) => {
      if (told.path !== '/v1/intakes') return false;
      reply.writeHead(status, headers).end(body.replace('"own"', JSON.stringify(item.grant)));
      return true;
    };
    await firstRetry();
    expect(received).toBe(0);
  });

  it('does not wait for a missing answer once the grant has ended', async () => {
    const asked = new Promise<void>((resolve) => {
      lie = (told) => {
        if (told.path === '/v1/intakes') resolve();
        return told.path === '/v1/intakes';
      };
    });
    const outcome = sender.uploader.send(errand.live, item);
    outcome.catch(() => undefined);
    await asked;
    errand.end('revoked');
    await expect(outcome).rejects.toMatchObject({ code: 'grant_dead' });
  });

  it('writes no further request after the grant’s expiry', async () => {
    lie = (told) => {
      if (isPatch(told) && told.offset === '196608') fixture.clock.shiftS = 25 * 3600;
      return false;
    };
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    expect(heard.at(-1)).toMatchObject({ method: 'PATCH', offset: '196608' });
  });

  it('sends to the pinned address, whatever address the bridge names', async () => {
    lie = (told, reply) => {
      if (told.method !== 'POST' || told.path !== '/v1/uploads') return false;
      reply.writeHead(201, { location: 'http://127.0.0.1:9/v1/uploads/upload-7' }).end();
      return true;
    };
    await sender.uploader.send(errand.live, item);
    expect(heard.filter(isPatch).every((told) => told.path === '/v1/uploads/upload-7')).toBe(true);
    expect(received).toBe(item.clipBytes);
  });

  it.each(['/elsewhere', '/v1/uploads/', '/v1/uploads/../clips', '/v1/uploads/a/b', '/v1/uploads/a?b'])(
    'does not send to %s',
    async (location) => {
      lie = (told, reply) => {
        if (told.method !== 'POST' || told.path !== '/v1/uploads') return false;
        reply.writeHead(201, { location }).end();
        return true;
      };
      await firstRetry();
      expect(received).toBe(0);
    },
  );

  it('tries a hash that the bridge rejects a few times, then reports it', async () => {
    lie = (told, reply) => {
      if (told.method === 'PATCH' && received === item.clipBytes) {
        received = 0;
        json(reply, 422, { code: 'intake_hash' });
        return true;
      }
      return false;
    };
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({
      code: 'upload_rejected',
      facts: { code: 'intake_hash' },
    });
    expect(heard.filter((told) => isPatch(told) && told.offset === '0')).toHaveLength(3);
  });

  it('gives up at once at a refusal without a code, but not at a temporary one', async () => {
    let busy = 2;
    lie = (told, reply) => {
      if (!isPatch(told)) return false;
      received -= told.bodyBytes;
      reply.writeHead(busy-- > 0 ? 423 : 403).end();
      return true;
    };
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({
      code: 'upload_rejected',
      facts: { code: 'status 403' },
    });
    expect(heard.filter(isPatch)).toHaveLength(3);
  });
});

describe('a revocation to a bridge that lies', () => {
  it('is not done until the bridge’s own receipt for exactly this grant says deleted', { tags: ['long'] }, async () => {
    const deleted = (changes: object = {}, by = fixture.cast.bridge) =>
      fixture.cast.intakeReceipt(item.grant, { outcome: 'deleted', ...changes }, by);
    const answers = [
      { grant: item.grant, state: 'deleted' },
      { grant: item.grant, state: 'deleted', receipt: storedReceipt() },
      { grant: item.grant, state: 'deleted', receipt: deleted({}, fixture.cast.agency) },
      { grant: item.grant, state: 'deleted', receipt: deleted() },
    ];
    lie = (_told, reply) => {
      json(reply, 200, answers.shift() ?? {});
      return true;
    };
    const revocation = fixture.cast.revoke(errand.parcel.grantToken);
    await sender.uploader.revoke(
      item.grant,
      { revocation, homeRecall: null },
      fixture.cast.bridge.id,
      new AbortController().signal,
    );
    expect(heard).toHaveLength(4);
    expect(heard[0]).toMatchObject({ path: `/v1/intakes/${item.grant}/revocation` });
  });
});
