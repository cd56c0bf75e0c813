// A proof as one HTML file without scripts that loads nothing, in the style of the report of a run.
import { escapeHtml } from '@doorsill/base/escape-html';
import { documentHead, readBuiltPage } from '../report/report-html.ts';
import { lengthText } from '../report/report-words.ts';
import { SIGN_SHAPES, type SignLook } from '../report/sign-shapes.ts';
import { type Check, type Claim, type ClaimVerdict, countVerdicts, verdictText } from './claim.ts';
import type { Proof } from './run-proof.ts';

const LOOKS: Readonly<Record<ClaimVerdict, SignLook>> = { shown: 'passed', false: 'failed', 'left out': 'skipped' };

/** Additions to the report's style. */
const STYLE = `
.page { display: grid; gap: 20px; max-width: 1080px; margin: 0 auto }
.lead { max-width: 46rem }
.overview { display: grid; gap: 2px }
.overview a { display: flex; gap: 10px; align-items: center; min-height: 44px; color: inherit; text-decoration: none }
.overview a:hover .overview-title { text-decoration: underline }
.overview-title { flex: 1; font-weight: 550 }
.claims { display: grid; gap: 16px }
.claim { padding: 18px 14px; border-radius: var(--round); background: var(--surface); box-shadow: var(--shadow); scroll-margin-top: 16px }
.claim h2 { display: flex; gap: 10px; align-items: flex-start; font-size: 1.125rem }
.claim h2 .sign { margin-top: 3px }
.claim h2 .claim-title { flex: 1 }
.claim .status { white-space: nowrap }
.told { display: grid; gap: 14px; margin-top: 14px }
.told dt { margin-bottom: 3px; color: var(--ink-soft); font-size: 0.8125rem; font-weight: 600 }
.told dd { max-width: 46rem }
.checks { display: grid; gap: 10px }
.check { display: flex; gap: 10px; align-items: flex-start }
.check .sign { margin-top: 3px }
.check-words { flex: 1; min-width: 0 }
.check-seen { font-variant-numeric: tabular-nums }
.without { padding: 10px 12px; border-radius: var(--round-small); background: var(--sunk) }
@media (min-width: 900px) {
  .claim { padding: 22px 24px }
  .told > div { display: grid; grid-template-columns: 11rem 1fr; gap: 16px }
  .told dt { margin: 2px 0 0 }
}
@media print { .claim { break-inside: avoid; box-shadow: none } }
`;

/** The page. `style`: the built style of the report's page. Throws when that was not built. */
export function proofHtml(proof: Proof, { style } = readBuiltPage()): string {
  const whole = `${style}${STYLE}`;
  const title = verdictText(proof.claims);
  return `${documentHead(`${title} · doorsill prove`, whole)}
<body>
<div class="page">
${head(proof, title)}
<main>
<ol class="claims">
${proof.claims.map(claimPart).join('\n')}
</ol>
</main>
<footer class="soft"><p>Do not just trust this page: <code>doorsill prove</code> repeats all of it on your own machine.</p></footer>
</div>
</body>
</html>
`;
}

function head({ claims, startedAt, durationMs, machine, tool }: Proof, title: string): string {
  const counts = countVerdicts(claims);
  const look = counts.false > 0 ? 'failed' : counts.shown > 0 ? 'passed' : 'skipped';
  return `<header class="verdict">
<div class="verdict-head">${sign(look, 40)}<div><p class="brand">doorsill proof</p><h1>${escapeHtml(title)}</h1></div></div>
<p class="lead">Each line below was examined on this machine: what was done, what was seen, what that shows, and what it does not show.</p>
<p class="soft facts"><time datetime="${escapeHtml(startedAt)}">${escapeHtml(momentText(startedAt))}</time><span>took ${escapeHtml(lengthText(durationMs))}</span><span>${escapeHtml(machine)}</span><span>${escapeHtml(tool)}</span></p>
<nav aria-label="Claims"><ol class="overview">
${claims.map(overviewLine).join('\n')}
</ol></nav>
</header>`;
}

/** `2026-11-27 18:40:12 UTC` */
function momentText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

function overviewLine({ id, title, verdict }: Claim): string {
  return `<li><a href="#${escapeHtml(id)}">${sign(LOOKS[verdict])}<span class="overview-title">${escapeHtml(title)}</span>${statusOf(verdict)}</a></li>`;
}

function statusOf(verdict: ClaimVerdict): string {
  return `<span class="status look-${LOOKS[verdict]}">${verdict === 'false' ? 'FALSE' : verdict}</span>`;
}

function claimPart({ id, title, verdict, done, checks, shows, notShown, why }: Claim): string {
  const seen =
    verdict === 'left out'
      ? `<p class="without">Left out: ${escapeHtml(why ?? 'this machine cannot examine it')}.</p>`
      : `<ul class="checks">${checks.map(checkLine).join('\n')}</ul>`;
  const parts = [
    ['What was done', `<p>${withCode(done)}</p>`],
    ['What was seen', seen],
    [verdict === 'shown' ? 'What it shows' : 'What it would show', `<p>${withCode(shows)}</p>`],
    ['What it does not show', `<p>${withCode(notShown)}</p>`],
  ];
  return `<li class="claim" id="${escapeHtml(id)}">
<h2>${sign(LOOKS[verdict], 18)}<span class="claim-title">${escapeHtml(title)}</span>${statusOf(verdict)}</h2>
<dl class="told">
${parts.map(([name, content]) => `<div><dt>${name}</dt><dd>${content}</dd></div>`).join('\n')}
</dl>
</li>`;
}

function checkLine({ what, seen, holds }: Check): string {
  return `<li class="check">${sign(holds ? 'passed' : 'failed')}<div class="check-words"><p>${holds ? '' : '<b class="look-failed">Not so: </b>'}${escapeHtml(what)}</p><p class="check-seen soft outside">${escapeHtml(seen)}</p></div></li>`;
}

/** Text as HTML, with code between backticks. */
function withCode(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

/** Hidden from screen readers: the verdict is next to it in words. */
function sign(look: SignLook, size = 16): string {
  const [outline, lines] = SIGN_SHAPES[look];
  return `<svg class="sign look-${look}" viewBox="0 0 16 16" width="${size}" height="${size}" aria-hidden="true"><path class="sign-outline" d="${outline}"/><path class="sign-lines" d="${lines}"/></svg>`;
}
