// Agencies' credentials and the revocation list (here: the list), fetched from the registry, verified and cached.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { failure, isFailure } from '@doorsill/contract/errors';
import { actorId } from '@doorsill/contract/ids';
import { CLOCK_SKEW_S_MAX } from '@doorsill/contract/owner-orders';
import { Credential, Revocations } from '@doorsill/contract/request';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { credentialFault, revokedBy } from '@doorsill/contract/verify-published-request';
import { readToken } from '../signing/verify-token.ts';
import type { RegistryClient } from './registry-client.ts';

/** A signed document and its claims, both verified. */
export interface Checked<Claims> {
  token: string;
  claims: Claims;
}

/** Stores the newest revocation list across restarts. */
export interface CredentialStore {
  loadRevocations(): Promise<string | null>;
  saveRevocations(token: string, revision: number): Promise<void>;
}

export interface AgencyCredentialsDeps {
  clock: Clock;
  log: Log;
  client: RegistryClient;
  registryKey: string;
  store: CredentialStore;
  /** Whether agencies of a state may act, not only those of municipalities and counties. */
  stateAgencies: boolean;
}

/** A credential fetched less than this ago is used without asking the registry again. */
const CREDENTIAL_REUSE_S = 300;
/** A cached credential that expires sooner than this is not used. */
const CREDENTIAL_LEFT_S = 60;
const CREDENTIALS_MAX = 1_000;

/** The one place that decides whether an agency may act right now. */
export class AgencyCredentials {
  private readonly deps: AgencyCredentialsDeps;
  private readonly credentials = new Map<string, { checked: Checked<Credential>; fetchedS: number }>();
  private list: Checked<Revocations> | null = null;

  constructor(deps: AgencyCredentialsDeps) {
    this.deps = deps;
  }

  /** Loads the list that was stored before the restart; the registry need not be reachable. */
  async start(): Promise<void> {
    const token = await this.deps.store.loadRevocations();
    if (!token) return;
    try {
      this.list = this.openList(token);
    } catch (thrown) {
      // A list that the configured registry key did not sign is ignored. Without a list no agency may act.
      if (!isFailure(thrown)) throw thrown;
      this.deps.log.warn(
        'the stored revocation list is ignored (see code); no agency may act until the registry gives a new one',
        { code: thrown.code },
      );
    }
  }

  /** The list as the registry signed it; null when there is none yet. */
  get revocations(): Checked<Revocations> | null {
    return this.list;
  }

  /** Whether there is a list that has not expired: without one no agency may act. */
  isListFresh(): boolean {
    return this.list !== null && wallSeconds(this.deps.clock) < this.list.claims.exp;
  }

  /**
   * Fetches the list from the registry; returns whether the set of revoked agencies changed. Refuses an older revision. Throws
   * `unreachable`, `token_...`.
   */
  async refreshRevocations(): Promise<boolean> {
    const fresh = this.openList(await this.deps.client.revocations());
    const known = this.list?.claims;
    if (known && fresh.claims.revision < known.revision) throw failure('token_expired');
    await this.deps.store.saveRevocations(fresh.token, fresh.claims.revision);
    this.list = fresh;
    const isChanged = known === undefined || fresh.claims.revision !== known.revision;
    // A cached credential may hold former rights: one scope may have been revoked or reinstated.
    if (isChanged) for (const kept of this.credentials.values()) kept.fetchedS = Number.NEGATIVE_INFINITY;
    return isChanged;
  }

  /**
   * A credential under which the agency may act now. Throws `agency_unknown`, `agency_pending`, `agency_revoked`,
   * `agency_federal`, `agency_ineligible`, `credential_unavailable`.
   */
  async credential(agency: string): Promise<Checked<Credential>> {
    await this.needList();
    const nowS = wallSeconds(this.deps.clock);
    const known = this.credentials.get(agency);
    const isYoung = known !== undefined && nowS - known.fetchedS < CREDENTIAL_REUSE_S;
    if (isYoung && this.isFresh(known.checked) && this.isGood(known.checked.claims)) return known.checked;
    try {
      const checked = this.openCredential(agency, await this.deps.client.credential(agency));
      if (this.credentials.size >= CREDENTIALS_MAX) this.credentials.clear();
      this.credentials.set(agency, { checked, fetchedS: nowS });
      this.assertGood(checked.claims);
      return checked;
    } catch (thrown) {
      if (!isFailure(thrown)) throw thrown;
      if (thrown.code.startsWith('agency_')) this.credentials.delete(agency);
      if (thrown.code !== 'unreachable') throw thrown;
      // The registry is unreachable: the last credential is used until it expires.
      if (!known || !this.isFresh(known.checked)) throw failure('credential_unavailable', {}, thrown);
      this.assertGood(known.checked.claims);
      return known.checked;
    }
  }

  /**
   * Throws as `credential` once the agency may not act any more. Asks the registry only when the cached documents do not decide it: this is
   * called for each piece of a clip.
   */
  async assertStillGood(agency: string): Promise<void> {
    const known = this.credentials.get(agency);
    if (!known || !this.isGood(known.checked.claims)) await this.credential(agency);
  }

  /**
   * Asserts that a credential is valid now: not expired, right jurisdiction and scope, not revoked; without a list none is valid. `cells`:
   * the cells of the homes asked. Synchronous, so that a transaction can call it. Throws as `credential`.
   */
  assertGood(credential: Credential, cells: readonly string[] = []): void {
    const nowS = wallSeconds(this.deps.clock);
    const list = this.list?.claims;
    if (!list || nowS >= list.exp) throw failure('credential_unavailable');
    if (revokedBy(list, credential, cells)) throw failure('agency_revoked');
    if (credential.jurisdiction === 'federal') throw failure('agency_federal', { detail: 'its credential says so' });
    const fault = credentialFault(credential, nowS, this.deps.stateAgencies);
    if (fault === 'consent_credential_expired') throw failure('credential_unavailable');
    if (fault) throw failure('agency_ineligible', { detail: 'its credential does not allow requests to residents' });
  }

  /** Fetches the list now if there is none or it has expired; without one no credential is valid. Throws `credential_unavailable`. */
  private async needList(): Promise<void> {
    if (this.list && wallSeconds(this.deps.clock) < this.list.claims.exp) return;
    try {
      await this.refreshRevocations();
    } catch (thrown) {
      throw failure('credential_unavailable', {}, thrown);
    }
  }

  private isGood(credential: Credential): boolean {
    try {
      this.assertGood(credential);
      return true;
    } catch {
      return false;
    }
  }

  private isFresh(checked: Checked<Credential>): boolean {
    return checked.claims.exp - CREDENTIAL_LEFT_S > wallSeconds(this.deps.clock);
  }

  private openCredential(agency: string, token: string): Checked<Credential> {
    const claims = readToken(token, {
      typ: 'doorsill-credential+jws',
      schema: Credential,
      audience: PUBLIC_AUDIENCE,
      keys: [this.deps.registryKey],
    });
    // The id must be derived from the key, and be the requested one.
    if (claims.agency !== agency || claims.agency !== actorId('agency', sha256Hex(claims.key))) {
      throw failure('agency_unknown');
    }
    return { token, claims };
  }

  private openList(token: string): Checked<Revocations> {
    const claims = readToken(token, {
      typ: 'doorsill-revocations+jws',
      schema: Revocations,
      audience: PUBLIC_AUDIENCE,
      keys: [this.deps.registryKey],
    });
    if (claims.iat > wallSeconds(this.deps.clock) + CLOCK_SKEW_S_MAX) throw failure('token_expired');
    return { token, claims };
  }
}
