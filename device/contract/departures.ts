// Owns: what a device tells its owners about each clip that has left it, or may have: to whom, what it was, and what became of it; and the
// documents that prove that. Pure: programs and the console's page read the same. Not here: keeping it (consent/departures.ts), checking
// the documents (check-departure.ts).
import { z } from 'zod';
import { ClipLeaves } from './custody.ts';
import { isErrorCode } from './errors.ts';
import { ReceiptClip } from './home-messages.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { Credential } from './request.ts';
import { DisclosedValues } from './shared-claims.ts';

const { name, domain, jurisdiction } = Credential.shape;
const atUs = z.int();

/** To whom a clip went: an agency, as the registry's credential names it, or somebody who searches for a pet and is known by a key alone. */
export const DepartureRecipient = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('agency'),
    id: idSchema,
    name,
    domain,
    jurisdiction,
    investigation: z.string().min(1).max(64),
    incidentType: z.string().min(1).max(64),
  }),
  z.strictObject({ kind: z.literal('neighbor'), id: idSchema }),
]);
export type DepartureRecipient = z.infer<typeof DepartureRecipient>;

const receipt = z.string().max(4_096);

/**
 * What became of a clip, as the device knows. `sending`: its token was shown to the bridge, or is about to be, so a part may have left;
 * `stopped`: the same, and no more is sent; `stored`: the bridge has all of it; `revoking`: taken back, and the bridge has not answered;
 * `answered`: the bridge's signed receipt says what became of it.
 */
const departureStandingSchema = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('sending') }),
  z.strictObject({ at: z.literal('stopped'), atUs, code: z.string().refine(isErrorCode) }),
  z.strictObject({ at: z.literal('stored'), atUs }),
  z.strictObject({ at: z.literal('revoking'), atUs }),
  z.strictObject({ at: z.literal('answered'), atUs, outcome: z.enum(['deleted', 'recalled']), receipt }),
]);

/** One clip that has left the device, wholly or perhaps in part. */
export const Departure = z.strictObject({
  /** Counts from 0, in the order in which sending began. */
  number: z.int().nonnegative(),
  request: idSchema,
  grant: idSchema,
  /** Of the grant's exact token: what a revocation names. */
  grantSha256: sha256Schema,
  /** The key of the owner who granted. */
  grantedBy: publicKeySchema,
  grantedUs: atUs,
  recipient: DepartureRecipient,
  /** Id of the bridge that it went to. */
  bridge: idSchema,
  clip: ReceiptClip,
  audio: z.boolean(),
  /** Rectangles that were blacked out. */
  zones: z.int().nonnegative(),
  /** The values of `clip.disclosed`, as they were sent; null for clips from before they were kept. */
  disclosed: DisclosedValues.nullable(),
  /** When the upload token was first about to be shown. */
  sentUs: atUs,
  /** When the bridge had the whole clip, and its signed receipt; null as long as there is none. */
  stored: z.strictObject({ atUs, receipt }).nullable(),
  standing: departureStandingSchema,
});
export type Departure = z.infer<typeof Departure>;

/** How many clips one page tells of at most. */
export const DEPARTURES_PAGE_MAX = 50;

/** Newest first. `next` is the `before` of the following page; null at the end. */
export const DeparturePage = z.strictObject({
  total: z.int().nonnegative(),
  departures: z.array(Departure).max(DEPARTURES_PAGE_MAX),
  next: z.int().nonnegative().nullable(),
});
export type DeparturePage = z.infer<typeof DeparturePage>;

/**
 * What the bridge shows of one clip. `isWhole`: every event that the log has about it; a bridge of before there was such a list shows
 * the latest one alone.
 */
export const DepartureCustody = z.strictObject({ ...ClipLeaves.shape, isWhole: z.boolean() });
export type DepartureCustody = z.infer<typeof DepartureCustody>;
