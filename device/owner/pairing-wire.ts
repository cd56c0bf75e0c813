// The messages on the pairing socket, one JSON object per line, for both ends.
import { Look, Viewer } from '@doorsill/contract/console-messages';
import { isErrorCode } from '@doorsill/contract/errors';
import { DeviceState } from '@doorsill/contract/home-messages';
import { idSchema, publicKeySchema } from '@doorsill/contract/ids';
import { SentClipCustody, SentClipPage } from '@doorsill/contract/sent-clips';
import { z } from 'zod';
import { PairedDevice } from './paired-devices.ts';

export const LINE_BYTES_MAX = 8_192;
/** Large enough for an answer with a still. */
export const ANSWER_BYTES_MAX = 131_072;
/** Maximum duration of a connection. */
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
  /** Asks for the address of the device's own server, with the token for a browser that pairs. */
  z.strictObject({ verb: z.literal('console') }),
  /** Asks for the viewers and the views of pictures. */
  z.strictObject({ verb: z.literal('viewers') }),
  /** Asks for sent clips with a number below `before`, newest first. */
  z.strictObject({ verb: z.literal('left'), before: z.int().nonnegative().optional() }),
  /** Asks for the bridge's log entries of the clip sent under a grant. */
  z.strictObject({ verb: z.literal('custody'), grant: idSchema }),
  /** Confirms a new owner by the code that the owner's browser shows. */
  z.strictObject({ verb: z.literal('confirm'), code: z.string().regex(/^\d{6}$/) }),
  /** Asks for the still of a sighting by an owner's signed call. */
  z.strictObject({ verb: z.literal('still'), call: z.string().max(2_048) }),
]);
export type PairingAsk = z.infer<typeof PairingAsk>;

export const refusalSchema = z.strictObject({
  ok: z.literal(false),
  code: z.string().refine(isErrorCode),
  detail: z.string().max(300),
});

export const HelloAnswer = z.strictObject({
  ok: z.literal(true),
  ...PairedDevice.pick({ device: true, deviceKey: true, name: true, trust: true }).shape,
  /** Whether the device creates its owners' accounts at its broker; else owners must bring their own. */
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
  account: PairedDevice.shape.account.partial({ user: true, password: true }),
});
export type PairAnswer = z.infer<typeof PairAnswer>;

export const ListAnswer = z.strictObject({
  ok: z.literal(true),
  owners: z.array(z.strictObject({ key: publicKeySchema, name: ownerNameSchema })).max(32),
});
export type ListAnswer = z.infer<typeof ListAnswer>;

const { camera, privacy, ring, storage, hardware, clockTrusted, area, areaDetail, owners } = DeviceState.shape;

/** Health of a running device, for users who can open its socket: a part of its state, and facts that never go to a broker. */
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
  /** Why the home broker is not connected, or soon ends each session; null when it is connected, or there is none. */
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

/** The device's own server, for users who can open the device's socket. */
export const ConsoleAddress = z.strictObject({
  url: z.string().max(300),
  /** The host name that is announced on the network, and its faults. Null where the settings do not ask for it. */
  announced: z
    .strictObject({
      host: z.string().max(80).nullable(),
      fault: z.strictObject({ code: z.string().refine(isErrorCode), detail: z.string().max(300) }).nullable(),
    })
    .nullable(),
  /** SHA-256 of its certificate; null for plain HTTP on this machine. */
  fingerprint: z.string().length(64).nullable(),
  /** The QR code's text: the address with the pairing token behind `#`, which browsers never send. */
  pairingUrl: z.string().max(500),
});
export type ConsoleAddress = z.infer<typeof ConsoleAddress>;

export const consoleAnswerSchema = z.strictObject({ ok: z.literal(true), console: ConsoleAddress.nullable() });
/** Maximum number of views in an answer, the newest: more do not fit on a line. */
export const VIEWS_PER_ANSWER_MAX = 100;
export const ViewersAnswer = z.strictObject({
  ok: z.literal(true),
  viewers: z.array(Viewer.omit({ tokenSha256: true })).max(64),
  looks: z.array(Look).max(VIEWS_PER_ANSWER_MAX),
});
export type ViewersAnswer = z.infer<typeof ViewersAnswer>;

/** Maximum number of sent clips in an answer: more, with their receipts, do not fit on a line. */
export const SENT_CLIPS_PER_ANSWER_MAX = 8;
export const leftAnswerSchema = z.strictObject({ ok: z.literal(true), page: SentClipPage });
export const custodyAnswerSchema = z.strictObject({ ok: z.literal(true), shown: SentClipCustody });

export const confirmAnswerSchema = z.strictObject({ ok: z.literal(true), name: ownerNameSchema });

export const healthAnswerSchema = z.strictObject({ ok: z.literal(true), health: Health });
