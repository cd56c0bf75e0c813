// What became of a sent clip, as the console's page and the command line show it.
import type { Departure } from './departures.ts';
import { parseToken } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import { recallAnswerOf } from './recall-answer.ts';
import type { VerifiedLeaf } from './verify-custody.ts';

/** `nothing-arrived`: the clip was revoked before the bridge had received any of it. `reason`: in the department's own words. */
export type DepartureOutcome =
  | { is: 'sending' | 'stopped' }
  | { is: 'stored' | 'in-vault' | 'revoking' | 'nothing-arrived' | 'erased-at-bridge'; atUs: number }
  | { is: 'erased-at-vault' | 'restricted' | 'kept'; atUs: number; reason: string | null };

/**
 * What became of a sent clip. The device verified the answers before it recorded them. `last`: the latest verified leaf about the clip,
 * if the bridge's log was asked.
 */
export function outcomeOf({ standing }: Departure, last: VerifiedLeaf | null = null): DepartureOutcome {
  switch (standing.at) {
    case 'sending':
    case 'stopped':
      return { is: standing.at };
    case 'revoking':
      return { is: 'revoking', atUs: standing.atUs };
    case 'stored':
      if (last?.kind === 'hand-over') return { is: 'in-vault', atUs: last.atS * 1_000_000 };
      return { is: 'stored', atUs: standing.atUs };
    case 'answered': {
      const { outcome, receipt, atUs } = standing;
      const answer = recallAnswerOf({ outcome, intake: receipt });
      if (answer) {
        const is = answer.decision === 'erased' ? 'erased-at-vault' : answer.decision;
        return { is, atUs, reason: answer.reason ?? null };
      }
      const intake = IntakeReceipt.safeParse(parseToken(receipt)?.claims);
      const hadNone = intake.success && intake.data.clipBytes === 0;
      return { is: hadNone ? 'nothing-arrived' : 'erased-at-bridge', atUs };
    }
  }
}

/** Whether an owner can still revoke it. */
export function isRevocable({ standing }: Departure): boolean {
  return standing.at === 'sending' || standing.at === 'stopped' || standing.at === 'stored';
}
