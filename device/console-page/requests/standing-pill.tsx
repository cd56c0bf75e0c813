// Owns: where a request stands, and how much of it there is footage of, in a word or two. Not here: finding out (request-standing.ts).
import { partsInside, type Window } from '@doorsill/contract/shared-claims';
import { showLength } from '../kit/format.ts';
import { Icon, type IconName } from '../kit/icons.tsx';
import { coveredUs } from '../kit/time-spans.ts';
import type { Standing } from './request-standing.ts';
import { words } from './requests-words.ts';

const PILLS: Record<Standing['at'], { look: string; icon: IconName | null }> = {
  open: { look: 'wait', icon: null },
  signed: { look: 'work', icon: null },
  'under-way': { look: 'work', icon: null },
  sent: { look: 'good', icon: 'check' },
  'taking-back': { look: 'work', icon: null },
  'taken-back': { look: 'plain', icon: 'check' },
  recalled: { look: 'wait', icon: null },
  declined: { look: 'plain', icon: null },
  failed: { look: 'bad', icon: null },
  closed: { look: 'plain', icon: null },
};

export function StandingPill({ standing }: { standing: Standing }) {
  const { look, icon } = PILLS[standing.at];
  return (
    <span class={`pill request-pill request-pill-${look}`}>
      {icon && <Icon name={icon} />}
      {words.states[standing.at]}
    </span>
  );
}

/** Of the window that is asked for. */
export function footageWords(asked: Window, coverage: readonly Window[]): string {
  const haveUs = coveredUs(partsInside(coverage, asked));
  if (haveUs === 0) return words.footageNone;
  // What is missing at an edge is less than a group of pictures.
  return haveUs > (asked.endUs - asked.startUs) * 0.99 ? words.footageWhole : words.footageSome(showLength(haveUs));
}
