// The same call under the same idempotency key is done once and answered alike; another call under that key is refused.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdempotentCalls } from '../../../cloud-bridge/http/idempotency.ts';
import { ManualClock } from '../../../device/base/clock.ts';
import { freshId } from '../../../device/base/random.ts';
import { openBridgeDatabase } from '../../support/bridge-database.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { textClaim } from '../../support/parties.ts';

describe('a bridge', () => {
  let fixture: BridgeFixture;
  beforeEach(async () => {
    fixture = await BridgeFixture.open({ bridge: { requests: { moderation: 'everything' } } });
    await fixture.admitAgency();
  });
  afterEach(() => fixture.close());

  const ask = () => fixture.cast.request({ investigation: freshId(fixture.random, 'case') });
  const post = async (request: string, key: string, more: object = {}) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const {
      status,
      body,
      headers: got,
    } = await fixture.send('POST', '/v1/requests', headers, JSON.stringify({ request, ...more }));
    return { status, body, replayed: got.get('idempotent-replayed') };
  };

  it('gives the same answer again, across a restart, though the request has changed state since', async () => {
    const request = ask();
    const first = await post(request, 'key-1');
    expect(first).toMatchObject({ status: 201, body: { state: 'in_moderation' }, replayed: null });
    const id = textClaim(request, 'jti');
    await fixture.post(`/v1/moderation/${id}/approve`, { revision: 1 }, fixture.bridge.adminToken);
    await fixture.bridge.stop();
    await fixture.startBridge();
    expect(await post(request, 'key-1')).toEqual({ ...first, replayed: 'true' });
    expect(await post(request, '"key-1"')).toEqual({ ...first, replayed: 'true' });
    expect((await post(request, 'key-2')).body['state']).toBe('published');
  });

  it('refuses another body under the key, and a malformed key', async () => {
    await post(ask(), 'key-1');
    expect(await post(ask(), 'key-1')).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
    for (const key of ['', 'x'.repeat(129), 'a b', 'ä']) {
      expect((await post(ask(), key)).body['code']).toBe('http_body_invalid');
    }
  });

  it('keeps no refusal: the call may be corrected under the same key', async () => {
    expect((await post('x', 'key-1')).status).toBe(400);
    expect((await post(fixture.cast.request({ exp: 1 }), 'key-1')).status).toBe(422);
    expect((await post(ask(), 'key-1')).status).toBe(201);
  });

  it('keeps callers apart: one’s key means nothing for another', async () => {
    await fixture.post('/v1/partners', { partner: 'plate-watch', name: 'P' }, fixture.bridge.adminToken);
    await post(ask(), 'key-1');
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'key-1' };
    const body = JSON.stringify({ request: ask() });
    const bearer = { ...headers, authorization: `Bearer ${'x'.repeat(43)}` };
    const partner = await fixture.send('POST', '/v1/partners/plate-watch/requests', bearer, body);
    expect(partner.body['code']).toBe('http_unauthorised');
  });

  it('treats the same request, sent many times at once, as one', async () => {
    const request = ask();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(request, 'key-1')));
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    const bare = await Promise.all(Array.from({ length: 20 }, () => fixture.post('/v1/requests', { request })));
    expect(new Set(bare.map(({ status }) => status))).toEqual(new Set([201]));
    const { body } = await fixture.get('/v1/moderation', fixture.bridge.adminToken);
    expect(body['requests']).toHaveLength(1);
  });
});

it('the registry gives a repeated application the same answer across a restart', async () => {
  const fixture = await BridgeFixture.open();
  const registration = fixture.registration();
  const apply = async (text = registration, key = 'key-1') => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const body = JSON.stringify({ registration: text });
    const response = await fetch(`${fixture.registry.url}/v1/agencies`, { method: 'POST', headers, body });
    return {
      status: response.status,
      body: z.record(z.string(), z.unknown()).parse(await response.json()),
      replayed: response.headers.get('idempotent-replayed'),
    };
  };
  const first = await apply();
  expect(first).toMatchObject({ status: 201, body: { state: 'pending' }, replayed: null });
  await fixture.registry.approve(fixture.cast.agency.id);
  await fixture.registry.stop();
  await fixture.startRegistry();
  expect(await apply()).toEqual({ ...first, replayed: 'true' });
  expect((await apply(fixture.registration())).body['code']).toBe('idempotency_key_reused');
  expect((await apply(registration, 'key-2')).body['state']).toBe('approved');
  await fixture.close();
});

describe('answers', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doorsill-repeats-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are deleted after a day, and the oldest of one caller first', async () => {
    const database = await openBridgeDatabase(join(folder, 'bridge.sqlite'));
    const clock = new ManualClock(1_700_000_000_000_000);
    const repeats = new IdempotentCalls(clock, database.answers);
    let done = 0;
    const call = (header: string) => ({ header, caller: 'a', body: 1, status: 201 });
    const work = async () => ({ done: ++done });
    expect((await repeats.run(call('k'), work)).answer).toEqual({ done: 1 });
    expect((await repeats.run(call('k'), work)).answer).toEqual({ done: 1 });
    expect((await repeats.run({ ...call('k'), caller: 'b' }, work)).answer).toEqual({ done: 2 });
    await clock.advance(24 * 3_600_000);
    expect((await repeats.run(call('k'), work)).answer).toEqual({ done: 3 });
    const life = { nowS: 1, expiresS: 1_800_000_000, perCallerMax: 2 };
    const kept = { bodySha256: 'x', status: 201, answer: '{}' };
    for (const [at, key] of ['p', 'q', 'r'].entries()) {
      await database.answers.keep(key, 'c', kept, { ...life, expiresS: life.expiresS + at });
    }
    const found = await Promise.all(['p', 'q', 'r'].map((key) => database.answers.find(key, 1)));
    expect(found.map((one) => one !== null)).toEqual([false, true, true]);
    await database.close();
  });
});
