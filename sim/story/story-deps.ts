import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { Output } from '@doorsill/device/terminal/output';

export interface StoryDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  output: Output;
}
