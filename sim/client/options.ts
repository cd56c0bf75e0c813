// The options of the client's calls, with limits and defaults. The doorbell checks its own settings (device/config.ts).

import { LOG_LEVELS, type LogLevel } from '@doorsill/base/log';
import { readBySchema } from '@doorsill/base/schema-fault';
import { DeviceEvent, ReceiptOutcome } from '@doorsill/contract/home-messages';
import { DisclosureKey, DisclosureProfile, Window, Zone } from '@doorsill/contract/shared-claims';
import type { DeviceConfigInput } from '@doorsill/device/config';
import { z } from 'zod';
import { failure } from '../errors.ts';

/** A small drawn porch without visitors: only the test makes anything happen. */
export const QUIET_PORCH = 'synthetic?size=640x360&play=nobody';

const TIMEOUT_MS_MAX = 24 * 3_600_000;
const timeoutSchema = z.number().min(1).max(TIMEOUT_MS_MAX).optional();
const LAST_S_MAX = 600;

/** Options of a virtual doorbell. */
export interface DoorbellOptions {
  /**
   * `synthetic` (a drawn porch with a visitor who presses), `file:PATH`, `rtsp://...`, or any other camera of `doorsill up`. Default: a drawn
   * porch without visitors.
   */
  camera?: string;
  /** False: no bridge, registry, vault and agency, which starts sooner; `ask` is then refused. */
  agency?: boolean;
  /** Settings of the doorbell, as in device.json. Default: a ring in memory. */
  device?: Partial<Omit<DeviceConfigInput, 'home' | 'camera'>>;
  /** True: `stop` keeps the folder with clips, logs and data. */
  keep?: boolean;
  /** Log level of its processes, which log into files in `folder`. */
  logLevel?: LogLevel;
  /** Called with messages for people: a part crashed and is restarted, a camera has a minor fault. */
  onNote?: (text: string) => void;
}

/** How long a call waits. */
export interface WaitOptions {
  /** How long the call waits. */
  timeoutMs?: number;
}

/** The footage that the agency requests: the last seconds, or a window; by default the last 5 s. */
export interface AskOptions extends WaitOptions {
  lastS?: number;
  window?: Window;
  /** The facts about the owner that it requests. Default: `address-and-email`. */
  profile?: DisclosureProfile;
  /** Its text for the owner. */
  text?: string;
}

/** What the owner grants; nothing leaves unless it is named. */
export interface GrantOptions extends WaitOptions {
  disclose?: readonly DisclosureKey[];
  /** Default: the window of `ask`. */
  window?: Window;
  /** Default: false. */
  audio?: boolean;
  /** Rectangles to black out. */
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

/** The arguments of each call. Throws `client_argument_invalid` with the call's name and the fault. */
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
