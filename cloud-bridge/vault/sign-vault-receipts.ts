// Signs the vault's statements about a clip: acknowledgement, verdict, answer to a recall, receipt of a deletion.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import {
  Deletion,
  type DeletionCause,
  type HandedClip,
  RecallAnswer,
  type RecallDecision,
} from '@doorsill/contract/hand-over-documents';
import { signToken } from '@doorsill/contract/jws';
import type { VerdictOutcome } from '@doorsill/contract/sealing';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import { Verdict } from '@doorsill/contract/verdict';
import { acknowledgementSchema, clipOf } from '../signing/hand-over-documents.ts';

export class VaultReceiptSigner {
  private readonly deps: { clock: Clock; random: Random; key: SigningKey };

  constructor(deps: { clock: Clock; random: Random; key: SigningKey }) {
    this.deps = deps;
  }

  acknowledge(clip: HandedClip, bridge: string): string {
    const claims = { ...this.signed(bridge, 'acknowledgement'), ...clipOf(clip) };
    return signToken('doorsill-acknowledgement+jws', acknowledgementSchema.parse(claims), this.deps.key);
  }

  verdict({ grant, clip, clipSha256, statementSha256 }: HandedClip, bridge: string, outcome: VerdictOutcome): string {
    const claims = { ...this.signed(bridge, 'verdict'), grant, clip, clipSha256, statementSha256, outcome };
    return signToken('doorsill-verdict+jws', Verdict.parse(claims), this.deps.key);
  }

  answerRecall(clip: HandedClip, decision: RecallDecision, reason: string | null): string {
    const why = reason === null ? {} : { reason };
    const claims = { ...this.signed(clip.grant, 'answer'), ...clipOf(clip), decision, ...why };
    return signToken('doorsill-recall-answer+jws', RecallAnswer.parse(claims), this.deps.key);
  }

  deleted(clip: HandedClip & { agency: string }, cause: DeletionCause): string {
    const claims = { ...this.signed(PUBLIC_AUDIENCE, 'deletion'), ...clipOf(clip), agency: clip.agency, cause };
    return signToken('doorsill-deletion+jws', Deletion.parse(claims), this.deps.key);
  }

  private signed(aud: string, prefix: string) {
    const { clock, random, key } = this.deps;
    return { iss: key.publicKey, aud, iat: wallSeconds(clock), jti: freshId(random, prefix) };
  }
}
