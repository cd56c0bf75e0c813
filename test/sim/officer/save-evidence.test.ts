// An officer saves an item's clip only once it is checked: one that the vault sends as it is, and one that it cannot open. The vault here is a
// server that says what the test wants it to.
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { failure } from '../../../device/contract/errors.ts';
import { problemOf } from '../../../device/contract/problem.ts';
import { EvidenceClient } from '../../../sim/officer/evidence-client.ts';
import { saveEvidence } from '../../../sim/officer/save-evidence.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { makeParty } from '../../support/parties.ts';
import { type EncryptedClip, encryptedClip, FACTS, RECIPIENT } from './support/encrypted-clip.ts';

const folder = temporaryFolder('save-evidence');
const deps = { clock: new SystemClock(), random: new SystemRandom() };
const who = { officer: 'Det. Ünal, badge 7', reason: 'case SPD-2026-0117' };
const key = makeParty('agency', deps.random).key;

/** What the vault answers at the clip's address. */
let sent: { type: string; bytes: Uint8Array } | null = null;
let clip: EncryptedClip;
const asked: IncomingMessage[] = [];
const server = createServer((request, reply) => {
  asked.push(request);
  const path = request.url ?? '';
  const json = (status: number, body: object) => {
    reply.writeHead(status, { 'content-type': 'application/json' });
    reply.end(JSON.stringify(body));
  };
  if (path === '/oauth2/token') return json(200, { access_token: 'token' });
  if (path.endsWith('/manifest')) return json(200, { manifest: clip.statement });
  if (!sent) return json(404, problemOf(failure('evidence_unknown')));
  reply.writeHead(200, { 'content-type': sent.type });
  reply.end(sent.bytes);
});
beforeAll(async () => {
  clip = await encryptedClip(folder.path, 'given');
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
});
afterAll(() => {
  server.close();
  folder.dispose();
});
afterEach(() => {
  sent = null;
  asked.length = 0;
});

let count = 0;
async function save(keys = [RECIPIENT]) {
  count += 1;
  const into = join(folder.path, `case-${count}`);
  mkdirSync(into, { mode: 0o700 });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const vault = new EvidenceClient(deps.clock, { url, agency: 'agency-1', credentials: { client: 'c', secret: 's' } });
  const recipient = { keys, report: { key, bridge: 'bridge-1', send: async () => undefined } };
  const saving = saveEvidence(deps, vault, { item: 'item-1', who, folder: into, recipient });
  const saved = await saving.catch((thrown: unknown) => ({ thrown }));
  return { saved, into, names: readdirSync(into).sort() };
}

describe('a clip that the vault cannot open', () => {
  it('is opened with the agency’s key before it is saved, with the facts in it', async () => {
    sent = { type: 'application/octet-stream', bytes: clip.bytes };
    const { saved, into, names } = await save();
    expect(saved).toMatchObject({ contents: { disclosed: FACTS, zones: [] }, isReported: true });
    expect(names).toEqual(['item-1.mp4', 'item-1.statement.jws']);
    expect(readFileSync(join(into, 'item-1.mp4'))).toEqual(Buffer.from(clip.plain));
    expect(statSync(join(into, 'item-1.mp4')).mode & 0o777).toBe(0o600);
    expect(asked.at(-1)?.headers).toMatchObject({
      'x-officer': encodeURIComponent(who.officer),
      authorization: 'Bearer token',
    });
  });

  it.each<[what: string, code: string, change: () => Partial<NonNullable<typeof sent>> | null]>([
    ['without its key', 'clip_unopened', () => null],
    ['cut short', 'verify_failed', () => ({ bytes: clip.bytes.subarray(0, -9) })],
    ['longer than is stated', 'unreachable', () => ({ bytes: Buffer.concat([clip.bytes, Buffer.of(0)]) })],
    ['that is the clip itself', 'verify_failed', () => ({ bytes: clip.plain })],
  ])('is not saved %s', async (_what, code, change) => {
    const changes = change();
    sent = { type: 'application/octet-stream', bytes: clip.bytes, ...changes };
    const { saved, names } = await save(changes ? [RECIPIENT] : []);
    expect(saved).toMatchObject({ thrown: { code } });
    expect(names).toEqual([]);
  });
});

describe('a clip that the vault sends as it is', () => {
  it('is saved once it is verified', async () => {
    sent = { type: 'video/mp4', bytes: clip.plain };
    const { saved, names, into } = await save([]);
    expect(saved).toMatchObject({ contents: null, isReported: false });
    expect(names).toEqual(['item-1.mp4', 'item-1.statement.jws']);
    expect(readFileSync(join(into, 'item-1.mp4'))).toEqual(Buffer.from(clip.plain));
  });

  it('is not saved if it is another one, or refused', async () => {
    sent = { type: 'video/mp4', bytes: clip.plain.subarray(0, -1) };
    expect(await save()).toMatchObject({ saved: { thrown: { code: 'verify_failed' } }, names: [] });
    sent = { type: 'video/mp4', bytes: clip.bytes };
    expect(await save()).toMatchObject({ saved: { thrown: { code: 'verify_failed' } }, names: [] });
    sent = null;
    expect(await save()).toMatchObject({ saved: { thrown: { code: 'evidence_unknown' } }, names: [] });
  });
});
