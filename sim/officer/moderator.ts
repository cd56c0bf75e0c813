// Owns: the moderator's side of a testbed on this machine: what waits at bridge and registry, and deciding on it with their admin
// tokens. Not here: what may be decided (bridge and registry), printing.

import type { Disk } from '@doorsill/base/disk';
import { exchangeJson } from '@doorsill/contract/json-client';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { adminBearer, decideAgency, type RegistryPlace } from './registration.ts';

/** Where a bridge listens, and its folder on this machine. */
export interface BridgePlace {
  url: string;
  folder: string;
  /** A moderator's own token; absent: the admin's, which lies in the folder. */
  token?: string;
}

const Waiting = z.object({
  request: z.string(),
  agencyName: z.string(),
  revision: z.number(),
  findings: z.array(z.object({ field: z.string(), words: z.string(), why: z.string() })).default([]),
  claims: z.object({ incidentType: z.string(), text: z.string() }),
});
const waitingPageSchema = z.object({ requests: z.array(Waiting), next: z.string().nullable() });
const KnownAgency = z.object({
  agency: z.string(),
  name: z.string(),
  jurisdiction: z.string(),
  domain: z.string(),
  /** Why a pending one waits for a person. */
  waits: z.string().optional(),
  /** Of an approved one: with what it has applied again, and why that waits. */
  amendment: z.object({ name: z.string(), jurisdiction: z.string(), domain: z.string(), waits: z.string() }).optional(),
  state: z.string(),
  revision: z.number(),
});
const agencyPageSchema = z.object({ agencies: z.array(KnownAgency), next: z.string().nullable() });
/** A request that waits. */
export type Waiting = z.infer<typeof Waiting>;
/** An agency as the registry knows it. */
export type KnownAgency = z.infer<typeof KnownAgency>;

const decidedSchema = z.object({ state: z.string() });

async function bearerAt(disk: Disk, { token, folder }: BridgePlace): Promise<string> {
  return token ?? adminBearer(disk, folder);
}

/** Requests that wait at the bridge, all of them. */
export async function waitingRequests(disk: Disk, bridge: BridgePlace): Promise<Waiting[]> {
  const bearer = await bearerAt(disk, bridge);
  const all: Waiting[] = [];
  for (let from: string | null = ''; from !== null; ) {
    const answer = await exchangeJson(`${bridge.url}/v1/moderation${from}`, { method: 'GET', bearer });
    const page = waitingPageSchema.parse(answer);
    all.push(...page.requests);
    from = page.next === null ? null : `?cursor=${page.next}`;
  }
  return all;
}

/** Agencies that the registry knows. */
export async function knownAgencies(disk: Disk, registry: RegistryPlace): Promise<KnownAgency[]> {
  const bearer = await adminBearer(disk, registry.folder);
  const all: KnownAgency[] = [];
  for (let from: string | null = ''; from !== null; ) {
    const answer = await exchangeJson(`${registry.registryUrl}/v1/agencies${from}`, { method: 'GET', bearer });
    const page = agencyPageSchema.parse(answer);
    all.push(...page.agencies);
    from = page.next === null ? null : `?cursor=${page.next}`;
  }
  return all;
}

/** Publishes or turns down a waiting request in its current revision. Throws the bridge's coded refusal. */
export async function decideRequest(
  disk: Disk,
  bridge: BridgePlace,
  id: string,
  verb: 'approve' | 'refuse',
  body: object,
): Promise<string> {
  const waiting = (await waitingRequests(disk, bridge)).find(({ request }) => request === id);
  if (!waiting) throw failure('request_not_live');
  const bearer = await bearerAt(disk, bridge);
  const answer = await exchangeJson(`${bridge.url}/v1/moderation/${id}/${verb}`, {
    method: 'POST',
    body: { revision: waiting.revision, ...body },
    bearer,
  });
  return decidedSchema.parse(answer).state;
}

/** Decides about an agency in its current revision. Throws the registry's coded refusal. */
export async function decideStanding(
  disk: Disk,
  registry: RegistryPlace,
  id: string,
  verb: string,
  body: object,
): Promise<string> {
  return (await decideAgency(disk, registry, id, verb, body)).state;
}
