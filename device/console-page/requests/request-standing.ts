// A request's standing, derived from the device's list, its receipts, and this browser's stored grant.
import { type RecallAnswer, recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { DeviceState, Receipt, UploadProgress } from '@doorsill/contract/home-messages';
import type { KeptGrant } from './kept-answers.ts';

export type Standing =
  /** Can be answered. `failed`: the receipt of an earlier grant whose clip could not be made or was not accepted. */
  | { at: 'open'; failed: Receipt | null }
  /** A grant is signed and stored; the device has not confirmed it. */
  | { at: 'signed' }
  /** Granted; the clip is being cut or sent. */
  | { at: 'under-way'; upload: UploadProgress | null }
  | { at: 'sent'; receipt: Receipt | null }
  /** A revocation is signed and stored; the device has not confirmed it. */
  | { at: 'taking-back' }
  /** Revoked. `erased`: how far the clip is erased; the bridge confirms after the device. */
  | { at: 'taken-back'; erased: 'never-left' | 'waiting' | 'everywhere'; vault: RecallAnswer | null }
  /** Revoked after the vault had the clip; the vault does not erase it. */
  | { at: 'recalled'; vault: RecallAnswer | null }
  | { at: 'declined' }
  /** Ended after its grant: the agency withdrew the request, or it expired. */
  | { at: 'failed'; receipt: Receipt }
  /** Ended without an answer. */
  | { at: 'closed' };

export interface StandingFacts {
  /** Whether the device lists it as unanswered. */
  isWaiting: boolean;
  /** Its state in the device's list; null if it is not listed. */
  listed: DeviceState['requests'][number]['state'] | null;
  /** The last receipt about it other than refusals. */
  receipt: Receipt | null;
  kept: KeptGrant | null;
  upload: UploadProgress | null;
}

export function standingOf(facts: StandingFacts): Standing {
  const { isWaiting, listed, kept, upload } = facts;
  const receipt = facts.receipt ?? kept?.receipt ?? null;
  if (kept && !kept.isOver && kept.revoke !== null && !isTakenBack(receipt)) return { at: 'taking-back' };
  if (kept && !kept.isOver && receipt === null) return { at: 'signed' };
  if (isWaiting) return { at: 'open', failed: receipt?.outcome === 'failed' ? receipt : null };
  if (receipt) return standingBy(receipt, upload);
  return standingListed(listed, upload);
}

const isTakenBack = (receipt: Receipt | null) =>
  receipt !== null && ['revoked', 'deleted', 'recalled', 'failed'].includes(receipt.outcome);

function standingBy(receipt: Receipt, upload: UploadProgress | null): Standing {
  switch (receipt.outcome) {
    case 'granted':
    case 'sealed':
      return { at: 'under-way', upload };
    case 'sent':
      return { at: 'sent', receipt };
    case 'denied':
      return { at: 'declined' };
    case 'revoked':
      return { at: 'taken-back', erased: receipt.clip ? 'waiting' : 'never-left', vault: null };
    case 'deleted':
      return { at: 'taken-back', erased: 'everywhere', vault: recallAnswerOf(receipt) };
    case 'recalled':
      return { at: 'recalled', vault: recallAnswerOf(receipt) };
    case 'failed':
      // Without a grant: the request ended before anybody answered it.
      return receipt.grant === undefined ? { at: 'closed' } : { at: 'failed', receipt };
    case 'refused':
    case 'command-done':
      return { at: 'closed' };
  }
}

/** The standing by the device's list, when there is no receipt: after a reload, of another owner's decision. */
function standingListed(listed: string | null, upload: UploadProgress | null): Standing {
  switch (listed) {
    case 'granted':
    case 'sealed':
    case 'presented':
      return { at: 'under-way', upload };
    case 'delivered':
      return { at: 'sent', receipt: null };
    case 'revoking':
      return { at: 'taken-back', erased: 'waiting', vault: null };
    case 'revoked':
      return { at: 'taken-back', erased: 'everywhere', vault: null };
    case 'recalled':
      return { at: 'recalled', vault: null };
    case 'denied':
      return { at: 'declined' };
    default:
      return { at: 'closed' };
  }
}

/** Whether a receipt settles its grant, so that another may be signed. */
export function isFinal({ outcome, clip }: Receipt): boolean {
  return outcome === 'failed' || outcome === 'deleted' || outcome === 'recalled' || (outcome === 'revoked' && !clip);
}
