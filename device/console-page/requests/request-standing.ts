// Owns: where a request stands for the person who reads it, from what the device lists, its receipts, and what this browser has kept.
// Pure. Not here: following the device (request-answers.ts), words (request-outcome.tsx).
import { type RecallAnswer, recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { DeviceState, Receipt, UploadProgress } from '@doorsill/contract/home-messages';
import type { KeptGrant } from './kept-answers.ts';

export type Standing =
  /** It can be answered. `failed`: a clip was granted, and could not be made or was never accepted. */
  | { at: 'open'; failed: Receipt | null }
  /** Signed and kept, not confirmed by the device yet. */
  | { at: 'signed' }
  /** Decided, and on its way: being cut, or sent. */
  | { at: 'under-way'; upload: UploadProgress | null }
  | { at: 'sent'; receipt: Receipt | null }
  /** A revocation was signed and kept, not confirmed by the device yet. */
  | { at: 'taking-back' }
  /** Revoked. `erased`: where the clip is gone; the bridge confirms after the device. */
  | { at: 'taken-back'; erased: 'never-left' | 'waiting' | 'everywhere'; vault: RecallAnswer | null }
  /** The vault had it, and does not erase it. */
  | { at: 'recalled'; vault: RecallAnswer | null }
  | { at: 'declined' }
  /** It ended with its grant: the agency took the request back, or its time was over. */
  | { at: 'failed'; receipt: Receipt }
  /** It is not open any more, and nothing was decided here. */
  | { at: 'closed' };

export interface StandingFacts {
  /** Whether the device announces it as waiting for an answer. */
  isWaiting: boolean;
  /** Its state by the device's list; null when it is not listed. */
  listed: DeviceState['requests'][number]['state'] | null;
  /** The last receipt about it that was no refusal. */
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
      // One that names no grant is about a request that was ended before anybody answered it.
      return receipt.grant === undefined ? { at: 'closed' } : { at: 'failed', receipt };
    case 'refused':
    case 'command-done':
      return { at: 'closed' };
  }
}

/** Without a receipt, as after a reload of what another owner decided: what the device's list says. */
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

/** Whether a receipt is the last word about its grant, so that another may be signed. */
export function isLastWord({ outcome, clip }: Receipt): boolean {
  return outcome === 'failed' || outcome === 'deleted' || outcome === 'recalled' || (outcome === 'revoked' && !clip);
}
