// Owns: the failures of documents that anyone verifies. Not here: the one closed table (../errors.ts).
import { refused } from './kinds.ts';

export const verificationErrors = {
  verify_failed: refused(422, 'Verification failed: {detail}', 'Do not rely on this clip.'),
} as const;
