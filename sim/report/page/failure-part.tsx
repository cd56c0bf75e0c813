import { useState } from 'preact/hooks';
import { placeText } from '../report-words.ts';
import type { TestFailure } from '../run-report.ts';

const LINES_AT_ONCE = 24;

/** The failure, under a third-level heading. */
export function FailurePart({ failed }: { failed: TestFailure }) {
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
