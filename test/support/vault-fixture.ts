// A real vault for tests beside the bridge fixture, with the calls that its operator, officers and bridge make to it.
import { join } from 'node:path';
import type { z } from 'zod';
import type { HandOver } from '../../cloud-bridge/signing/hand-over-documents.ts';
import { SCOPES } from '../../cloud-bridge/vault/clients.ts';
import type { CheckZones } from '../../cloud-bridge/vault/encrypted-clips.ts';
import { Vault } from '../../cloud-bridge/vault/vault.ts';
import { VaultConfig, type VaultConfigInput } from '../../cloud-bridge/vault/vault-config.ts';
import { MIGRATIONS } from '../../cloud-bridge/vault/vault-schema.ts';
import { type Disk, SystemDisk } from '../../device/base/disk.ts';
import { sha256Hex, verifySignature } from '../../device/base/keys.ts';
import { type Log, silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { type HandedClip, itemId, itemIdText } from '../../device/contract/hand-over-documents.ts';
import { openToken, parseToken, type TokenType } from '../../device/contract/jws.ts';
import { IntakeReceipt } from '../../device/contract/manifest.ts';
import { putMigrated } from './bridge-database.ts';
import { type BridgeFixture, type FixtureOptions, type Parcel, ShiftedClock } from './bridge-fixture.ts';
import { claimsOf, type Party } from './parties.ts';
import type { RecordedCall } from './recorded-calls.ts';

export interface VaultAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
  bytes: Uint8Array;
}

export interface Officer {
  token: string;
  agency: string;
}

const WHO = { 'x-officer': 'Det. Rivera', 'x-reason': 'case SPD-2026-0117' };

export class VaultFixture {
  readonly clock = new ShiftedClock();
  readonly random = new SystemRandom();
  readonly disk = new SystemDisk();
  /** The disk of the next vault that is started. */
  vaultDisk: Disk = this.disk;
  /** How the next vault that is started checks zones; undefined: it has no ffmpeg. */
  checkZones: CheckZones | undefined;
  readonly folder: string;
  private readonly settings: Partial<VaultConfigInput>;
  private readonly log: Log;
  vault: Vault;
  /** Every call and its answer. */
  readonly recorded: RecordedCall[] = [];
  private port = 0;
  /** Where the next calls go, if not to this vault: to another instance of it. */
  elsewhere: string | null = null;

  constructor(folder: string, settings: Partial<VaultConfigInput> = {}, log: Log = silentLog()) {
    this.folder = folder;
    this.settings = settings;
    this.log = log;
    this.vault = this.make();
  }

  /** Starts on the same folder and port as before. */
  async start(): Promise<this> {
    this.vault = this.make();
    await this.disk.makeFolder(this.folder);
    if (!this.settings.database) await putMigrated(join(this.folder, 'vault.sqlite'), MIGRATIONS);
    await this.vault.start();
    this.port = Number(new URL(this.vault.url).port);
    return this;
  }

  async stop(): Promise<void> {
    await this.vault.stop();
  }

  private get url(): string {
    return this.elsewhere ?? this.vault.url;
  }

  /** The bridge's setting that names this vault. */
  setting(changes: object = {}) {
    return { url: this.vault.url, key: this.vault.publicKey, retryMsFirst: 20, retryMsMost: 100, ...changes };
  }

  async pin(bridge: Party): Promise<void> {
    await this.operator('POST', '/v1/bridges', { key: bridge.key.publicKey });
  }

  operator(method: string, path: string, body: object): Promise<VaultAnswer> {
    return this.send(method, path, { authorization: `Bearer ${this.vault.adminToken}` }, body);
  }

  async client(
    agency: string,
    scopes: readonly string[] = SCOPES,
    addresses: readonly string[] = ['127.0.0.1'],
  ): Promise<{ client: string; secret: string }> {
    const { body } = await this.operator('POST', `/v1/agencies/${agency}/clients`, { scopes, addresses });
    return { client: String(body['client']), secret: String(body['secret']) };
  }

  async token(
    credentials: { client: string; secret: string },
    extra: Record<string, string> = {},
  ): Promise<VaultAnswer> {
    const { client: client_id, secret: client_secret } = credentials;
    const form = { grant_type: 'client_credentials', client_id, client_secret, ...extra };
    const response = await fetch(`${this.url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
    return this.heard('POST', response);
  }

  async officer(agency: string, scopes: readonly string[] = SCOPES): Promise<Officer> {
    const { body } = await this.token(await this.client(agency, scopes));
    return { token: String(body['access_token']), agency };
  }

  /** A call under the officer's agency, e.g. `/evidence`. */
  as(officer: Officer, method: string, path: string, body?: object, headers: object = WHO): Promise<VaultAnswer> {
    const all = { authorization: `Bearer ${officer.token}`, ...headers };
    return this.send(method, `/v1/agencies/${officer.agency}${path}`, all, body);
  }

  async send(method: string, path: string, headers: Record<string, string>, body?: object): Promise<VaultAnswer> {
    const response = await fetch(path.startsWith('http') ? path : `${this.url}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return this.heard(method, response);
  }

  /** What the vault's own key has signed for this audience. */
  opened<Claims extends { iss: string; aud: string }>(
    token: unknown,
    typ: TokenType,
    schema: z.ZodType<Claims>,
    audience: string,
  ): Claims {
    const keys = [this.vault.publicKey];
    const opened = openToken(String(token), { typ, schema, audience, keys, verify: verifySignature });
    if (!opened.ok) throw new Error(`${opened.fault}: ${String(token)}`);
    return opened.claims;
  }

  /** Bytes of an offered clip. */
  async put(item: string, offer: string, bytes: Uint8Array): Promise<VaultAnswer> {
    const response = await fetch(`${this.url}/v1/hand-overs/${item}/clip`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${offer}`, 'content-type': 'application/offset+octet-stream' },
      body: new Uint8Array(bytes),
    });
    return this.heard('PUT', response);
  }

  private async heard(method: string, response: Response): Promise<VaultAnswer> {
    const answer = await answerOf(response);
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const body: unknown = type.endsWith('json') ? answer.body : Buffer.from(answer.bytes).toString('latin1');
    this.recorded.push({ method, path: new URL(response.url).pathname, status: response.status, type, body });
    return answer;
  }

  private make(): Vault {
    const { clock, random, vaultDisk: disk, log, folder, settings, port, checkZones } = this;
    const config = VaultConfig.parse({ dataFolder: folder, http: { port }, freeBytesMin: 0, ...settings });
    return new Vault({ clock, random, disk, log, config, checkZones });
  }
}

/** The papers of a clip as a bridge of the fixture would offer it, for tests that play the bridge. */
export class OfferedClip {
  private readonly fixture: BridgeFixture;
  private readonly vault: VaultFixture;
  readonly parcel: Parcel;
  readonly request: string;
  private readonly clipSha256: string;

  constructor(fixture: BridgeFixture, vault: VaultFixture, request: string, parcel: Parcel) {
    this.fixture = fixture;
    this.vault = vault;
    this.request = request;
    this.parcel = parcel;
    this.clipSha256 = sha256Hex(parcel.clip);
  }

  get facts(): HandedClip {
    const { cast } = this.fixture;
    const { parcel } = this;
    return {
      item: itemId(sha256Hex(itemIdText(cast.bridge.id, parcel.clipId))),
      home: parcel.home.id,
      grant: parcel.grant,
      clip: parcel.clipId,
      clipSha256: this.clipSha256,
      clipBytes: parcel.clip.length,
      statementSha256: sha256Hex(parcel.statement),
    };
  }

  get item(): string {
    return this.facts.item;
  }

  step(step: HandOver['step'], changes: object = {}, by: Party = this.fixture.cast.bridge): string {
    const { cast } = this.fixture;
    const iat = Math.floor(this.vault.clock.wallUs() / 1_000_000);
    const signed = { iss: by.key.publicKey, aud: this.vault.vault.id, iat, exp: iat + 600, jti: 'step-1', step };
    const about = {
      agency: cast.agency.id,
      request: String(claimsOf(this.request)['jti']),
      source: 'community-request',
    };
    const rest = { retention: 'theft', investigation: 'SPD-2026-0117' };
    return cast.sign('doorsill-hand-over+jws', { ...signed, ...this.facts, ...about, ...rest, ...changes }, by);
  }

  receipt(changes: object = {}, by: Party = this.fixture.cast.bridge): string {
    const { clipSha256, clipBytes, statementSha256, grant } = this.facts;
    const vault = this.vault.vault.publicKey;
    const { cast } = this.fixture;
    const manifestSha256 = sha256Hex(this.parcel.manifestToken);
    const said = { aud: cast.agency.id, clipSha256, clipBytes, manifestSha256, statementSha256, vault };
    return cast.intakeReceipt(grant, { ...said, ...changes }, by);
  }

  offer(changes: { offer?: string; statement?: string; receipt?: string } = {}): Promise<VaultAnswer> {
    const body = {
      offer: this.step('offer'),
      statement: this.parcel.statement,
      receipt: this.receipt(),
      ...changes,
    };
    return this.vault.send('POST', '/v1/hand-overs', {}, body);
  }

  bytes(changes: { offer?: string; clip?: Uint8Array; item?: string } = {}): Promise<VaultAnswer> {
    return this.vault.put(
      changes.item ?? this.item,
      changes.offer ?? this.step('offer'),
      changes.clip ?? this.parcel.clip,
    );
  }

  confirm(step: string = this.step('confirm')): Promise<VaultAnswer> {
    return this.vault.send('POST', '/v1/hand-overs/confirmation', {}, { step });
  }

  withdraw(step: string = this.step('withdraw')): Promise<VaultAnswer> {
    return this.vault.send('POST', '/v1/hand-overs/withdrawal', {}, { step });
  }

  /** A recall under the key of the clip's statement, unless told otherwise. */
  recall(changes: { recall?: string; homeRecall?: string | undefined } = {}): Promise<VaultAnswer> {
    const { cast } = this.fixture;
    const iat = Math.floor(this.vault.clock.wallUs() / 1_000_000);
    const { key } = cast.bridge;
    const signed = { iss: key.publicKey, aud: this.vault.vault.id, iat, exp: iat + 600, jti: 'recall-1' };
    const recall = cast.sign('doorsill-recall+jws', { ...signed, ...this.facts }, cast.bridge);
    const body = { recall, homeRecall: this.parcel.homeRecall, ...changes };
    return this.vault.send('POST', '/v1/recalls', {}, body);
  }

  /** The whole way: offered, sent, confirmed. */
  async handOver(): Promise<this> {
    for (const answer of [await this.offer(), await this.bytes(), await this.confirm()]) {
      if (answer.status !== 200) throw new Error(`refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return this;
  }
}

/** A bridge fixture whose bridge hands over to a vault beside it. */
export async function bridgeWithVault(
  open: (options: FixtureOptions) => Promise<BridgeFixture>,
  folder: string,
  options: { log?: Log; bridge?: object; vault?: Partial<VaultConfigInput> } = {},
): Promise<{ fixture: BridgeFixture; vault: VaultFixture }> {
  const vault = await new VaultFixture(join(folder, 'vault'), options.vault).start();
  const fixture = await open({
    ...(options.log ? { log: options.log } : {}),
    bridge: { vault: vault.setting(options.bridge), intake: { freeBytesMin: 0 } },
  });
  await vault.pin(fixture.cast.bridge);
  return { fixture, vault };
}

/** What the bridge's receipt in an answer says. */
export function receiptOf(body: Record<string, unknown>) {
  return IntakeReceipt.parse(parseToken(String(body['receipt']))?.claims);
}

async function answerOf(response: Response): Promise<VaultAnswer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const parsed: unknown = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {};
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: typeof parsed === 'object' && parsed !== null ? { ...parsed } : {},
  };
}
