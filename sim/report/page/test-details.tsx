import { lateText } from '../report-words.ts';
import type { TestReport, TestScore, TestTimeline } from '../run-report.ts';
import { CopiedCommand } from './copied-command.tsx';
import { FailurePart } from './failure-part.tsx';
import { Sign } from './sign.tsx';
import { offsetText } from './time-axis.ts';
import { TimelinePart } from './timeline-part.tsx';

export function TestDetails({ test }: { test: TestReport }) {
  const { failures, notes, timeline, score, folder, attempts, status } = test;
  return (
    <div class="details">
      {status === 'flaky' && (
        <p class="notice-flaky">It passed in the end, after {attempts} attempts. What an earlier one said:</p>
      )}
      {failures.map((failed, at) => (
        <FailurePart failed={failed} key={at} />
      ))}
      <section class="part">
        <h3>Run it again</h3>
        <CopiedCommand command={test.rerun} about="the command that runs this test again" />
        {folder !== undefined && (
          <p class="soft">
            Its events, clips and log are in <code class="outside">{folder}</code>, beside this page.
          </p>
        )}
      </section>
      {timeline && <TimelinePart timeline={timeline} />}
      {score && <ScorePart score={score} />}
      {timeline && timeline.steps.length > 0 && <StepsPart timeline={timeline} />}
      {notes.length > 0 && (
        <section class="part">
          <h3>Notes</h3>
          <ul class="notes">
            {notes.map((note, at) => (
              <li class="outside" key={at}>
                {note}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function ScorePart({ score }: { score: TestScore }) {
  const percent = (share: number | null) => (share === null ? '–' : `${Number((share * 100).toFixed(1))} %`);
  const delay = (ms: number | undefined) => (ms === undefined ? '–' : lateText(ms));
  const facts: [string, string, string][] = [
    ['Precision', percent(score.precision), `${score.false} false`],
    ['Recall', percent(score.recall), `${score.matched} matched, ${score.missed} missed`],
    ['Delay, median', delay(score.delayMs?.median), 'after the truth began'],
    ['Delay, 90 %', delay(score.delayMs?.p90), 'began no later'],
  ];
  return (
    <section class="part">
      <h3>Score</h3>
      <dl class="score">
        {facts.map(([name, value, note]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="digits">
              <b>{value}</b> <span class="soft">{note}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const STEPS_AT_ONCE = 500;

function StepsPart({ timeline: { steps, startUs } }: { timeline: TestTimeline }) {
  return (
    <section class="part">
      <h3>Steps</h3>
      <ol class="steps">
        {steps.slice(0, STEPS_AT_ONCE).map(({ atUs, text, outcome, detail }, at) => (
          <li key={at}>
            <span class="digits soft">{offsetText(atUs - startUs)}</span>
            <Sign look={outcome} />
            <span>
              <span class="outside">{text}</span>
              {outcome !== 'done' && <b class={`look-${outcome}`}> {outcome}</b>}
              {detail !== undefined && <span class="step-detail soft outside">{detail}</span>}
            </span>
          </li>
        ))}
      </ol>
      {steps.length > STEPS_AT_ONCE && <p class="soft">And {steps.length - STEPS_AT_ONCE} more, in report.json.</p>}
    </section>
  );
}
