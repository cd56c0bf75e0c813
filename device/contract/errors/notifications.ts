// Owns: the failures of telling what happened to URLs that the owner names. Not here: the one closed table (../errors.ts).
import { machineFault } from './kinds.ts';

export const notificationErrors = {
  notification_secret_unusable: machineFault(
    500,
    'The secret for a notification cannot be used: {detail}.',
    'Write it as one line into the file that secretFile or tokenFile names in device.json, with mode 0600, and start again.',
  ),
} as const;
