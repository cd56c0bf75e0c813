import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { call, operationUrl, pages } from '../../../sim/officer/service-client.ts';
import { BRIDGE_OPERATIONS, REGISTRY_OPERATIONS, VAULT_OPERATIONS } from '../../../sim/officer/service-operations.ts';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { documentSchema, operationsOf } from '../../support/recorded-calls.ts';
import { VaultFixture } from '../../support/vault-fixture.ts';

async function documentedAt(url: string): Promise<string[]> {
  return operationsOf(documentSchema.parse(await (await fetch(`${url}/openapi.json`)).json()));
}

it('has only operations that the OpenAPI documents of bridge, registry and vault have, by method and path', async () => {
  const folder = temporaryFolder('service-client');
  const fixture = await BridgeFixture.open();
  const vault = await new VaultFixture(join(folder.path, 'vault')).start();
  try {
    for (const [url, operations] of [
      [fixture.bridge.url, BRIDGE_OPERATIONS],
      [fixture.registry.url, REGISTRY_OPERATIONS],
      [vault.setting().url, VAULT_OPERATIONS],
    ] as const) {
      const documented = await documentedAt(url);
      const named = Object.values(operations).map(({ method, path }) => `${method} ${path}`);
      expect(named.filter((one) => !documented.includes(one))).toEqual([]);
      expect(new Set(named).size).toBe(named.length);
    }
  } finally {
    await vault.stop();
    await fixture.close();
    folder.dispose();
  }
});

it('names each operation once over all three services', () => {
  const names = [BRIDGE_OPERATIONS, REGISTRY_OPERATIONS, VAULT_OPERATIONS].flatMap(Object.keys);
  expect(new Set(names).size).toBe(names.length);
});

it.each([[''], ['.'], ['..'], ['a/b'], ['../clients'], [undefined]])(
  'refuses the path parameter %j before anything is sent',
  async (value) => {
    const nowhere = { url: 'http://127.0.0.1:9' };
    const parameters = { agency: 'agency-1', item: 'item-1', case: value };
    await expect(call(nowhere, 'removeFromCase', parameters)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('is not a valid case'),
    });
  },
);

it('fills the path with encoded parameters, and makes all others the query', () => {
  const path = operationUrl('http://vault', 'readItem', { agency: 'agency-1', item: '%2e%2e ?#' });
  expect(path).toBe('http://vault/v1/agencies/agency-1/evidence/%252e%252e%20%3F%23');
  const query = operationUrl('http://bridge', 'listClips', { cursor: 'a&b', clip: undefined });
  expect(query).toBe('http://bridge/v1/clips?cursor=a%26b');
});

it('sends the token, the officer and the reason, and returns what the operation answers', async () => {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    response.end('{"url":"http://vault/v1/links/x","expiresS":7,"more":1}');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const who = { officer: 'Det. Ünal', reason: 'case 7' };
  const service = { url: `http://127.0.0.1:${port}`, bearer: 'secret', who };
  try {
    const link = await call(service, 'createLink', { agency: 'agency-1', item: 'item-1' });
    expect(link).toEqual({ url: 'http://vault/v1/links/x', expiresS: 7 });
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/v1/agencies/agency-1/evidence/item-1/links' });
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'x-officer': 'Det.%20%C3%9Cnal',
      'x-reason': 'case%207',
    });
    await call({ url: service.url }, 'endEnrolmentCode', { code: 'code-1' });
    expect(Object.keys(seen[1]?.headers ?? {})).not.toContain('authorization');
  } finally {
    server.close();
  }
});

it('reads every page of a list, each from where the one before ended', async () => {
  const asked: (string | undefined)[] = [];
  const read = async (cursor: string | undefined) => {
    asked.push(cursor);
    return { rows: [asked.length], next: asked.length < 3 ? `after-${asked.length}` : null };
  };
  const rows: number[] = [];
  for await (const page of pages(read)) rows.push(...page.rows);
  expect([rows, asked]).toEqual([
    [1, 2, 3],
    [undefined, 'after-1', 'after-2'],
  ]);
});
