// What a device tells its owner on the home link.
import { z } from 'zod';
import { idSchema, sha256Schema } from './ids.ts';
import { CutMethod } from './manifest.ts';
import { PublishedRequest } from './request.ts';
import { ClipKeeper } from './sealing.ts';
import { searchPapersSchema } from './search.ts';
import { DisclosedValues, DisclosureKey, signedClaims, Window } from './shared-claims.ts';

/** `status`, retained, and the will. */
export const statusSchema = z.enum(['online', 'offline']);

const hardwareTroubleSchema = z.strictObject({
  part: z.enum(['button', 'chime', 'shutter', 'light', 'board']),
  name: idSchema,
  /** A code of the table of errors. */
  code: z.string().max(60).optional(),
  detail: z.string().max(600),
});

/** `state`, retained. Counters begin with the process; coverage is the footage that the ring holds now. */
export const DeviceState = z.strictObject({
  device: idSchema,
  name: z.string().max(60),
  atUs: z.int(),
  camera: z.strictObject({
    state: z.enum(['starting', 'recording', 'stalled', 'lost', 'ended', 'off', 'failed']),
    source: z.string().max(300),
    /** Why it records nothing, or not everything: a code of the table of errors, and its message. */
    code: z.string().max(60).optional(),
    detail: z.string().max(300).optional(),
    /** Wall time at which the source's own time is 0, once it records: maps a file's timeline to wall time. */
    sourceStartUs: z.int().optional(),
  }),
  /** Whether footage is kept: the camera records, and the ring took its last footage. Absent in earlier versions. */
  recording: z.boolean().optional(),
  privacy: z.boolean(),
  /** Whether this home takes part in Search Party. */
  searchParty: z.boolean(),
  ring: z.strictObject({
    kind: z.enum(['file', 'memory']),
    bytes: z.int().nonnegative(),
    bytesMax: z.int().nonnegative(),
    segments: z.int().nonnegative(),
    /** Oldest first; at most the newest 20 spans. */
    coverage: z.array(Window).max(20),
    damaged: z.int().nonnegative(),
  }),
  /** Hardware parts that do not work now. */
  hardware: z.array(hardwareTroubleSchema).max(20).optional(),
  storage: z.strictObject({ state: z.enum(['ok', 'full', 'failed']), detail: z.string().max(300).optional() }),
  clockTrusted: z.boolean(),
  /** Faults of disk and clock that are simulated now; absent: none, as on every real device. */
  simulatedFaults: z.array(z.string().max(300)).max(64).optional(),
  area: z.enum(['online', 'offline', 'none']),
  /** Why the area broker cannot be reached, or soon ends each session, and what to do about it. */
  areaDetail: z.string().max(300).optional(),
  /** Messages for the owner dropped since the process started, because the home broker was away for too long. */
  dropped: z.int().positive().optional(),
  bridge: idSchema.optional(),
  owners: z.int().nonnegative(),
  requests: z.array(z.strictObject({ request: idSchema, state: z.string().max(40) })).max(200),
  /** Requests that concern this home but cannot be shown to its owners, and why; without `request`: all requests. Absent: none. */
  unasked: z
    .array(
      z.strictObject({
        request: idSchema.optional(),
        code: z.string().max(60),
        detail: z.string().max(300),
      }),
    )
    .max(20)
    .optional(),
  /** Number of refused messages by error code; the messages are not stored. */
  refused: z.record(z.string().max(60), z.int().positive()),
  /** The ledger's head: number of entries, and the last one's hash. */
  ledger: z.strictObject({ entries: z.int().nonnegative(), hash: sha256Schema }),
  /** As in a receipt, but unsigned: a hint, so that an owner need not sign the first order of a session twice. */
  lastOrder: sha256Schema,
});
export type DeviceState = z.infer<typeof DeviceState>;

const moment = { id: idSchema, device: idSchema, atUs: z.int() } as const;

/** `event`, not retained: what happened at the door; never pixels. */
export const DeviceEvent = z.discriminatedUnion('type', [
  z.strictObject({
    ...moment,
    type: z.literal('ring'),
    button: idSchema,
    source: z.enum(['local', 'command', 'keyboard', 'gpio', 'evdev', 'scene', 'home-assistant', 'console']),
  }),
  z.strictObject({ ...moment, type: z.literal('motion-start'), zones: z.array(idSchema).max(16) }),
  z.strictObject({ ...moment, type: z.literal('motion-end'), startUs: z.int(), zones: z.array(idSchema).max(16) }),
  /** An event is complete, with its pre-roll and post-roll; its footage can be asked for. */
  z.strictObject({
    ...moment,
    type: z.literal('event-window'),
    cause: z.enum(['ring', 'motion']),
    window: Window,
  }),
  z.strictObject({
    ...moment,
    type: z.literal('camera'),
    state: DeviceState.shape.camera.shape.state,
    detail: z.string().max(300).optional(),
    code: DeviceState.shape.camera.shape.code,
  }),
  /** A hardware part has stopped working (`detail` says why), or works again. */
  z.strictObject({
    ...moment,
    type: z.literal('hardware'),
    part: hardwareTroubleSchema.shape.part,
    name: idSchema,
    state: z.enum(['ok', 'failed']),
    detail: hardwareTroubleSchema.shape.detail.optional(),
  }),
  z.strictObject({ ...moment, type: z.literal('tamper'), what: z.string().max(60), detail: z.string().max(300) }),
]);
export type DeviceEvent = z.infer<typeof DeviceEvent>;
/** A page of past events, newest first. `next`: the `before` of the following page. */
export const eventPageSchema = z.strictObject({
  events: z.array(z.strictObject({ sequence: z.int(), clockTrusted: z.boolean(), event: DeviceEvent })),
  next: z.int().nullable(),
});

/** An event before its id, device and time are added. */
export type DeviceEventBody = DeviceEvent extends infer Each
  ? Each extends DeviceEvent
    ? Omit<Each, 'id' | 'device' | 'atUs'>
    : never
  : never;

/** `request`: an open request that concerns this home, as published, with the values that granting all of it would disclose. */
export const RequestNotice = z.strictObject({
  device: idSchema,
  published: PublishedRequest,
  wouldDisclose: DisclosedValues,
  askedKeys: z.array(DisclosureKey),
  /** Spans of the requested window that the ring covers, at most 20. */
  coverage: z.array(Window).max(20),
});
export type RequestNotice = z.infer<typeof RequestNotice>;
/** Requests as the device's own server lists them: those that wait for an answer, and open ones that an owner has answered. */
export const requestListSchema = z.strictObject({
  requests: z.array(RequestNotice),
  answered: z.array(PublishedRequest),
});

/** One sighting: how similar it was to the pet, and when. */
export const Sighted = z.strictObject({
  /** The motion in which it was seen. */
  window: Window,
  /** Wall time of the most similar frame; a window of one frame begins here. */
  stillUs: z.int().nonnegative(),
  /** 0 to 1. */
  likeness: z.number().min(0).max(1),
});
export type Sighted = z.infer<typeof Sighted>;

/** `sighting`: this device may have seen a wanted pet; nobody else has learnt of it. Never pixels: the console shows a still. */
export const SightingNotice = z.strictObject({
  device: idSchema,
  papers: searchPapersSchema,
  /** Most similar first. */
  sighted: z.array(Sighted).min(1).max(5),
  wouldDisclose: DisclosedValues,
});
export type SightingNotice = z.infer<typeof SightingNotice>;

/** The outcome of an order or a grant. */
export const ReceiptOutcome = z.enum([
  'granted',
  'denied',
  'revoked',
  'refused',
  'sealed',
  'sent',
  'deleted',
  'failed',
  'command-done',
  'recalled',
]);
export type ReceiptOutcome = z.infer<typeof ReceiptOutcome>;

/** A finished clip, in a receipt. */
export const ReceiptClip = z.strictObject({
  id: idSchema,
  /** Of the file that is sent: the clip or, of an encrypted one, the encrypted file. */
  sha256: sha256Schema,
  bytes: z.int().positive(),
  /** Of a clip that only its recipient can read: hash and size of the clip itself, and who opens it. */
  sealed: z.strictObject({ clipSha256: sha256Schema, clipBytes: z.int().positive(), keeper: ClipKeeper }).optional(),
  frames: z.int().positive(),
  window: Window,
  method: CutMethod,
  disclosed: z.array(DisclosureKey),
  manifestSha256: sha256Schema,
});
export type ReceiptClip = z.infer<typeof ReceiptClip>;

/** `receipt`: the device's signed statement (`aud: owner`) of what it decided or did. Only a receipt confirms that something happened. */
export const Receipt = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  device: idSchema,
  outcome: ReceiptOutcome,
  /** The `jti` of the owner's message this answers, where there is one. */
  answers: idSchema.optional(),
  request: idSchema.optional(),
  grant: idSchema.optional(),
  /** SHA-256 of the grant token's exact bytes: an owner needs it to revoke the grant. */
  grantSha256: sha256Schema.optional(),
  /** A code of the table of errors, for `refused` and `failed`. */
  code: z.string().max(60).optional(),
  /** Advice for the code; for `command-done`, the part of the order that was not done, if any. */
  detail: z.string().max(600).optional(),
  clip: ReceiptClip.optional(),
  /** The bridge's signed intake receipt, whole, for `sent` and `deleted`. */
  intake: z.string().max(4_096).optional(),
  ledger: z.strictObject({ entries: z.int().nonnegative(), hash: sha256Schema }),
  /** Chained hash of the last order that the device accepted from any owner; the next command names it in `after` (owner-orders.ts). */
  lastOrder: sha256Schema,
});
export type Receipt = z.infer<typeof Receipt>;
/** A receipt before the device completes and signs it. */
export type ReceiptBody = Omit<Receipt, 'iss' | 'aud' | 'iat' | 'jti' | 'device' | 'ledger' | 'lastOrder'>;

/** `upload`: progress of one clip. */
export const UploadProgress = z.strictObject({
  device: idSchema,
  grant: idSchema,
  request: idSchema,
  state: z.enum(['waiting', 'sending', 'retrying', 'stored', 'stopped']),
  sentBytes: z.int().nonnegative(),
  totalBytes: z.int().nonnegative(),
  retryInMs: z.int().nonnegative().optional(),
  code: z.string().max(60).optional(),
});
export type UploadProgress = z.infer<typeof UploadProgress>;
