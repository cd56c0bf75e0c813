// The memory of a doorbell's process and its ffmpeg, drawing, encoding and analysing 720p for a minute, fits a board with 1 GB.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { descendants } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

/** A board with 1 GB has some 900 MB, of which its system and a broker need half. */
const PEAK_MB_MAX = 450;
const WATCHED_MS = 60_000;

const testbed = new RunningTestbed('synthetic');
beforeAll(() => testbed.start(), 90_000);
afterAll(async () => {
  await testbed.stop();
  testbed.dispose();
});

/** A process's peak memory in megabytes (proc(5), VmHWM). */
function peakMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}

it('fits a board with 1 GB', async (test) => {
  await testbed.cameraIs('recording');
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
  const doorbell = testbed.pidOf('doorbell') ?? 0;
  const [node, ...others] = [doorbell, ...descendants(doorbell)].map(peakMb);
  const sum = [node ?? 0, ...others].reduce((total, mb) => total + mb, 0);
  expect(others.length).toBeGreaterThan(0);
  expect(sum).toBeLessThan(PEAK_MB_MAX);
  const figure = `${sum.toFixed(0)} MB (node ${node?.toFixed(0)}, ffmpeg ${others.map((mb) => mb.toFixed(0)).join(' + ')})`;
  proved(test, 'Peak memory of a doorbell with its ffmpeg at 720p15, at most 450 MB', figure);
}, 180_000);
