// Nothing in here comes from a home.

import type { Credential } from '@doorsill/contract/request';
import type { DisclosureProfile } from '@doorsill/contract/shared-claims';
import type { PublicationState } from '../requests/publication-machine.ts';

/** A published request. */
export interface Post {
  request: string;
  organisation: string;
  agencyName: string;
  token: string;
  cells: string[];
  /** As last written; `stateAt` gives the current state. */
  state: PublicationState;
  publishedS: number;
  expiresS: number;
}

/** The last post of the previous page: the next page starts after it. */
export interface PostCursor {
  publishedS: number;
  request: string;
}

/** An agency as its credential described it when it last asked. */
export interface AgencyProfile extends Pick<Credential, 'agency' | 'name' | 'jurisdiction' | 'domain'> {
  organisation: string;
  profiles: readonly DisclosureProfile[];
  retention: readonly string[];
}

/** Posts and how many of them their agencies marked as resolved. Never anything about answers. */
export interface Outcomes {
  published: number;
  resolved: number;
}

export interface NeighborsStore {
  /** Stores what a verified credential says. */
  noteProfile(credential: Credential, nowS: number): Promise<void>;
  profile(organisation: string): Promise<AgencyProfile | null>;
  /** Agencies that have posted, by id, after `after`. */
  profiles(after: string | null, most: number): Promise<AgencyProfile[]>;
  /** Newest first, after the cursor; of one agency, or of all. */
  posts(of: string | null, before: PostCursor | null, most: number): Promise<Post[]>;
  post(request: string): Promise<Post | null>;
  /** Of one agency, or of all; `sinceS`: seconds since 1970, 0 for all time. */
  outcomes(of: string | null, sinceS: number): Promise<Outcomes>;
  /** Number of enrolled devices, for all agencies together. */
  devices(): Promise<number>;
}
