import { type Clock, wallSeconds } from '@doorsill/base/clock';
import type { SigningKey } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { signToken } from '@doorsill/contract/jws';
import { IntakeReceipt } from '@doorsill/contract/manifest';
import type { GrantKey } from './intake-store.ts';

type ReceiptFacts = Pick<IntakeReceipt, 'clipSha256' | 'clipBytes' | 'manifestSha256' | 'statementSha256'>;
type MoreFacts = Pick<IntakeReceipt, 'unopened' | 'vault' | 'recall'>;

export class IntakeReceiptSigner {
  private readonly deps: { clock: Clock; random: Random; key: SigningKey };

  constructor(deps: { clock: Clock; random: Random; key: SigningKey }) {
    this.deps = deps;
  }

  /** For the device; `signFor` signs the recipient's copy of a `stored` receipt. */
  sign(about: GrantKey & ReceiptFacts, outcome: IntakeReceipt['outcome'], more: MoreFacts = {}): string {
    return this.signFor(about.device, about, outcome, more);
  }

  signFor(
    audience: string,
    about: Pick<GrantKey, 'grant'> & ReceiptFacts,
    outcome: IntakeReceipt['outcome'],
    more: MoreFacts = {},
  ): string {
    const { clock, random, key } = this.deps;
    const { grant, clipSha256, clipBytes, manifestSha256, statementSha256 = '' } = about;
    const claims: IntakeReceipt = {
      iss: key.publicKey,
      aud: audience,
      iat: wallSeconds(clock),
      jti: freshId(random, 'intake'),
      grant,
      outcome,
      clipSha256,
      clipBytes,
      manifestSha256,
      ...(outcome === 'stored' && statementSha256 !== '' ? { statementSha256 } : {}),
      ...more,
    };
    return signToken('doorsill-intake+jws', IntakeReceipt.parse(claims), key);
  }
}
