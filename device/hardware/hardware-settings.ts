// The schema of the hardware's keys in device.json.
import { z } from 'zod';
import { chimeSchema } from './chime.ts';
import { evdevButtonSchema } from './evdev-button.ts';
import { gpioButtonSchema } from './gpio.ts';
import { shutterSchema } from './shutter.ts';
import { lightsSchema } from './status-lights.ts';

/** The button that every doorbell has; software and the key on the terminal press it. */
export const VIRTUAL_BUTTON = 'front';

const BUTTONS_MAX = 8;

export const buttonsSchema = z
  .array(z.discriminatedUnion('kind', [gpioButtonSchema, evdevButtonSchema]))
  .max(BUTTONS_MAX)
  .default([]);

export const hardwareShape = {
  /** Wired buttons. Several may share a name. */
  buttons: buttonsSchema,
  chime: chimeSchema.optional(),
  /** Privacy mode closes it, and stops the camera as well. */
  shutter: shutterSchema.optional(),
  lights: lightsSchema.prefault({}),
};

export type HardwareSettings = z.infer<z.ZodObject<typeof hardwareShape>>;
