// Owns: what owners can answer with a clip, whoever asks: an agency's request or a neighbour's search; and to whom the clip
// then goes. Pure. Not here: the request or the search itself (request.ts, search.ts).

import { actorId } from './ids.ts';
import type { Grant } from './owner-orders.ts';
import type { Request } from './request.ts';
import type { OpenedSearch, Search } from './search.ts';
import type { OpenedRequest, TokenCrypto } from './verify-published-request.ts';

/** What somebody outside asks a home for. */
export type Ask = Request | Search;
/** The same, verified. */
export type OpenedAsk = OpenedRequest | OpenedSearch;

/** The recipient of a granted clip: as a grant names it, and its id. */
export interface Recipient {
  kind: Grant['recipient']['kind'];
  key: string;
  id: string;
}

/** The one who asked: nobody else can be a clip's recipient. */
export function recipientOf(ask: Ask, sha256Hex: TokenCrypto['sha256Hex']): Recipient {
  if ('agency' in ask) return { kind: 'agency', key: ask.iss, id: ask.agency };
  return { kind: 'neighbor', key: ask.iss, id: actorId('owner', sha256Hex(ask.iss)) };
}
