// @module-tag long
// Output and exit status of `npm run simulate`.
import { expect, it } from 'vitest';
import { Running } from '../../support/command-line.ts';
import { SIMULATE } from './support/simulated-seeds.ts';

const simulate = (...words: string[]) => new Running(words, {}, [], SIMULATE);

it('fails when stopped before all runs are done, and prints its totals', {
  timeout: 180_000,
}, async () => {
  const running = simulate('--seeds', '1000000', '--json');
  await running.line('its beginning', ({ event }) => event === 'begins');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.lines.at(-1)).toMatchObject({ event: 'ended', held: true });
  expect(running.stderr).toContain('"code":"interrupted"');
});

it('removes its folder also when a single run is stopped', { timeout: 180_000 }, async () => {
  const running = simulate('--seed', '1');
  await expect.poll(() => running.stdout, { timeout: 120_000 }).toContain('seed 1');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.stderr).toContain('[interrupted]');
});

it('refuses invalid arguments, and says what is valid', { timeout: 60_000 }, async () => {
  const wrong = simulate('--trace');
  expect(await wrong.ended()).toBe(2);
  expect(wrong.stderr).toContain('need a single --seed. See');
  const helped = simulate('--help');
  expect(await helped.ended()).toBe(0);
  expect(helped.stdout).toContain('$ npm run simulate -- --seeds 500');
});
