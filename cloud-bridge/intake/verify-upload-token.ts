import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { failure, isFailure } from '@doorsill/contract/errors';
import { UploadToken } from '@doorsill/contract/manifest';
import type { EnrolmentStore } from '../enrolment/enrolment-store.ts';
import { assertLife, peekToken, readLink } from '../signing/verify-token.ts';

export interface DeviceTokenVerifierDeps {
  clock: Clock;
  store: Pick<EnrolmentStore, 'deviceKey'>;
  bridgeId: string;
  lifeSMax: number;
}

/** A verified upload token, and the key that signed it. */
export interface Presented {
  token: UploadToken;
  deviceKey: string;
}

/** Cache size for verified tokens: each request of an upload presents the same one. */
const PROVEN_MAX = 256;

export class DeviceTokenVerifier {
  private readonly deps: DeviceTokenVerifierDeps;
  /** By the token's exact text; valid only while the key that verified it is still the device's. */
  private readonly proven = new Map<string, Presented>();

  constructor(deps: DeviceTokenVerifierDeps) {
    this.deps = deps;
  }

  /** Reads an upload token. Throws `device_not_enrolled`, `intake_token_invalid`. */
  async readUpload(text: string): Promise<Presented> {
    try {
      const known = this.proven.get(text);
      const { device } = known?.token ?? peekToken(text, UploadToken);
      const deviceKey = await this.deps.store.deviceKey(device);
      if (deviceKey === null) throw failure('device_not_enrolled');
      if (known?.deviceKey === deviceKey) {
        assertLife(known.token, wallSeconds(this.deps.clock), this.deps.lifeSMax);
        return known;
      }
      const pinned = {
        typ: 'doorsill-upload+jws',
        schema: UploadToken,
        audience: this.deps.bridgeId,
        keys: [deviceKey],
      } as const;
      const token = readLink(text, pinned, 'intake_token_invalid', 'upload token');
      assertLife(token, wallSeconds(this.deps.clock), this.deps.lifeSMax);
      if (this.proven.size >= PROVEN_MAX) this.proven.clear();
      const presented = { token, deviceKey };
      this.proven.set(text, presented);
      return presented;
    } catch (thrown) {
      if (!isFailure(thrown) || !thrown.code.startsWith('token_')) throw thrown;
      throw failure('intake_token_invalid', { detail: thrown.message }, thrown);
    }
  }
}
