// Holds: a process of a fleet counts its open files.
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openDescriptors } from '../../../sim/fleet/fleet-process-part.ts';

it('counts the open files of the process', () => {
  const before = openDescriptors();
  const opened = Array.from({ length: 200 }, () => openSync('/dev/null', 'r'));
  const during = openDescriptors();
  for (const descriptor of opened) closeSync(descriptor);
  // Other work of this process may open and close some meanwhile.
  expect(during - before).toBeGreaterThan(150);
  expect(during - before).toBeLessThan(250);
});
