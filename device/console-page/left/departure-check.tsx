// Owns: the findings of a check, each in a sentence: what verifies, and exactly what does not. Not here: the check (contract/check-departure.ts).
import type { DepartureCheck, DepartureFinding } from '@doorsill/contract/check-departure';
import type { VerifiedLeaf } from '@doorsill/contract/verify-custody';
import { showCount, showDateAndTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { words } from './left-words.ts';

export function CheckFindings({ check }: { check: DepartureCheck }) {
  const { findings, holds, isWhole } = check;
  const isCosigned = findings.some((one) => one.ok && one.of === 'leaf' && one.leaf.witnesses.length > 0);
  return (
    <div class={holds ? 'check check-holds' : 'check check-fails'}>
      <p class="check-title">
        <Icon name={holds ? 'check' : 'warning'} />
        {holds ? words.holds : words.holdsNot}
      </p>
      {!holds && <p>{words.holdsNotHelp}</p>}
      <ul class="findings">
        {findings.map((finding) => (
          <Finding key={keyOf(finding)} finding={finding} />
        ))}
      </ul>
      {!isWhole && <p class="hint">{words.partial}</p>}
      {isCosigned && <p class="hint">{words.witnesses}</p>}
      <p class="hint">{words.checkHelp}</p>
    </div>
  );
}

function Finding({ finding }: { finding: DepartureFinding }) {
  return (
    <li class={finding.ok ? 'finding' : 'finding finding-bad'}>
      <Icon name={finding.ok ? 'check' : 'warning'} />
      <div>{finding.ok && finding.of === 'leaf' ? <Leaf leaf={finding.leaf} /> : sentenceOf(finding)}</div>
    </li>
  );
}

function Leaf({ leaf }: { leaf: VerifiedLeaf }) {
  const what = leaf.kind === 'recall' ? words.recallAnswers[leaf.facts.answer] : words.leaf[leaf.kind];
  return (
    <>
      {words.leafOk(what, showDateAndTime(leaf.atS * 1_000_000))}{' '}
      <span class="hint leaf-place">
        {words.leafPlace(showCount(leaf.leaf), showCount(leaf.size))}, {words.cosigned(leaf.witnesses.length)}
      </span>
    </>
  );
}

function sentenceOf(finding: DepartureFinding): string {
  if (!finding.ok) {
    const bad = { stored: words.storedBad, answer: words.answerBad, leaf: words.leafBad };
    return bad[finding.of](finding.why.replace(/\.$/, ''));
  }
  if (finding.of === 'leaf') return '';
  const when = showDateAndTime(finding.receipt.iat * 1_000_000);
  return finding.of === 'stored' ? words.storedOk(when) : words.answerOk(when);
}

function keyOf(finding: DepartureFinding): string {
  if (!finding.ok) return `${finding.of} ${finding.why}`;
  return finding.of === 'leaf' ? `leaf ${finding.leaf.leaf}` : finding.receipt.jti;
}
