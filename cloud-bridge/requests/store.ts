// Owns: what the bridge remembers of requests and of what it published. Not here: how (sql-requests.ts).
import type { Partner } from '../partners/store.ts';
import type { PublicationState } from './publication-machine.ts';
import type { TextFinding } from './text-check.ts';

export type RequestPartner = Pick<Partner, 'partner' | 'name' | 'status' | 'sinceS'>;

/** A request as an agency signed it, and what became of it here. */
export interface StoredRequest {
  request: string;
  agency: string;
  agencyKey: string;
  /** The agency across its keys: what its posts are counted and shown under. */
  organisation: string;
  token: string;
  tokenSha256: string;
  /** The bridge's countersignature; empty until it is published. */
  publication: string;
  /** The investigation code in its one spelling, for counting. */
  investigation: string;
  cells: string[];
  /** As it was written last; `stateAt` says what it is now. */
  state: PublicationState;
  /** Grows with every decision. */
  revision: number;
  findings: TextFinding[];
  /** Why it was refused or cancelled. */
  reason: string | null;
  /** The moderator who decided last; null when none did. */
  moderator: string | null;
  /** The partner it came through, as that stands now. */
  partner: RequestPartner | null;
  submittedS: number;
  /** Zero until it is published. */
  publishedS: number;
  /** Seconds since 1970; from then on the request is expired, whatever its state says. */
  expiresS: number;
}

export type AddOutcome = 'added' | 'same' | 'other-content' | NumbersOutcome;
export type NumbersOutcome = 'too-many-posts' | 'cell-full' | 'too-many-waiting';

/** Where a request stands in a list. */
export type RequestPosition = Pick<StoredRequest, 'submittedS' | 'request'>;

/** Limits on how many there may be, at `nowS`. */
export interface NumberLimits {
  postsMax: number;
  openPerCellMax: number;
  waitingPerAgencyMax: number;
  nowS: number;
}

/** What a decision changes. */
export type RequestChange = Pick<StoredRequest, 'state'> &
  Partial<Pick<StoredRequest, 'publication' | 'publishedS' | 'reason' | 'moderator'>>;

export interface RequestStore {
  /** Stores a request unless it breaks a limit on numbers, in one step. `same`: these very bytes are stored already. */
  add(request: StoredRequest, limits: NumberLimits): Promise<AddOutcome>;
  find(request: string): Promise<StoredRequest | null>;
  /**
   * Changes a request in one step, by what `decide` makes of it as it stands; null leaves it. A change that lets it wait or
   * be shown keeps the limits on numbers. What `decide` throws is thrown, and nothing is changed. Null: there is no such request.
   */
  change(
    request: string,
    decide: (now: StoredRequest) => RequestChange | null,
    limits: NumberLimits,
  ): Promise<StoredRequest | NumbersOutcome | null>;
  /** Requests that wait for a moderator, oldest first, behind the one named. */
  waiting(nowS: number, behind: RequestPosition | null, most: number): Promise<StoredRequest[]>;
  /** An agency's requests across its keys, the last one first, behind the one named. */
  ofAgency(organisation: string, behind: RequestPosition | null, most: number): Promise<StoredRequest[]>;
  /** How many wait for a moderator and how many are open, at `nowS`. */
  counts(nowS: number): Promise<Readonly<Record<'in_moderation' | 'published', number>>>;
  /** Requests that were published and have not expired, oldest first. */
  unexpired(nowS: number): Promise<StoredRequest[]>;
  /** Cells whose last document was not empty, with the number of its parts. */
  publishedCells(): Promise<{ cell: string; parts: number }[]>;
  /** Allots the next revision of a cell's document of `parts` parts; 0 for one that says that nothing is open any more. */
  nextRevision(cell: string, parts: number): Promise<number>;
}
