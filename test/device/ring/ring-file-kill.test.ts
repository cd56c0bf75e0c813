// @module-tag long
// The ring in a file when its process is killed: no acknowledged segment is lost, no torn one is returned.
import { it } from 'vitest';
import { killRounds } from './ring-kill.ts';

it('loses no acknowledged segment and returns no torn one over ten kills at random moments', async () => {
  await killRounds(10, 20_261_125, { bytesMax: 512 * 1024, fragmentBytes: 9_000, fits: 13 });
}, 120_000);
