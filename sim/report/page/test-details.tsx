// The details of one test, with its failures.
import { useState } from 'preact/hooks';
import { lateText, placeText } from '../report-words.ts';
import type { TestAccuracy, TestFailure, TestReport, TestTimeline } from '../run-report.ts';
import { CopiedCommand } from './copied-command.tsx';
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

function ScorePart({ score }: { score: TestAccuracy }) {
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

const LINES_AT_ONCE = 24;

/** The failure, under a third-level heading. */
function FailurePart({ failed }: { failed: TestFailure }) {
  const { what, at, expected, actual, diff, advice } = failed;
  return (
    <article class="failure">
      <h3 class="outside">{what}</h3>
      {at && <p class="soft outside">{placeText(at)}</p>}
      {(expected !== undefined || actual !== undefined) && (
        <dl class="compared">
          {expected !== undefined && <Compared title="Expected" text={expected} />}
          {actual !== undefined && <Compared title="Actual" text={actual} />}
        </dl>
      )}
      {diff !== undefined && (
        <dl class="compared compared-diff">
          <Compared title="Difference: − expected, + actual" text={diff} isDiff />
        </dl>
      )}
      {advice !== undefined && <Advice text={advice} />}
    </article>
  );
}

/** Text between backticks is shown as code. */
function Advice({ text }: { text: string }) {
  const parts = text.split('`');
  return (
    <p class="advice outside">
      {parts.map((part, at) => (at % 2 === 1 && at < parts.length - 1 ? <code key={at}>{part}</code> : part))}
    </p>
  );
}

function Compared({ title, text, isDiff = false }: { title: string; text: string; isDiff?: boolean }) {
  const [whole, showWhole] = useState(false);
  const lines = text.split('\n');
  const shown = whole ? lines : lines.slice(0, LINES_AT_ONCE);
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <pre class="text outside">
          {isDiff ? shown.map((line, at) => <DiffLine key={at} line={line} />) : shown.join('\n')}
        </pre>
        {shown.length < lines.length && (
          <button type="button" class="button button-small" onClick={() => showWhole(true)}>
            Show all {lines.length} lines
          </button>
        )}
      </dd>
    </div>
  );
}

function DiffLine({ line }: { line: string }) {
  const kind = line.startsWith('-') ? 'diff-expected' : line.startsWith('+') ? 'diff-actual' : 'diff-same';
  return <span class={`diff-line ${kind}`}>{`${line}\n`}</span>;
}
