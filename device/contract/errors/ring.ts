// Owns: the failures of the ring. Not here: the one closed table (../errors.ts).
import { machineFault, machineFaultForNow, wrongUsage } from './kinds.ts';

export const ringErrors = {
  ring_too_small: wrongUsage(
    400,
    'A ring of {bytes} bytes cannot hold {what}.',
    'Give it at least {leastBytes} bytes.',
  ),
  ring_full_disk: machineFaultForNow(
    507,
    'No space for the ring at {path}.',
    'Free space on that disk or make the ring smaller; recording goes on when there is room.',
  ),
  ring_write_failed: machineFaultForNow(
    500,
    'The ring at {path} could not be written: {detail}',
    'Check the disk; presses and consent go on, recording resumes when writing works.',
  ),
  ring_key_lost: machineFault(
    500,
    'The ring at {path} was sealed with another key.',
    'Restore the key beside it, or reset the ring; its footage cannot be read without the key.',
  ),
} as const;
