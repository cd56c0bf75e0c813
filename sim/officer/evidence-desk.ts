// Owns: an officer at the vault: the agency's client there, its tokens, and calls that say who asks and why.
// Not here: what the vault allows, requests to residents (agency-client.ts).

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { itemId, itemIdText } from '@doorsill/contract/hand-over-documents';
import { exchangeJson, type JsonRequest } from '@doorsill/contract/json-client';
import { z } from 'zod';
import { failure, isFailure } from '../errors.ts';
import type { OfficerDeps } from './agency-client.ts';
import { adminBearer } from './registration.ts';

const credentialsSchema = z.strictObject({ client: z.string(), secret: z.string() });
type Credentials = z.infer<typeof credentialsSchema>;

export const ItemView = z.object({
  item: z.string(),
  request: z.string(),
  investigation: z.string(),
  triage: z.enum(['pending', 'accepted', 'declined']),
  state: z.enum(['active', 'deleted', 'erased']),
  accessClass: z.string(),
  categories: z.array(z.string()),
  cases: z.array(z.string()),
  sha256: z.string(),
  recordedS: z.int(),
  uploadedS: z.int(),
  deletesS: z.int().nullable(),
  erasesS: z.int().nullable(),
  recall: z.string().nullable(),
  deletion: z.string().nullable(),
});
/** What an officer is told of an item. */
export type ItemView = z.infer<typeof ItemView>;

const tokenSchema = z.object({ access_token: z.string() });
const LOOK_AGAIN_MS = 50;
/** The agency's client at the vault, in the agency's folder. */
export const CREDENTIALS_NAME = 'vault-client.json';
const CREDENTIALS_BYTES_MAX = 2_000;
const SCOPES = [
  ...['evidence.any.read', 'evidence.any.download', 'evidence.any.update', 'evidence.any.delete'],
  ...['evidence.restricted.read', 'trail.any.read', 'policy.any.update'],
];

/** The id in the vault of a clip that came from a bridge. */
export function evidenceId(bridge: string, clip: string): string {
  return itemId(sha256Hex(itemIdText(bridge, clip)));
}

/** Who asks and why: recorded in the trail before anything is shown. There is no default. */
export interface Who {
  /** Name or badge. */
  officer: string;
  reason: string;
}

/** One agency's access to its evidence at a vault. */
export class EvidenceDesk {
  private readonly clock: Clock;
  private readonly url: string;
  private readonly agency: string;
  private readonly credentials: Credentials;

  constructor(clock: Clock, vault: { url: string; agency: string; credentials: Credentials }) {
    this.clock = clock;
    this.url = vault.url;
    this.agency = vault.agency;
    this.credentials = vault.credentials;
  }

  /** One call under the agency's own path. Throws the vault's refusal, `unreachable`. */
  async call(method: JsonRequest['method'], path: string, who: Who, body?: object): Promise<unknown> {
    const { client, secret } = this.credentials;
    const form = { grant_type: 'client_credentials', client_id: client, client_secret: secret };
    const { access_token: bearer } = tokenSchema.parse(
      await exchangeJson(`${this.url}/oauth2/token`, { method: 'POST', body: form }),
    );
    return exchangeJson(`${this.url}/v1/agencies/${this.agency}${path}`, {
      method,
      bearer,
      headers: { 'x-officer': encodeURIComponent(who.officer), 'x-reason': encodeURIComponent(who.reason) },
      ...(body ? { body } : {}),
    });
  }

  /** Reads an item, or calls `act` on it and returns the item afterwards. Throws as `call`. */
  async item(
    id: string,
    who: Who,
    act?: { method: JsonRequest['method']; path: string; body?: object },
  ): Promise<ItemView> {
    const path = `/evidence/${id}${act?.path ?? ''}`;
    return ItemView.parse(await this.call(act?.method ?? 'GET', path, who, act?.body));
  }

  /** Resolves with the item once `looks` accepts it; with null when that takes longer than `withinMs`. */
  async whenItem(
    id: string,
    who: Who,
    looks: (item: ItemView) => boolean,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<ItemView | null> {
    const endMs = this.clock.monotonicMs() + withinMs;
    for (;;) {
      const item = await this.item(id, who).catch((thrown: unknown) => {
        if (!isFailure(thrown) || (thrown.code !== 'evidence_unknown' && !thrown.retryable)) throw thrown;
        return null;
      });
      if (item && looks(item)) return item;
      if (this.clock.monotonicMs() > endMs) return null;
      await this.clock.sleep(LOOK_AGAIN_MS, signal);
    }
  }
}

/** Where a vault listens, and its folder on this machine, whose admin token gives an operator's rights. */
export interface VaultPlace {
  url: string;
  folder: string;
}

/** Registers a bridge's key with a testbed's vault, as its operator would. Repeatable. */
export async function pinBridge({ disk }: Pick<OfficerDeps, 'disk'>, vault: VaultPlace, key: string): Promise<void> {
  const bearer = await adminBearer(disk, vault.folder);
  await exchangeJson(`${vault.url}/v1/bridges`, { method: 'POST', body: { key }, bearer });
}

/** Has a testbed's vault issue the agency a client the first time, as its operator would, and keeps it in the agency's folder. */
export async function openEvidenceDesk(
  deps: OfficerDeps,
  vault: VaultPlace,
  agency: { id: string; folder: string },
): Promise<EvidenceDesk> {
  const bearer = await adminBearer(deps.disk, vault.folder);
  const path = join(agency.folder, CREDENTIALS_NAME);
  let credentials = await storedCredentials(deps.disk, path);
  if (!credentials) {
    const body = { scopes: SCOPES, addresses: ['127.0.0.1', '::1'] };
    const issued = await exchangeJson(`${vault.url}/v1/agencies/${agency.id}/clients`, {
      method: 'POST',
      body,
      bearer,
    });
    const { client, secret } = credentialsSchema.loose().parse(issued);
    credentials = { client, secret };
    await deps.disk.replaceFile(path, utf8(`${JSON.stringify(credentials)}\n`));
  }
  return new EvidenceDesk(deps.clock, { url: vault.url, agency: agency.id, credentials });
}

async function storedCredentials(disk: Disk, path: string): Promise<Credentials | null> {
  const bytes = await disk.readSecret(path, CREDENTIALS_BYTES_MAX);
  if (!bytes) return null;
  try {
    return credentialsSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (thrown) {
    throw failure('state_damaged', { file: path, detail: 'it holds no client of a vault' }, thrown);
  }
}
