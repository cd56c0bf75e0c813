// A USB button (or keyboard) of Linux's input layer. `cat` reads the device, because a waiting read inside this process would block one
// of its few file threads.

import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { type ButtonDriver, holdShape, type Level } from './watched-button.ts';

export const evdevButtonSchema = z.strictObject({
  kind: z.literal('evdev'),
  name: idSchema,
  /** The device's lasting name, e.g. /dev/input/by-id/usb-Button-event-kbd; `evtest` lists them. */
  device: z
    .string()
    .max(200)
    .regex(/^\/dev\/input\/(?!.*\.\.)[\w.:/-]+$/, 'a device under /dev/input/'),
  /** Codes of the keys that ring, as `evtest` prints them; none: every key. */
  keys: z.array(z.int().min(1).max(767)).max(16).default([]),
  ...holdShape,
});

const EVENT_KEY = 1;
const RELEASED = 0;
const PRESSED = 1;

/** struct input_event: two longs of time, type, code, value (linux/input.h). A long has 4 bytes on 32-bit machines. */
const TIME_BYTES = ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch) ? 8 : 16;
const EVENT_BYTES = TIME_BYTES + 8;

export function evdevButton(settings: z.infer<typeof evdevButtonSchema>): ButtonDriver {
  const { device, keys, name } = settings;
  return {
    source: 'evdev',
    // A keyboard's controller debounces its keys.
    steadyMs: 0,
    command: async () => ['cat', '--', device],
    reader: () => keyReader(keys),
    explain: (end) =>
      failure('hardware_unavailable', { what: `button ${name}`, detail: end.words || `${device} has ended` }),
  };
}

/** Reads the levels of the keys that ring. Of several keys the last change counts. */
function keyReader(keys: readonly number[]): (chunk: Uint8Array) => Level[] {
  let rest: Uint8Array = new Uint8Array(0);
  return (chunk) => {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const whole = bytes.length - (bytes.length % EVENT_BYTES);
    const view = new DataView(bytes.buffer);
    const levels: Level[] = [];
    for (let at = TIME_BYTES; at < whole; at += EVENT_BYTES) {
      const type = view.getUint16(at, true);
      const code = view.getUint16(at + 2, true);
      const value = view.getInt32(at + 4, true);
      const isOurs = type === EVENT_KEY && (keys.length === 0 || keys.includes(code));
      if (isOurs && (value === PRESSED || value === RELEASED)) levels.push({ isClosed: value === PRESSED, atMs: null });
    }
    rest = bytes.slice(whole);
    return levels;
  };
}
