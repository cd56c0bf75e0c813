// Failures of ring, events, notifications, hardware and updates.
import { machineFault, machineFaultForNow, refused, refusedForNow, unusableInput, wrongUsage } from './coded-error.ts';

export const deviceErrors = {
  // ring
  ring_too_small: wrongUsage(
    400,
    'A ring of {bytes} bytes cannot hold {what}.',
    'Give it at least {leastBytes} bytes.',
  ),
  ring_full_disk: machineFaultForNow(
    507,
    'No disk space for the footage buffer (the ring) at {path}.',
    'Free space on that disk or make the ring smaller; recording resumes when there is room.',
  ),
  ring_write_failed: machineFaultForNow(
    500,
    'The ring at {path} could not be written: {detail}',
    'Check the disk; presses and consent go on, recording resumes when writing works.',
  ),
  ring_key_lost: machineFault(
    500,
    'The ring at {path} was sealed with another key.',
    'Put its key file back beside it: without the key nobody can read its footage. To record anew, move both files away.',
  ),

  // events
  events_storage_failed: machineFaultForNow(
    500,
    'The history of events in {folder} could not be read or written: {detail}',
    'Free space or check the disk; presses, footage and consent go on. New events are lost with a restart until it works.',
  ),

  // notifications
  notification_secret_unusable: machineFault(
    500,
    'The secret for a notification cannot be used: {detail}.',
    'Write it as one line into the file that secretFile or tokenFile names in device.json, with mode 0600, and start again.',
  ),

  // hardware
  button_unknown: refused(404, 'The doorbell has no such button; it has {buttons}.', 'Press one of these.'),
  button_stuck: machineFaultForNow(
    500,
    'The button {button} has been pressed for a minute.',
    'It is jammed or its wire has a short; free it. It rings again once it is let go.',
  ),
  home_assistant_refused: refusedForNow(
    400,
    'A message to the topics of Home Assistant was not one of its buttons.',
    'Send exactly the payload that the discovery names, not retained, and not many times a second.',
  ),
  hardware_tool_missing: machineFaultForNow(
    500,
    'The program {tool} is not installed.',
    'Install it, on Debian with `apt install {package}`.',
  ),
  gpio_line_taken: machineFaultForNow(
    500,
    'The {what} does not work: something else uses line {line} of {chip}.',
    '`gpioinfo` names who. End that program, remove its dtoverlay from config.txt and boot again, or name another line in device.json. It is tried again.',
  ),
  board_voltage_low: machineFaultForNow(
    500,
    'The voltage of the board is too low: pictures and the card may suffer.',
    'Use the power supply made for this board, with a short cable and nothing else on it.',
  ),
  board_slowed: machineFaultForNow(
    500,
    'The board has slowed its processor down, for heat or low voltage.',
    'Give it a cooler, shade or air, or lower the camera’s size and rate. `doorsill doctor` says more.',
  ),
  hardware_unavailable: machineFaultForNow(
    500,
    'The {what} does not work: {detail}',
    'Check its cable and its name in device.json, and that this user may use it (groups gpio, input, audio). It is tried again.',
  ),

  // update
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
    'Report it to the release’s makers; nothing was changed.',
  ),
  update_machine_foreign: refused(
    409,
    'The update is for {release}, and this machine is {machine}.',
    'Use the release for this machine; its name ends in its processor.',
  ),
  update_node_old: machineFault(
    409,
    'The update needs Node {needed} or later, and this machine has {node}.',
    'Update Node first, by the package manager it came from.',
  ),
  update_older: refused(
    409,
    'The update to {version} is older than {current}, which runs.',
    'Add --downgrade if you want that: vulnerabilities that were fixed since will be open again.',
  ),
  update_format_older: refused(
    409,
    'The version {version} knows folders up to format {format}, and this doorbell’s has {held}.',
    'Use a later version: an older one could not read the decisions.',
  ),
  update_disk_full: machineFaultForNow(
    507,
    'The update needs {needed} bytes free in {folder}, where {free} are.',
    'Free space there, or make the ring of footage smaller.',
  ),
  update_grant_under_way: refusedForNow(
    409,
    'The grant {grant} is being carried out, and no update interrupts that.',
    'Try again when the clip has arrived, or the grant is revoked or over.',
  ),
  update_unhealthy: refused(
    500,
    'The version {version} did not become ready in time, so {from} runs again.',
    'Read its log (`journalctl` for a unit), and report it to the release’s makers.',
  ),
  update_irreversible: machineFault(
    500,
    'The version {version} was not healthy, but {from} could not read the decisions made since, so it was not rolled back.',
    'Install a later release that fixes it: no decision is lost.',
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
} as const;
