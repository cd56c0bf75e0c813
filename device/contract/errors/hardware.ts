// Owns: the failures of buttons, Home Assistant's among them, chime and shutter. Not here: the one closed table (../errors.ts).
import { machineFaultForNow, refused, refusedForNow } from './kinds.ts';

export const hardwareErrors = {
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
} as const;
