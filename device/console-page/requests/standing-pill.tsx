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

/** How much footage there is of the requested window. */
export function footageWords(asked: Window, coverage: readonly Window[]): string {
  const haveUs = coveredUs(partsInside(coverage, asked));
  if (haveUs === 0) return words.footageNone;
  // Less than a GOP may be missing at an edge.
  return haveUs > (asked.endUs - asked.startUs) * 0.99 ? words.footageWhole : words.footageSome(showLength(haveUs));
}
