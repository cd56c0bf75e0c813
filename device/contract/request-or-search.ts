// What an owner can answer with a clip, an agency's request or a neighbour's search, and who receives that clip.
import { actorId } from './ids.ts';
import type { Grant } from './owner-orders.ts';
import type { Credential, Request } from './request.ts';
import type { Sealing } from './sealing.ts';
import type { OpenedSearch, Search } from './search.ts';
import type { OpenedRequest, TokenCrypto } from './verify-published-request.ts';

/** A request or search, as its signer wrote it. */
export type Ask = Request | Search;
/** A verified request or search. */
export type OpenedAsk = OpenedRequest | OpenedSearch;

/** The recipient of a granted clip: as a grant names it, and its id. */
export interface Recipient {
  kind: Grant['recipient']['kind'];
  key: string;
  id: string;
}

/** How clips for the signer of a request or search are encrypted; null: not at all. */
export function sealingOf(opened: { request: Ask; credential?: Pick<Credential, 'sealing'> | null }): Sealing | null {
  const { request, credential } = opened;
  return ('agency' in request ? credential?.sealing : request.sealing) ?? null;
}

/** Whether a grant encrypts its clip as its recipient asks. */
export function isSealedAs(grant: Pick<Grant, 'recipient'>, sealing: Sealing | null): boolean {
  const { sealing: granted = null } = grant.recipient;
  return granted?.key === sealing?.key && granted?.keeper === sealing?.keeper;
}

/** A clip's only possible recipient: the signer of the request or search. */
export function recipientOf(ask: Ask, sha256Hex: TokenCrypto['sha256Hex']): Recipient {
  if ('agency' in ask) return { kind: 'agency', key: ask.iss, id: ask.agency };
  return { kind: 'neighbor', key: ask.iss, id: actorId('owner', sha256Hex(ask.iss)) };
}
