// A real registry and a real bridge for tests, with the keys of a cast, on loopback and in a folder of their own; and the calls that a
// device, an agency and an operator make to them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Bridge } from '../../cloud-bridge/bridge.ts';
import { BridgeConfig, type BridgeConfigInput } from '../../cloud-bridge/bridge-config.ts';
import type { PerMinute } from '../../cloud-bridge/http/call-rate-limits.ts';
import { MIGRATIONS } from '../../cloud-bridge/persistence/bridge-schema.ts';
import { Registry } from '../../cloud-bridge/registry/registry.ts';
import { RegistryConfig } from '../../cloud-bridge/registry/registry-config.ts';
import { FILE_MIGRATIONS, REGISTRY_FILES } from '../../cloud-bridge/registry/sql-registry-store.ts';
import { SystemClock } from '../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../device/base/disk.ts';
import type { HttpLimits } from '../../device/base/http/http-server.ts';
import { sha256Hex } from '../../device/base/keys.ts';
import { type Log, silentLog } from '../../device/base/log.ts';
import { freshId, type Random, SystemRandom } from '../../device/base/random.ts';
import { parseEnrolmentCode } from '../../device/contract/enrolment.ts';
import { isFailure } from '../../device/contract/errors.ts';
import type { Manifest, UploadToken } from '../../device/contract/manifest.ts';
import type { Grant } from '../../device/contract/owner-orders.ts';
import { Window } from '../../device/contract/shared-claims.ts';
import { putMigrated } from './bridge-database.ts';
import { Cast, claimsOf, makeParty, type Party } from './parties.ts';
import { plainMp4 } from './plain-mp4.ts';
import type { RecordedCall } from './recorded-calls.ts';

/** The machine's clock, whose wall time tests can move. */
export class ShiftedClock extends SystemClock {
  shiftS = 0;

  override wallUs(): number {
    return super.wallUs() + this.shiftS * 1_000_000;
  }
}

export interface FixtureOptions {
  areaUrl?: string;
  accounts?: string;
  bridge?: Partial<BridgeConfigInput>;
  /** It is one of several, which have its secrets from its folder. */
  instance?: Omit<NonNullable<BridgeConfigInput['instance']>, 'secretsFolder'>;
  httpLimits?: HttpLimits;
  /** Calls a minute, at bridge and registry. */
  perMinuteMax?: Partial<PerMinute>;
  /** Where every call and its answer is put down. */
  recorded?: RecordedCall[];
  log?: Log;
  registryLog?: Log;
  /** Another clock, and other randomness: of the cast and its calls, of the bridge, of the registry. */
  clock?: ShiftedClock;
  random?: { cast: Random; bridge: Random; registry: Random };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** A clip with all papers, made to be accepted unless a test changes something. */
export interface Parcel {
  clip: Uint8Array;
  clipId: string;
  grant: string;
  grantToken: string;
  manifestToken: string;
  statement: string;
  certificate: string;
  homeRecall: string;
  /** The key of the statement. */
  home: Party;
  bearer: string;
}

const PORT_WAITS_MAX = 50;

/** A port of before may be lent to a call that another process makes: it is free again when that call has ended. */
async function oncePortIsFree(start: () => Promise<void>): Promise<void> {
  for (let waits = 0; ; waits += 1) {
    try {
      return await start();
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code !== 'port_in_use' || waits === PORT_WAITS_MAX) throw thrown;
      await setTimeout(100);
    }
  }
}

/** Coverage and gaps of a clip whose frames, at 15 a second, begin with its window. */
export function coverageOf({ startUs, endUs }: Window, frames = 30): Pick<Manifest, 'coverage' | 'gaps'> {
  const untilUs = Math.min(endUs, startUs + Math.ceil((frames * 1_000_000) / 15));
  const gaps = untilUs < endUs ? [{ startUs: untilUs, endUs }] : [];
  return { coverage: { startUs, endUs: untilUs }, gaps };
}

export class BridgeFixture {
  readonly clock: ShiftedClock;
  readonly random: Random;
  readonly disk = new SystemDisk();
  /** The disk of the next bridge that is started. */
  bridgeDisk: Disk = this.disk;
  readonly cast: Cast;
  readonly options: FixtureOptions;
  registry: Registry;
  bridge: Bridge;
  readonly folder: string;
  /** Where the bridge listens while it is a process of its own; null: it runs here. */
  elsewhere: string | null = null;
  private ports = { registry: 0, bridge: 0 };

  private constructor(folder: string, options: FixtureOptions) {
    this.folder = folder;
    this.options = options;
    this.clock = options.clock ?? new ShiftedClock();
    this.random = options.random?.cast ?? new SystemRandom();
    this.cast = new Cast(this.clock, this.random);
    this.registry = this.makeRegistry();
    this.bridge = this.makeBridge();
  }

  static async open(options: FixtureOptions = {}): Promise<BridgeFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'doorsill-test-bridge-'));
    const fixture = new BridgeFixture(folder, options);
    await fixture.disk.makeFolder(join(folder, 'registry'));
    await fixture.disk.makeFolder(join(folder, 'bridge'));
    await writeFile(join(folder, 'registry', 'signing.key'), fixture.cast.registry.key.exportSecret(), { mode: 0o600 });
    await writeFile(join(folder, 'bridge', 'signing.key'), fixture.cast.bridge.key.exportSecret(), { mode: 0o600 });
    await putMigrated(join(folder, 'registry', REGISTRY_FILES[0]), FILE_MIGRATIONS);
    if (!options.bridge?.database) await putMigrated(join(folder, 'bridge', 'bridge.sqlite'), MIGRATIONS);
    await fixture.startRegistry();
    await fixture.startBridge();
    return fixture;
  }

  /** One that is ready, and the request token that `ready` returns. */
  static async openReady(options: FixtureOptions = {}): Promise<{ fixture: BridgeFixture; request: string }> {
    const fixture = await BridgeFixture.open(options);
    return { fixture, request: await fixture.ready() };
  }

  async close(): Promise<void> {
    await this.bridge.stop();
    await this.registry.stop();
    await rm(this.folder, { recursive: true });
  }

  async startRegistry(): Promise<void> {
    await oncePortIsFree(async () => {
      this.registry = this.makeRegistry();
      await this.registry.start();
    });
    this.ports.registry = Number(new URL(this.registry.url).port);
  }

  /** Starts a bridge on the same folder and port as before. */
  async startBridge(): Promise<void> {
    await oncePortIsFree(async () => {
      this.bridge = this.makeBridge();
      await this.bridge.start();
    });
    this.ports.bridge = Number(new URL(this.bridge.url).port);
  }

  get bridgeFolder(): string {
    return join(this.folder, 'bridge');
  }

  // What an operator does.

  /** `changes`: of what it applies with. */
  async admitAgency(agency: Party = this.cast.agency, changes: object = {}): Promise<void> {
    await this.registry.register(this.registration(changes, agency));
    await this.registry.approve(agency.id);
    await this.bridge.refreshRevocations();
  }

  registration(changes: object = {}, agency: Party = this.cast.agency): string {
    const call = {
      action: 'register',
      name: 'Springfield Police Department',
      jurisdiction: 'municipal',
      domain: 'springfield.example',
      contact: { name: 'Records Desk', email: 'records@springfield.example' },
      profiles: ['nothing', 'address-and-email', 'name-email-phone'],
      retention: ['theft', 'missing-person'],
      ...changes,
    };
    return this.agencyCall(call, agency, this.cast.registry.id);
  }

  agencyCall(call: object, agency: Party = this.cast.agency, aud: string = this.cast.bridge.id): string {
    const iat = this.cast.nowS();
    const jti = freshId(this.random, 'call');
    const claims = { iss: agency.key.publicKey, aud, iat, exp: iat + 120, jti, agency: agency.id, call };
    return this.cast.sign('doorsill-agency+jws', claims, agency);
  }

  // What a device does.

  enrolmentProof(secret: string, device: Party = this.cast.device, changes: object = {}): string {
    const iat = this.cast.nowS();
    const claims = {
      iss: device.key.publicKey,
      aud: this.cast.bridge.id,
      iat,
      exp: iat + 60,
      jti: freshId(this.random, 'proof'),
      device: device.id,
      secretSha256: sha256Hex(secret),
      ...changes,
    };
    return this.cast.sign('doorsill-enrolment+jws', claims, device);
  }

  async newSecret(): Promise<string> {
    const { code } = await this.bridge.printEnrolmentCode();
    const secret = parseEnrolmentCode(code)?.secret;
    if (secret === undefined) throw new Error('the bridge printed an unreadable code');
    return secret;
  }

  async enrol(device: Party = this.cast.device): Promise<Answer> {
    const secret = await this.newSecret();
    return this.post('/v1/enrolments', { secret, proof: this.enrolmentProof(secret, device) });
  }

  /** Agency admitted, device enrolled, one request published; returns the request token. */
  async ready(): Promise<string> {
    await this.admitAgency();
    await this.enrol();
    const request = this.cast.request();
    const answer = await this.post('/v1/requests', { request });
    if (answer.status !== 201) throw new Error(`the request was refused: ${JSON.stringify(answer.body)}`);
    return request;
  }

  parcel(
    request: string,
    changes: {
      grant?: Partial<Grant>;
      manifest?: object;
      token?: Partial<UploadToken>;
      clip?: Uint8Array;
      grantToken?: string;
      device?: Party;
      statement?: object;
      certificate?: object;
      home?: Party;
    } = {},
  ): Parcel {
    const clip = changes.clip ?? plainMp4({ frames: 30, audioPackets: 12 });
    const grantToken = changes.grantToken ?? this.cast.grant(request, changes.grant);
    const grant = String(claimsOf(grantToken)['jti']);
    const window = Window.parse(claimsOf(grantToken)['window']);
    const device = changes.device ?? this.cast.device;
    const clipId = freshId(this.random, 'clip');
    const manifest: Manifest = {
      iss: device.key.publicKey,
      aud: this.cast.agency.id,
      iat: this.cast.nowS(),
      jti: clipId,
      device: device.id,
      request: String(claimsOf(request)['jti']),
      grant: grantToken,
      pairing: this.cast.pairing(),
      clipSha256: sha256Hex(clip),
      clipBytes: clip.length,
      window,
      frames: 30,
      ...coverageOf(window),
      audioPackets: 12,
      method: 'smart-cut',
      encodedFrames: 5,
      redacted: false,
      disclosed: { address: '12 Elm Street, Springfield', email: 'casey@home.example' },
      ...changes.manifest,
    };
    const manifestToken = this.cast.sign('doorsill-manifest+jws', manifest, device);
    const iat = this.cast.nowS();
    const token: UploadToken = {
      iss: device.key.publicKey,
      aud: this.cast.bridge.id,
      iat,
      exp: iat + 3_600,
      jti: freshId(this.random, 'upload-token'),
      device: device.id,
      grant,
      clipSha256: manifest.clipSha256,
      clipBytes: manifest.clipBytes,
      manifestSha256: sha256Hex(manifestToken),
      ...changes.token,
    };
    const bearer = this.cast.sign('doorsill-upload+jws', token, device);
    const { statement = {}, certificate = {}, home = makeParty('home', this.random) } = changes;
    const papers = this.cast.statement(manifestToken, grant, { statement, certificate, device, home });
    return { clip, clipId: manifest.jti, grant, grantToken, manifestToken, ...papers, bearer };
  }

  openIntake(parcel: Parcel): Promise<Answer> {
    const { manifestToken: manifest, statement, certificate } = parcel;
    return this.post('/v1/intakes', { manifest, statement, certificate }, parcel.bearer);
  }

  /** Creates the upload; returns its path. */
  async create(parcel: Parcel, length: number = parcel.clip.length): Promise<string> {
    const answer = await this.tus('POST', '/v1/uploads', parcel, { 'upload-length': String(length) });
    if (answer.status !== 201) throw new Error(`creation was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.headers.get('location') ?? '';
  }

  tus(
    method: string,
    path: string,
    parcel: Pick<Parcel, 'bearer'>,
    headers: Record<string, string> = {},
    body?: Uint8Array,
  ): Promise<Answer> {
    const all = { 'tus-resumable': '1.0.0', authorization: `Bearer ${parcel.bearer}`, ...headers };
    return this.send(method, path, all, body === undefined ? undefined : new Uint8Array(body));
  }

  patch(parcel: Pick<Parcel, 'bearer'>, path: string, offset: number, body: Uint8Array): Promise<Answer> {
    const headers = { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' };
    return this.tus('PATCH', path, parcel, headers, body);
  }

  /** The whole way in: open, create, send. Returns the last answer. */
  async deliver(parcel: Parcel): Promise<Answer> {
    const opened = await this.openIntake(parcel);
    if (opened.status !== 200) return opened;
    return this.patch(parcel, await this.create(parcel), 0, parcel.clip);
  }

  status(parcel: Parcel): Promise<Answer> {
    return this.get(`/v1/intakes/${parcel.grant}`, parcel.bearer);
  }

  revoke(parcel: Parcel, extra: object = {}): Promise<Answer> {
    const revocation = this.cast.revoke(parcel.grantToken);
    const { homeRecall } = parcel;
    return this.post(`/v1/intakes/${parcel.grant}/revocation`, { revocation, homeRecall, ...extra });
  }

  // What an agency's officer does.

  access(clip: string, agency: Party = this.cast.agency, changes: object = {}): string {
    const iat = this.cast.nowS();
    const claims = {
      iss: agency.key.publicKey,
      aud: this.cast.bridge.id,
      iat,
      exp: iat + 240,
      jti: freshId(this.random, 'access'),
      agency: agency.id,
      clip,
      officer: 'Det. Rivera, badge 4711',
      reason: 'case SPD-2026-0117',
      ...changes,
    };
    return this.cast.sign('doorsill-access+jws', claims, agency);
  }

  get(path: string, bearer?: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, { ...headers, ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) });
  }

  post(path: string, body: object, bearer?: string): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
    return this.send('POST', path, headers, JSON.stringify(body));
  }

  async send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array<ArrayBuffer> | string,
  ): Promise<Answer> {
    const response = await fetch(`${this.elsewhere ?? this.bridge.url}${path}`, {
      method,
      // A connection for each call: one that the bridge resets meanwhile, as it does with a clip's, must not fail the next.
      headers: { ...headers, connection: 'close' },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const { status, headers: answered } = response;
    const type = (answered.get('content-type') ?? '').split(';')[0] ?? '';
    const value: unknown = type.endsWith('json') && text !== '' ? JSON.parse(text) : text;
    this.options.recorded?.push({ method, path, status, type, body: value });
    return { status, headers: answered, body: parseObject(text) };
  }

  private perMinute(): { perMinuteMax?: Partial<PerMinute> } {
    const { perMinuteMax } = this.options;
    return perMinuteMax ? { perMinuteMax } : {};
  }

  private makeRegistry(): Registry {
    const { clock, disk } = this;
    const random = this.options.random?.registry ?? this.random;
    const config = RegistryConfig.parse({
      dataFolder: join(this.folder, 'registry'),
      http: { port: this.ports.registry, ...this.perMinute() },
    });
    // Domain proofs have tests of their own; here every domain is its agency's.
    const domainProofs = [{ kind: 'local' as const, shows: async () => true as const }];
    return new Registry({
      clock,
      random,
      disk,
      log: this.options.registryLog ?? this.options.log ?? silentLog(),
      config,
      domainProofs,
    });
  }

  /** One that is not started; another than the fixture's own by `changes`. */
  makeBridge(changes: Partial<BridgeConfigInput> = {}): Bridge {
    const { clock, bridgeDisk: disk, options } = this;
    const random = options.random?.bridge ?? this.random;
    const config = BridgeConfig.parse({
      dataFolder: this.bridgeFolder,
      http: { port: this.ports.bridge, ...this.perMinute() },
      registry: { url: `http://127.0.0.1:${this.ports.registry}`, key: this.cast.registry.key.publicKey },
      // Port 9 (discard) refuses: most tests need no broker, and the bridge must live without one.
      area: {
        url: options.areaUrl ?? 'mqtt://127.0.0.1:9',
        accounts: options.accounts ?? join(this.folder, 'accounts'),
      },
      ...(options.instance ? { instance: { drainS: 0, ...options.instance, secretsFolder: this.bridgeFolder } } : {}),
      ...options.bridge,
      // Moderation has tests of its own; elsewhere a request is published when it is posted.
      requests: { moderation: 'nothing', ...options.bridge?.requests },
      ...changes,
    });
    const { httpLimits } = options;
    return new Bridge({
      clock,
      random,
      disk,
      log: options.log ?? silentLog(),
      config,
      ...(httpLimits ? { httpLimits } : {}),
    });
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : { value };
  } catch {
    return { text };
  }
}
