// The kill test of ring-file-kill.test.ts, often, and with segments of real size.
import { it } from 'vitest';
import { killRounds } from './ring-kill.ts';

it('loses no acknowledged segment and returns no torn one over 150 kills at random moments', async () => {
  await killRounds(100, 1, { bytesMax: 512 * 1024, fragmentBytes: 9_000, fits: 13 });
  await killRounds(50, 2, { bytesMax: 8 * 1024 * 1024, fragmentBytes: 400_000, fits: 15 });
}, 600_000);
