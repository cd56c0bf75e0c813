// A clip that its owner revokes while an access is being logged, or while it is read, is not shown any further.
import { describe, expect, it } from 'vitest';
import { Clips } from '../../../cloud-bridge/clips/clips.ts';
import type { Intake } from '../../../cloud-bridge/intake/intake-store.ts';
import { SystemClock } from '../../../device/base/clock.ts';

const AGENCY = 'agency-1';
const CLIP = 'clip-1';

const intake: Intake = {
  clip: CLIP,
  request: 'request-1',
  agency: AGENCY,
  device: 'device-1',
  grant: 'grant-1',
  ownerKey: 'k',
  grantSha256: '',
  manifestSha256: '',
  statement: 's',
  statementSha256: '',
  home: 'home-1',
  clipSha256: '',
  clipBytes: 8,
  isSealed: false,
  expiresS: 0,
  upload: 'u',
  uploading: false,
  creations: 1,
  state: 'stored',
  refusal: null,
  receipt: null,
  statementReceipt: null,
  vault: null,
};

class Rig {
  state: Intake['state'] = 'stored';
  /** Called while an access is being logged. */
  whileNoted = () => {};
  opened = 0;
  noted = 0;
  private readonly access = {
    ...{ iss: 'k', agency: AGENCY, organisation: AGENCY, clip: CLIP, officer: 'o', reason: 'r', jti: 't' },
  };
  readonly clips = new Clips({
    clock: new SystemClock(),
    store: {
      findClip: () => Promise.resolve({ ...intake, state: this.state }),
      storedClips: () => Promise.resolve([]),
    },
    tokens: { readAccess: () => Promise.resolve(this.access), assertStanding: () => Promise.resolve() },
    log: {
      add: () => {
        this.noted += 1;
        this.whileNoted();
        return Promise.resolve();
      },
      page: () => Promise.resolve([]),
    },
    openClip: () => {
      this.opened += 1;
      return Promise.reject(new Error('nothing is there'));
    },
    evidenceUrl: () => '',
    organisationOf: () => Promise.resolve(AGENCY),
    verdicts: { add: () => Promise.resolve(0) },
    bridgeId: 'bridge-1',
  });

  see() {
    return this.clips.see('token', CLIP, 'clip', 'view');
  }
}

describe('a clip that is revoked', () => {
  it('while its access is being logged is not shown, nor its statement', async () => {
    const rig = new Rig();
    rig.whileNoted = () => {
      rig.state = 'deleted';
    };
    await expect(rig.see()).rejects.toMatchObject({ code: 'clip_unknown' });
    expect(rig.noted).toBe(1);
  });

  it('before that is not logged either', async () => {
    const rig = new Rig();
    rig.state = 'deleted';
    await expect(rig.see()).rejects.toMatchObject({ code: 'clip_unknown' });
    expect(rig.noted).toBe(0);
  });

  it.each(['deleted', 'handed-over'] as const)('before its file is opened stays unopened: %s', async (state) => {
    const rig = new Rig();
    const seen = await rig.see();
    rig.state = state;
    const { bytes } = rig.clips.read(seen, { start: 0, end: 8 });
    await expect(bytes.next()).rejects.toMatchObject({ code: 'clip_unknown' });
    expect(rig.opened).toBe(0);
  });
});
