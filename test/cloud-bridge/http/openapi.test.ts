// The OpenAPI document is what the server enforces: it has every route and no other, every answer of a recorded tour fits it, and a planted
// difference on either side is found.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PerMinute, Rates } from '../../../cloud-bridge/http/call-rate-limits.ts';
import { Router } from '../../../cloud-bridge/http/router.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { makeHttpServer } from '../../../device/base/http/http-server.ts';
import { silentLog } from '../../../device/base/log.ts';
import type { BridgeFixture } from '../../support/bridge-fixture.ts';
import { documentOf, tourBridge } from '../../support/bridge-tour.ts';
import {
  type ApiDocument,
  differences,
  documentSchema,
  operationOf,
  operationsOf,
  type RecordedCall,
} from '../../support/recorded-calls.ts';

const recorded: RecordedCall[] = [];
let fixture: BridgeFixture;
let document: ApiDocument;
beforeAll(async () => {
  fixture = await tourBridge({ recorded, bridge: { requests: { moderation: 'findings' } } });
  document = await documentOf(fixture);
}, 60_000);
afterAll(() => fixture.close());

function makeApi() {
  const clock = new SystemClock();
  const server = makeHttpServer({ clock, log: silentLog() });
  const rates = new Rates(clock, PerMinute.parse({}));
  return { server, api: new Router(server, { title: 'A test', version: '1', staff: async () => null, rates }) };
}

describe('the document of a bridge', () => {
  it('fits every answer of the tour, refusals included', () => {
    expect(differences(document, recorded)).toEqual([]);
    expect(recorded.filter(({ status }) => status >= 400).length).toBeGreaterThan(7);
    expect(recorded.filter(({ status }) => status >= 500)).toEqual([]);
  });

  it('has no operation that did not succeed in the tour', () => {
    const succeeded = new Set(
      recorded
        .filter(({ status }) => status < 400)
        .map((call) => `${call.method} ${operationOf(document, call)?.name.split(' ')[1]}`),
    );
    expect(operationsOf(document).filter((operation) => !succeeded.has(operation))).toEqual([]);
  });

  it('requires authentication wherever the server does: without it only public routes answer', async () => {
    for (const operation of operationsOf(document)) {
      const [method = '', path = ''] = operation.split(' ');
      const roles = document.paths[path]?.[method.toLowerCase()]?.['x-roles'] ?? [];
      const { status } = await fixture.send(method, path.replaceAll(/\{\w+\}/g, 'nobody'), {});
      const isOpen = ['public', 'signed', 'home'].some((role) => roles.includes(role));
      if (isOpen) expect([operation, [401, 403].includes(status)]).toEqual([operation, false]);
      else if (roles.includes('partner-signature')) expect([operation, status]).toEqual([operation, 404]);
      else expect([operation, status]).toEqual([operation, 401]);
    }
  });

  it('declares all that it refers to: schemes, path parameters, ids of operations', () => {
    const ids = new Set<string>();
    for (const [path, of] of Object.entries(document.paths)) {
      for (const operation of Object.values(of)) {
        const named = operation.parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`);
        expect([path, named]).toEqual([path, path.match(/\{\w+\}/g) ?? []]);
        expect(
          operation.security.flatMap(Object.keys).filter((one) => !(one in document.components.securitySchemes)),
        ).toEqual([]);
        expect(ids.has(operation.operationId)).toBe(false);
        ids.add(operation.operationId);
      }
    }
  });
});

describe('a planted difference', () => {
  it('in an answer is found: a key more, one less, another type, an undeclared status', () => {
    const call = recorded.find(({ path, status }) => path === '/v1/bridge' && status === 200);
    const body = z.record(z.string(), z.unknown()).parse(call?.body);
    const { prefix: _left, ...less } = body;
    const planted = [{ ...body, more: 1 }, less, { ...body, id: 7 }].map((other) => ({ ...call, body: other }));
    const all = [...planted, { ...call, status: 418 }] as RecordedCall[];
    expect(differences(document, all)).toHaveLength(4);
  });

  it('in a refusal is found', () => {
    const call = recorded.find(({ status }) => status === 404) as RecordedCall;
    const body = z.record(z.string(), z.unknown()).parse(call.body);
    const { retryable: _left, ...less } = body;
    expect(
      differences(document, [
        { ...call, body: less },
        { ...call, type: 'application/json' },
      ]),
    ).toHaveLength(2);
  });

  it('in the code is found when the server opens: an undeclared route', async () => {
    const { server, api } = makeApi();
    server.get('/v1/hidden', async () => ({}));
    await expect(api.listen('127.0.0.1', 0)).rejects.toThrow('GET /v1/hidden');
    await server.close();
  });

  it('in what a route returns is never sent: it is answered as a bug, without the value', async () => {
    const { server, api } = makeApi();
    const more: { id: string } = Object.assign({ id: 'a' }, { secret: 'porch' });
    const answer = z.strictObject({ id: z.string() });
    api.route({ method: 'GET', path: '/v1/leak', roles: ['public'], answer, about: 'Leaks.' }, () => more);
    const url = await api.listen('127.0.0.1', 0);
    const response = await fetch(`${url}/v1/leak`);
    const text = await response.text();
    await server.close();
    expect([response.status, text.includes('porch')]).toEqual([500, false]);
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', instance: '/v1/leak' });
  });
});

it('is served by registry and vault, each its own', async () => {
  const response = await fetch(`${fixture.registry.url}/openapi.json`);
  const registry = documentSchema.parse(await response.json());
  expect(operationsOf(registry)).toContain('POST /v1/agencies/{agency}/suspend');
  const { url } = fixture.registry;
  const key = await fetch(`${url}/v1/key`);
  const call = { method: 'GET', path: '/v1/key', status: 200, type: 'application/json', body: await key.json() };
  expect(differences(registry, [call])).toEqual([]);
  expect(makeApi().api.document()).toMatchObject({ openapi: '3.1.1', paths: {} });
});
