// Trying motion settings on recorded footage: what each sensitivity would have detected.

import { type TrialAsk, TrialLine } from '@doorsill/contract/motion-messages';
import type { MotionZone } from '@doorsill/contract/owner-settings';
import type { Window } from '@doorsill/contract/shared-claims';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showDayAndTime, showLength, showShare } from '../kit/format.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import { textOf } from '../kit/server-sent-events.ts';
import {
  jsonLines,
  lastNight,
  NO_RESULTS,
  sensitivitiesToTry,
  type TrialLines,
  type TrialResults,
  trialResults,
  withLine,
} from './motion-trial-results.ts';
import { words } from './settings-words.ts';

const HOUR_US = 3_600_000_000;
const EVENTS_SHOWN = 20;

const SPANS: readonly (readonly [label: string, of: (nowUs: number) => Window])[] = [
  [words.spanHour, (nowUs) => ({ startUs: nowUs - HOUR_US, endUs: nowUs })],
  [words.spanThree, (nowUs) => ({ startUs: nowUs - 3 * HOUR_US, endUs: nowUs })],
  [words.spanNight, lastNight],
  [words.spanHalfDay, (nowUs) => ({ startUs: nowUs - 12 * HOUR_US, endUs: nowUs })],
];

/** A trial and its lines so far. */
interface Run {
  sensitivities: readonly number[];
  answer: TrialLines;
}

export function MotionTrial({
  zones,
  sensitivity,
  use,
}: {
  zones: MotionZone[];
  sensitivity: number;
  use(sensitivity: number): void;
}) {
  const { door } = useDoor();
  const action = useAction();
  const [span, setSpan] = useState(0);
  const [run, setRun] = useState<Run | null>(null);
  const going = useRef<AbortController | null>(null);
  // Closing the connection ends the trial on the device.
  useEffect(() => () => going.current?.abort(), []);
  const start = () => {
    const sensitivities = sensitivitiesToTry(sensitivity);
    const window = SPANS[span]?.[1](clock.wallUs());
    if (!window) return;
    const asked: TrialAsk = { window, zones, sensitivities };
    const leaving = new AbortController();
    going.current = leaving;
    setRun({ sensitivities, answer: NO_RESULTS });
    action.run(async () => {
      try {
        const answer = await door.client.fetch('/api/v1/motion/trials', leaving.signal, { body: asked });
        if (!answer.body) return;
        for await (const line of jsonLines(textOf(answer.body), TrialLine))
          setRun((before) => before && { ...before, answer: withLine(before.answer, line) });
      } catch (thrown) {
        setRun((before) => (before && before.answer.lines.length > 0 ? before : null));
        if (!leaving.signal.aborted) throw thrown;
      }
    });
  };
  const results = run && trialResults(run.answer, run.sensitivities);
  return (
    <div class="trial">
      <h3>{words.trial}</h3>
      <p class="hint">{words.trialHelp}</p>
      <div class="trial-ask">
        <label class="field">
          <span>{words.trialSpan}</span>
          <select
            value={span}
            disabled={action.busy}
            onChange={({ currentTarget }) => setSpan(Number(currentTarget.value))}
          >
            {SPANS.map(([label], at) => (
              <option key={label} value={at}>
                {label}
              </option>
            ))}
          </select>
        </label>
        {action.busy ? (
          <button type="button" class="button" onClick={() => going.current?.abort()}>
            {words.trialStop}
          </button>
        ) : (
          <button type="button" class="button button-main" onClick={start}>
            {words.trialStart}
          </button>
        )}
      </div>
      {action.busy && <progress value={results?.share ?? 0} aria-label={words.trial} />}
      <p class="hint" role="status">
        {action.busy && words.trialLooking(showShare(results?.share ?? 0))}
        {results?.isDone && words.trialLooked(showLength(results.lookedUs))}
      </p>
      <TroubleNotice trouble={results?.failed ? { title: results.failed.detail, advice: '' } : action.trouble} />
      {results && run && <Results results={results} draft={sensitivity} use={use} />}
    </div>
  );
}

function Results({ results, draft, use }: { results: TrialResults; draft: number; use(sensitivity: number): void }) {
  const [shown, setShown] = useState<number | null>(null);
  const chosen = results.tried.find(({ sensitivity }) => sensitivity === (shown ?? draft)) ?? results.tried[0];
  return (
    <>
      <p>{words.trialNow(results.now.count)}</p>
      <table class="trial-table">
        <caption class="unseen">{words.trialTable}</caption>
        <thead>
          <tr>
            <th scope="col">{words.trialAt}</th>
            <th scope="col">{words.trialEvents}</th>
            <th scope="col">{words.trialNew}</th>
          </tr>
        </thead>
        <tbody>
          {results.tried.map(({ sensitivity, count, events }) => (
            <tr key={sensitivity} class={sensitivity === chosen?.sensitivity ? 'is-chosen' : ''}>
              <th scope="row">
                <button
                  type="button"
                  class="button button-quiet button-small"
                  aria-pressed={sensitivity === chosen?.sensitivity}
                  onClick={() => setShown(sensitivity)}
                >
                  {sensitivity}
                </button>
              </th>
              <td>{count}</td>
              <td>{events.filter(({ isSeenNow }) => !isSeenNow).length}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {chosen && (
        <>
          <div class="trial-chosen">
            <p>{words.trialWould(chosen.sensitivity, chosen.count)}</p>
            {chosen.sensitivity !== draft && (
              <button type="button" class="button button-small" onClick={() => use(chosen.sensitivity)}>
                {words.trialUse(chosen.sensitivity)}
              </button>
            )}
          </div>
          <ol class="trial-events">
            {chosen.events.slice(0, EVENTS_SHOWN).map(({ startUs, endUs, isSeenNow }) => (
              <li key={startUs}>
                <a class="event" href={`#/timeline/${startUs}`}>
                  <span class="event-words">
                    {showDayAndTime(startUs)}
                    <span class="event-detail">
                      {showLength(endUs - startUs)}
                      {isSeenNow && ` · ${words.trialSeenNow}`}
                    </span>
                  </span>
                </a>
              </li>
            ))}
          </ol>
          {chosen.count > EVENTS_SHOWN && <p class="hint">{words.trialShown(EVENTS_SHOWN, chosen.count)}</p>}
        </>
      )}
    </>
  );
}
