// What a device's own server exchanges with an owner's browser or program, except pictures, which are MP4 and JPEG.
import { z } from 'zod';
import { utf8 } from './bytes.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { CutMethod } from './manifest.ts';
import { Window, Zone } from './shared-claims.ts';

/** 128 random bits in base64url. */
export const secretSchema = z.string().regex(/^[A-Za-z0-9_-]{22}$/);
const proofSchema = z.string().regex(/^[A-Za-z0-9_-]{86}$/);

/** Facts that anyone on the network may read: enough to pair, nothing about the home. */
export const serverFactsSchema = z.strictObject({
  device: idSchema,
  deviceKey: publicKeySchema,
  /** Whether a new owner must be confirmed at the device, by a code or its button. */
  confirmsPairing: z.boolean(),
  /** Too many attempts failed: pairing waits for the button. */
  pairingLocked: z.boolean(),
  /** How to call the command line on the device's own machine, and the device's folder if the call has to name it. */
  commandLine: z.strictObject({ program: z.string().max(600), folder: z.string().max(300).nullable() }),
});

/** Drawn by the device for one proof of possession. */
export const challengeSchema = z.strictObject({ challenge: secretSchema });

/** An owner's key asks to be paired over the network. */
export const PairingOffer = z.strictObject({
  /** From the QR code that the device shows. */
  token: secretSchema,
  key: publicKeySchema,
  name: z.string().min(1).max(60),
  challenge: secretSchema,
  /** Ed25519 signature over `pairingProofInput`, base64url. */
  proof: proofSchema,
});
export type PairingOffer = z.infer<typeof PairingOffer>;

/** What an owner's key signs to prove possession when it pairs, over the network or at the device's socket. */
export function pairingProofInput(device: string, challenge: string, key: string, name: string): Uint8Array {
  return utf8(`doorsill-pair\n${idSchema.parse(device)}\n${challenge}\n${key}\n${name}`);
}

/** `waiting`: the owner types `code` at the device, or presses its button. */
export const PairingState = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('waiting'), pairing: idSchema, code: z.string().regex(/^\d{6}$/) }),
  z.strictObject({
    state: z.literal('paired'),
    pairing: idSchema,
    /** The device's signed statement that the key is an owner's. */
    statement: z.string().max(2_048),
  }),
  z.strictObject({ state: z.literal('refused'), pairing: idSchema }),
]);
export type PairingState = z.infer<typeof PairingState>;

/** A paired key asks for a session; `proof` is its signature over `sessionProofInput`. */
export const sessionOfferSchema = z.strictObject({ key: publicKeySchema, challenge: secretSchema, proof: proofSchema });

/** The header's secret; the cookie's is in `Set-Cookie`, where no script can read it. */
export const sessionAnswerSchema = z.strictObject({ session: secretSchema, name: z.string().max(60) });

/** What an owner's key signs to open a session; it cannot be confused with another signature of the contract. */
export function sessionProofInput(device: string, origin: string, challenge: string, key: string): Uint8Array {
  return utf8(`doorsill-session\n${idSchema.parse(device)}\n${origin}\n${challenge}\n${key}`);
}

/** An owner's signed order, as on the topic of its kind. */
export const orderSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(['grant', 'deny', 'revoke']),
    request: idSchema,
    token: z.string().min(1).max(65_536),
  }),
  z.strictObject({ kind: z.literal('command'), token: z.string().min(1).max(65_536) }),
]);

/** The device's signed receipt, as on the topic `receipt`. */
export const orderAnswerSchema = z.strictObject({ receipt: z.string().max(65_536) });

/** The keys that the device pinned at enrolment; requests need their signatures. Null before it: no request concerns this home then. */
export const pinsSchema = z.strictObject({
  trust: z.strictObject({ bridgeKey: publicKeySchema, registryKey: publicKeySchema }).nullable(),
  /** State agencies are served only if the device's setting allows it. */
  serveStateAgencies: z.boolean(),
});

/** Asks for a preview of a clip under the terms that its grant would have. */
export const PreviewAsk = z.strictObject({
  request: idSchema,
  window: Window,
  audio: z.boolean(),
  zones: z.array(Zone).max(16),
});

export type PreviewAsk = z.infer<typeof PreviewAsk>;

/** A clip as it would be sent. A grant that names `sha256` allows exactly these bytes. */
export const Preview = z.strictObject({
  preview: idSchema,
  sha256: sha256Schema,
  bytes: z.int().positive(),
  frames: z.int().positive(),
  coverage: Window,
  gaps: z.array(Window),
  audioPackets: z.int().nonnegative(),
  method: CutMethod,
});
export type Preview = z.infer<typeof Preview>;

/** How long the device keeps a preview: time to look at it and decide. */
export const PREVIEW_LIFE_MS = 15 * 60_000;

/** All previews that are kept now, oldest first, whichever owner made them. */
export const PreviewList = z.strictObject({
  previews: z.array(z.strictObject({ preview: idSchema, request: idSchema, window: Window })),
});
export type PreviewList = z.infer<typeof PreviewList>;

/** Longest span whose frames are listed at once, and the most frames of one: 30 s of 120 a second. */
export const FRAME_SPAN_US_MAX = 30_000_000;
const FRAMES_MAX = 3_600;

/** Wall times of the frames that are shown in a span, ascending. */
export const frameTimesSchema = z.strictObject({ frames: z.array(z.int().nonnegative()).max(FRAMES_MAX) });

/** What a viewer may see: live video, stills, or recorded footage. */
export const ViewRight = z.enum(['live', 'stills', 'history']);
export type ViewRight = z.infer<typeof ViewRight>;

/** A program or person that an owner lets watch, known by a name and a token; only the token's hash is sent. */
export const Viewer = z.strictObject({
  viewer: idSchema,
  name: z.string().min(1).max(60),
  rights: z.array(ViewRight).min(1).max(ViewRight.options.length),
  /** SHA-256 of the token's text. */
  tokenSha256: sha256Schema,
  /** Seconds since 1970; absent: never. */
  expiresS: z.int().positive().optional(),
});
export type Viewer = z.infer<typeof Viewer>;

/** A viewer as owners see it: without the token's hash. */
export const ShownViewer = Viewer.omit({ tokenSha256: true });
export type ShownViewer = z.infer<typeof ShownViewer>;
/** All viewers. */
export const viewerListSchema = z.strictObject({ viewers: z.array(ShownViewer) });

/** An owner as other owners see it. */
export const ShownOwner = z.strictObject({
  key: publicKeySchema,
  name: z.string().min(1).max(60),
  /** When it was paired, seconds since 1970. */
  sinceS: z.int().nonnegative(),
});
export type ShownOwner = z.infer<typeof ShownOwner>;
/** All owners. */
export const ownerListSchema = z.strictObject({ owners: z.array(ShownOwner) });

/** One session of watching, by a viewer (its id) or an owner (its key), and when it began. */
export const Look = z.strictObject({
  by: z.union([idSchema, publicKeySchema]),
  what: ViewRight,
  atUs: z.int(),
});
export type Look = z.infer<typeof Look>;

/** Another doorbell of the same owner, by name and address of its page. Nothing is ever fetched from there. */
export const OtherDoor = z.strictObject({
  name: z.string().min(1).max(60),
  url: z
    .url({ protocol: /^https?$/ })
    .max(200)
    .regex(/^https?:\/\/[^/?#@\\\s]+(?:[/?#][^\\\s]*)?$/, 'an http:// or https:// address without credentials'),
});
export type OtherDoor = z.infer<typeof OtherDoor>;
/** How many other doorbells a page links to at most. */
export const OTHER_DOORS_MAX = 32;
/** All other doorbells. */
export const otherDoorListSchema = z.strictObject({ others: z.array(OtherDoor).max(OTHER_DOORS_MAX) });

/** Sessions of watching. */
export const lookListSchema = z.strictObject({ looks: z.array(Look) });
