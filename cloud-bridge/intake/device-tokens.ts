// Owns: believing what an enrolled device signs to the bridge: upload tokens. Not here: what is uploaded under them.
import { type Clock, wallSeconds } from '../../device/base/clock.ts';
import { failure, isFailure } from '../../device/protocol/errors.ts';
import { type UploadToken, uploadTokenSchema } from '../../device/protocol/manifest.ts';
import type { EnrolmentStore } from '../enrolment/store.ts';
import { assertLife, peekToken, readLink } from '../tokens.ts';

export interface DeviceTokensDeps {
  clock: Clock;
  store: EnrolmentStore;
  bridgeId: string;
  lifeSMax: number;
}

/** An upload token that holds, and the key that signed it. */
export interface Presented {
  token: UploadToken;
  deviceKey: string;
}

export class DeviceTokens {
  private readonly deps: DeviceTokensDeps;

  constructor(deps: DeviceTokensDeps) {
    this.deps = deps;
  }

  /** Reads an upload token. Throws `device_not_enrolled`, `intake_token_invalid`. */
  async readUpload(text: string): Promise<Presented> {
    try {
      const { device } = peekToken(text, uploadTokenSchema);
      const deviceKey = await this.deps.store.deviceKey(device);
      if (deviceKey === null) throw failure('device_not_enrolled');
      const pinned = {
        typ: 'doorsill-upload+jws',
        schema: uploadTokenSchema,
        audience: this.deps.bridgeId,
        keys: [deviceKey],
      } as const;
      const token = readLink(text, pinned, 'intake_token_invalid', 'upload token');
      assertLife(token, wallSeconds(this.deps.clock), this.deps.lifeSMax);
      return { token, deviceKey };
    } catch (thrown) {
      if (!isFailure(thrown) || !thrown.code.startsWith('token_')) throw thrown;
      throw failure('intake_token_invalid', { detail: thrown.message }, thrown);
    }
  }
}
