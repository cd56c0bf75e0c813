import { RecallAnswer } from './hand-over-documents.ts';
import type { Receipt } from './home-messages.ts';
import { parseToken } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';

/** The vault's answer to a recall inside a verified receipt of the device; null when there is none. */
export function recallAnswerOf({ outcome, intake }: Pick<Receipt, 'outcome' | 'intake'>): RecallAnswer | null {
  if (intake === undefined || (outcome !== 'recalled' && outcome !== 'deleted')) return null;
  const receipt = IntakeReceipt.safeParse(parseToken(intake)?.claims);
  const answer = RecallAnswer.safeParse(receipt.success ? parseToken(receipt.data.recall ?? '')?.claims : null);
  return answer.success ? answer.data : null;
}
