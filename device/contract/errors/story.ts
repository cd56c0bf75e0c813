// Owns: the failures of stories. Not here: the one closed table (../errors.ts).
import { machineFault } from './kinds.ts';

export const storyErrors = {
  story_failed: machineFault(
    500,
    'The story {story} did not go as it is told: {detail}',
    'This is a bug: report it with the output of the same command with --log debug.',
  ),
} as const;
