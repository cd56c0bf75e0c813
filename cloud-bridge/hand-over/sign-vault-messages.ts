// Signs the bridge's steps and recalls, and checks that the vault's acknowledgement, verdict or answer is about this very clip: an answer about
// another clip must never erase this one.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { failure } from '@doorsill/contract/errors';
import { type HandedClip, itemId, RecallAnswer } from '@doorsill/contract/hand-over-documents';
import { signToken } from '@doorsill/contract/jws';
import { Request } from '@doorsill/contract/request';
import type { Intake, OwnerRevocation } from '../intake/intake-store.ts';
import { readVerdict, type SignedVerdict } from '../intake/verdict-check.ts';
import type { RequestStore } from '../requests/requests-store.ts';
import {
  acknowledgementSchema,
  HandOver,
  type HandOverStatus,
  itemIdTextOf,
  Recall,
  type RecallBody,
  sameClip,
} from '../signing/hand-over-documents.ts';
import { peekToken, readLink } from '../signing/verify-token.ts';

export interface VaultMessageSignerDeps {
  clock: Clock;
  random: Random;
  key: SigningKey;
  bridgeId: string;
  /** The pinned vault. */
  vault: { id: string; key: string };
  requests: RequestStore;
}

const STEP_LIFE_S = 900;

export class VaultMessageSigner {
  private readonly deps: VaultMessageSignerDeps;

  constructor(deps: VaultMessageSignerDeps) {
    this.deps = deps;
  }

  /** The clip in the terms that bridge and vault share. */
  clipOf(intake: Intake): HandedClip {
    const { grant, clip, clipSha256, clipBytes } = intake;
    const { home, statementSha256 } = hasStatement(intake)
      ? intake
      : { home: intake.device, statementSha256: intake.manifestSha256 };
    const item = itemId(sha256Hex(itemIdTextOf(this.deps.bridgeId, { home, grant, clip })));
    return { item, home, grant, clip, clipSha256, clipBytes, statementSha256 };
  }

  /** The bridge's signed step. */
  async step(intake: Intake, step: HandOver['step']): Promise<string> {
    const stored = await this.deps.requests.find(intake.request);
    if (!stored) throw failure('request_not_live');
    const { retention, investigation } = peekToken(stored.token, Request);
    const { agency, request } = intake;
    const about = { agency, request, source: 'community-request', retention, investigation };
    const claims = { ...this.signed('step'), step, ...this.clipOf(intake), ...about };
    return signToken('doorsill-hand-over+jws', HandOver.parse(claims), this.deps.key);
  }

  /**
   * A recall with its proof. Revocation and pairing name device and owner, and are sent only for a clip that is older than statements: the
   * vault knows both from its manifest.
   */
  recall(intake: Intake, { revocation, pairing, homeRecall }: OwnerRevocation): RecallBody {
    const claims = { ...this.signed('recall'), ...this.clipOf(intake) };
    const recall = signToken('doorsill-recall+jws', Recall.parse(claims), this.deps.key);
    if (hasStatement(intake)) return { recall, ...(homeRecall === null ? {} : { homeRecall }) };
    return { recall, revocation, ...(pairing === null ? {} : { pairing }) };
  }

  /** The vault's acknowledgement of exactly this clip. Throws `hand_over_unconfirmed`. */
  acknowledgementIn(status: HandOverStatus, intake: Intake): string {
    const clip = this.clipOf(intake);
    if (status.item !== clip.item || status.acknowledgement === undefined) {
      throw unconfirmed('it acknowledges nothing, or another item');
    }
    const { vault, bridgeId } = this.deps;
    const claims = readLink(
      status.acknowledgement,
      {
        typ: 'doorsill-acknowledgement+jws',
        schema: acknowledgementSchema,
        audience: bridgeId,
        keys: [vault.key],
      },
      'hand_over_unconfirmed',
      'acknowledgement',
    );
    if (!sameClip(claims, clip)) throw unconfirmed('it acknowledges another clip');
    return status.acknowledgement;
  }

  /**
   * The vault's verdict on exactly this encrypted clip; null without one: an older vault, or one that cannot open the clip. Throws
   * `hand_over_unconfirmed`.
   */
  verdictIn({ verdict }: HandOverStatus, intake: Intake): SignedVerdict | null {
    if (verdict === undefined) return null;
    const { vault, bridgeId } = this.deps;
    return readVerdict(verdict, intake, { key: vault.key, by: 'vault', bridgeId }, 'hand_over_unconfirmed');
  }

  /** The vault's answer to a recall of exactly this clip. Throws `hand_over_unconfirmed`. */
  answerIn(answer: string, intake: Intake): RecallAnswer {
    const claims = readLink(
      answer,
      {
        typ: 'doorsill-recall-answer+jws',
        schema: RecallAnswer,
        audience: intake.grant,
        keys: [this.deps.vault.key],
      },
      'hand_over_unconfirmed',
      'answer',
    );
    if (!sameClip(claims, this.clipOf(intake))) throw unconfirmed('it answers about another clip');
    return claims;
  }

  private signed(prefix: string) {
    const { clock, random, key, vault } = this.deps;
    const iat = wallSeconds(clock);
    return { iss: key.publicKey, aud: vault.id, iat, exp: iat + STEP_LIFE_S, jti: freshId(random, prefix) };
  }
}

/** Whether the clip came with a statement, whose key gives the home's pseudonym. */
function hasStatement(intake: Intake): boolean {
  return intake.home !== '';
}

function unconfirmed(detail: string) {
  return failure('hand_over_unconfirmed', { detail });
}
