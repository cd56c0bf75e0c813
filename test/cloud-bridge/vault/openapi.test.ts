// The vault's OpenAPI document fits its answers to its operator, to a bridge and to officers.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BridgeFixture } from '../../support/bridge-fixture.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { differences, documentSchema, operationOf, operationsOf } from '../../support/recorded-calls.ts';
import { OfferedClip, VaultFixture } from '../../support/vault-fixture.ts';

const folder = temporaryFolder('vault-openapi');
let fixture: BridgeFixture;
let vault: VaultFixture;
beforeAll(async () => {
  fixture = await BridgeFixture.open();
  vault = await new VaultFixture(join(folder.path, 'vault')).start();
});
afterAll(async () => {
  await vault.stop();
  await fixture.close();
  folder.dispose();
});

it('fits every answer of a tour of all its routes, refusals included', async () => {
  const request = await fixture.ready();
  await vault.pin(fixture.cast.bridge);
  const { item } = await new OfferedClip(fixture, vault, request, fixture.parcel(request)).handOver();
  const officer = await vault.officer(fixture.cast.agency.id);
  const call = (method: string, path: string, body?: object) => vault.as(officer, method, path, body);
  const at = `/evidence/${item}`;
  for (const path of [
    '/evidence',
    '/trail',
    '/policy',
    at,
    `${at}/manifest`,
    `${at}/trail`,
    `${at}/clip`,
    `${at}/stream`,
  ]) {
    await call('GET', path);
  }
  const { body } = await call('POST', `${at}/links`);
  await vault.send('GET', String(body['url']), {});
  await call('POST', `${at}/triage`, { decision: 'accept' });
  await call('PUT', '/categories/theft', { days: 30 });
  await call('PUT', `${at}/categories`, { categories: ['theft'] });
  await call('PUT', `${at}/access-class`, { accessClass: 'restricted' });
  await call('PUT', `${at}/cases/SPD-1`);
  await call('DELETE', `${at}/cases/SPD-1`);
  await call('DELETE', at);
  await call('POST', `${at}/restoration`);
  await call('PUT', '/policy', { declinedDays: 'same' });
  await call('DELETE', '/categories/theft');
  const { client } = await vault.client(fixture.cast.agency.id);
  await vault.send('GET', '/v1/vault', {});
  await vault.operator('POST', '/v1/sealing-keys', {});
  // Refusals: a wrong secret, no officer, an unknown item, a malformed body.
  await vault.token({ client, secret: 'x'.repeat(43) });
  await vault.as(officer, 'GET', '/policy', undefined, {});
  await call('GET', '/evidence/item-nothing');
  await call('POST', `${at}/triage`, { decision: 'later' });
  await vault.operator('DELETE', `/v1/agencies/${fixture.cast.agency.id}/clients/${client}`, {});
  await vault.operator('PUT', `/v1/agencies/${fixture.cast.agency.id}/successor`, { agency: 'agency-next' });
  for (const path of ['/healthz', '/readyz']) await vault.send('GET', path, {});
  const document = documentSchema.parse((await vault.send('GET', '/openapi.json', {})).body);
  expect(differences(document, vault.recorded)).toEqual([]);
  const succeeded = new Set(
    vault.recorded
      .filter(({ status }) => status < 400)
      .map((one) => `${one.method} ${operationOf(document, one)?.name.split(' ')[1]}`),
  );
  // The routes after a revocation have a test of their own.
  expect(operationsOf(document).filter((one) => !succeeded.has(one))).toEqual([
    'POST /v1/hand-overs/withdrawal',
    'POST /v1/recalls',
  ]);
});
