// Proposals are matched to the registry's agencies by name without guessing, and count only once its signed list shows them. The registry
// here is a simulated one that can lie; the real one is in test/scenarios/e2e.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  httpRegistryAdmin,
  type RegisteredAgency,
  type RegistryAdmin,
  type RevokedEntry,
} from '../../../cloud-bridge/query-audit/registry-admin-client.ts';
import {
  agencyNamed,
  carryOutRevocations,
  planRevocations,
  reinstateAgency,
} from '../../../cloud-bridge/query-audit/revoking.ts';
import type { AuditFinding } from '../../../cloud-bridge/query-audit/verdict.ts';

const agency = (id: string, name: string, more: Partial<RegisteredAgency> = {}): RegisteredAgency => ({
  agency: id,
  name,
  state: 'approved',
  scopes: ['community-request'],
  except: [],
  revision: 1,
  ...more,
});
const finding = (name: string, scope: string | null = null): AuditFinding => ({
  agency: name,
  scope,
  score: 1,
  queries: 10,
  flagged: 5,
  chance: 0,
  byRule: {},
  samples: [],
  reasons: [],
});

/** A registry in memory that does what it answers, but for what `lies` changes. */
function desk(agencies: RegisteredAgency[], lies: Partial<RegistryAdmin> = {}) {
  const list: RevokedEntry[] = [];
  const change = (id: string, to: Partial<RegisteredAgency>) => {
    const at = agencies.findIndex((one) => one.agency === id);
    const next = { ...(agencies[at] ?? agency(id, '')), ...to };
    agencies[at] = next;
    return Promise.resolve(next);
  };
  const honest: RegistryAdmin = {
    agencies: () => Promise.resolve([...agencies]),
    revoke: (id, scope) => {
      list.push({ agency: id, upToRevision: 1, ...(scope === null ? {} : { scope }) });
      if (scope === null) return change(id, { state: 'revoked' });
      return change(id, scope.startsWith('area-') ? { except: [scope.slice(5)] } : { scopes: [] });
    },
    reinstate: ({ agency: id }) => change(id, { state: 'approved', except: [] }),
    revoked: () => Promise.resolve(list),
  };
  return { desk: { ...honest, ...lies }, list, agencies };
}

describe('planRevocations', () => {
  const registered = [
    agency('agency-1', 'Alice TX P.D.'),
    agency('agency-2', 'Twin PD'),
    agency('agency-3', 'TWIN PD'),
  ];

  it('matches names regardless of case and punctuation and guesses nothing', () => {
    const findings = [finding('ALICE TX PD', 'area-9v'), finding('Twin PD'), finding('Other PD')];
    expect(planRevocations(findings, registered)).toEqual({
      planned: [{ name: 'ALICE TX PD', agency: 'agency-1', scope: 'area-9v' }],
      unmatched: ['Twin PD', 'Other PD'],
    });
  });

  it('uses the names in a mapping file, and only its own properties', () => {
    const names = { 'Twin PD': 'agency-3' };
    expect(planRevocations([finding('Twin PD'), finding('constructor')], registered, names)).toEqual({
      planned: [{ name: 'Twin PD', agency: 'agency-3', scope: null }],
      unmatched: ['constructor'],
    });
  });

  it('ignores ids whose key was rotated away', () => {
    const rotated = [agency('agency-1', 'A PD', { state: 'retired' }), agency('agency-2', 'A PD')];
    expect(agencyNamed(rotated, 'a pd')?.agency).toBe('agency-2');
    expect(agencyNamed(rotated, 'agency-1')?.agency).toBe('agency-1');
  });
});

describe('carryOutRevocations', () => {
  const one = (scope: string | null) => [{ name: 'A PD', agency: 'agency-1', scope }];

  it.each([null, 'area-9v', 'community-request'])('revokes the scope %s, once', async (scope) => {
    const registry = desk([agency('agency-1', 'A PD')]);
    await carryOutRevocations(registry.desk, one(scope));
    await carryOutRevocations(registry.desk, one(scope));
    expect(registry.list).toHaveLength(1);
  });

  it('does not trust a positive answer: both the standing and the list must show the revocation', async () => {
    const same = agency('agency-1', 'A PD');
    const idle = desk([same], { revoke: () => Promise.resolve(same) });
    await expect(carryOutRevocations(idle.desk, one('area-9v'))).rejects.toMatchObject({ code: 'audit_not_taken' });
    const unlisted = desk([same], { revoked: () => Promise.resolve([]) });
    await expect(carryOutRevocations(unlisted.desk, one(null))).rejects.toMatchObject({ code: 'audit_not_taken' });
    const narrower = desk([agency('agency-1', 'A PD')], {
      revoked: () => Promise.resolve([{ agency: 'agency-1', upToRevision: 1, scope: 'area-9v' }]),
    });
    await expect(carryOutRevocations(narrower.desk, one(null))).rejects.toMatchObject({ code: 'audit_not_taken' });
  });
});

it('reinstates one agency, and fails when the registry did not, or when no agency has the name', async () => {
  const registry = desk([agency('agency-1', 'A PD', { state: 'revoked' })]);
  expect(await reinstateAgency(registry.desk, 'a pd')).toMatchObject({ state: 'approved' });
  await expect(reinstateAgency(registry.desk, 'B PD')).rejects.toMatchObject({ code: 'audit_agency_unmatched' });
  const stubborn = desk([agency('agency-1', 'A PD', { state: 'revoked' })], {
    reinstate: (same) => Promise.resolve(same),
  });
  await expect(reinstateAgency(stubborn.desk, 'A PD')).rejects.toMatchObject({ code: 'audit_not_taken' });
});

describe('httpRegistryAdmin', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function answering(body: string | ((address: string) => string)): Promise<RegistryAdmin> {
    server = createServer((request, reply) => {
      const text = typeof body === 'string' ? body : body(request.url ?? '');
      reply.setHeader('content-type', 'application/json').end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return httpRegistryAdmin({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, adminToken: 'x' });
  }

  it('refuses an answer that is not a registry’s, and a list that is not signed', async () => {
    const strange = await answering('{"agencies":[{"agency":"Not An Id"}],"key":"short","revocations":"a.b.c"}');
    await expect(strange.agencies()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(strange.revoked()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(strange.revoke('agency-1', null)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('reads a registry of the largest allowed size', async () => {
    const all = Array.from({ length: 10_000 }, (_, at) => ({
      ...agency(`agency-${at}`, 'A PD'),
      more: 'x'.repeat(300),
    }));
    const paged = (address: string) => {
      const query = new URL(address, 'http://registry').searchParams;
      const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit'))];
      const next = from + limit < all.length ? String(from + limit) : null;
      return JSON.stringify({ agencies: all.slice(from, from + limit), next });
    };
    expect(new Set((await (await answering(paged)).agencies()).map((one) => one.agency)).size).toBe(10_000);
  });

  it('stops reading a list that never ends', async () => {
    const endless = await answering('{"agencies":[],"next":"more"}');
    await expect(endless.agencies()).rejects.toMatchObject({ code: 'unreachable' });
  });
});
