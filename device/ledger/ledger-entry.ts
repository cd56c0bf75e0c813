// The content of ledger entries: one strict schema per type of decision or effect.
import { Viewer, ViewRight } from '@doorsill/contract/console-messages';
import { isErrorCode } from '@doorsill/contract/errors';
import { ReceiptClip } from '@doorsill/contract/home-messages';
import { idSchema, publicKeySchema, sha256Schema } from '@doorsill/contract/ids';
import { SettingsChange } from '@doorsill/contract/owner-settings';
import { DisclosedValues, Window } from '@doorsill/contract/shared-claims';
import { z } from 'zod';

/** Its limit fits the longest token, an order to change settings (test/device/consent/owner-settings.test.ts). */
const token = z.string().min(1).max(24_576);
const code = z.string().refine(isErrorCode);
const name = z.string().min(1).max(60);
const signedOrder = { jti: idSchema, token } as const;

/** Why a grant ended without an owner's revocation. */
export const END_REASONS = [
  'expired',
  'cancelled',
  'agency-revoked',
  'owner-removed',
  'bridge-changed',
  'restored',
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Type and body of each entry. Tokens are stored whole, so that the signatures behind every decision can be checked. */
export const LedgerBody = z.discriminatedUnion('type', [
  /** An owner's key was added by pairing at the device. */
  z.strictObject({ type: z.literal('paired'), body: z.strictObject({ key: publicKeySchema, name, statement: token }) }),
  z.strictObject({
    type: z.literal('owner-added'),
    body: z.strictObject({ ...signedOrder, key: publicKeySchema, name, statement: token }),
  }),
  z.strictObject({ type: z.literal('owner-removed'), body: z.strictObject({ ...signedOrder, key: publicKeySchema }) }),
  /** The removal of a key that is not an owner's: recorded as an order, so that an add-owner signed before it can no longer act. */
  z.strictObject({
    type: z.literal('owner-removed-ahead'),
    body: z.strictObject({ ...signedOrder, key: publicKeySchema }),
  }),
  z.strictObject({
    type: z.literal('enrolled'),
    body: z.strictObject({ bridge: idSchema, bridgeKey: publicKeySchema, registryKey: publicKeySchema }),
  }),
  z.strictObject({
    type: z.literal('granted'),
    body: z.strictObject({
      request: idSchema,
      grant: idSchema,
      grantToken: token,
      requestToken: token,
      /** The agency's credential; a neighbour who searches for a pet has none. */
      credentialToken: token.optional(),
      pairingToken: token,
    }),
  }),
  z.strictObject({
    type: z.literal('denied'),
    body: z.strictObject({ request: idSchema, ...signedOrder, requestToken: token }),
  }),
  z.strictObject({
    type: z.literal('revoked'),
    body: z.strictObject({ request: idSchema, grant: idSchema, ...signedOrder }),
  }),
  /** A revocation of a grant that has not arrived and will never be accepted. */
  z.strictObject({
    type: z.literal('revoked-ahead'),
    body: z.strictObject({ request: idSchema, grant: idSchema, ...signedOrder }),
  }),
  z.strictObject({
    type: z.literal('sealed'),
    body: z.strictObject({
      request: idSchema,
      grant: idSchema,
      clip: ReceiptClip,
      /** The exact facts disclosed with the clip: only here, never in a receipt. Absent in entries from before it was stored. */
      disclosed: DisclosedValues.optional(),
    }),
  }),
  z.strictObject({ type: z.literal('token-presented'), body: z.strictObject({ request: idSchema, grant: idSchema }) }),
  z.strictObject({
    type: z.literal('delivered'),
    body: z.strictObject({ request: idSchema, grant: idSchema, intake: token }),
  }),
  /** The bridge answered a revocation: it deleted its parts of the clip. */
  z.strictObject({
    type: z.literal('deleted'),
    body: z.strictObject({ request: idSchema, grant: idSchema, intake: token }),
  }),
  /** The bridge answered a revocation: the clip had been handed over, and department policy decides. */
  z.strictObject({
    type: z.literal('recalled'),
    body: z.strictObject({ request: idSchema, grant: idSchema, intake: token }),
  }),
  z.strictObject({ type: z.literal('failed'), body: z.strictObject({ request: idSchema, grant: idSchema, code }) }),
  z.strictObject({
    type: z.literal('ended'),
    body: z.strictObject({ request: idSchema, grant: idSchema, reason: z.enum(END_REASONS) }),
  }),
  z.strictObject({ type: z.literal('privacy-set'), body: z.strictObject({ ...signedOrder, on: z.boolean() }) }),
  /** Privacy was turned on by an unsigned message, where the settings allow that. Not an owner's order. */
  z.strictObject({ type: z.literal('privacy-on'), body: z.strictObject({ by: z.enum(['home-assistant']) }) }),
  z.strictObject({ type: z.literal('search-party-set'), body: z.strictObject({ ...signedOrder, on: z.boolean() }) }),
  z.strictObject({
    type: z.literal('forget-ordered'),
    body: z.strictObject({ ...signedOrder, window: Window.optional() }),
  }),
  z.strictObject({
    type: z.literal('forgot'),
    body: z.strictObject({ jti: idSchema, segments: z.int().nonnegative() }),
  }),
  z.strictObject({
    type: z.literal('clock-reset'),
    body: z.strictObject({ ...signedOrder, markUs: z.int().nonnegative() }),
  }),
  z.strictObject({ type: z.literal('viewer-added'), body: z.strictObject({ ...signedOrder, ...Viewer.shape }) }),
  z.strictObject({ type: z.literal('viewer-removed'), body: z.strictObject({ ...signedOrder, viewer: idSchema }) }),
  /** An owner changed settings of the device: all of these override device.json, in order. */
  z.strictObject({
    type: z.literal('settings-changed'),
    body: z.strictObject({ ...signedOrder, settings: SettingsChange }),
  }),
  /** A viewer, or an owner by key, began to look at pictures on the device's own server. */
  z.strictObject({
    type: z.literal('looked'),
    body: z.strictObject({ by: z.union([idSchema, publicKeySchema]), what: ViewRight }),
  }),
  /** The device was restored from a backup: it has no owners, and nothing signed up to `floorS` is accepted except revocations. */
  z.strictObject({ type: z.literal('restored'), body: z.strictObject({ floorS: z.int().nonnegative() }) }),
]);
/** An entry before it is numbered and chained. */
export type LedgerBody = z.infer<typeof LedgerBody>;

const place = {
  /** Counts from 0. */
  sequence: z.int().nonnegative(),
  /** Hash of the entry before; for the first one the SHA-256 of the device's id. */
  previousHash: sha256Schema,
  /** Wall time of writing, in microseconds since 1970; wrong if the clock was. */
  atUs: z.int(),
  boot: idSchema,
} as const;
/** An entry's position in the chain. */
export const ledgerPlaceSchema = z.strictObject(place);
export type LedgerEntry = z.infer<typeof ledgerPlaceSchema> & LedgerBody;
