// What an owner can sign: grant, denial, revocation, command; and the device's pairing statement.
import { z } from 'zod';
import { Viewer } from './console-messages.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { SettingsChange } from './owner-settings.ts';
import { Sealing } from './sealing.ts';
import { disclosureSetSchema, expSchema, signedClaims, Window, Zone } from './shared-claims.ts';

/** Clip size an owner allows when they name none: 30 minutes at 2 Mbit/s. */
export const CLIP_BYTES_DEFAULT = 450_000_000;

/** Consent to one clip. Addressed to the device (`aud`), bound to the request's exact bytes, used once (`jti`). */
export const Grant = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  request: idSchema,
  /** SHA-256 of the request token's exact bytes, as the owner's side read and showed it. */
  requestSha256: sha256Schema,
  /** `sealing`: how the clip is encrypted, as the recipient's credential or search says. Absent: the bridge can read it. */
  recipient: z.strictObject({
    kind: z.enum(['agency', 'neighbor']),
    key: publicKeySchema,
    sealing: Sealing.optional(),
  }),
  window: Window,
  audio: z.boolean(),
  zones: z.array(Zone).max(16),
  disclose: disclosureSetSchema,
  /** Largest clip in bytes; a larger one is not sent. */
  byteLimit: z.int().positive().max(60_000_000_000),
  /** SHA-256 of the clip that the owner has previewed: exactly those bytes are sent, or nothing. Absent: there was no preview. */
  clipSha256: sha256Schema.optional(),
});
export type Grant = z.infer<typeof Grant>;

/** A grant signed longer ago than this, or this far in the future, is not accepted. */
export const CLOCK_SKEW_S_MAX = 300;

/** A denial. It stays on the device: nobody else learns of it. */
export const Denial = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  request: idSchema,
  requestSha256: sha256Schema,
});
export type Denial = z.infer<typeof Denial>;

/** A revocation. It names the grant's exact bytes, because the device presents it to the bridge, which checks it, too. */
export const Revoke = z.strictObject({
  ...signedClaims,
  jti: idSchema,
  request: idSchema,
  grant: idSchema,
  grantSha256: sha256Schema,
});
export type Revoke = z.infer<typeof Revoke>;

const ownerStatement = { key: publicKeySchema, name: z.string().min(1).max(60) } as const;

/** An owner's orders besides consent. */
export const CommandAction = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('press'), button: idSchema }),
  z.strictObject({ action: z.literal('privacy'), on: z.boolean() }),
  /** Whether this home takes part in Search Party: the device then looks for lost pets in its own footage, and tells only the owners. */
  z.strictObject({ action: z.literal('search-party'), on: z.boolean() }),
  z.strictObject({ action: z.literal('forget'), window: Window.optional() }),
  /** Lowers the device's stored latest time to its clock's time, after that clock had been wrong and ahead. */
  z.strictObject({ action: z.literal('reset-clock-mark') }),
  /** Publishes the open requests again, for an owner's client that was not connected when they came. No lasting effect. */
  z.strictObject({ action: z.literal('announce') }),
  z.strictObject({ action: z.literal('add-owner'), ...ownerStatement }),
  z.strictObject({ action: z.literal('remove-owner'), key: publicKeySchema }),
  /** Lets somebody who is no owner watch on the device's own server. */
  z.strictObject({ action: z.literal('add-viewer'), ...Viewer.shape }),
  z.strictObject({ action: z.literal('remove-viewer'), viewer: idSchema }),
  /** Changes the settings that it names. It holds private values, so the device takes it only on its own server, never from a broker. */
  z.strictObject({ action: z.literal('change-settings'), settings: SettingsChange }),
]);
export type CommandAction = z.infer<typeof CommandAction>;

/** A signed order to one device; `jti` used once, invalid after `exp`. */
export const Command = z.strictObject({
  ...signedClaims,
  exp: expSchema,
  jti: idSchema,
  command: CommandAction,
  /**
   * Chained hash (`orderHeadInput`) of the last order, from any owner and of any kind, that the device had accepted when this one was
   * signed. The device names it in each receipt (`lastOrder`).
   */
  after: sha256Schema.optional(),
});
export type Command = z.infer<typeof Command>;

/**
 * Whether a command is refused unless its `after` names the device's last accepted order, because a broker could hold it back until it
 * does harm. The other commands either take something back, which is safe at any time, or have no lasting effect and a bounded age.
 */
export function mustNameLastOrder(command: CommandAction): boolean {
  switch (command.action) {
    case 'forget':
    case 'reset-clock-mark':
    case 'add-owner':
    case 'add-viewer':
    case 'change-settings':
      return true;
    case 'privacy':
      return !command.on;
    case 'search-party':
      return command.on;
    case 'press':
    case 'announce':
    case 'remove-owner':
    case 'remove-viewer':
      return false;
  }
}

/**
 * The text whose SHA-256 names an order once it is accepted. `before`: the hash of the order before it; `token`: the order's exact bytes.
 * Each hash depends on all orders before it. So `after` cannot name an order that the device has not accepted yet and be valid later, when
 * that order arrives behind another one: its hash is then different.
 */
export function orderHeadInput(before: string, token: string): string {
  return `${before}\n${token}`;
}

/** The text whose SHA-256 stands for the last order of a device that has accepted none yet. */
export function noOrderYet(device: string): string {
  return `doorsill-orders\n${device}`;
}

/** Asks a device for its picture of the pet that a search found, only over the device's own socket; invalid after a minute. */
export const StillCall = z.strictObject({ ...signedClaims, exp: expSchema, jti: idSchema, search: idSchema });
export type StillCall = z.infer<typeof StillCall>;
/** Asks a device for the content key of a clip that its signer granted, only over the device's own server; invalid after some minutes. */
export const ContentKeyCall = z.strictObject({ ...signedClaims, exp: expSchema, jti: idSchema, grant: idSchema });
export type ContentKeyCall = z.infer<typeof ContentKeyCall>;
/** The device's statement that a key is its owner's, for those who must check a grant without knowing the home (`aud: public`). */
export const Pairing = z.strictObject({ ...signedClaims, device: idSchema, key: publicKeySchema });
export type Pairing = z.infer<typeof Pairing>;
