import type { Partner } from '../partners/partners-store.ts';
import type { PublicationState } from './publication-machine.ts';
import type { TextFinding } from './text-check.ts';

export type RequestPartner = Pick<Partner, 'partner' | 'name' | 'status' | 'sinceS'>;

export interface StoredRequest {
  request: string;
  agency: string;
  agencyKey: string;
  /** The agency across its keys: its posts are counted and shown under this id. */
  organisation: string;
  token: string;
  tokenSha256: string;
  /** The bridge's countersignature; empty until it is published. */
  publication: string;
  /** The normalised investigation code, for counting. */
  investigation: string;
  cells: string[];
  /** As last written; `stateAt` gives the current state. */
  state: PublicationState;
  revision: number;
  findings: TextFinding[];
  /** Why it was refused or cancelled. */
  reason: string | null;
  /** The moderator who decided last; null when none did. */
  moderator: string | null;
  /** The partner it came through, with that partner's current status. */
  partner: RequestPartner | null;
  submittedS: number;
  /** Zero until it is published. */
  publishedS: number;
  /** Seconds since 1970; from then on the request is expired, whatever its state says. */
  expiresS: number;
}

export type AddOutcome = 'added' | 'same' | 'other-content' | NumbersOutcome;
export type NumbersOutcome = 'too-many-posts' | 'cell-full' | 'too-many-waiting';

/** A request's position in a list. */
export type RequestPosition = Pick<StoredRequest, 'submittedS' | 'request'>;

/** Limits on the number of requests, at `nowS`. */
export interface NumberLimits {
  postsMax: number;
  openPerCellMax: number;
  waitingPerAgencyMax: number;
  nowS: number;
}

export type RequestChange = Pick<StoredRequest, 'state'> &
  Partial<Pick<StoredRequest, 'publication' | 'publishedS' | 'reason' | 'moderator'>>;

export interface RequestStore {
  /** Stores a request unless it breaks a limit on numbers, in one step. `same`: these very bytes are stored already. */
  add(request: StoredRequest, limits: NumberLimits): Promise<AddOutcome>;
  find(request: string): Promise<StoredRequest | null>;
  /**
   * Changes a request in one step by the result of `decide`; null changes nothing. A change that makes it wait or publishes it respects
   * the limits on numbers. An error from `decide` is rethrown, and nothing changes. Returns null when there is no such request.
   */
  change(
    request: string,
    decide: (now: StoredRequest) => RequestChange | null,
    limits: NumberLimits,
  ): Promise<StoredRequest | NumbersOutcome | null>;
  /** Cancels a request if it waits or is open. */
  cancel(request: string, reason: string): Promise<void>;
  /** Requests that wait for a moderator, oldest first, after `behind`. */
  waiting(nowS: number, behind: RequestPosition | null, most: number): Promise<StoredRequest[]>;
  /** An agency's requests across its keys, newest first, after `behind`. */
  ofAgency(organisation: string, behind: RequestPosition | null, most: number): Promise<StoredRequest[]>;
  /** Numbers of requests that wait for a moderator and that are open, at `nowS`. */
  counts(nowS: number): Promise<Readonly<Record<'in_moderation' | 'published', number>>>;
  /** Cells of non-empty last documents and of published, unexpired requests, in order. */
  cellsToPublish(nowS: number): Promise<string[]>;
  /** Published, unexpired requests in any of these cells, oldest first. */
  unexpiredIn(cells: readonly string[], nowS: number): Promise<StoredRequest[]>;
  /** Number of parts of the last document, for each of these cells where it was not empty. */
  partsOf(cells: readonly string[]): Promise<Map<string, number>>;
  /** Allocates the next revision of a cell's document with `parts` parts; 0 parts for an empty one. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
