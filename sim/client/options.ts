// Owns: what a developer may say to the client: the options of its calls, their limits and defaults.
// Not here: the doorbell's own settings, which the doorbell checks (device/config.ts).

import { LOG_LEVELS, type LogLevel } from '@doorsill/base/log';
import { readBySchema } from '@doorsill/base/schema-fault';
import { DeviceEvent, ReceiptOutcome } from '@doorsill/contract/home-messages';
import { DisclosureKey, DisclosureProfile, Window, Zone } from '@doorsill/contract/shared-claims';
import type { DeviceConfigInput } from '@doorsill/device/config';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** A small drawn porch where nobody comes by: nothing happens at the door but what the test does. */
export const QUIET_PORCH = 'synthetic?size=640x360&play=nobody';

const TIMEOUT_MS_MAX = 24 * 3_600_000;
const timeoutSchema = z.number().min(1).max(TIMEOUT_MS_MAX).optional();
const LAST_S_MAX = 600;

/** How a virtual doorbell is started; all of it is optional. */
export interface DoorbellOptions {
  /**
   * `synthetic` (a drawn porch with a visitor who presses), `file:PATH`, `rtsp://...`, or any other camera of
   * `doorsill up`. Default: a drawn porch where nobody comes by.
   */
  camera?: string;
  /** False: without bridge, registry, vault and agency, which starts sooner; `ask` is then refused. */
  agency?: boolean;
  /** Settings of the doorbell, as in its device.json. Default: a ring in memory. */
  device?: Partial<Omit<DeviceConfigInput, 'home' | 'camera'>>;
  /** True: `stop` leaves the folder with clips, logs and data. */
  keep?: boolean;
  /** What its processes log, in files under `folder`. */
  logLevel?: LogLevel;
  /** Called with sentences for people: a part crashed and is started again, a camera has a small fault. */
  onNote?: (text: string) => void;
}

/** How long a call waits. */
export interface WaitOptions {
  timeoutMs?: number;
}

/** What the agency asks for: the last seconds, or a window; the last 5 s when nothing is said. */
export interface AskOptions extends WaitOptions {
  lastS?: number;
  window?: Window;
  /** Which facts about the owner it wants to know. Default: `address-and-email`. */
  profile?: DisclosureProfile;
  /** Its words to the owner. */
  text?: string;
}

/** What the owner lets go; nothing leaves unless it is named. */
export interface GrantOptions extends WaitOptions {
  disclose?: readonly DisclosureKey[];
  /** Default: the window that `ask` was about. */
  window?: Window;
  /** Default: false. */
  audio?: boolean;
  /** Rectangles that are blacked out. */
  zones?: Zone[];
}

const doorbellSchema = z.strictObject({
  camera: z.string().min(1).max(1_000).default(QUIET_PORCH),
  agency: z.boolean().default(true),
  device: z.custom<NonNullable<DoorbellOptions['device']>>(isPlainObject, 'takes an object').default({}),
  keep: z.boolean().default(false),
  logLevel: z.enum(LOG_LEVELS).default('warn'),
  onNote: z
    .custom<(text: string) => void>((value) => typeof value === 'function', 'takes a function')
    .default(() => () => undefined),
});

const askSchema = z
  .strictObject({
    lastS: z.number().min(0.1).max(LAST_S_MAX).optional(),
    window: Window.optional(),
    profile: DisclosureProfile.default('address-and-email'),
    text: z.string().min(1).max(2_000).optional(),
    timeoutMs: timeoutSchema,
  })
  .refine(({ lastS, window }) => lastS === undefined || window === undefined, 'lastS and window exclude each other');

const grantSchema = z.strictObject({
  disclose: z.array(DisclosureKey).optional(),
  window: Window.optional(),
  audio: z.boolean().optional(),
  zones: z.array(Zone).optional(),
  timeoutMs: timeoutSchema,
});

const waitSchema = z.strictObject({ timeoutMs: timeoutSchema });
const eventWaitSchema = z.strictObject({
  timeoutMs: timeoutSchema,
  where: z.custom<unknown>((value) => typeof value === 'function', 'takes a function').optional(),
});

const eventTypes = DeviceEvent.options.map((option) => option.shape.type.value);

/** The arguments of each call. Throws `client_argument_invalid` with the call's name and what is wrong. */
export const readDoorbellOptions = (given: unknown) => read('startDoorbell()', doorbellSchema, given);
export const readAsk = (given: unknown) => read('ask()', askSchema, given);
export const readGrant = (given: unknown) => read('grant()', grantSchema, given);
export const readWait = (call: string, given: unknown) => read(call, waitSchema, given);
export const readEventWait = (given: unknown) => read('event()', eventWaitSchema, given);
export const readEventType = (given: unknown) => read('event()', z.enum(eventTypes), given);
export const readOutcome = (given: unknown) => read('receipt()', ReceiptOutcome, given);
export const readRequestId = (call: string, given: unknown) =>
  read(call, z.looseObject({ id: z.string().min(1).max(100) }), given).id;

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function read<Schema extends z.ZodType>(call: string, schema: Schema, given: unknown): z.infer<Schema> {
  const read = readBySchema(schema, given);
  if (read.ok) return read.data;
  throw failure('client_argument_invalid', { call, detail: read.fault });
}
