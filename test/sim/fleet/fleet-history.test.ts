import { expect, it } from 'vitest';
import { FleetHistory } from '../../../sim/fleet/fleet-history.ts';
import { sampleLines } from './support/sample-run.ts';

function historyOf(lines: ReturnType<typeof sampleLines>): FleetHistory {
  const history = new FleetHistory();
  for (const line of lines) history.add(line);
  return history;
}

it('keeps every second of a short run', () => {
  const lines = sampleLines(120);
  const history = historyOf(lines);
  expect(history.points).toEqual(lines);
  expect(history.linesEach).toBe(1);
});

it('keeps a day in at most 300 points, up to its last second', () => {
  const hour = sampleLines(3_600);
  const day = Array.from({ length: 24 }, () => hour).flat();
  const history = historyOf(day.map((line, at) => ({ ...line, seconds: at + 1 })));
  expect(history.points.length).toBeLessThanOrEqual(300);
  expect(history.points.length).toBeGreaterThan(100);
  expect(history.points.at(-1)?.seconds).toBe(86_400);
  const seconds = history.points.map((point) => point.seconds);
  expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
});

it('loses no peak, no dip and no count when it joins seconds', () => {
  const lines = sampleLines(1_000).map((line, at) => ({
    ...line,
    ...(at === 501 ? { latenessP99Ms: 5_000, cores: 1.9, memoryBytes: 9e9, clipsUnderWay: 44, up: 3 } : {}),
    ...(at === 502 ? { latenessP99Ms: null } : {}),
  }));
  const { points, linesEach } = historyOf(lines);
  expect(linesEach).toBe(4);
  const most = (name: 'latenessP99Ms' | 'cores' | 'memoryBytes' | 'clipsUnderWay') =>
    Math.max(...points.map((point) => point[name] ?? 0));
  expect([most('latenessP99Ms'), most('cores'), most('memoryBytes'), most('clipsUnderWay')]).toEqual([
    5_000, 1.9, 9e9, 44,
  ]);
  expect(Math.min(...points.slice(5).map(({ up }) => up))).toBe(3);
  expect(points.at(-1)?.clipsStored).toBe(lines.at(-1)?.clipsStored);
});
