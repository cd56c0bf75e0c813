// @module-tag long
// Holds: what `doorsill simulate` says, and how it ends. Not here: towns (test/sim/simulate).
import { expect, it } from 'vitest';
import { Running } from '../../support/command-line.ts';

it('is no success when it is stopped before all towns were through, and says what it saw', {
  timeout: 180_000,
}, async () => {
  const running = new Running(['simulate', '--seeds', '1000000', '--json']);
  await running.line('its beginning', ({ event }) => event === 'begins');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.lines.at(-1)).toMatchObject({ event: 'ended', held: true });
  expect(running.stderr).toContain('"code":"interrupted"');
});

it('takes its folder away when one town is stopped, too', { timeout: 180_000 }, async () => {
  const running = new Running(['simulate', '--seed', '1']);
  await expect.poll(() => running.stdout, { timeout: 120_000 }).toContain('seed 1');
  running.child.kill('SIGINT');
  expect(await running.ended(150)).toBe(130);
  expect(running.stderr).toContain('[interrupted]');
});
