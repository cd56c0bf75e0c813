// Owns: the failures of making a release and of updating a device. Not here: the one closed table (../errors.ts).
import { machineFault, machineFaultForNow, refused, refusedForNow, unusableInput, wrongUsage } from './kinds.ts';

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
  update_malformed: unusableInput(
    422,
    'The update is signed, but not a release that this version can unpack: {detail}.',
    'Tell those who made it; nothing was changed.',
  ),
  update_machine_foreign: refused(
    409,
    'The update is for {release}, and this machine is {machine}.',
    'Take the release for this machine; its name ends in its processor.',
  ),
  update_node_old: machineFault(
    409,
    'The update needs Node {needed} or later, and this machine has {node}.',
    'Update Node first, by the package manager it came from.',
  ),
  update_older: refused(
    409,
    'The update to {version} is older than {current}, which runs.',
    'Say --downgrade if that is what you want: holes that were mended since would be open again.',
  ),
  update_format_older: refused(
    409,
    'The version {version} knows folders up to format {format}, and this doorbell’s has {held}.',
    'Take a later version: an older one could not read what was decided.',
  ),
  update_disk_full: machineFaultForNow(
    507,
    'The update needs {needed} bytes free in {folder}, where {free} are.',
    'Make room there, or give the ring of footage fewer bytes.',
  ),
  update_grant_under_way: refusedForNow(
    409,
    'The grant {grant} is under way, and no update interrupts one.',
    'Try again when the clip has arrived, or the grant is revoked or over.',
  ),
  update_outside_window: refusedForNow(
    409,
    'It is not the time for an update: {window}.',
    'Wait for it, or leave out --between.',
  ),
  update_unhealthy: refused(
    500,
    'The version {version} did not become ready in time, so {from} runs again.',
    'Read its log (`journalctl` for a unit), and tell those who made it.',
  ),
  update_irreversible: machineFault(
    500,
    'The version {version} was not healthy, but {from} could not read what was decided since, so it was not taken back.',
    'Install a later release that mends it: nothing that was decided is lost.',
  ),
  update_folder_foreign: wrongUsage(
    404,
    '{folder} is not a folder of programs that can be updated.',
    'Name the one that `device update --pin` made, with --programs.',
  ),
  update_folder_taken: wrongUsage(
    409,
    'Something is in {folder} already.',
    'Name a new folder, or update what is there without --pin.',
  ),
  release_unmade: machineFault(
    500,
    'The release could not be made: {detail}',
    'Mend what it names, and run `npm run release` again; nothing was published.',
  ),
} as const;
