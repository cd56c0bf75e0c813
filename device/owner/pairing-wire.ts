// Owns: the messages on the pairing socket: one JSON object per line. Both ends use it. Not here: the two ends themselves
// (pairing-server.ts, pairing-client.ts), what the owner's key signs (contract/console-messages.ts).

import { Look, Viewer } from '@doorsill/contract/console-messages';
import { DepartureCustody, DeparturePage } from '@doorsill/contract/departures';
import { isErrorCode } from '@doorsill/contract/errors';
import { DeviceState } from '@doorsill/contract/home-messages';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import { Home } from './paired-devices.ts';

export const LINE_BYTES_MAX = 8_192;
/** Large enough for an answer with a still. */
export const ANSWER_BYTES_MAX = 131_072;
/** A connection that takes longer is closed. */
export const CONVERSATION_MS_MAX = 10_000;

const ownerNameSchema = z.string().min(1).max(60);

export const PairingAsk = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('hello') }),
  z.strictObject({
    verb: z.literal('pair'),
    key: publicKeySchema,
    name: ownerNameSchema,
    /** Ed25519 signature over `pairingProofInput`, base64url. */
    proof: z.string().length(86),
  }),
  z.strictObject({ verb: z.literal('list') }),
  z.strictObject({ verb: z.literal('health') }),
  /** Where the device's own server is, with the token for a browser that pairs: only for who may open this socket. */
  z.strictObject({ verb: z.literal('console') }),
  /** Who besides owners may see pictures, and who looked. */
  z.strictObject({ verb: z.literal('viewers') }),
  /** What has left the device, newest first: those whose number is below `before`. */
  z.strictObject({ verb: z.literal('left'), before: z.int().nonnegative().optional() }),
  /** What the bridge shows of the clip that left under a grant. */
  z.strictObject({ verb: z.literal('custody'), grant: idSchema }),
  /** Confirms a new owner by the code that its browser shows. */
  z.strictObject({ verb: z.literal('confirm'), code: z.string().regex(/^\d{6}$/) }),
  /** The still of a sighting; `call` is an owner's signed call. */
  z.strictObject({ verb: z.literal('still'), call: z.string().max(2_048) }),
]);
export type PairingAsk = z.infer<typeof PairingAsk>;

/** A refusal, with a code of the closed table. */
export const refusalSchema = z.strictObject({
  ok: z.literal(false),
  code: z.string().refine(isErrorCode),
  detail: z.string().max(300),
});

export const HelloAnswer = z.strictObject({
  ok: z.literal(true),
  ...Home.pick({ device: true, deviceKey: true, name: true, trust: true }).shape,
  /** Whether the device creates its owners' accounts at its broker; else they need one of their own there. */
  issuesAccounts: z.boolean(),
  /** Generated for each hello, valid for one `pair` on this connection. */
  nonce: z.string().length(22),
});
export type HelloAnswer = z.infer<typeof HelloAnswer>;

export const PairAnswer = z.strictObject({
  ok: z.literal(true),
  /** The device's signed pairing statement. */
  pairing: z.string().max(2_048),
  /** The broker, with an account if the device issues them. */
  account: Home.shape.account.partial({ user: true, password: true }),
});
export type PairAnswer = z.infer<typeof PairAnswer>;

export const ListAnswer = z.strictObject({
  ok: z.literal(true),
  owners: z.array(z.strictObject({ key: publicKeySchema, name: ownerNameSchema })).max(32),
});
export type ListAnswer = z.infer<typeof ListAnswer>;

const { camera, privacy, ring, storage, hardware, clockTrusted, area, areaDetail, owners } = DeviceState.shape;

/** Health of a running device, for users who can open its socket: less than its state, plus what its broker cannot tell. */
export const Health = z.strictObject({
  camera,
  privacy,
  storage,
  hardware,
  clockTrusted,
  area,
  areaDetail,
  owners,
  ring: ring.omit({ coverage: true }),
  /** Why the home broker is not connected, or ends each session soon; null when all is well. */
  homeFault: z.string().max(300).nullable(),
  uptimeS: z.int().nonnegative(),
  /** Bytes written to disk since the start, by the part that wrote them. */
  written: z.record(z.string().max(60), z.int().nonnegative()),
});
export type Health = z.infer<typeof Health>;
export const StillAnswer = z.strictObject({
  ok: z.literal(true),
  atUs: z.int().nonnegative(),
  /** Base64url. */
  jpeg: z.string().max(ANSWER_BYTES_MAX - 100),
});
export type StillAnswer = z.infer<typeof StillAnswer>;

/** The device's own server as somebody at the device may know it. */
export const ConsoleAddress = z.strictObject({
  url: z.string().max(300),
  /** How it is announced on the network: the host name, and what is wrong with that. Null where the settings do not ask for it. */
  announced: z
    .strictObject({
      host: z.string().max(80).nullable(),
      fault: z.strictObject({ code: z.string().refine(isErrorCode), detail: z.string().max(300) }).nullable(),
    })
    .nullable(),
  /** SHA-256 of its certificate; null for plain HTTP on this machine. */
  fingerprint: z.string().length(64).nullable(),
  /** The address with the pairing token behind `#`, which browsers never send: what the code that is drawn holds. */
  pairingUrl: z.string().max(500),
});
export type ConsoleAddress = z.infer<typeof ConsoleAddress>;

export const consoleAnswerSchema = z.strictObject({ ok: z.literal(true), console: ConsoleAddress.nullable() });
/** The newest hundred looks: more do not fit on a line. */
export const LOOKS_TOLD_MAX = 100;
export const ViewersAnswer = z.strictObject({
  ok: z.literal(true),
  viewers: z.array(Viewer.omit({ tokenSha256: true })).max(64),
  looks: z.array(Look).max(LOOKS_TOLD_MAX),
});
export type ViewersAnswer = z.infer<typeof ViewersAnswer>;

/** As many fit on a line, with their receipts. */
export const DEPARTURES_TOLD_MAX = 8;
export const leftAnswerSchema = z.strictObject({ ok: z.literal(true), page: DeparturePage });
export const custodyAnswerSchema = z.strictObject({ ok: z.literal(true), shown: DepartureCustody });

export const confirmAnswerSchema = z.strictObject({ ok: z.literal(true), name: ownerNameSchema });

export const healthAnswerSchema = z.strictObject({ ok: z.literal(true), health: Health });
