// Owns: one test in the list: its line, and its details once it is opened. Not here: the details (test-details.tsx).
import { useMemo } from 'preact/hooks';
import type { TestLine } from '../report-html.ts';
import { lengthText, placeText } from '../report-words.ts';
import { readTest } from './report-data.ts';
import { Sign } from './sign.tsx';
import { TestDetails } from './test-details.tsx';

export interface TestRowProps {
  test: TestLine;
  at: number;
  isOpen: boolean;
  onToggle: (at: number) => void;
}

export function TestRow({ test, at, isOpen, onToggle }: TestRowProps) {
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
