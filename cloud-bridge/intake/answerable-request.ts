// Owns: what an intake needs to know about the thing a clip answers: an agency's request or a neighbour's search. Interfaces, and
// telling the two apart. Not here: either of them (requests/, search-party/).

import type { Recipient } from '@doorsill/contract/request-or-search';
import type { DisclosureProfile, Window } from '@doorsill/contract/shared-claims';

/** Something that owners may answer with a clip; it is open. */
export interface AnswerableRequest {
  id: string;
  /** Of its token's exact bytes. */
  tokenSha256: string;
  recipient: Recipient;
  window: Window;
  profile: DisclosureProfile;
  /** From then on no consent to it may be signed, in seconds since 1970. */
  expS: number;
  /**
   * Throws unless whoever asked may be answered now. Returns the same check for the moment of storing: synchronous, so that
   * a transaction can call it.
   */
  admit(): Promise<() => void>;
}

export interface AnswerableStore {
  /** Throws `request_not_live`, `partner_...` unless it is there and open. */
  find(id: string): Promise<AnswerableRequest>;
}

/** Both kinds, keyed by the kind of recipient that a grant names. They share no rows, and an id of one finds nothing in the other. */
export type AnswerableKinds = Readonly<Record<Recipient['kind'], AnswerableStore>>;

/** The kind of a recipient's id: ids begin with the role of the key's holder. */
export function kindOfRecipient(id: string): Recipient['kind'] {
  return id.startsWith('owner-') ? 'neighbor' : 'agency';
}
