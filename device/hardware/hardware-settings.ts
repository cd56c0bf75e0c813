// Owns: the settings of a doorbell's hardware: its buttons, chime, shutter and lights, and what may not be together.
// Not here: what each kind is (gpio.ts, evdev-button.ts, chime.ts, shutter.ts, status-lights.ts).
import { z } from 'zod';
import { chimeSchema } from './chime.ts';
import { evdevButtonSchema } from './evdev-button.ts';
import { gpioButtonSchema } from './gpio.ts';
import { shutterSchema } from './shutter.ts';
import { lightsSchema } from './status-lights.ts';

/** The button that every doorbell has: software presses it, and so does the key on the terminal. */
export const VIRTUAL_BUTTON = 'front';

const BUTTONS_MAX = 8;

export const buttonsSchema = z
  .array(z.discriminatedUnion('kind', [gpioButtonSchema, evdevButtonSchema]))
  .max(BUTTONS_MAX)
  .default([]);

/** Settings of the hardware, as keys of the device's configuration. */
export const hardwareShape = {
  /** Real buttons. Several may share a name: a bell with two buttons. */
  buttons: buttonsSchema,
  /** What sounds inside at a press; none: nothing does. */
  chime: chimeSchema.optional(),
  /** A lid that privacy closes, besides stopping the camera. */
  shutter: shutterSchema.optional(),
  /** Lamps at the door that say what it does; none unless they are named. */
  lights: lightsSchema.prefault({}),
};

export type HardwareSettings = z.infer<z.ZodObject<typeof hardwareShape>>;
