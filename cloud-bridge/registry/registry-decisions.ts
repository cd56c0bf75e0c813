// Decides which agencies may ask residents, and states it in signed documents.
import { join } from 'node:path';
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { isSealingKey } from '@doorsill/base/hpke';
import type { HttpLimits } from '@doorsill/base/http/http-server';
import { isPublicKey, type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Network } from '@doorsill/base/network';
import type { Random } from '@doorsill/base/random';
import { agencyCallSchema } from '@doorsill/contract/agency-calls';
import type { AGENCY_EVENTS } from '@doorsill/contract/custody';
import { failure, isFailure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { signToken } from '@doorsill/contract/jws';
import { AREA_SCOPE, areaPrefixSchema, type Credential, type Revocations } from '@doorsill/contract/request';
import { LIFE_S_MAX, PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import type { RateLimit, RateLimits } from '../http/rate-limits.ts';
import type { PlaceSeams } from '../persistence/open-database.ts';
import { assertLife, peekToken, readToken } from '../signing/verify-token.ts';
import { type Agency, type AgencyFacts, agencyIn, type Book, waitingOf } from './agency-book.ts';
import {
  approve,
  assertActing,
  type Decision,
  refuse,
  reinstate,
  revoke,
  revokedEntries,
  rotate,
  suspend,
} from './agency-standing.ts';
import { apply, whyNotAdmitted } from './applications.ts';
import { type DomainProof, dnsProof, httpsProof, localProof, type ProofKind, proveDomain } from './domain-proof.ts';
import { assertEligible, type EligibilityRules } from './eligibility.ts';
import type { RegistryConfig } from './registry-config.ts';
import type { RegistryStore } from './registry-store.ts';

/** A registry's dependencies and settings. */
export interface RegistryDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  config: RegistryConfig;
  httpLimits?: HttpLimits;
  /** Network it listens on; default: the machine's own. */
  network?: Network;
  life?: PlaceSeams['life'];
  /** Replaces the domain proofs of the settings. */
  domainProofs?: readonly DomainProof[];
}

/** A change of an agency's standing, before it has a revision. */
interface Change {
  event: (typeof AGENCY_EVENTS)[number];
  agency: string;
  /** Absent: all of its access. */
  scope?: string;
}

export interface Running {
  key: SigningKey;
  store: RegistryStore;
  rules: EligibilityRules;
  adminToken: string;
  url: string;
  /** Checks of a domain, unless a moderator asks: in all, and for one network. */
  proofs: RateLimit;
  proofsOfNetwork: RateLimit;
  /** Applications of a known agency with changed facts. */
  applicationsAgain: RateLimit;
}

/** Checks of a domain in ten minutes: in all, and for one network. */
const PROOFS_MAX = 300;
const PROOFS_OF_NETWORK_MAX = 3;
const PROOFS_SPAN_MS = 10 * 60_000;
/** Changed applications of a known agency in a day: each is a permanent leaf of the log. */
const AGAIN_MAX = 5;
const AGAIN_SPAN_MS = 24 * 3600_000;

export abstract class RegistryDecisions {
  protected readonly deps: RegistryDeps;
  protected running: Running | null = null;
  protected writes: Promise<unknown> = Promise.resolve();

  constructor(deps: RegistryDeps) {
    this.deps = deps;
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
   * Stores the application of the agency that signed this `register` call. An agency under the domain of a listed local government is
   * admitted if its domain shows its id; all others wait for a moderator. `from`: the network it came from. Throws `token_...`,
   * `agency_sealing_key`, `agency_federal`, `agency_ineligible`, `agency_suspended`, `agency_revoked`, `agency_key_rotated`,
   * `agency_applications_full`, `http_rate_limited` for one that applies again too often.
   */
  async register(token: string, from?: string): Promise<Agency> {
    const { agency, key, call } = this.readCall(token);
    if (call.action !== 'register') throw failure('token_unknown_claims');
    const { action, ...said } = call;
    const { sealing = null } = said;
    if (sealing && !isSealingKey(sealing.key)) throw failure('agency_sealing_key');
    const facts = { agency, key, ...said, sealing };
    const { rules, store, applicationsAgain } = this.up();
    const arrival = { nowS: this.nowS(), ...(from === undefined ? {} : { from }) };
    const next = (book: Book, isProven: boolean) => apply(book, facts, rules, { ...arrival, isProven });
    const book = await store.load();
    const isKnown = book.agencies.some((one) => one.agency === agency);
    if (isKnown && next(book, false) !== book) await applicationsAgain.take(agency);
    try {
      await this.change({ event: 'applied', agency }, (now) => next(now, false));
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code !== 'agency_applications_full') throw thrown;
      // An agency that would be admitted at once is not limited: it takes no place among those that wait.
      if (!(await this.isProvenAndListed(facts, from))) throw thrown;
      await this.change({ event: 'applied', agency }, (now) => next(now, true));
    }
    return this.admitListed(agency, from);
  }

  /** Whether an applicant needs no review, and its domain shows its id. */
  private async isProvenAndListed(facts: AgencyFacts, from: string | undefined): Promise<boolean> {
    if (whyNotAdmitted(await this.up().store.load(), facts, this.up().rules) !== null) return false;
    try {
      await this.proofFor(facts, from);
      return true;
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      return false;
    }
  }

  /**
   * Checks an applicant's domain. Anyone can apply in a city's name: applicants must not control how often its web server is called, and
   * those of one network must not use up the checks for others. Throws `http_rate_limited`, `agency_domain_unproven`.
   */
  private async proofFor({ agency, domain }: Pick<Agency, 'agency' | 'domain'>, from = ''): Promise<ProofKind> {
    const { proofs, proofsOfNetwork } = this.up();
    await proofsOfNetwork.take(`${domain} ${from}`);
    await proofs.take(domain);
    return this.proofOf(domain, agency);
  }

  /** Approves the waiting facts of an agency if they need no review; returns the agency after that. */
  private async admitListed(id: string, from: string | undefined): Promise<Agency> {
    const { rules, store } = this.up();
    const book = await store.load();
    const agency = agencyIn(book, id);
    const waiting = waitingOf(agency);
    if (!waiting || whyNotAdmitted(book, waiting, rules) !== null) return agency;
    const { revision } = waiting;
    try {
      const proof = await this.proofFor(waiting, from);
      return await this.decide({ event: 'approved', agency: id }, revision, (book, decision) =>
        whyNotAdmitted(book, waiting, rules) === null ? approve(book, decision, proof, this.nowS()) : book,
      );
    } catch (thrown) {
      // Not proven, or somebody has decided meanwhile.
      if (!isFailure(thrown)) throw thrown;
      return this.agency(id);
    }
  }

  /** All agencies, for moderators. */
  async agencies(): Promise<readonly Agency[]> {
    return (await this.up().store.load()).agencies;
  }

  /** One agency, for moderators. Throws `agency_unknown`. */
  async agency(id: string): Promise<Agency> {
    return agencyIn(await this.up().store.load(), id);
  }

  /**
   * Approves the waiting facts of an agency whose domain shows its id. `seen`: the revision that the moderator saw. Throws
   * `agency_domain_unproven`, and as agency-standing.ts says.
   */
  async approve(agency: string, seen?: number): Promise<Agency> {
    const known = await this.agency(agency);
    const { domain, revision } = waitingOf(known) ?? known;
    const proof = await this.proofOf(domain, agency);
    // The proof is for the domain of `revision`; if the moderator saw another one, the decision fails.
    return this.decide({ event: 'approved', agency }, seen ?? revision, (book, decision) =>
      approve(book, decision, proof, this.nowS()),
    );
  }

  /** Refuses an application and revokes the access of its agency, which is told the reason. Throws as agency-standing.ts says. */
  refuse(agency: string, reason: string, seen?: number): Promise<Agency> {
    return this.decide({ event: 'refused', agency }, seen, (book, decision) =>
      refuse(book, decision, reason, this.nowS()),
    );
  }

  /** Suspends all access until it is reinstated. Throws as agency-standing.ts says. */
  suspend(agency: string, reason: string, seen?: number): Promise<Agency> {
    return this.decide({ event: 'suspended', agency }, seen, (book, decision) =>
      suspend(book, decision, reason, this.nowS()),
    );
  }

  /** Revokes all access, or one scope; `area-NAME`: an area of the settings, or a prefix of cells. Throws as agency-standing.ts says. */
  revoke(agency: string, scope?: string, seen?: number): Promise<Agency> {
    const scopes = this.scopesOf(scope);
    return this.decide({ event: 'revoked', agency, ...(scope === undefined ? {} : { scope }) }, seen, (book, by) =>
      revoke(book, by, scopes, this.nowS()),
    );
  }

  /** Reinstates all access, or one scope. Throws as agency-standing.ts says. */
  reinstate(agency: string, scope?: string, seen?: number): Promise<Agency> {
    const scopes = this.scopesOf(scope);
    return this.decide(
      { event: 'reinstated', agency, ...(scope === undefined ? {} : { scope }) },
      seen,
      (book, decision) => reinstate(book, decision, scopes, this.up().rules),
    );
  }

  /**
   * Gives an agency the key that signed this `rotate-key` call; its domain must show the new id as it did the old one. Returns the
   * agency under its new id. Throws `token_...`, `agency_domain_unproven`, and as agency-standing.ts says.
   */
  async rotate(agency: string, token: string, seen?: number): Promise<Agency> {
    const to = this.readCall(token);
    if (to.call.action !== 'rotate-key' || to.call.from !== agency) throw failure('token_unknown_claims');
    const { domain, successor } = await this.agency(agency);
    if (successor !== to.agency) await this.proofOf(domain, to.agency);
    await this.decide({ event: 'key-rotated', agency }, seen, (book, decision) =>
      rotate(book, decision, { agency: to.agency, key: to.key }, this.nowS()),
    );
    return this.agency(to.agency);
  }

  /** A fresh credential. Throws the `agency_...` failure of an agency that may not act. */
  async credential(id: string): Promise<string> {
    const agency = await this.agency(id);
    assertActing(agency);
    const { key, rules } = this.up();
    assertEligible(agency, rules);
    const nowS = this.nowS();
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
      profiles: agency.profiles,
      retention: agency.retention,
      ...(agency.sealing ? { sealing: agency.sealing } : {}),
      except: agency.except,
      ...(agency.organisation === undefined ? {} : { organisation: agency.organisation }),
      revision: agency.revision,
    };
    return signToken('doorsill-credential+jws', claims, key);
  }

  /** The signed revocation list, also when it is empty. */
  async revocations(): Promise<string> {
    const { key, store } = this.up();
    const book = await store.load();
    const nowS = this.nowS();
    const claims: Revocations = {
      iss: key.publicKey,
      aud: PUBLIC_AUDIENCE,
      iat: nowS,
      exp: nowS + this.deps.config.revocationsLifeS,
      revision: book.listRevision,
      revoked: revokedEntries(book),
    };
    return signToken('doorsill-revocations+jws', claims, key);
  }

  private nowS(): number {
    return wallSeconds(this.deps.clock);
  }

  protected up(): Running {
    if (!this.running) throw failure('not_running', { folder: this.deps.config.dataFolder });
    return this.running;
  }

  /** The signer of a call: the signature proves possession of the key, and the id is derived from the key. */
  private readCall(token: string) {
    const { iss } = peekToken(token, agencyCallSchema);
    const claims = readToken(token, {
      typ: 'doorsill-agency+jws',
      schema: agencyCallSchema,
      audience: this.id,
      keys: [iss],
    });
    assertLife(claims, this.nowS(), LIFE_S_MAX.agencyCall);
    if (!isPublicKey(iss) || claims.agency !== actorId('agency', sha256Hex(iss))) throw failure('token_unknown_claims');
    return { agency: claims.agency, key: iss, call: claims.call };
  }

  private proofOf(domain: string, agency: string): Promise<ProofKind> {
    const { disk, config, domainProofs } = this.deps;
    const made = {
      local: () => localProof(disk, join(config.instance?.secretsFolder ?? config.dataFolder, 'domains')),
      https: httpsProof,
      dns: dnsProof,
    };
    return proveDomain(domainProofs ?? config.domainProofs.map((kind) => made[kind]()), domain, agency);
  }

  /** The scopes that a named scope stands for. Throws `http_body_invalid` for an area that is neither configured nor a cell prefix. */
  private scopesOf(scope: string | undefined): readonly string[] | undefined {
    if (scope === undefined || !scope.startsWith(AREA_SCOPE)) return scope === undefined ? undefined : [scope];
    const name = scope.slice(AREA_SCOPE.length);
    const prefixes = this.deps.config.areas[name] ?? (areaPrefixSchema.safeParse(name).success ? [name] : null);
    if (!prefixes) throw failure('http_body_invalid', { detail: `there is no area "${name}" in registry.json` });
    return prefixes.map((prefix) => AREA_SCOPE + prefix);
  }

  private async decide(
    event: Change,
    seen: number | undefined,
    next: (book: Book, decision: Decision) => Book,
  ): Promise<Agency> {
    const decision = { agency: event.agency, ...(seen === undefined ? {} : { seen }) };
    return agencyIn(await this.change(event, (book) => next(book, decision)), event.agency);
  }

  /** Makes one change at a time; it takes effect once it is durable in the log. Returns the resulting book. */
  private async change(event: Change, next: (book: Book) => Book): Promise<Book> {
    const { store } = this.up();
    const turn = this.writes.then(async () => {
      let changed: (Change & { revision: number }) | null = null;
      const after = await store.change((now) => {
        const book = next(now);
        if (book === now) return null;
        changed = { ...event, revision: agencyIn(book, event.agency).revision };
        return { book, event: { kind: 'agency', ...changed } };
      });
      if (changed) this.deps.log.info('an agency’s standing has changed', { ...(changed as Change) });
      return after;
    });
    this.writes = turn.catch(() => undefined);
    return turn;
  }

  protected applicationLimits(limits: RateLimits): Pick<Running, 'proofs' | 'proofsOfNetwork' | 'applicationsAgain'> {
    return {
      proofs: limits.limit('proofs of a domain', PROOFS_MAX, PROOFS_SPAN_MS),
      proofsOfNetwork: limits.limit('proofs of a domain for a network', PROOFS_OF_NETWORK_MAX, PROOFS_SPAN_MS),
      applicationsAgain: limits.limit('applications again', AGAIN_MAX, AGAIN_SPAN_MS),
    };
  }
}
