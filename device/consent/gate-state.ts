// State folded from the ledger: owners, pins, the state of each request, used ids, privacy, unfinished orders.
import { sha256Hex, verifySignature } from '@doorsill/base/keys';
import type { ReceiptBody } from '@doorsill/contract/home-messages';
import { actorId } from '@doorsill/contract/ids';
import { openToken, parseToken } from '@doorsill/contract/jws';
import { CLOCK_SKEW_S_MAX, Grant, noOrderYet, orderHeadInput } from '@doorsill/contract/owner-orders';
import { Credential, Request } from '@doorsill/contract/request';
import { type Ask, isSealedAs, recipientOf, sealingOf } from '@doorsill/contract/request-or-search';
import { claimedSigner, Search } from '@doorsill/contract/search';
import { PUBLIC_AUDIENCE, signedClaims, type Window } from '@doorsill/contract/shared-claims';
import type { Trust } from '@doorsill/contract/verify-published-request';
import { z } from 'zod';
import type { LedgerBody, LedgerEntry } from '../ledger/ledger-entry.ts';
import { changedBy, NO_OWNER_SETTINGS, type OwnerSettings } from './owner-settings.ts';
import {
  currentGrant,
  next,
  type RequestInput,
  type RequestState,
  UNSEEN,
  unfinishedGrant,
} from './request-machine.ts';
import { type GrantedFacts, SentClips } from './sent-clips.ts';
import { Viewers } from './viewers.ts';

/** For other readers of the ledger's entries. */
export { next as nextRequestState, type RequestInput, type RequestState, UNSEEN } from './request-machine.ts';

/** The bridge and registry that the device is enrolled with. */
export interface Pins extends Trust {
  bridge: string;
}

/** A paired owner. */
export interface Owner {
  key: string;
  name: string;
  /** The device's signed statement that the key belongs to an owner. */
  statement: string;
}

/** One request; `facts` are those of its current grant, while that is unfinished. */
export interface RequestRecord {
  state: RequestState;
  facts: GrantedFacts | null;
  /** Id of the bridge that the current grant's clip is for; '' before the first grant. */
  bridge: string;
  /** The owner's revocation token until the bridge has answered it. */
  revocation: string | null;
  /** The bridge's last signed answer about the current grant's clip. */
  intake: string | null;
  /** Wall time of the last entry about the request. */
  touchedUs: number;
  /** The ledger's entry count at that time. */
  touchedEntries: number;
}

/** An entry that moves a request from one state to another. */
export type RequestEntry = Extract<LedgerEntry, { body: { request: string } }> & {
  type: Exclude<LedgerEntry['type'], 'revoked-ahead'>;
};

/** State that survives restarts because it is derived from the ledger. `apply` serves replayed and new entries alike. */
export class GateState {
  readonly owners = new Map<string, Owner>();
  readonly requests = new Map<string, RequestRecord>();
  /** SHA-256 of every owner's token in the ledger, by the token's id. */
  readonly used = new Map<string, string>();
  /** The chained hash of the last owner's token in the ledger, whatever its kind. */
  lastOrder: string;
  /** By owner's key: the latest `iat` of that owner's orders in the ledger, in seconds. */
  readonly lastSignedS = new Map<string, number>();
  /** Ids of remove-owner orders for a key that was not an owner's. Each was recorded, and a repeat is refused again. */
  readonly removedAhead = new Set<string>();
  /** By grant: the id of its request. */
  readonly requestOf = new Map<string, string>();
  /** Grants that were revoked before they arrived. */
  readonly revokedAhead = new Set<string>();
  /** By request: `iat` of its last grant or revocation, in seconds. */
  readonly lastSignedOfRequestS = new Map<string, number>();
  /** By id of a `forget` order that is not known to be finished: its window, or null for all footage. */
  readonly forgetOrders = new Map<string, Window | null>();
  readonly viewers = new Viewers();
  readonly sentClips = new SentClips();
  pins: Pins | null = null;
  /** The owners' overrides of device.json. A restore keeps them: they give nobody a right, and device.json may be older. */
  settings: OwnerSettings = NO_OWNER_SETTINGS;
  privacyOn = false;
  /** Search Party by the owners' last order; null before the first one. */
  searchParty: boolean | null = null;
  /** The latest wall time of the entries since the clock mark was last reset, in microseconds. */
  wallFloorUs = 0;
  clockResets = 0;
  /** Orders signed up to this second count as signed before the restore from a backup. */
  restoredS = 0;
  /** By removed owner's key: its orders up to this second stay invalid, even if the key becomes an owner's again. */
  readonly formerS = new Map<string, number>();
  private readonly deviceId: string;

  constructor(deviceId: string) {
    this.deviceId = deviceId;
    this.lastOrder = sha256Hex(noOrderYet(deviceId));
  }

  record(request: string): RequestRecord {
    const fresh: RequestRecord = {
      state: UNSEEN,
      facts: null,
      bridge: '',
      revocation: null,
      intake: null,
      touchedUs: 0,
      touchedEntries: 0,
    };
    return this.requests.get(request) ?? fresh;
  }

  /** Applies one ledger entry. Returns its fault or null: a verified chain can still hold inconsistent entries. */
  apply(entry: LedgerEntry): string | null {
    this.wallFloorUs = entry.type === 'clock-reset' ? entry.body.markUs : Math.max(this.wallFloorUs, entry.atUs);
    if (entry.type === 'clock-reset') this.clockResets += 1;
    if ('token' in entry.body && 'jti' in entry.body) this.noteOrder(entry.body.jti, entry.body.token);
    switch (entry.type) {
      case 'paired':
      case 'owner-added': {
        const { key, name, statement } = entry.body;
        this.owners.set(key, { key, name, statement });
        return null;
      }
      case 'owner-removed':
        this.formerS.set(entry.body.key, Math.floor(entry.atUs / 1_000_000) + CLOCK_SKEW_S_MAX);
        this.viewers.ownerRemoved(entry.body.key);
        return this.owners.delete(entry.body.key) ? null : 'it removes an owner that is not there';
      case 'owner-removed-ahead':
        this.removedAhead.add(entry.body.jti);
        return null;
      case 'enrolled':
        this.pins = { ...entry.body };
        return null;
      case 'restored':
        this.owners.clear();
        this.viewers.clear();
        // The next owners have not turned it on.
        this.searchParty = false;
        this.restoredS = Math.max(this.restoredS, entry.body.floorS);
        return null;
      case 'privacy-set':
        this.privacyOn = entry.body.on;
        return null;
      case 'privacy-on':
        this.privacyOn = true;
        return null;
      case 'search-party-set':
        this.searchParty = entry.body.on;
        return null;
      case 'settings-changed':
        this.settings = changedBy(this.settings, entry.body.settings);
        return null;
      case 'forget-ordered': {
        this.forgetOrders.set(entry.body.jti, entry.body.window ?? null);
        return null;
      }
      case 'viewer-added':
      case 'viewer-removed':
      case 'looked':
        return this.viewers.apply(entry);
      case 'forgot':
        this.forgetOrders.delete(entry.body.jti);
        return null;
      case 'clock-reset':
        // A removal recorded while the clock was ahead must not block the key until that time.
        for (const [key, untilS] of this.formerS) {
          this.formerS.set(key, Math.min(untilS, Math.floor(entry.body.markUs / 1_000_000) + CLOCK_SKEW_S_MAX));
        }
        return null;
      case 'revoked-ahead':
        this.revokedAhead.add(entry.body.grant);
        this.noteRequestOrder(entry.body.request, entry.body.token);
        return null;
      default:
        return this.applyToRequest(entry);
    }
  }

  private applyToRequest(entry: RequestEntry): string | null {
    const { request } = entry.body;
    const record = this.record(request);
    if (entry.type === 'granted') {
      const facts = this.readGranted(entry.body);
      if (typeof facts === 'string') return facts;
      this.noteOrder(entry.body.grant, entry.body.grantToken);
      this.requestOf.set(entry.body.grant, request);
      record.facts = facts;
      record.bridge = facts.request.aud;
      record.intake = null;
      this.noteRequestOrder(request, entry.body.grantToken);
    }
    if (entry.type === 'revoked') {
      record.revocation = entry.body.token;
      this.noteRequestOrder(request, entry.body.token);
    }
    const input = requestInputOf(entry, currentGrant(record.state)?.sha256 ?? '');
    const seen = next(record.state, { type: 'seen' });
    const step = next(seen.state, input);
    const isRejected = step.effects.some((effect) => effect.do === 'reject');
    if (isRejected) return `${entry.type} does not follow ${record.state.at}`;
    record.state = step.state;
    this.sentClips.apply(entry, record.facts);
    record.touchedUs = entry.atUs;
    record.touchedEntries = entry.sequence + 1;
    if ('intake' in entry.body) record.intake = entry.body.intake;
    if (step.state.at !== 'revoking') record.revocation = null;
    if (!unfinishedGrant(step.state)) record.facts = null;
    this.requests.set(request, record);
    return null;
  }

  private noteOrder(jti: string, token: string): void {
    this.lastOrder = sha256Hex(orderHeadInput(this.lastOrder, token));
    this.used.set(jti, sha256Hex(token));
    const signed = signedBy(token);
    if (signed) this.lastSignedS.set(signed.iss, Math.max(this.lastSignedS.get(signed.iss) ?? 0, signed.iat));
  }

  private noteRequestOrder(request: string, token: string): void {
    this.lastSignedOfRequestS.set(
      request,
      Math.max(this.lastSignedOfRequestS.get(request) ?? 0, signedBy(token)?.iat ?? 0),
    );
  }

  /** Verifies a grant's tokens again: they authorise footage to leave, so the ledger's hash chain alone is not enough. */
  private readGranted(
    body: Extract<LedgerBody, { type: 'granted' }>['body'],
  ): NonNullable<RequestRecord['facts']> | string {
    const verify = verifySignature;
    const grant = openToken(body.grantToken, {
      typ: 'doorsill-grant+jws',
      schema: Grant,
      audience: this.deviceId,
      keys: [...this.owners.keys()],
      verify,
    });
    const ask = this.readAsk(body);
    if (!grant.ok || ask === null)
      return 'its grant, its credential, or the request or search that it answers does not verify';
    const { kind, key } = recipientOf(ask.request, sha256Hex);
    const { requestSha256, recipient } = grant.claims;
    if (requestSha256 !== sha256Hex(body.requestToken) || recipient.kind !== kind || recipient.key !== key)
      return 'its request does not verify';
    if (!isSealedAs(grant.claims, sealingOf(ask))) return 'its clip is not encrypted as its recipient asks';
    const { grantToken, requestToken, pairingToken } = body;
    return { grant: grant.claims, grantToken, requestToken, pairingToken, ...ask };
  }

  /** The ask that a grant answers: an agency's request with its credential, or a neighbour's search; null when it does not verify. */
  private readAsk({
    requestToken,
    credentialToken,
  }: Extract<LedgerBody, { type: 'granted' }>['body']): { request: Ask; credential: Credential | null } | null {
    const verify = verifySignature;
    const audience = this.pins ? actorId('bridge', sha256Hex(this.pins.bridgeKey)) : '';
    if (credentialToken === undefined) {
      const keys = claimedSigner(requestToken);
      const pinned = { typ: 'doorsill-search+jws', schema: Search, audience, keys, verify } as const;
      const search = openToken(requestToken, pinned);
      return search.ok ? { request: search.claims, credential: null } : null;
    }
    const credential = openToken(credentialToken, {
      typ: 'doorsill-credential+jws',
      schema: Credential,
      audience: PUBLIC_AUDIENCE,
      keys: this.pins ? [this.pins.registryKey] : [],
      verify,
    });
    const keys = credential.ok ? [credential.claims.key] : [];
    const pinned = { typ: 'doorsill-request+jws', schema: Request, audience, keys, verify } as const;
    const request = openToken(requestToken, pinned);
    return credential.ok && request.ok ? { request: request.claims, credential: credential.claims } : null;
  }
}

const signedSchema = z.object(signedClaims).pick({ iss: true, iat: true });

/** The signer of a token in the ledger, and the time of signing in seconds; undefined when it lacks them. */
function signedBy(token: string): z.infer<typeof signedSchema> | undefined {
  return signedSchema.safeParse(parseToken(token)?.claims).data;
}

/** The input of the request's machine that an entry stands for. `currentSha256`: hash of the grant in force, '' without one. */
export function requestInputOf(entry: RequestEntry, currentSha256: string): RequestInput {
  switch (entry.type) {
    case 'granted':
      return { type: 'grant', grant: { id: entry.body.grant, sha256: sha256Hex(entry.body.grantToken) } };
    case 'denied':
      return { type: 'deny' };
    case 'revoked':
      return { type: 'revoke', grant: { id: entry.body.grant, sha256: currentSha256 } };
    case 'sealed':
      return { type: 'sealed', grant: entry.body.grant, clip: entry.body.clip };
    case 'token-presented':
      return { type: 'presented', grant: entry.body.grant };
    case 'delivered':
    case 'deleted':
      return { type: entry.type, grant: entry.body.grant };
    case 'recalled':
      return { type: 'kept', grant: entry.body.grant };
    case 'failed':
      return { type: 'failed', grant: entry.body.grant, code: entry.body.code };
    case 'ended':
      if (entry.body.reason === 'cancelled') return { type: 'cancelled' };
      return { type: 'ended', grant: entry.body.grant, reason: entry.body.reason };
  }
}

/** A receipt of a request's current state that answers no message: sent when an earlier one may have been lost. */
export function currentStateReceipt(request: string, record: RequestRecord): ReceiptBody | null {
  const { state, intake } = record;
  switch (state.at) {
    case 'unseen':
    case 'pending':
      return null;
    case 'denied':
      return { outcome: 'denied', request };
    case 'cancelled':
      return { outcome: 'failed', request, grant: state.grant.id, code: 'consent_request_cancelled' };
    case 'failed':
      return { outcome: 'failed', request, grant: state.grant.id, code: state.code };
    case 'granted':
      return { outcome: 'granted', request, grant: state.grant.id, grantSha256: state.grant.sha256 };
    case 'sealed':
    case 'presented':
      return { outcome: 'sealed', request, grant: state.grant.id, grantSha256: state.grant.sha256, clip: state.clip };
    case 'delivered':
      return {
        outcome: 'sent',
        request,
        grant: state.grant.id,
        grantSha256: state.grant.sha256,
        clip: state.clip,
        ...(intake === null ? {} : { intake }),
      };
    case 'revoking':
      // Names the clip: the bridge may hold part of it and has not confirmed its deletion yet.
      return { outcome: 'revoked', request, grant: state.grant.id, clip: state.clip };
    case 'revoked':
      return intake === null
        ? { outcome: 'revoked', request, grant: state.grant.id }
        : { outcome: 'deleted', request, grant: state.grant.id, intake };
    case 'recalled':
      return { outcome: 'recalled', request, grant: state.grant.id, ...(intake === null ? {} : { intake }) };
  }
}
