// What whoever opened an encrypted clip says of it, as the bridge takes it: the vault when it takes the clip over, or the recipient. The
// bridge cannot check the verdict itself; it records who signed it.
import { type ErrorCode, failure } from '@doorsill/contract/errors';
import type { ClipKeeper, VerdictOutcome } from '@doorsill/contract/sealing';
import { Verdict } from '@doorsill/contract/verdict';
import { readLink } from '../signing/verify-token.ts';
import type { GrantKey, Intake } from './intake-store.ts';

/** A verified verdict on one clip. */
export interface SignedVerdict {
  token: string;
  /** The key that signed it. */
  signer: string;
  by: ClipKeeper;
  outcome: VerdictOutcome;
}

export interface VerdictStore {
  /**
   * Records a recipient's verdict, with its leaf in the custody log; the same outcome again by the same key changes nothing. Returns the
   * leaf; `gone` when nobody may see the clip any more; `too-many` beyond VERDICTS_OF_RECIPIENT_MAX.
   */
  add(key: GrantKey, verdict: SignedVerdict): Promise<number | 'gone' | 'too-many'>;
  /** The signed verdicts on a grant's clip, oldest first. */
  list(key: GrantKey): Promise<string[]>;
}

/** Reads a verdict about exactly this clip, signed with `key`. Throws `code`, whose detail names the fault. */
export function readVerdict(
  token: string,
  intake: Intake,
  { key, by, bridgeId }: { key: string; by: ClipKeeper; bridgeId: string },
  code: ErrorCode,
): SignedVerdict {
  const refuse = (detail: string) => failure(code, { detail });
  if (!intake.isSealed) throw refuse('it is about a clip that is not encrypted');
  const { grant, clip, clipSha256, statementSha256, outcome } = readLink(
    token,
    { typ: 'doorsill-verdict+jws', schema: Verdict, audience: bridgeId, keys: [key] },
    code,
    'verdict',
  );
  const isAboutIt =
    grant === intake.grant &&
    clip === intake.clip &&
    clipSha256 === intake.clipSha256 &&
    statementSha256 === intake.statementSha256;
  if (!isAboutIt) throw refuse('it is about another clip');
  return { token, signer: key, by, outcome };
}
