// The bar that shows at which times of a window there is footage, with its labels and its text alternative.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import { text } from './choose-language.ts';
import { showLength, showMinute, zoneUs } from './format.ts';
import { coveredUs, fractionOf, joined, SECOND_US, ticks } from './time-spans.ts';

/** Pauses of at most this length between spans of footage are not shown as gaps. */
export const GAP_US_MIN = 2 * SECOND_US;

interface Line {
  window: Window;
  spans: readonly Window[];
  events: readonly DeviceEvent[];
}

/** Draws the footage, rings and motion of a time window; the window fills the width of the bar. */
export function CoverageShapes({ window, spans, events }: Line) {
  const share = (us: number) => fractionOf(window, us) * 1_000;
  const inside = (us: number) => us >= window.startUs && us <= window.endUs;
  return (
    <svg class="coverage" viewBox="0 0 1000 32" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="coverage-none" x="0" y="0" width="1000" height="32" />
      {joined(spans, GAP_US_MIN)
        .filter(({ startUs, endUs }) => endUs > window.startUs && startUs < window.endUs)
        .map(({ startUs, endUs }) => {
          const [from, to] = [Math.max(0, share(startUs)), Math.min(1_000, share(endUs))];
          return <rect key={startUs} class="coverage-some" x={from} y="0" width={Math.max(2, to - from)} height="32" />;
        })}
      {events
        .filter(({ atUs, type }) => inside(atUs) && (type === 'ring' || type === 'motion-start'))
        .map(({ id, atUs, type }) => (
          <rect
            key={id}
            class={type === 'ring' ? 'coverage-ring' : 'coverage-motion'}
            x={share(atUs) - 1}
            y={type === 'ring' ? 0 : 20}
            width={type === 'ring' ? 4 : 2}
            height={type === 'ring' ? 32 : 12}
          />
        ))}
    </svg>
  );
}

/** Labels at round times under a timeline. */
export function TimeLabels({ window, everyUs }: { window: Window; everyUs: number }) {
  return (
    <div class="time-labels" aria-hidden="true">
      {ticks(window, everyUs, zoneUs(window.endUs)).map((us) => {
        const share = fractionOf(window, us);
        // Labels are centred on their time: near an end they would extend beyond the bar.
        const shown = share > 0.04 && share < 0.96;
        return shown ? (
          <span key={us} style={{ left: `${share * 100}%` }}>
            {showMinute(us)}
          </span>
        ) : null;
      })}
    </div>
  );
}

/** A timeline's text alternative: how much is recorded, with how many gaps. */
export function coverageWords(spans: readonly Window[]): string {
  const whole = joined(spans, GAP_US_MIN);
  if (whole.length === 0) return text.nothingRecorded;
  return text.coverageSummary(showLength(coveredUs(whole)), whole.length - 1);
}
