// Every clip that left this device, or of which a part may have: its recipient and what became of it, folded from the ledger.
import { sha256Hex } from '@doorsill/base/keys';
import { assert } from '@doorsill/contract/assert';
import { failure } from '@doorsill/contract/errors';
import type { Credential } from '@doorsill/contract/request';
import { recipientOf } from '@doorsill/contract/request-or-search';
import { outcomeOf, type SentClip, type SentClipPage, type SentClipRecipient } from '@doorsill/contract/sent-clips';
import type { LedgerEntry } from '../ledger/ledger-entry.ts';
import type { GrantFacts } from './live-grant.ts';
import { END_CODES } from './request-machine.ts';

/** A grant that was verified when it was recorded. */
export type GrantedFacts = GrantFacts & { credential: Credential | null };

type Entry = LedgerEntry & { body: { request: string; grant?: string } };
/** A granted clip of which nothing has left yet. */
type Unsent = Omit<SentClip, 'number' | 'clip' | 'disclosed' | 'sentUs' | 'stored' | 'standing'> & {
  sealed: Pick<SentClip, 'clip' | 'disclosed'> | null;
};

/**
 * The list of sent clips. A clip enters it before its upload token may be shown, because a part may leave from then on; clips that were
 * granted or cut but never sent stay out. No entry is dropped, so that "nothing has ever left" is true; the ledger's size limit
 * bounds their number.
 */
export class SentClips {
  private readonly sent: SentClip[] = [];
  private readonly placeOf = new Map<string, number>();
  private readonly unsent = new Map<string, Unsent>();

  /** The clip sent under a grant. Throws `departure_unknown` when there is none. */
  under(grant: string): SentClip {
    const departure = this.sent[this.placeOf.get(grant) ?? -1];
    if (!departure) throw failure('departure_unknown');
    return departure;
  }

  /** Grants of clips of which the bridge or a vault may have something: neither has signed that it is erased. */
  heldGrants(): string[] {
    return this.sent.filter((sentClip) => !isErased(sentClip)).map(({ grant }) => grant);
  }

  /** At most `most` clips with a number below `before`, newest first. */
  page(before: number | null, most: number): SentClipPage {
    const end = Math.min(before ?? this.sent.length, this.sent.length);
    const start = Math.max(0, end - most);
    const departures = this.sent.slice(start, end).reverse();
    return { total: this.sent.length, departures, next: start === 0 ? null : start };
  }

  /** Applies a ledger entry that the request's state allows. `facts`: of the grant that a `granted` entry records. */
  apply(entry: Entry, facts: GrantedFacts | null): void {
    if (entry.type === 'granted') {
      assert(facts !== null, 'a grant is verified before it counts');
      this.unsent.set(entry.body.grant, unsentOf(facts, entry.atUs));
      return;
    }
    const { grant } = entry.body;
    if (grant === undefined) return;
    const waiting = this.unsent.get(grant);
    if (waiting) this.applyToUnsent(entry, grant, waiting);
    else this.applyToSent(entry, grant);
  }

  private applyToUnsent(entry: Entry, grant: string, waiting: Unsent): void {
    if (entry.type === 'sealed') {
      const { clip, disclosed = null } = entry.body;
      this.unsent.set(grant, { ...waiting, sealed: { clip, disclosed } });
      return;
    }
    // Every other entry either starts the sending or ends a grant of which nothing has left.
    this.unsent.delete(grant);
    if (entry.type !== 'token-presented' || !waiting.sealed) return;
    const { sealed, ...known } = waiting;
    const number = this.sent.length;
    this.placeOf.set(grant, number);
    this.sent.push({ ...known, ...sealed, number, sentUs: entry.atUs, stored: null, standing: { at: 'sending' } });
  }

  private applyToSent(entry: Entry, grant: string): void {
    const place = this.placeOf.get(grant) ?? -1;
    const departure = this.sent[place];
    if (departure) this.sent[place] = { ...departure, ...changesBy(entry) };
  }
}

function isErased(sentClip: SentClip): boolean {
  const { is } = outcomeOf(sentClip);
  return is === 'nothing-arrived' || is === 'erased-at-bridge' || is === 'erased-at-vault';
}

/** The sent clips. Throws `consent_ledger_damaged`: a damaged ledger may lack some, and the list must be complete. */
export function sentClipsOf(gate: { sentClips: SentClips; damaged: string | null }): SentClips {
  if (gate.damaged !== null) throw failure('consent_ledger_damaged', { detail: gate.damaged });
  return gate.sentClips;
}

function changesBy(entry: Entry): Partial<Pick<SentClip, 'stored' | 'standing'>> {
  const { atUs } = entry;
  switch (entry.type) {
    case 'delivered':
      return { stored: { atUs, receipt: entry.body.intake }, standing: { at: 'stored', atUs } };
    case 'revoked':
      return { standing: { at: 'revoking', atUs } };
    case 'deleted':
    case 'recalled':
      return { standing: { at: 'answered', atUs, outcome: entry.type, receipt: entry.body.intake } };
    case 'failed':
      return { standing: { at: 'stopped', atUs, code: entry.body.code } };
    case 'ended':
      return { standing: { at: 'stopped', atUs, code: END_CODES[entry.body.reason] } };
    default:
      return {};
  }
}

function unsentOf({ grant, grantToken, request, credential }: GrantedFacts, grantedUs: number): Unsent {
  return {
    request: grant.request,
    grant: grant.jti,
    grantSha256: sha256Hex(grantToken),
    grantedBy: grant.iss,
    grantedUs,
    recipient: recipientNamed({ request, credential }),
    bridge: request.aud,
    audio: grant.audio,
    zones: grant.zones.length,
    sealed: null,
  };
}

/** The recipient as its verified credential names it, never as it names itself. */
function recipientNamed({ request, credential }: Pick<GrantedFacts, 'request' | 'credential'>): SentClipRecipient {
  const { id } = recipientOf(request, sha256Hex);
  if (!('agency' in request)) return { kind: 'neighbor', id };
  assert(credential !== null, 'an agency has a credential');
  const { name, domain, jurisdiction } = credential;
  const { investigation, incidentType } = request;
  return { kind: 'agency', id, name, domain, jurisdiction, investigation, incidentType };
}
