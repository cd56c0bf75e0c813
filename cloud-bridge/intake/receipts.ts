// Owns: the bridge's signed word about a clip. Not here: when it is given (finish.ts, revocation.ts).
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import type { SigningKey } from '../../device/base/keys.ts';
import { freshId, type Random } from '../../device/base/random.ts';
import { signToken } from '../../device/protocol/jws.ts';
import { type IntakeReceipt, intakeReceiptSchema } from '../../device/protocol/manifest.ts';
import type { GrantKey } from './store.ts';

/** Signs intake receipts. */
export class Receipts {
  private readonly deps: { clock: Clock; random: Random; key: SigningKey };

  constructor(deps: { clock: Clock; random: Random; key: SigningKey }) {
    this.deps = deps;
  }

  sign(
    about: GrantKey & Pick<IntakeReceipt, 'clipSha256' | 'clipBytes' | 'manifestSha256'>,
    outcome: IntakeReceipt['outcome'],
    vault: Pick<IntakeReceipt, 'vault' | 'recall'> = {},
  ): string {
    const { clock, random, key } = this.deps;
    const { device, grant, clipSha256, clipBytes, manifestSha256 } = about;
    const claims: IntakeReceipt = {
      iss: key.publicKey,
      aud: device,
      iat: wallSeconds(clock),
      jti: freshId(random, 'intake'),
      grant,
      outcome,
      clipSha256,
      clipBytes,
      manifestSha256,
      ...vault,
    };
    return signToken('doorsill-intake+jws', intakeReceiptSchema.parse(claims), key);
  }
}
