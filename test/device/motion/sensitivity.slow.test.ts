// Found and false events by sensitivity, on real footage as it is and with less light. The table that it prints is summarised in
// device/motion/README.md.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { motionSchema } from '../../../device/motion/motion-settings.ts';
import { mediaFile } from '../../support/media.ts';
import { grayOf, watch } from './gray.ts';

const DEFAULT = motionSchema.parse({}).sensitivity;
const SENSITIVITIES = [30, 50, 60, 65, 70, 80, 90, 100];
/** Spans in seconds in which something moves, one event each. */
const SCENES = [
  { what: 'a visitor', file: 'porch-visit-day.mp4', truth: [[7.2, 15.5]] },
  { what: 'six people', file: 'persons-one-by-one.mp4', truth: null },
  { what: 'three cars', file: 'cars-from-above.mp4', truth: null },
  { what: 'sun comes out', file: 'street-exposure-jump.avi', truth: [] },
] as const;
/** Share of the daylight's contrast; a sensor's noise is added. */
const LIGHTS = [100, 30, 15, 10, 7] as const;

type Span = readonly number[];
const folder = mkdtempSync(join(tmpdir(), 'doorsill-light-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The file as a camera would record it with this percentage of the contrast. */
async function inLight(path: string, share: number): Promise<string> {
  if (share === 100) return path;
  const dim = join(folder, `${share}-${path.split('/').at(-1)}.mp4`);
  const filter = `lutyuv=y='16+(val-16)*${share / 100}':u=128:v=128,noise=c0s=8:c0f=t:all_seed=1`;
  const encode = ['-an', '-vf', filter, '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '800k', dim];
  execFileSync((await findFfmpeg()).path, ['-v', 'error', '-i', path, ...encode]);
  return dim;
}

async function eventsIn(path: string, sensitivity: number): Promise<Span[]> {
  const pictures = await grayOf(path);
  const seen = watch(pictures, { sensitivity });
  const starts = seen.filter(({ type }) => type === 'motion-start').map(({ atS }) => atS);
  const ends = seen.filter(({ type }) => type === 'motion-end').map(({ atS }) => atS);
  return starts.map((from, at) => [from, ends[at] ?? pictures.length / 5]);
}

/** Number of true events with an event of their own, and of events in which nothing moves. */
function compared(truth: readonly Span[], events: readonly Span[]): { found: number; wrong: number } {
  const meets = ([from = 0, to = 0]: Span, [since = 0, until = 0]: Span) => from <= until + 1 && to >= since - 1;
  const free = new Set(events);
  let found = 0;
  for (const span of truth) {
    const own = [...free].find((event) => meets(event, span));
    if (!own) continue;
    free.delete(own);
    found += 1;
  }
  return { found, wrong: events.filter((event) => !truth.some((span) => meets(event, span))).length };
}

describe('the default sensitivity', { tags: ['footage', 'long'] }, () => {
  const files = SCENES.map(({ file }) => mediaFile(file));
  it.skipIf(files.includes(null))(
    'finds faint figures at night as by day, without false events',
    async () => {
      const rows: { what: string; light: number; expected: number; cells: Map<number, ReturnType<typeof compared>> }[] =
        [];
      for (const [at, { what, truth }] of SCENES.entries()) {
        const path = files[at] ?? '';
        // Without labels: the events detected by day, whose number is known.
        const spans = truth ?? (await eventsIn(path, 50));
        for (const light of LIGHTS) {
          const dim = await inLight(path, light);
          const cells = new Map<number, ReturnType<typeof compared>>();
          for (const one of SENSITIVITIES) cells.set(one, compared(spans, await eventsIn(dim, one)));
          rows.push({ what, light, expected: spans.length, cells });
        }
      }
      const cell = ({ found, wrong } = { found: 0, wrong: 0 }, expected = 0) =>
        [expected > 0 ? `${found} of ${expected}` : '', wrong > 0 ? `${wrong} false` : ''].filter(Boolean).join(', ') ||
        'none';
      const lines = rows.map(({ what, light, expected, cells }) => {
        const counts = SENSITIVITIES.map((one) => cell(cells.get(one), expected));
        return `| ${[`${what}, ${light} %`, ...counts].join(' | ')} |`;
      });
      const heading = `| Light | ${SENSITIVITIES.join(' | ')} |\n| --- |${' --- |'.repeat(SENSITIVITIES.length)}`;
      process.stdout.write(`${heading}\n${lines.join('\n')}\n`);
      const at = (what: string, light: number, sensitivity: number) =>
        rows.find((row) => row.what === what && row.light === light)?.cells.get(sensitivity);
      for (const { what } of SCENES) {
        const expected = rows.find((row) => row.what === what)?.expected;
        for (const light of [100, 30, 15, 10])
          expect([what, light, at(what, light, DEFAULT)?.found]).toEqual([what, light, expected]);
        for (const light of LIGHTS) expect([what, light, at(what, light, DEFAULT)?.wrong]).toEqual([what, light, 0]);
      }
    },
    600_000,
  );
});
