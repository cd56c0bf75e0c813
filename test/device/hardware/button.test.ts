// The virtual button: the contract of every button.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { VirtualButton } from '../../../device/hardware/button.ts';
import { buttonContract, NOON_US } from './button-contract.ts';

buttonContract('virtual', (options) => {
  const button = new VirtualButton(options);
  return { button, push: () => button.press('command'), source: 'command' };
});

it('returns whether each virtual press counted', async () => {
  const clock = new ManualClock(NOON_US);
  const button = new VirtualButton({ clock, button: 'front', pressed: () => undefined });
  expect(button.press('scene')).toBe(false);
  button.start();
  expect(button.press('scene')).toBe(true);
  expect(button.press('command')).toBe(false);
  await clock.advance(1_000);
  expect(button.press('command')).toBe(true);
  button.stop();
});
