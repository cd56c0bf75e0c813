// @module-tag long
// Holds: what `npm run simulate` says, and how it ends.
import { expect, it } from 'vitest';
import { Running } from '../../support/command-line.ts';
import { SIMULATE } from './support/simulated-seeds.ts';

const simulate = (...words: string[]) => new Running(words, {}, [], SIMULATE);

it('is no success when it is stopped before all towns were through, and says what it saw', {
  timeout: 180_000,
}, async () => {
  const running = simulate('--seeds', '1000000', '--json');
  await running.line('its beginning', ({ event }) => event === 'begins');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.lines.at(-1)).toMatchObject({ event: 'ended', held: true });
  expect(running.stderr).toContain('"code":"interrupted"');
});

it('takes its folder away when one town is stopped, too', { timeout: 180_000 }, async () => {
  const running = simulate('--seed', '1');
  await expect.poll(() => running.stdout, { timeout: 120_000 }).toContain('seed 1');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.stderr).toContain('[interrupted]');
});

it('refuses what it cannot be asked, and says what it takes', { timeout: 60_000 }, async () => {
  const wrong = simulate('--trace');
  expect(await wrong.ended()).toBe(2);
  expect(wrong.stderr).toContain('name its --seed. See');
  const helped = simulate('--help');
  expect(await helped.ended()).toBe(0);
  expect(helped.stdout).toContain('$ npm run simulate -- --seeds 500');
});
