// Owns: what became of a clip that has left, in sentences and as the colour of its label. Not here: finding out (protocol/departure-outcome.ts).
import type { DepartureCheck } from '../../protocol/check-departure.ts';
import type { DepartureOutcome } from '../../protocol/departure-outcome.ts';
import type { Departure } from '../../protocol/departures.ts';
import { ERRORS, isErrorCode } from '../../protocol/errors.ts';
import { oneLine } from '../../protocol/outside-text.ts';
import { showDateAndTime } from './format.ts';
import { words } from './left-words.ts';

/** `out`: somebody has it; `open`: not settled; `gone`: nobody has it any more. */
export const TONES: Record<DepartureOutcome['is'], 'out' | 'open' | 'gone'> = {
  sending: 'open',
  stopped: 'open',
  stored: 'out',
  'in-vault': 'out',
  revoking: 'open',
  'nothing-arrived': 'gone',
  'erased-at-bridge': 'gone',
  'erased-at-vault': 'gone',
  restricted: 'out',
  kept: 'out',
};

export function outcomeSentences(
  { standing, recipient }: Departure,
  outcome: DepartureOutcome,
  check: DepartureCheck | null,
): string[] {
  const { outcomes } = words;
  switch (outcome.is) {
    case 'sending':
      return [outcomes.sending];
    case 'stopped': {
      const code = standing.at === 'stopped' && isErrorCode(standing.code) ? ERRORS[standing.code].message : '';
      return [outcomes.stopped, ...(code === '' || code.includes('{') ? [] : [outcomes.stoppedBy(code)])];
    }
    case 'stored': {
      const stored = outcomes.stored(showDateAndTime(outcome.atUs));
      // A pet's owner fetches it from the bridge: no vault takes it.
      if (recipient.kind === 'neighbor') return [stored];
      const isThere = check?.isWhole === true && check.last?.kind === 'intake';
      return [stored, isThere ? outcomes['at-bridge'] : outcomes.storedMayMove];
    }
    case 'erased-at-vault':
    case 'restricted':
    case 'kept': {
      const sentence = outcomes[outcome.is](showDateAndTime(outcome.atUs));
      return outcome.reason === null ? [sentence] : [sentence, outcomes.reason(oneLine(outcome.reason))];
    }
    default:
      return [outcomes[outcome.is](showDateAndTime(outcome.atUs))];
  }
}
