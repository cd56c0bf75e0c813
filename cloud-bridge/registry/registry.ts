// Owns: the registry process's whole: key, book on disk, signed credentials and revocation list, HTTP.
// Not here: the rules of standing (book.ts), routes (routes.ts). Nothing of the bridge runs in here.
import { join } from 'node:path';
import { fromUtf8, utf8 } from '../../device/base/bytes.ts';
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import type { Disk } from '../../device/base/disk.ts';
import { isPublicKey, type SigningKey, sha256Hex } from '../../device/base/keys.ts';
import type { Log } from '../../device/base/log.ts';
import type { Random } from '../../device/base/random.ts';
import { AGENCY_CALL_LIFE_S_MAX, agencyCallSchema } from '../../device/protocol/agency.ts';
import { PUBLIC_AUDIENCE } from '../../device/protocol/claims.ts';
import { failure } from '../../device/protocol/errors.ts';
import { actorId } from '../../device/protocol/ids.ts';
import { signToken } from '../../device/protocol/jws.ts';
import type { Credential, Revocations } from '../../device/protocol/request.ts';
import type { HttpLimits } from '../http/server.ts';
import { listenOn, makeHttpServer } from '../http/server.ts';
import { adminTokenIn, signingKeyIn } from '../key-file.ts';
import { assertLife, peekToken, readToken } from '../tokens.ts';
import {
  type Agency,
  agencyIn,
  approve,
  assertEligible,
  type Book,
  bookSchema,
  EMPTY_BOOK,
  register,
  reinstate,
  revoke,
  revokedEntries,
} from './book.ts';
import type { RegistryConfig } from './config.ts';
import { registryRoutes } from './routes.ts';

export interface RegistryDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  config: RegistryConfig;
  httpLimits?: HttpLimits;
}

const BOOK_BYTES_MAX = 16 * 1024 * 1024;

interface Running {
  key: SigningKey;
  adminToken: string;
  url: string;
  stop(): Promise<void>;
}

/** Decides which agencies may ask residents, and says so in signed documents. */
export class Registry {
  private readonly deps: RegistryDeps;
  private book: Book = EMPTY_BOOK;
  private running: Running | null = null;
  private writes: Promise<unknown> = Promise.resolve();

  constructor(deps: RegistryDeps) {
    this.deps = deps;
  }

  /** Throws `state_damaged`, `port_in_use`. */
  async start(): Promise<void> {
    const { disk, random, config } = this.deps;
    await disk.makeFolder(config.dataFolder);
    const key = await signingKeyIn(disk, random, config.dataFolder);
    const adminToken = await adminTokenIn(disk, random, config.dataFolder);
    this.book = await this.readBook();
    const { clock, log, httpLimits } = this.deps;
    const server = makeHttpServer({ clock, log, ...(httpLimits ? { limits: httpLimits } : {}) });
    registryRoutes(server, this, adminToken);
    this.running = { key, adminToken, url: '', stop: () => server.close() };
    try {
      this.running.url = await listenOn(server, config.http.host, config.http.port);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    log.info('the registry is up', { url: this.running.url, agencies: this.book.agencies.length });
  }

  async stop(): Promise<void> {
    const running = this.running;
    this.running = null;
    await running?.stop();
    await this.writes;
  }

  get url(): string {
    return this.up().url;
  }

  get publicKey(): string {
    return this.up().key.publicKey;
  }

  /** `registry-` and the hash of its key. */
  get id(): string {
    return actorId('registry', sha256Hex(this.publicKey));
  }

  get adminToken(): string {
    return this.up().adminToken;
  }

  /**
   * Enters the agency that signed this `register` call. Throws `token_...`, `agency_federal`, `agency_ineligible`,
   * `agency_revoked`.
   */
  async register(token: string): Promise<Agency> {
    const { iss } = peekToken(token, agencyCallSchema);
    // The key is not known before; its own signature proves possession, and the id follows from it.
    const claims = readToken(token, {
      typ: 'doorsill-agency+jws',
      schema: agencyCallSchema,
      audience: this.id,
      keys: [iss],
    });
    assertLife(claims, wallSeconds(this.deps.clock), AGENCY_CALL_LIFE_S_MAX);
    if (!isPublicKey(iss) || claims.agency !== actorId('agency', sha256Hex(iss)) || claims.call.action !== 'register') {
      throw failure('token_unknown_claims');
    }
    const { name, jurisdiction, domain } = claims.call;
    const facts = { agency: claims.agency, key: iss, name, jurisdiction, domain };
    await this.change((book) => register(book, facts, this.deps.config));
    this.deps.log.info('an agency is registered', { agency: facts.agency });
    return agencyIn(this.book, facts.agency);
  }

  /** Throws `agency_unknown`, `agency_revoked`. */
  async approve(agency: string): Promise<Agency> {
    await this.change((book) => approve(book, agency));
    return agencyIn(this.book, agency);
  }

  /** Takes all access, or one scope. Throws `agency_unknown`. */
  async revoke(agency: string, scope?: string): Promise<Agency> {
    await this.change((book) => revoke(book, agency, scope, wallSeconds(this.deps.clock)));
    this.deps.log.warn('an agency is revoked', { agency, scope });
    return agencyIn(this.book, agency);
  }

  /** Throws `agency_unknown`, `agency_pending`, `agency_federal`, `agency_ineligible`. */
  async reinstate(agency: string): Promise<Agency> {
    await this.change((book) => reinstate(book, agency, this.deps.config));
    return agencyIn(this.book, agency);
  }

  /** A fresh credential. Throws `agency_unknown`, `agency_pending`, `agency_revoked`, `agency_federal`, `agency_ineligible`. */
  credential(id: string): string {
    const agency = agencyIn(this.book, id);
    if (agency.state === 'revoked') throw failure('agency_revoked');
    if (agency.state === 'pending') throw failure('agency_pending');
    assertEligible(agency, this.deps.config);
    const nowS = wallSeconds(this.deps.clock);
    const { key } = this.up();
    const claims: Credential = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: nowS,
      exp: nowS + this.deps.config.credentialLifeS,
      agency: agency.agency,
      key: agency.key,
      name: agency.name,
      jurisdiction: agency.jurisdiction,
      domain: agency.domain,
      scopes: agency.scopes,
      revision: agency.revision,
    };
    return signToken('doorsill-credential+jws', claims, key);
  }

  /** The revocation list, always there even when nobody is on it. */
  revocations(): string {
    const nowS = wallSeconds(this.deps.clock);
    const { key } = this.up();
    const claims: Revocations = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: nowS,
      exp: nowS + this.deps.config.revocationsLifeS,
      revision: this.book.listRevision,
      revoked: revokedEntries(this.book),
    };
    return signToken('doorsill-revocations+jws', claims, key);
  }

  private up(): Running {
    if (!this.running) throw failure('not_running', { folder: this.deps.config.dataFolder });
    return this.running;
  }

  /** One change after the other; it counts only once it is on disk. */
  private async change(next: (book: Book) => Book): Promise<void> {
    const turn = this.writes.then(async () => {
      const book = next(this.book);
      if (book === this.book) return;
      const bytes = utf8(`${JSON.stringify(book, null, 1)}\n`);
      await this.deps.disk.replaceFile(this.bookPath(), bytes);
      this.book = book;
    });
    this.writes = turn.catch(() => undefined);
    await turn;
  }

  private bookPath(): string {
    return join(this.deps.config.dataFolder, 'agencies.json');
  }

  private async readBook(): Promise<Book> {
    const bytes = await this.deps.disk.readFile(this.bookPath(), BOOK_BYTES_MAX);
    if (!bytes) return EMPTY_BOOK;
    try {
      return bookSchema.parse(JSON.parse(fromUtf8(bytes) ?? ''));
    } catch (thrown) {
      throw failure('state_damaged', { file: this.bookPath(), detail: 'it is not the registry’s book' }, thrown);
    }
  }
}
