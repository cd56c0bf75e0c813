// A fleet's curves as one SVG without a script: panels under each other on one axis of time; a pointer over any of them shows all values of
// that moment.
import { escapeHtml } from '@doorsill/base/escape-html';
import { lengthText } from '../report/report-words.ts';
import type { FleetLine } from './fleet.ts';

interface Series {
  readonly name: string;
  readonly colour: 'accent' | 'motion' | 'ring' | 'alarm';
  readonly read: (line: FleetLine) => number | null;
}

export interface Panel {
  readonly title: string;
  /** `decades`: logarithmic, for values that differ by powers of ten. */
  readonly scale: 'linear' | 'decades';
  readonly series: readonly Series[];
  readonly print: (value: number) => string;
}

const whole = (value: number) => `${Math.round(value)}`;

const PANELS: readonly Panel[] = [
  {
    title: 'Doorbells',
    scale: 'linear',
    print: whole,
    series: [
      { name: 'up', colour: 'accent', read: ({ up }) => up },
      { name: 'failed', colour: 'alarm', read: ({ failed }) => failed },
    ],
  },
  {
    title: 'Requests',
    scale: 'linear',
    print: whole,
    series: [
      { name: 'seen', colour: 'motion', read: ({ requests }) => requests },
      { name: 'granted', colour: 'accent', read: ({ grants }) => grants },
      { name: 'denied', colour: 'ring', read: ({ denials }) => denials },
    ],
  },
  {
    title: 'Clips',
    scale: 'linear',
    print: whole,
    series: [
      { name: 'under way', colour: 'motion', read: ({ clipsUnderWay }) => clipsUnderWay },
      { name: 'stored', colour: 'accent', read: ({ clipsStored }) => clipsStored },
      { name: 'failed', colour: 'alarm', read: ({ clipsFailed }) => clipsFailed },
    ],
  },
  {
    title: 'Filmed to sealed',
    scale: 'decades',
    print: (ms) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(1))} s`),
    series: [
      { name: 'p99', colour: 'ring', read: ({ latenessP99Ms }) => latenessP99Ms },
      { name: 'p50', colour: 'accent', read: ({ latenessP50Ms }) => latenessP50Ms },
    ],
  },
  {
    title: 'Footage lost',
    scale: 'linear',
    print: (seconds) => `${Math.round(seconds)} s`,
    series: [{ name: 'lost', colour: 'alarm', read: ({ segmentsLost }) => segmentsLost }],
  },
  {
    title: 'Processors busy',
    scale: 'linear',
    print: (cores) => `${Number(cores.toFixed(2))}`,
    series: [{ name: 'cores', colour: 'accent', read: ({ cores }) => cores }],
  },
  {
    title: 'Memory',
    scale: 'linear',
    print: (bytes) => (bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`),
    series: [{ name: 'total', colour: 'accent', read: ({ memoryBytes }) => memoryBytes }],
  },
  {
    title: 'Open',
    scale: 'linear',
    print: whole,
    series: [
      { name: 'descriptors', colour: 'motion', read: ({ descriptors }) => descriptors },
      { name: 'timers', colour: 'ring', read: ({ timers }) => timers },
    ],
  },
];

/** Heights in pixels; widths are in per cent of the page. */
const [TOP, HEAD, PLOT, GAP, AXIS] = [24, 38, 84, 14, 24];
/** Width of a plot's own coordinates, which are stretched to its place. */
const WIDE = 1_000;
const DECADES_MIN = 2;

/** The panels to show: curves of faults that are always 0 are left out, and so are panels without a curve. */
export function panelsOf(points: readonly FleetLine[]): Panel[] {
  const isShown = ({ colour, read }: Series) => colour !== 'alarm' || points.some((point) => (read(point) ?? 0) > 0);
  return PANELS.map((panel) => ({ ...panel, series: panel.series.filter(isShown) })).filter(
    ({ series }) => series.length > 0,
  );
}

/** The curves of at least two points. */
export function drawCurves(points: readonly FleetLine[]): string {
  const panels = panelsOf(points);
  const startS = points[0]?.seconds ?? 0;
  const endS = Math.max(points.at(-1)?.seconds ?? 0, startS + 1);
  const xOf = (seconds: number) => (seconds - startS) / (endS - startS);
  const bottom = TOP + panels.length * (HEAD + PLOT + GAP) - GAP;
  const drawn = panels.map((panel, at) => drawPanel(panel, points, { y: TOP + at * (HEAD + PLOT + GAP), xOf }));
  return `<svg class="curves" width="100%" height="${bottom + AXIS}" role="img" aria-label="${escapeHtml(panels.map(spoken(points)).join('. '))}">
${drawn.join('\n')}
${moments(points, xOf, bottom)}
${timeAxis(startS, endS, xOf, bottom)}
${points.map((point, at) => reading(point, { panels, xOf, bottom, before: points[at - 1], after: points[at + 1] })).join('\n')}
</svg>`;
}

/** A panel's maxima as text, for screen readers. */
function spoken(points: readonly FleetLine[]) {
  return ({ title, series, print }: Panel): string =>
    `${title}: ${series.map((one) => `${one.name} ${atMost(one, points, print)}`).join(', ')}`;
}

function atMost({ read }: Series, points: readonly FleetLine[], print: Panel['print']): string {
  const values = points.map(read).filter((value) => value !== null);
  return values.length === 0 ? '-' : `at most ${print(Math.max(...values))}`;
}

function drawPanel(panel: Panel, points: readonly FleetLine[], at: { y: number; xOf: (s: number) => number }): string {
  const { title, series, print } = panel;
  const scale = scaleOf(panel, points);
  const top = at.y + HEAD;
  const shown = scale.marks.map(print);
  const lines = scale.marks.map((value, nth) => {
    const y = Math.round((1 - scale.place(value)) * PLOT) + top;
    // A mark is left out if a later one prints the same: half of one clip would read as a whole clip.
    const isBare = value === 0 || shown.indexOf(print(value), nth + 1) > 0;
    const label = isBare ? '' : `<text class="mark" x="0" y="${y - 3}">${escapeHtml(print(value))}</text>`;
    return `<line class="grid" x1="0" x2="100%" y1="${y}" y2="${y}"/>${label}`;
  });
  const curves = series.map(({ read, colour }) => {
    const runs = runsOf(points, read).map((run) =>
      run.map(([s, value]) => [(at.xOf(s) * WIDE).toFixed(1), ((1 - scale.place(value)) * PLOT).toFixed(1)] as const),
    );
    const path = runs.map((run) => `M${run.map((point) => point.join(' ')).join('L')}`).join('');
    const areas = series.length > 1 ? [] : runs;
    const area = areas
      .map(
        (run) => `M${run[0]?.[0]} ${PLOT}L${run.map((point) => point.join(' ')).join('L')}L${run.at(-1)?.[0]} ${PLOT}z`,
      )
      .join('');
    return `${area === '' ? '' : `<path class="area ${colour}" d="${area}"/>`}<path class="curve ${colour}" d="${path}"/>`;
  });
  const last = points.at(-1);
  return `<text class="title" x="0" y="${at.y + 15}">${escapeHtml(title)}</text>
${last ? values(panel, last, at.y, 'rest') : ''}
${lines.join('')}
<svg x="0" y="${top}" width="100%" height="${PLOT}" viewBox="0 0 ${WIDE} ${PLOT}" preserveAspectRatio="none">${curves.join('')}</svg>`;
}

/** A panel's values at a point, at its right end; also its legend. */
function values({ series, print }: Panel, point: FleetLine, y: number, look: 'rest' | 'hover'): string {
  const texts = series.map(({ name, colour, read }, at) => {
    const value = read(point);
    const gap = at === 0 ? '' : ' dx="10"';
    return `<tspan class="${colour}"${gap}>${escapeHtml(name)} <tspan class="value">${value === null ? '-' : escapeHtml(print(value))}</tspan></tspan>`;
  });
  return `<text class="${look}" x="100%" y="${y + 15}" text-anchor="end">${texts.join('')}</text>`;
}

/** Runs of points that have a value, with their seconds. */
function runsOf(points: readonly FleetLine[], read: Series['read']): [seconds: number, value: number][][] {
  const runs: [number, number][][] = [[]];
  for (const point of points) {
    const value = read(point);
    if (value === null) runs.push([]);
    else runs.at(-1)?.push([point.seconds, value]);
  }
  return runs.filter((run) => run.length > 0);
}

/** Maps a value to its height between bottom (0) and top (1); `marks`: values with a grid line. */
function scaleOf(
  { scale, series }: Panel,
  points: readonly FleetLine[],
): { marks: number[]; place: (value: number) => number } {
  const most = Math.max(0, ...series.flatMap(({ read }) => points.map((point) => read(point) ?? 0)));
  if (scale === 'decades') {
    const decades = Math.max(DECADES_MIN, Math.ceil(Math.log10(Math.max(1, most))));
    const marks = Array.from({ length: decades }, (_, at) => 10 ** (at + 1));
    return { marks: [0, ...marks], place: (value) => Math.log10(Math.max(1, value)) / decades };
  }
  const top = roundUp(most);
  return { marks: [0, top / 2, top], place: (value) => value / top };
}

/** The next of 1, 2, 4, 6, 8 times a power of ten, whose half is as short to print. */
function roundUp(value: number): number {
  if (value === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 6, 8, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

/** Events of the whole fleet, as lines through all panels: requests asked, all doorbells up, processes lost. */
function moments(points: readonly FleetLine[], xOf: (s: number) => number, bottom: number): string {
  const marks: string[] = [];
  const line = (point: FleetLine, look: string, label: string) => {
    const x = percent(xOf(point.seconds));
    const anchor = xOf(point.seconds) > 0.5 ? 'end' : 'start';
    marks.push(
      `<line class="instant ${look}" x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${bottom}"/>`,
      label === '' ? '' : `<text class="rest ${look}" x="${x}" y="13" text-anchor="${anchor}">${label}</text>`,
    );
  };
  for (const [at, point] of points.entries()) {
    const before = points[at - 1];
    if (point.asked > (before?.asked ?? 0)) line(point, 'asked', before?.asked === 0 || !before ? 'asked' : '');
    if (isWhole(point) && !points.slice(0, at).some(isWhole)) line(point, 'all-up', 'all started');
    if (point.died > (before?.died ?? 0)) line(point, 'died', 'a process died');
  }
  return marks.join('');
}

function isWhole({ doorbells, up, failed }: FleetLine): boolean {
  return doorbells > 0 && up + failed >= doorbells;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];
const TICKS_MAX = 5;

function timeAxis(startS: number, endS: number, xOf: (s: number) => number, bottom: number): string {
  const step = STEPS_S.find((one) => (endS - startS) / one <= TICKS_MAX) ?? Math.ceil((endS - startS) / TICKS_MAX);
  const ticks: string[] = [];
  for (let s = Math.ceil(startS / step) * step; s <= endS; s += step) {
    const x = xOf(s);
    const anchor = x < 0.05 ? 'start' : x > 0.95 ? 'end' : 'middle';
    ticks.push(
      `<line class="tick" x1="${percent(x)}" x2="${percent(x)}" y1="${bottom}" y2="${bottom + 5}"/><text class="mark" x="${percent(x)}" y="${bottom + 19}" text-anchor="${anchor}">${lengthText(s * 1_000)}</text>`,
    );
  }
  return ticks.join('');
}

/** All values of one moment, shown while the pointer is in its column. */
function reading(
  point: FleetLine,
  around: {
    panels: readonly Panel[];
    xOf: (s: number) => number;
    bottom: number;
    before: FleetLine | undefined;
    after: FleetLine | undefined;
  },
): string {
  const { panels, xOf, bottom, before, after } = around;
  const x = xOf(point.seconds);
  const left = before ? (xOf(before.seconds) + x) / 2 : 0;
  const right = after ? (xOf(after.seconds) + x) / 2 : 1;
  const texts = panels.map((panel, at) => values(panel, point, TOP + at * (HEAD + PLOT + GAP), 'hover'));
  return `<g class="at"><rect x="${percent(left)}" width="${percent(right - left)}" y="0" height="${bottom}"/><line class="hover" x1="${percent(x)}" x2="${percent(x)}" y1="${TOP}" y2="${bottom}"/><text class="hover" x="100%" y="13" text-anchor="end">after ${lengthText(point.seconds * 1_000)}</text>${texts.join('')}</g>`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

/** The style of the curves, with the colours of the report's style. */
export const CURVES_STYLE = `
.curves { display: block; overflow: visible; font-size: 13px; font-variant-numeric: tabular-nums }
.curves .title { fill: var(--ink); font-weight: 600 }
.curves .value { font-weight: 650 }
.curves .mark { fill: var(--ink-soft); font-size: 11px; paint-order: stroke; stroke: var(--surface); stroke-width: 3px; stroke-linejoin: round }
.curves .grid, .curves .tick { stroke: var(--line); shape-rendering: crispedges }
.curves .curve { fill: none; stroke: var(--colour); stroke-width: 2px; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke }
.curves .area { fill: var(--colour); opacity: 0.14 }
.curves tspan { fill: var(--colour) }
.curves .accent { --colour: var(--accent) }
.curves .motion { --colour: var(--motion) }
.curves .ring { --colour: var(--ring) }
.curves .alarm { --colour: var(--alarm) }
.curves .instant { stroke: var(--ink-soft); stroke-dasharray: 2 4; opacity: 0.7 }
.curves .instant.died { stroke: var(--alarm) }
.curves text.asked, .curves text.all-up { fill: var(--ink-soft); font-size: 11px }
.curves text.died { fill: var(--alarm); font-size: 11px; font-weight: 600 }
.curves .at rect { fill: transparent; pointer-events: all }
.curves .at .hover { visibility: hidden; pointer-events: none }
.curves .at:hover .hover { visibility: visible }
.curves .at text.hover { fill: var(--ink); font-size: 13px }
.curves .at line.hover { stroke: var(--ink); stroke-width: 1px }
.curves:has(.at:hover) .rest { visibility: hidden }
@media (max-width: 599px) { .curves text.asked, .curves text.all-up { display: none } }
`;
