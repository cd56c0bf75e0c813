// What a clip may answer: an agency's request or a neighbour's search.

import type { Recipient } from '@doorsill/contract/request-or-search';
import type { DisclosureProfile, Window } from '@doorsill/contract/shared-claims';

/** An open request or search that owners may answer with a clip. */
export interface AnswerableRequest {
  id: string;
  /** Of the exact bytes of its token. */
  tokenSha256: string;
  recipient: Recipient;
  window: Window;
  profile: DisclosureProfile;
  /** Consent must have been signed before this time, in seconds since 1970. */
  expS: number;
  /**
   * Throws unless the recipient may be answered now. Returns the same check for the moment of storing: synchronous, so that a transaction
   * can call it.
   */
  admit(): Promise<() => void>;
}

export interface AnswerableStore {
  /** Throws `request_not_live`, `partner_...` unless it exists and is open. */
  find(id: string): Promise<AnswerableRequest>;
}

/** Both kinds, by the kind of recipient that a grant names. They share no rows and no ids. */
export type AnswerableKinds = Readonly<Record<Recipient['kind'], AnswerableStore>>;

/** The kind of a recipient, from its id, which begins with the role of the key's holder. */
export function kindOfRecipient(id: string): Recipient['kind'] {
  return id.startsWith('owner-') ? 'neighbor' : 'agency';
}
