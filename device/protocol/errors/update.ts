// Owns: the failures of making a release and of updating a device. Not here: the one closed table (../errors.ts).
import { machineFault, refused } from './kinds.ts';

export const updateErrors = {
  update_unsigned: refused(
    403,
    'The update is not signed: {detail}.',
    'Put the file .minisig of the same release beside it, as it was published.',
  ),
  update_key_foreign: refused(
    403,
    'Another key signed the update: {signer}, where {pinned} is pinned.',
    'Get the release from those whose key was pinned; if they changed it, install anew with the new key.',
  ),
  update_altered: refused(
    403,
    'The update is not what was signed: {detail} was altered or cut off.',
    'Get the release and its .minisig again.',
  ),
  release_unmade: machineFault(
    500,
    'The release could not be made: {detail}',
    'Mend what it names, and run `npm run release` again; nothing was published.',
  ),
} as const;
