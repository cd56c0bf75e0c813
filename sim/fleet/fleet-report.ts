// A fleet's run as one page to keep: opens from a disk, has no script and loads nothing.
import { escapeHtml } from '@doorsill/base/escape-html';
import { printBytes } from '@doorsill/device/terminal/format-units';
import { ERRORS, isErrorCode } from '../errors.ts';
import { documentHead, readBuiltPage } from '../report/report-html.ts';
import { lengthText } from '../report/report-words.ts';
import { SIGN_SHAPES } from '../report/sign-shapes.ts';
import type { FleetLine, FleetSummary } from './fleet.ts';
import { CURVES_STYLE, drawCurves } from './fleet-curves.ts';
import type { FleetProfile } from './fleet-profile.ts';

export interface FleetReport {
  /** Program and version. */
  readonly tool: string;
  /** The kind of machine, without anything that names it or its user. */
  readonly machine: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seed: number;
  readonly shard: string;
  /** The shell command that runs it again. */
  readonly command: string;
  readonly profile: FleetProfile;
  readonly points: readonly FleetLine[];
  /** Seconds in one point. */
  readonly secondsEach: number;
  readonly summary: FleetSummary;
}

/** The losses of a fleet, as texts; empty without a loss. */
export function lossesOf({ segmentsLost, failed, died, unbelieved }: FleetSummary): string[] {
  const losses: [count: number, one: string, many: string][] = [
    [segmentsLost, 'second of footage was lost', 'seconds of footage were lost'],
    [failed, 'doorbell could not run', 'doorbells could not run'],
    [died, 'process died', 'processes died'],
    [unbelieved, 'message did not verify', 'messages did not verify'],
  ];
  return losses.filter(([count]) => count > 0).map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
}

/** Rules that the report's style does not have. */
const STYLE = `
.page, main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 20px }
.page { max-width: 1080px; margin: 0 auto }
.sheet { min-width: 0; padding: 18px 14px; border-radius: var(--round); background: var(--surface); box-shadow: var(--shadow) }
.sheet h2 { margin-bottom: 12px; font-size: 1.125rem }
.totals { display: grid; gap: 18px 24px; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)) }
.totals dt { color: var(--ink-soft); font-size: 0.8125rem; font-weight: 600 }
.totals dd { font-size: 1.375rem; font-weight: 650; letter-spacing: -0.01em; font-variant-numeric: tabular-nums }
.totals dd + dd { color: var(--ink-soft); font-size: 0.8125rem; font-weight: 400; letter-spacing: 0 }
.note { margin-top: 12px; max-width: 46rem }
.faults { display: grid; gap: 14px }
.faults dt { display: flex; gap: 10px; font-weight: 600 }
.faults dd { max-width: 46rem }
summary { min-height: 44px; padding: 10px 0; cursor: pointer; font-weight: 600 }
.scrolls { max-height: 26rem; overflow: auto; border-radius: var(--round-small); background: var(--sunk) }
.scrolls pre { padding: 12px; white-space: pre-wrap }
table { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums }
th, td { padding: 4px 12px; text-align: end; white-space: nowrap }
th { position: sticky; top: 0; background: var(--sunk); font-weight: 600 }
@media (min-width: 900px) { .sheet { padding: 22px 24px } }
@media print { .sheet { break-inside: avoid; box-shadow: none } }
${CURVES_STYLE}`;

/** The page. `style`: the built style of the scenario report's page. Throws when that was not built. */
export function fleetReportHtml(report: FleetReport, { style } = readBuiltPage()): string {
  const { points, summary, secondsEach, profile } = report;
  const losses = lossesOf(summary);
  const { doorbells, grants, clipsFailed } = summary;
  // A clip whose footage the ring no longer had is not the fleet's loss, but the page must not call the run complete.
  const clips = clipsFailed === 0 ? 'nothing lost' : `${clipsFailed} of ${grants} granted clips failed`;
  const title = losses.length === 0 ? `${doorbells} doorbells, ${clips}` : losses.join(', ');
  return `${documentHead(`${title} · doorsill fleet`, `${style}${STYLE}`)}
<body>
<div class="page">
${head(report, title, losses.length === 0 && clipsFailed === 0)}
<main>
<section class="sheet"><h2>Results</h2>${totals(summary)}</section>
${points.length < 2 ? '' : `<section class="sheet"><h2>Over time</h2>${drawCurves(points)}${note(secondsEach)}${numbers(points)}</section>`}
${faults(summary)}
<section class="sheet"><details><summary>The profile with every default; durations in microseconds</summary><div class="scrolls" tabindex="0" role="region" aria-label="The profile"><pre>${escapeHtml(JSON.stringify(profile, null, 2))}</pre></div></details></section>
</main>
</div>
</body>
</html>
`;
}

function head(
  { tool, machine, startedAt, seed, shard, command, summary }: FleetReport,
  title: string,
  isWhole: boolean,
) {
  const look = isWhole ? 'passed' : 'failed';
  const [outline, lines] = SIGN_SHAPES[look];
  const part = shard === '1/1' ? [] : [`part ${shard}`];
  const facts = [`took ${lengthText(summary.seconds * 1_000)}`, `seed ${seed}`, ...part, machine, tool];
  return `<header class="verdict">
<div class="verdict-head"><svg class="sign look-${look}" viewBox="0 0 16 16" width="40" height="40" aria-hidden="true"><path class="sign-outline" d="${outline}"/><path class="sign-lines" d="${lines}"/></svg><div><p class="brand">doorsill fleet</p><h1>${escapeHtml(title)}</h1></div></div>
<p class="soft facts"><time datetime="${escapeHtml(startedAt)}">${escapeHtml(`${startedAt.slice(0, 10)} ${startedAt.slice(11, 19)} UTC`)}</time>${facts.map((fact) => `<span>${escapeHtml(fact)}</span>`).join('')}</p>
<p class="command"><span class="soft">Again:</span><code>${escapeHtml(command)}</code></p>
</header>`;
}

const ms = (value: number | null) => (value === null ? '-' : lengthText(value));

function totals(summary: FleetSummary): string {
  const { doorbells, up, asked, requests, grants, denials, revocations, clipsStored, clipsShown, clipsFailed } =
    summary;
  const figures: [name: string, value: string, more: string][] = [
    [
      'Doorbells up at the end',
      `${up} of ${doorbells}`,
      `${summary.failed} failed, ${summary.retries} starts tried again`,
    ],
    [
      'Clips at the bridge',
      `${clipsStored} of ${grants}`,
      `granted; ${clipsFailed} failed, ${summary.clipsUnderWay} not ended`,
    ],
    ...(clipsShown === null
      ? []
      : [
          ['Clips shown to the agency', `${clipsShown}`, `${revocations} grants were revoked`] as [
            string,
            string,
            string,
          ],
        ]),
    ['From grant to bridge', ms(summary.deliveredP50Ms), `p50; p99 ${ms(summary.deliveredP99Ms)}`],
    [
      'Requests seen by owners',
      `${requests}`,
      `${asked} sent by the agency; ${denials} denied, ${revocations} revoked`,
    ],
    ['Owners’ orders refused', `${summary.refusals}`, `${summary.unanswered} without an answer`],
    ['Footage sealed', lengthText(summary.segmentsStored * 1_000), `${summary.segmentsLost} s lost`],
    [
      'From filmed to sealed',
      ms(summary.latenessP99Ms),
      `p99; p50 ${ms(summary.latenessP50Ms)}, at most ${ms(summary.latenessMaxMs)}`,
    ],
    ['Events', `${summary.events}`, `${summary.presses} presses, ${summary.motions} motions`],
    [
      'Reboots and absences',
      `${summary.reboots + summary.absences}`,
      `${summary.reboots} reboots, ${summary.absences} absences`,
    ],
    [
      'Processor time, each',
      summary.corePercentEach === null ? '-' : `${Number(summary.corePercentEach.toFixed(3))} %`,
      'of one core, since all doorbells run',
    ],
    ['Memory, each', printBytes(Math.max(0, summary.memoryBytesEach)), 'with its ring, if that is in memory'],
  ];
  return `<dl class="totals">
${figures.map(([name, value, more]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd><dd>${escapeHtml(more)}</dd></div>`).join('\n')}
</dl>`;
}

function note(secondsEach: number): string {
  const joined =
    secondsEach === 1
      ? ''
      : ` Each point is the worst of ${lengthText(secondsEach * 1_000)}: the largest value of each figure, and the fewest doorbells up.`;
  return `<p class="note soft">Move over the curves to see all values at one moment. Clips that arrived after the last second are only in the totals.${joined}</p>`;
}

const COLUMNS: readonly [string, (line: FleetLine) => number | null][] = [
  ['s', ({ seconds }) => seconds],
  ['up', ({ up }) => up],
  ['failed', ({ failed }) => failed],
  ['asked', ({ asked }) => asked],
  ['seen', ({ requests }) => requests],
  ['granted', ({ grants }) => grants],
  ['denied', ({ denials }) => denials],
  ['under way', ({ clipsUnderWay }) => clipsUnderWay],
  ['stored', ({ clipsStored }) => clipsStored],
  ['clips failed', ({ clipsFailed }) => clipsFailed],
  ['p50 ms', ({ latenessP50Ms }) => latenessP50Ms],
  ['p99 ms', ({ latenessP99Ms }) => latenessP99Ms],
  ['lost s', ({ segmentsLost }) => segmentsLost],
  ['cores', ({ cores }) => cores],
  ['memory bytes', ({ memoryBytes }) => memoryBytes],
  ['descriptors', ({ descriptors }) => descriptors],
  ['timers', ({ timers }) => timers],
];

function numbers(points: readonly FleetLine[]): string {
  const rows = points.map((point) => `<tr>${COLUMNS.map(([, read]) => `<td>${read(point) ?? ''}</td>`).join('')}</tr>`);
  return `<details><summary>The numbers</summary><div class="scrolls" tabindex="0" role="region" aria-label="The numbers"><table><thead><tr>${COLUMNS.map(([name]) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div></details>`;
}

/** Codes of refusals and failures with their meaning; the facts of each case are in the log. */
function faults({ codes }: FleetSummary): string {
  const found = Object.entries(codes).sort(([, one], [, other]) => other - one);
  if (found.length === 0) return '';
  const lines = found.map(([code, count]) => {
    const rule = isErrorCode(code) ? ERRORS[code] : null;
    const meaning = rule === null ? '' : `${rule.message} ${rule.advice}`.replaceAll(/\{\w+\}/g, '…');
    return `<div><dt><span class="digits">${count} ×</span><code>${escapeHtml(code)}</code></dt><dd>${escapeHtml(meaning).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</dd></div>`;
  });
  return `<section class="sheet"><h2>Refusals and failures</h2><dl class="faults">${lines.join('\n')}</dl></section>`;
}
