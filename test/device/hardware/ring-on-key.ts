// Owns: the child of the terminal test: says when the button rings, and ends by itself once Ctrl-C was passed on.
// Not here: the terminal (keyboard-button.test.ts).
import { SystemClock } from '../../../device/base/clock.ts';
import { KeyboardButton } from '../../../device/hardware/keyboard-button.ts';

const button = new KeyboardButton({
  clock: new SystemClock(),
  button: 'front',
  input: process.stdin,
  pressed: ({ button: name, source }) => console.log(`pressed ${name} ${source}`),
  interrupted: () => {
    button.stop();
    console.log('interrupted');
  },
});
button.start();
console.log('ready');
