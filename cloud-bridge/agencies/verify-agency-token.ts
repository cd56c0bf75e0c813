import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { type AgencyAction, agencyCallSchema } from '@doorsill/contract/agency-calls';
import { failure } from '@doorsill/contract/errors';
import { AccessToken, accessReasonSchema } from '@doorsill/contract/manifest';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { assertLife, peekToken, readToken } from '../signing/verify-token.ts';
import type { AgencyCredentials } from './registry-credentials.ts';

/** An agency that makes a call. */
export interface AgencyCaller {
  /** The agency, whichever of its keys it uses. */
  organisation: string;
  agency: string;
  /** When it signed the call, in seconds since 1970. */
  saidS: number;
  call: AgencyAction;
}

const anything = z.unknown().optional();
const unreasonedSchema = AccessToken.extend({ officer: anything, reason: anything });

/** Reads tokens of agencies that are in good standing. */
export class AgencyTokenVerifier {
  private readonly deps: { clock: Clock; standing: AgencyCredentials; bridgeId: string };

  constructor(deps: { clock: Clock; standing: AgencyCredentials; bridgeId: string }) {
    this.deps = deps;
  }

  /** Returns the caller and the action. Throws `token_...`, and what `AgencyCredentials.credential` throws. */
  async readCall(token: string): Promise<AgencyCaller> {
    const { agency } = peekToken(token, agencyCallSchema);
    const { claims: credential } = await this.deps.standing.credential(agency);
    const claims = readToken(token, {
      typ: 'doorsill-agency+jws',
      schema: agencyCallSchema,
      audience: this.deps.bridgeId,
      keys: [credential.key],
    });
    assertLife(claims, wallSeconds(this.deps.clock), LIFE_S_MAX.agencyCall);
    return { organisation: credential.organisation ?? agency, agency, saidS: claims.iat, call: claims.call };
  }

  /**
   * An officer's access to one clip, and the agency across its keys. Throws `access_reason_missing`, `token_...`, and what
   * `AgencyCredentials.credential` throws.
   */
  async readAccess(token: string): Promise<AccessToken & { organisation: string }> {
    const { agency, officer, reason } = peekToken(token, unreasonedSchema);
    if (!accessReasonSchema.safeParse({ officer, reason }).success) throw failure('access_reason_missing');
    const { claims: credential } = await this.deps.standing.credential(agency);
    const claims = readToken(token, {
      typ: 'doorsill-access+jws',
      schema: AccessToken,
      audience: this.deps.bridgeId,
      keys: [credential.key],
    });
    assertLife(claims, wallSeconds(this.deps.clock), LIFE_S_MAX.agencyCall);
    return { ...claims, organisation: credential.organisation ?? agency };
  }

  /** Throws as `AgencyCredentials.assertStillGood` once the agency of an accepted token is not in good standing any more. */
  async assertStanding({ agency }: Pick<AccessToken, 'agency'>): Promise<void> {
    await this.deps.standing.assertStillGood(agency);
  }
}
