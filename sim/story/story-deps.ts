// Owns: what every story is told with: the machine's seams and the output to people.
import type { Clock, Disk, Log, Random } from '../../device/exports-without-firmware.ts';
import type { Output } from '../terminal/output.ts';

export interface StoryDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  output: Output;
}
