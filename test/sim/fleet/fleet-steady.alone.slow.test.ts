// Watches a fleet of 1,000, started as docs/developer.md says, for ten minutes.
import { expect, it } from 'vitest';
import { type Line, runCommand } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';

const DOORBELLS = 1_000;
/** Doorbells start within 30 s, and their rings of 60 s are full a minute later; processes reach their size a while after that. */
const FILLED_S = 180;
const WATCHED_S = 600;
const COMPARED_S = 60;

it('keeps memory, descriptors and timers constant while it runs', {
  timeout: (FILLED_S + WATCHED_S + 300) * 1_000,
}, async (test) => {
  const seconds = FILLED_S + WATCHED_S;
  const args = ['--doorbells', `${DOORBELLS}`, '--seed', '1', '--for', `${seconds}s`, '--json'];
  const { status, lines, stderr } = await runCommand(['fleet', ...args], { seconds: seconds + 240 });
  const [ended] = lines.filter((line) => line['event'] === 'ended');
  expect(ended, stderr.slice(-2_000)).toMatchObject({
    up: DOORBELLS,
    failed: 0,
    died: 0,
    segmentsLost: 0,
    unbelieved: 0,
  });
  expect(status).toBe(0);
  const began = meanOf(lines, FILLED_S);
  const over = meanOf(lines, FILLED_S + WATCHED_S - COMPARED_S);
  for (const name of ['memoryBytes', 'descriptors', 'timers'] as const) {
    const grew = over[name] / began[name];
    const digits = name === 'memoryBytes' ? `${Math.round(began[name] / 1e6)} MB` : `${Math.round(began[name])}`;
    proved(test, `a fleet of ${DOORBELLS} in ten minutes: ${name}`, `${digits}, then ${grew.toFixed(3)} of that`);
    expect(began[name], name).toBeGreaterThan(DOORBELLS);
    expect(grew, name).toBeLessThan(1.05);
  }
});

/** Means over the lines of a minute. */
function meanOf(lines: readonly Line[], fromS: number) {
  const minute = lines.filter(({ event, seconds }) => {
    return event === 'second' && Number(seconds) > fromS && Number(seconds) <= fromS + COMPARED_S;
  });
  const mean = (name: string) => minute.reduce((sum, line) => sum + Number(line[name]), 0) / minute.length;
  return { memoryBytes: mean('memoryBytes'), descriptors: mean('descriptors'), timers: mean('timers') };
}
