import { afterEach, expect, it } from 'vitest';
import type { FleetLine } from '../../../sim/fleet/fleet.ts';
import { FLEET_FIGURES, FleetMetrics, printFigures } from '../../../sim/fleet/fleet-metrics.ts';
import { NO_COUNTS } from '../../../sim/fleet/fleet-process-tally.ts';

const LINE: FleetLine = {
  ...NO_COUNTS,
  ...{
    doorbells: 10,
    up: 9,
    seconds: 3,
    asked: 2,
    cores: 0.25,
    memoryBytes: 1_000,
    descriptors: 70,
    timers: 30,
    died: 0,
  },
  ...{ latenessP50Ms: 4, latenessP99Ms: null },
};
const open: FleetMetrics[] = [];
afterEach(async () => {
  for (const metrics of open.splice(0)) await metrics.stop();
});

async function serve(port = 0) {
  const metrics = new FleetMetrics();
  const url = await metrics.start({ host: '127.0.0.1', port });
  open.push(metrics);
  return { metrics, url };
}

it('has a figure for every count, each with its unit or as a total', () => {
  const names = FLEET_FIGURES.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
  // Each count alone changes one figure.
  for (const name of Object.keys(NO_COUNTS)) {
    const changed = printFigures({ ...LINE, [name]: 77 })
      .split('\n')
      .filter((line) => line.endsWith(' 77'));
    expect(changed, name).toHaveLength(1);
  }
  for (const [name, , type] of FLEET_FIGURES) expect(name.endsWith('_total')).toBe(type === 'counter');
});

it('prints Prometheus’ text format, without labels, and leaves out unknown figures', () => {
  const text = printFigures(LINE);
  expect(text).toContain('# TYPE doorsill_fleet_doorbells_up gauge\ndoorsill_fleet_doorbells_up 9\n');
  expect(text).toContain('doorsill_fleet_lateness_p50_seconds 0.004\n');
  expect(text).not.toContain('lateness_p99');
  expect(text).not.toContain('{');
});

it('serves the latest line, and nothing before the first one or at another path', async () => {
  const { metrics, url } = await serve();
  expect((await fetch(url)).status).toBe(503);
  metrics.set(LINE);
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  expect(await answer.text()).toBe(printFigures(LINE));
  expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
  expect((await fetch(url, { method: 'POST' })).status).toBe(404);
});

it('refuses a port that is in use', async () => {
  const { url } = await serve();
  await expect(serve(Number(new URL(url).port))).rejects.toMatchObject({ code: 'port_in_use' });
});
