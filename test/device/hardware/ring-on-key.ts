// Child process of the terminal test: prints when the button rings, and ends when Ctrl-C is passed on.
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
