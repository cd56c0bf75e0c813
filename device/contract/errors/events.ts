// Owns: the failures of the history of events. Not here: the one closed table (../errors.ts).
import { machineFaultForNow } from './kinds.ts';

export const eventErrors = {
  events_storage_failed: machineFaultForNow(
    500,
    'The history of events in {folder} could not be read or written: {detail}',
    'Free space or check the disk; presses, footage and consent go on. New events are lost with a restart until it works.',
  ),
} as const;
