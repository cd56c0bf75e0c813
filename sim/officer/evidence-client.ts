// An agency's client at the vault: its credentials, a token for each call, and who asks and why.

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { sha256Hex } from '@doorsill/base/keys';
import { utf8 } from '@doorsill/contract/bytes';
import { itemId, itemIdText } from '@doorsill/contract/hand-over-documents';
import { z } from 'zod';
import { failure, isFailure } from '../errors.ts';
import type { OfficerDeps } from './agency-client.ts';
import { adminBearer } from './registration.ts';
import {
  type Answers,
  call,
  download,
  type Parameters,
  pages,
  type ServiceAccess,
  type Who,
} from './service-client.ts';
import type { ItemView, TrailEntry, VAULT_OPERATIONS } from './service-operations.ts';

const credentialsSchema = z.strictObject({ client: z.string(), secret: z.string() });
type Credentials = z.infer<typeof credentialsSchema>;

const LOOK_AGAIN_MS = 50;
/** The file of the agency's credentials at the vault, in the agency's folder. */
export const CREDENTIALS_NAME = 'vault-client.json';
const CREDENTIALS_BYTES_MAX = 2_000;
const PAGE_SIZE = '200';
const SCOPES = [
  ...['evidence.any.read', 'evidence.any.download', 'evidence.any.update', 'evidence.any.delete'],
  ...['evidence.restricted.read', 'trail.any.read', 'policy.any.update'],
];

/** The id in the vault of a clip that came from a bridge. */
export function evidenceId(bridge: string, clip: string): string {
  return itemId(sha256Hex(itemIdText(bridge, clip)));
}

type VaultOperation = keyof typeof VAULT_OPERATIONS;

/** One agency's access to its evidence at a vault. */
export class EvidenceClient {
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

  /** One call about this agency's evidence, with a fresh token. Throws as `call` of service-client.ts. */
  async call<Name extends VaultOperation>(
    name: Name,
    who: Who,
    parameters: Parameters = {},
    body?: object,
  ): Promise<Answers[Name]> {
    const service = await this.access(who);
    return call(service, name, { agency: this.agency, ...parameters }, body);
  }

  /** The bytes of an item's clip, at most `bytesMax`, and their media type. Throws as `download` of service-client.ts. */
  async clip(item: string, who: Who, bytesMax: number): ReturnType<typeof download> {
    return download(await this.access(who), 'downloadItem', { agency: this.agency, item }, bytesMax);
  }

  private async access(who: Who): Promise<ServiceAccess> {
    const { client, secret } = this.credentials;
    const form = { grant_type: 'client_credentials', client_id: client, client_secret: secret };
    const { access_token: bearer } = await call({ url: this.url }, 'createToken', {}, form);
    return { url: this.url, bearer, who };
  }

  /** The agency's items that match the filters, newest first, page after page. The vault records each page in the trail. */
  async *list(who: Who, filters: Parameters): AsyncGenerator<ItemView> {
    const read = (after?: string) => this.call('listEvidence', who, { ...filters, limit: PAGE_SIZE, after });
    for await (const { items } of pages(read)) yield* items;
  }

  /** The trail of an item, or of the whole agency, newest first. */
  async *trail(who: Who, item?: string): AsyncGenerator<TrailEntry> {
    const read = (after?: string) =>
      item === undefined
        ? this.call('readTrail', who, { limit: PAGE_SIZE, after })
        : this.call('readItemTrail', who, { item, limit: PAGE_SIZE, after });
    for await (const { entries } of pages(read)) yield* entries;
  }

  /** Resolves with the item once `matches` accepts it; with null when that takes longer than `withinMs`. */
  async whenItem(
    item: string,
    who: Who,
    matches: (view: ItemView) => boolean,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<ItemView | null> {
    const endMs = this.clock.monotonicMs() + withinMs;
    for (;;) {
      const view = await this.call('readItem', who, { item }).catch((thrown: unknown) => {
        if (!isFailure(thrown) || (thrown.code !== 'evidence_unknown' && !thrown.retryable)) throw thrown;
        return null;
      });
      if (view && matches(view)) return view;
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

/** Registers a bridge's key with a testbed's vault, as its operator would. Idempotent. */
export async function pinBridge({ disk }: Pick<OfficerDeps, 'disk'>, vault: VaultPlace, key: string): Promise<void> {
  const bearer = await adminBearer(disk, vault.folder);
  await call({ url: vault.url, bearer }, 'addBridge', {}, { key });
}

/** Reads the agency's credentials at a testbed's vault from its folder; the first time, issues them as the vault's operator would. */
export async function openEvidenceClient(
  deps: OfficerDeps,
  vault: VaultPlace,
  agency: { id: string; folder: string },
): Promise<EvidenceClient> {
  const bearer = await adminBearer(deps.disk, vault.folder);
  const path = join(agency.folder, CREDENTIALS_NAME);
  let credentials = await storedCredentials(deps.disk, path);
  if (!credentials) {
    const wish = { scopes: SCOPES, addresses: ['127.0.0.1', '::1'] };
    credentials = await call({ url: vault.url, bearer }, 'createClient', { agency: agency.id }, wish);
    await deps.disk.replaceFile(path, utf8(`${JSON.stringify(credentials)}\n`));
  }
  return new EvidenceClient(deps.clock, { url: vault.url, agency: agency.id, credentials });
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
