import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { ClipLeaves, CustodyBundle, CustodyCall } from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import type { Custody } from '../custody/custody-proofs.ts';
import type { EnrolmentStore } from '../enrolment/enrolment-store.ts';
import type { Router } from '../http/router.ts';
import { assertLife, peekToken, readToken } from '../signing/verify-token.ts';
import type { Intake, IntakeStore } from './intake-store.ts';
import type { VerdictStore } from './verdict-check.ts';

const grantSchema = z.strictObject({ grant: idSchema });

export interface CustodyCallsDeps {
  clock: Clock;
  bridgeId: string;
  custody: Custody;
  enrolments: EnrolmentStore;
  intakes: IntakeStore;
  verdicts: Pick<VerdictStore, 'list'>;
}

export class CustodyCalls {
  private readonly deps: CustodyCallsDeps;

  constructor(deps: CustodyCallsDeps) {
    this.deps = deps;
  }

  /**
   * The bundle of a grant's clip, stored or deleted, for the grant's device or the owner who signed it. Throws
   * `token_...`, `device_not_enrolled`, `http_not_found`, `custody_unknown`.
   */
  async bundle(bearer: string, grant: string): Promise<CustodyBundle> {
    const { receipt } = await this.intakeOf(bearer, grant);
    if (receipt === null) throw failure('http_not_found');
    return this.deps.custody.bundle(receipt);
  }

  /** The last receipt, the custody leaves and the verdicts of the grant's clip, for the same two callers. Throws as `bundle`. */
  async leaves(bearer: string, grant: string): Promise<ClipLeaves> {
    const { device, receipt } = await this.intakeOf(bearer, grant);
    const leaves = await this.deps.custody.leaves({ device, grant });
    const verdicts = await this.deps.verdicts.list({ device, grant });
    return { receipt, leaves, ...(verdicts.length > 0 ? { verdicts } : {}) };
  }

  /** The intake of a grant that the calling device received or the calling owner signed. Throws as `bundle`. */
  async intakeOf(bearer: string, grant: string): Promise<Intake> {
    const { clock, bridgeId, enrolments, intakes } = this.deps;
    const claimed = peekToken(bearer, CustodyCall);
    const deviceKey = await enrolments.deviceKey(claimed.device);
    if (deviceKey === null) throw failure('device_not_enrolled');
    const intake = await intakes.find({ device: claimed.device, grant: claimed.grant });
    const call = readToken(bearer, {
      typ: 'doorsill-custody+jws',
      schema: CustodyCall,
      audience: bridgeId,
      keys: intake ? [deviceKey, intake.ownerKey] : [deviceKey],
    });
    assertLife(call, wallSeconds(clock), LIFE_S_MAX.custodyCall);
    if (call.grant !== grant || intake === null) throw failure('http_not_found');
    return intake;
  }
}

export function custodyBundleRoutes(api: Router, calls: CustodyCalls): void {
  api.route(
    {
      method: 'GET',
      path: '/v1/intakes/:grant/custody',
      roles: ['device'],
      params: grantSchema,
      answer: CustodyBundle,
      about: 'Receipt and proof of a grant’s clip, for its device or its owner.',
    },
    ({ bearer, params }) => calls.bundle(bearer, params.grant),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/intakes/:grant/custody/leaves',
      roles: ['device'],
      params: grantSchema,
      answer: ClipLeaves,
      about:
        'Custody leaves of a grant’s clip, for its device or its owner: intake, hand-over, verdicts, recall, deletion.',
    },
    ({ bearer, params }) => calls.leaves(bearer, params.grant),
  );
}
