// The report's page: the verdict, the filters, the list of tests.
import { useMemo, useState } from 'preact/hooks';
import type { RunHead, TestLine } from '../report-html.ts';
import { isSuccess, lengthText, placeText, STATUSES_WORST_FIRST } from '../report-words.ts';
import type { RunTotals, TestStatus } from '../run-report.ts';
import { CopiedCommand } from './copied-command.tsx';
import { readTest } from './report-data.ts';
import { Sign } from './sign.tsx';
import { TestDetails } from './test-details.tsx';
import { filterTests, type ListedTest, listTests } from './test-filter.ts';
import { Hatch } from './timeline.tsx';

interface TestRowProps {
  test: TestLine;
  at: number;
  isOpen: boolean;
  onToggle: (at: number) => void;
}

function TestRow({ test, at, isOpen, onToggle }: TestRowProps) {
  const place = placeText(test);
  return (
    <li class={`test test-${test.status}`} id={`test-${at}`}>
      <h2>
        <button type="button" class="test-line" aria-expanded={isOpen} onClick={() => onToggle(at)}>
          <Sign look={test.status} size={20} />
          <span class="test-names">
            <span class="test-name outside">{test.name}</span>
            {Object.entries(test.variant ?? {}).map(([key, value]) => (
              <span class="tag outside" key={key}>
                {key} <b>{value}</b>
              </span>
            ))}
            {place !== '' && <span class="test-place outside">{place}</span>}
            {test.what !== undefined && !isOpen && <span class="test-what outside">{test.what}</span>}
          </span>
          <span class="test-end">
            <span class={`status look-${test.status}`}>{test.status}</span>
            <span class="digits soft">{test.status === 'skipped' ? '' : lengthText(test.durationMs)}</span>
          </span>
          <svg class="chevron" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M4 6l4 4 4-4" />
          </svg>
        </button>
      </h2>
      {isOpen && <Opened at={at} />}
    </li>
  );
}

function Opened({ at }: { at: number }) {
  return <TestDetails test={useMemo(() => readTest(at), [at])} />;
}

const ROWS_AT_ONCE = 200;

export function App({ run }: { run: RunHead }) {
  const named = useMemo(() => namedTest(run), [run]);
  const listed = useMemo(() => firstOf(listTests(run.tests), named), [run, named]);
  const [status, setStatus] = useState<TestStatus | null>(null);
  const [words, setWords] = useState('');
  const [rows, setRows] = useState(ROWS_AT_ONCE);
  const [opened, setOpened] = useState<ReadonlySet<number>>(() => openAtFirst(listed, named));
  const chosen = useMemo(() => filterTests(listed, status, words), [listed, status, words]);
  const toggle = (at: number) => {
    const next = new Set(opened);
    if (!next.delete(at)) next.add(at);
    setOpened(next);
    // The address then names the test and can be shared. In a frame the browser may refuse the change; the test is open by then.
    if (next.has(at)) history.replaceState(null, '', `#test-${at}`);
  };
  const choose = (next: TestStatus | null) => {
    setStatus(next);
    setRows(ROWS_AT_ONCE);
  };
  return (
    <>
      <Hatch />
      <Verdict run={run} />
      <main>
        {run.tests.length > 1 && (
          <div class="choice">
            <label class="search">
              <span class="unseen">Search tests</span>
              <input
                type="search"
                placeholder="Search names, files, failures"
                value={words}
                onInput={(event) => {
                  setWords(event.currentTarget.value);
                  setRows(ROWS_AT_ONCE);
                }}
              />
            </label>
            <StatusChoice totals={run.totals} amount={run.tests.length} status={status} onChoose={choose} />
          </div>
        )}
        <p class="unseen" role="status">
          {chosen.length} of {run.tests.length} tests
        </p>
        {chosen.length === 0 && <p class="none">{run.tests.length === 0 ? 'No test was run.' : 'No test fits.'}</p>}
        <ul class="tests">
          {chosen.slice(0, rows).map(({ test, at }) => (
            <TestRow key={at} test={test} at={at} isOpen={opened.has(at)} onToggle={toggle} />
          ))}
        </ul>
        {chosen.length > rows && (
          <p class="more">
            <button type="button" class="button" onClick={() => setRows(rows * 2)}>
              Show more: {number(chosen.length - rows)} are left
            </button>
          </p>
        )}
      </main>
    </>
  );
}

/** Index of the test that the address names. */
function namedTest(run: RunHead): number | null {
  const at = Number(/^#test-(\d{1,6})$/.exec(location.hash)?.[1] ?? Number.NaN);
  return run.tests[at] ? at : null;
}

/** The list with the test that the address names first, so that it is visible at once. */
function firstOf(listed: ListedTest[], named: number | null): ListedTest[] {
  const at = listed.findIndex((each) => each.at === named);
  return at > 0 ? [...listed.slice(at, at + 1), ...listed.slice(0, at), ...listed.slice(at + 1)] : listed;
}

/** The test that the address names, else the first of the list if it did not pass or is the only one. */
function openAtFirst([first, second]: readonly ListedTest[], named: number | null): ReadonlySet<number> {
  if (named !== null) return new Set([named]);
  return new Set(first && (first.test.status !== 'passed' || !second) ? [first.at] : []);
}

function Verdict({ run }: { run: RunHead }) {
  const { totals, tests } = run;
  const started = new Date(run.startedAt);
  return (
    <header class="verdict">
      <div class="verdict-head">
        <Sign look={tests.length === totals.skipped ? 'skipped' : isSuccess(totals) ? 'passed' : 'failed'} size={40} />
        <div>
          <p class="brand">doorsill report</p>
          <h1>{verdictText(totals, tests.length)}</h1>
        </div>
      </div>
      <Proportions totals={totals} amount={tests.length} />
      <CopiedCommand command={run.command} about="the command of this run" />
      <p class="soft facts">
        <time dateTime={run.startedAt}>
          {started.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}
        </time>
        <span>took {lengthText(run.durationMs)}</span>
        <span>seed {run.seed}</span>
        <span class="outside">{run.tool}</span>
      </p>
    </header>
  );
}

function verdictText(totals: RunTotals, amount: number): string {
  if (amount === 0) return 'No test was run';
  const { failed, interrupted } = totals;
  const of = (bad: number) => (amount === 1 ? 'The test' : `${number(bad)} of ${number(amount)} tests`);
  if (failed > 0) return `${of(failed)} failed${interrupted > 0 ? `, ${number(interrupted)} interrupted` : ''}`;
  if (interrupted > 0) return `${of(interrupted)} ${interrupted === 1 ? 'was' : 'were'} interrupted`;
  const ran = amount - totals.skipped;
  if (ran === 0) return amount === 1 ? 'Nothing was judged' : `All ${number(amount)} tests were skipped`;
  return ran === 1 ? 'The test passed' : `All ${number(ran)} tests passed`;
}

function number(value: number): string {
  return value.toLocaleString('en');
}

/** The totals as proportional bars; the numbers are also on the buttons below. */
function Proportions({ totals, amount }: { totals: RunTotals; amount: number }) {
  let endX = 0;
  return (
    <svg class="proportions" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true">
      {STATUSES_WORST_FIRST.map((status) => {
        const width = amount === 0 ? 0 : (totals[status] / amount) * 1000;
        endX += width;
        return <rect key={status} class={`look-${status}`} x={endX - width} width={width} height={8} />;
      })}
    </svg>
  );
}

interface StatusChoiceProps {
  totals: RunTotals;
  amount: number;
  status: TestStatus | null;
  onChoose: (status: TestStatus | null) => void;
}

function StatusChoice({ totals, amount, status, onChoose }: StatusChoiceProps) {
  const there = STATUSES_WORST_FIRST.filter((each) => totals[each] > 0);
  return (
    <fieldset class="statuses">
      <legend class="unseen">Show tests that</legend>
      <button type="button" class="status-button" aria-pressed={status === null} onClick={() => onChoose(null)}>
        All <b class="digits">{number(amount)}</b>
      </button>
      {there.map((each) => (
        <button
          type="button"
          class="status-button"
          key={each}
          aria-pressed={status === each}
          onClick={() => onChoose(status === each ? null : each)}
        >
          <Sign look={each} /> {each} <b class="digits">{number(totals[each])}</b>
        </button>
      ))}
    </fieldset>
  );
}
