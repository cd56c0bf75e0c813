// What a device tells its owners about each clip that has left it, or may have, and the documents that prove it.
import { z } from 'zod';
import { ClipLeaves } from './custody.ts';
import { isErrorCode } from './errors.ts';
import { recallAnswerOf } from './hand-over-documents.ts';
import { ReceiptClip } from './home-messages.ts';
import { idSchema, publicKeySchema, sha256Schema } from './ids.ts';
import { parseToken } from './jws.ts';
import { IntakeReceipt } from './manifest.ts';
import { Credential } from './request.ts';
import { DisclosedValues } from './shared-claims.ts';
import type { VerifiedLeaf } from './verify-custody.ts';

const { name, domain, jurisdiction } = Credential.shape;
const atUs = z.int();

/** A clip's recipient: an agency, as the registry's credential names it, or somebody who searches for a pet and is known by a key alone. */
export const SentClipRecipient = z.discriminatedUnion('kind', [
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
export type SentClipRecipient = z.infer<typeof SentClipRecipient>;

const receipt = z.string().max(4_096);

/**
 * A clip's state as the device knows it. `sending`: its token was shown to the bridge, or is about to be, so a part may have left;
 * `stopped`: a part may have left, and no more is sent; `stored`: the bridge has all of it; `revoking`: revoked, and the bridge has not
 * answered; `answered`: the bridge's signed receipt about the revocation is there.
 */
const departureStandingSchema = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('sending') }),
  z.strictObject({ at: z.literal('stopped'), atUs, code: z.string().refine(isErrorCode) }),
  z.strictObject({ at: z.literal('stored'), atUs }),
  z.strictObject({ at: z.literal('revoking'), atUs }),
  z.strictObject({ at: z.literal('answered'), atUs, outcome: z.enum(['deleted', 'recalled']), receipt }),
]);

/** One clip that has left the device, or a part of which may have left. */
export const SentClip = z.strictObject({
  /** Counts from 0, in the order in which sending began. */
  number: z.int().nonnegative(),
  request: idSchema,
  grant: idSchema,
  /** Of the grant token's exact bytes; a revocation names it. */
  grantSha256: sha256Schema,
  /** The key of the owner who granted. */
  grantedBy: publicKeySchema,
  grantedUs: atUs,
  recipient: SentClipRecipient,
  /** Id of the bridge that it was sent to. */
  bridge: idSchema,
  clip: ReceiptClip,
  audio: z.boolean(),
  /** Rectangles that were blacked out. */
  zones: z.int().nonnegative(),
  /** The values of `clip.disclosed`, as sent; null for clips from before the device kept them. */
  disclosed: DisclosedValues.nullable(),
  /** Just before the upload token was first shown to the bridge. */
  sentUs: atUs,
  /** When the bridge had the whole clip, and its signed receipt; null without a receipt. */
  stored: z.strictObject({ atUs, receipt }).nullable(),
  standing: departureStandingSchema,
});
export type SentClip = z.infer<typeof SentClip>;

/** Most clips on one page. */
export const SENT_CLIPS_PAGE_MAX = 50;

/** A page of sent clips, newest first. `next`: the `before` of the following page; null at the end. */
export const SentClipPage = z.strictObject({
  total: z.int().nonnegative(),
  departures: z.array(SentClip).max(SENT_CLIPS_PAGE_MAX),
  next: z.int().nonnegative().nullable(),
});
export type SentClipPage = z.infer<typeof SentClipPage>;

/**
 * The documents that the bridge shows about one clip. `isWhole`: with every leaf about it; an older bridge shows only the latest.
 */
export const SentClipCustody = z.strictObject({ ...ClipLeaves.shape, isWhole: z.boolean() });
export type SentClipCustody = z.infer<typeof SentClipCustody>;

/** Asks for a content key with a signed call (owner-orders.ts, `ContentKeyCall`). */
export const contentKeyAskSchema = z.strictObject({ call: z.string().max(2_048) });

/** `nothing-arrived`: the clip was revoked before the bridge had received any of it. `reason`: in the department's own words. */
export type SentClipOutcome =
  | { is: 'sending' | 'stopped' }
  | { is: 'stored' | 'in-vault' | 'revoking' | 'nothing-arrived' | 'erased-at-bridge'; atUs: number }
  | { is: 'erased-at-vault' | 'restricted' | 'kept'; atUs: number; reason: string | null };

/**
 * What became of a sent clip. The device verified the answers before it recorded them. `last`: the latest verified leaf about where the
 * clip is, if the bridge's log was asked.
 */
export function outcomeOf({ standing }: SentClip, last: VerifiedLeaf | null = null): SentClipOutcome {
  switch (standing.at) {
    case 'sending':
    case 'stopped':
      return { is: standing.at };
    case 'revoking':
      return { is: 'revoking', atUs: standing.atUs };
    case 'stored':
      if (last?.kind === 'hand-over') return { is: 'in-vault', atUs: last.atS * 1_000_000 };
      return { is: 'stored', atUs: standing.atUs };
    case 'answered': {
      const { outcome, receipt, atUs } = standing;
      const answer = recallAnswerOf({ outcome, intake: receipt });
      if (answer) {
        const is = answer.decision === 'erased' ? 'erased-at-vault' : answer.decision;
        return { is, atUs, reason: answer.reason ?? null };
      }
      const intake = IntakeReceipt.safeParse(parseToken(receipt)?.claims);
      const hadNone = intake.success && intake.data.clipBytes === 0;
      return { is: hadNone ? 'nothing-arrived' : 'erased-at-bridge', atUs };
    }
  }
}

/** Whether an owner can still revoke it. */
export function isRevocable({ standing }: SentClip): boolean {
  return standing.at === 'sending' || standing.at === 'stopped' || standing.at === 'stored';
}
