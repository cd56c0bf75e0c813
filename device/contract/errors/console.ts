// Failures of the device’s own server, its viewers, and its announcement by mDNS.
import {
  machineFault,
  machineFaultForNow,
  notReachableForNow,
  refused,
  refusedForNow,
  wrongUsage,
} from './coded-error.ts';

export const consoleErrors = {
  console_host_refused: refused(
    421,
    'The device’s own server does not answer under this name.',
    'Call it by its address, or list the name under console.names in device.json.',
  ),
  console_origin_refused: refused(
    403,
    'The request was sent by a page of another origin.',
    'Open the console at the device’s own address; no other page can use its session.',
  ),
  console_session_refused: refused(
    401,
    'There is no such session: {detail}.',
    'Open a session by signing a challenge with an owner’s key.',
  ),
  console_viewer_refused: refused(
    401,
    'There is no such viewer, its token is wrong, or it has expired.',
    'Ask an owner for a new one: `doorsill settings viewer add`.',
  ),
  console_right_missing: refused(
    403,
    'This viewer may not see that.',
    'Ask an owner for a viewer with the right {right}.',
  ),
  console_order_refused: refused(
    403,
    'The order was not accepted: it is not signed by an owner of this device, or not for it.',
    'Sign it with a paired key, for this device and this request.',
  ),
  console_privacy_on: refusedForNow(
    409,
    'Privacy is on: nothing is shown.',
    'An owner turns it off with `doorsill privacy off`.',
  ),
  console_not_recording: notReachableForNow(
    503,
    'The camera does not record now, so there is no live picture.',
    'Look at `doorsill doctor`; recorded footage can be seen meanwhile.',
  ),
  console_no_footage: wrongUsage(
    404,
    'There is no footage at that time.',
    'Ask for a time inside the coverage that the device’s state lists.',
  ),
  console_span_too_long: wrongUsage(
    400,
    'The span is longer than {seconds} s.',
    'Ask for shorter spans, one after the other.',
  ),
  console_client_gone: wrongUsage(400, 'The client disconnected before its answer was ready.', 'Ask again.'),
  console_footage_gone: refusedForNow(
    409,
    'Footage of the span was overwritten or forgotten while it was sent.',
    'Ask again, inside the coverage that the device’s state lists.',
  ),
  console_too_many_viewers: refusedForNow(
    503,
    '{most} viewers, the most allowed, are already watching.',
    'Close another view, or wait.',
  ),
  motion_trial_running: refusedForNow(
    409,
    'A trial on recorded footage is already running.',
    'Wait until it has ended, or end it: only one runs at a time.',
  ),
  viewer_known: wrongUsage(409, 'There is already a viewer with this id.', 'Remove it first, or choose another id.'),
  viewer_too_many: refused(
    409,
    'The device has {most} viewers already.',
    'Remove one: `doorsill settings viewer remove`.',
  ),
  look_log_full: refused(
    507,
    'The ledger has no room to record who watches, so nothing is shown.',
    'Its remaining room is reserved for decisions. Set the doorbell up in a new device folder; `doorsill device backup` keeps the decisions of this one.',
  ),
  pairing_token_refused: refused(
    403,
    'The pairing token is not the one that the device shows now.',
    'Scan the code again: `doorsill pair --show`. Ten failures lock pairing until the button is pressed.',
  ),
  setup_token_refused: refused(
    403,
    'The doorbell is being set up, and this is not the code that its terminal shows.',
    'Scan the code in the terminal again. Ten failures end the set-up.',
  ),
  setup_taken: refused(
    409,
    'Another browser sets this doorbell up.',
    'Go on there. If that is not you, press Ctrl-C in the terminal, and run the command again for a new code.',
  ),
  setup_over: refused(
    409,
    'The set-up of this doorbell is over.',
    'Open the doorbell’s page; `doorsill pair --show` draws the code that pairs a phone.',
  ),
  setup_guessed: refused(
    403,
    'The set-up has ended: ten codes were tried that are not the one in this terminal. Nothing was written.',
    'Somebody on the network may be guessing. Run the command again for a new code.',
  ),
  setup_expired: refusedForNow(
    408,
    'The set-up has ended after {minutes} minutes. Nothing was written.',
    'Run the command again for a new code.',
  ),
  setup_without_network: machineFaultForNow(
    503,
    'This machine has no address on a network at home, so no phone could open the set-up page.',
    'Plug a network cable in or join a Wi-Fi (on a Pi `sudo raspi-config`), or run the command with --console this-machine for a browser on this machine.',
  ),
  setup_broker_refused: refusedForNow(
    409,
    'The broker cannot be used: {detail}',
    'Correct its address, user or password, or leave the broker out: phones and browsers need none.',
  ),
  setup_camera_foreign: refused(
    400,
    'The set-up uses only cameras and microphones that it found, and addresses that begin with rtsp://.',
    'Choose one of those shown, or look again.',
  ),
  console_off: refused(
    409,
    'The device has no server of its own.',
    'Set console.listen in its device.json to this-machine or home-network, and start it again.',
  ),
  console_starting: notReachableForNow(503, 'The device’s own server is starting.', 'Ask again in some seconds.'),
  console_unusable: refused(
    409,
    'The device’s own server, which serves its console page, could not start: {detail}',
    'Mend that, or set another console.port in its device.json, and restart the device. Until then it still rings and records.',
  ),
  pairing_code_unknown: wrongUsage(
    404,
    'No phone that waits for pairing shows this code.',
    'Type the six digits that the phone shows; they are valid for three minutes.',
  ),
  mdns_no_network: machineFaultForNow(
    503,
    'This machine is on no network on which the doorbell’s name could be announced.',
    'Connect it, or name the interface (`ip -brief address` lists them) under console.announce.interfaces in device.json.',
  ),
  mdns_port_taken: machineFault(
    409,
    'Another program keeps the UDP port {port} to itself, so the doorbell’s name is not announced.',
    "`sudo ss -ulnp 'sport = :5353'` names it. Set disallow-other-stacks=no in /etc/avahi/avahi-daemon.conf if it is avahi, or stop it.",
  ),
  mdns_unusable: machineFaultForNow(
    503,
    'The doorbell’s name cannot be announced on the network of {address}: {detail}.',
    'It is tried again every 15 s. A firewall must let UDP port 5353 pass on the network at home.',
  ),
  mdns_name_taken: refusedForNow(
    409,
    'Other devices on the network are called {hosts}.',
    'Give one of the doorbells another name in its device.json; a copy of a card has the same name and id as its original.',
  ),
} as const;
