// A captured bridge, with its real key and broker, gets no footage for an agency without the registry's current approval: it can neither
// mint, revive nor swap one, nor withhold a revocation, nor bring back an ended partner.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSealingKey } from '../../../device/base/hpke.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { ErrorCode } from '../../../device/contract/errors.ts';
import { AREA_SCOPE } from '../../../device/contract/request.ts';
import type { Sealing } from '../../../device/contract/sealing.ts';
import { GateRig, otherCast } from '../../device/consent/gate-rig.ts';
import { claimsOf, makeParty, type Party, textClaim } from '../../support/parties.ts';
import { proved } from '../../support/proved.ts';

let rig: GateRig;
let mallory: Party;
beforeEach(async () => {
  rig = await (await GateRig.open()).ready();
  mallory = makeParty('agency', new SystemRandom());
});
afterEach(() => rig.close());

const random = new SystemRandom();
const minutes = (count: number) => count * 60_000;
const revoked = (upToRevision = 1, scope?: string) => [
  { agency: rig.cast.agency.id, upToRevision, ...(scope === undefined ? {} : { scope }) },
];
/** A request and credential in Mallory's name; the attacker signs the credential with `by`. */
const minted = (by: Party) =>
  [
    rig.cast.request({}, mallory),
    rig.cast.credential({ agency: mallory.id, key: mallory.key.publicKey, iss: by.key.publicKey }, by),
  ] as const;

/** How clips for the agency are encrypted. */
const SEALING: Sealing = { key: generateSealingKey(random).publicKey, keeper: 'vault' };
/** The credential with it, in which the attacker has written something else. */
function resealed(sealing: Sealing | undefined): string {
  const [head, , signature] = rig.cast.credential({ sealing: SEALING }).split('.');
  const { sealing: _real, ...claims } = claimsOf(rig.cast.credential({ sealing: SEALING }));
  const changed = { ...claims, ...(sealing ? { sealing } : {}) };
  return [head, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
}

/** What the captured bridge publishes; the deceived owner grants all of it. */
const ATTACKS: [what: string, code: ErrorCode, publish: () => Promise<string>][] = [
  ['mints an agency with its own key', 'consent_credential_invalid', () => rig.publish(...minted(rig.cast.bridge))],
  [
    'mints an agency with a registry of its own',
    'consent_credential_invalid',
    () => rig.publish(...minted(otherCast(rig).registry)),
  ],
  ['mints an agency that vouches for itself', 'consent_credential_invalid', () => rig.publish(...minted(mallory))],
  [
    'mints one by writing another key into a real credential',
    'consent_credential_invalid',
    () => {
      const [head, , signature] = rig.cast.credential().split('.');
      const [, claims] = minted(rig.cast.registry)[1].split('.');
      return rig.publish(rig.cast.request({}, mallory), [head, claims, signature].join('.'));
    },
  ],
  [
    'mints one whose id is not its key’s, with the registry’s signature over it',
    'consent_credential_invalid',
    () => {
      const credential = rig.cast.credential({ key: mallory.key.publicKey });
      return rig.publish(rig.cast.request({ agency: rig.cast.agency.id }, mallory), credential);
    },
  ],
  [
    'revives a revoked agency with the credential from before',
    'consent_agency_revoked',
    async () => {
      const kept = rig.cast.credential();
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
      return rig.publish(rig.cast.request(), kept);
    },
  ],
  [
    'revives one with the older list, which was good when it was signed',
    'consent_agency_revoked',
    async () => {
      const older = rig.cast.revocations({ revision: 1 });
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
      await rig.revocations(older);
      return rig.publish();
    },
  ],
  [
    'revives one with a list that it signed itself',
    'consent_agency_revoked',
    async () => {
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
      const own = { revision: 3, iss: rig.cast.bridge.key.publicKey };
      await rig.revocations(rig.cast.revocations(own, rig.cast.bridge));
      return rig.publish();
    },
  ],
  [
    'revives one whose key was rotated, with requests under the old key',
    'consent_agency_revoked',
    async () => {
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked() }));
      const next = { agency: mallory.id, key: mallory.key.publicKey, organisation: rig.cast.agency.id };
      await rig.publish(rig.cast.request({}, mallory), rig.cast.credential(next));
      return rig.publish(rig.cast.request(), rig.cast.credential());
    },
  ],
  [
    'swaps a real agency’s credential in for its own request',
    'consent_credential_invalid',
    () => rig.publish(rig.cast.request({}, mallory), rig.cast.credential()),
  ],
  [
    'writes a key of its own, that clips are encrypted to, into a real credential',
    'consent_credential_invalid',
    () => rig.publish(rig.cast.request(), resealed({ key: generateSealingKey(random).publicKey, keeper: 'vault' })),
  ],
  [
    'takes that key out of a real credential, so that it could read the clips',
    'consent_credential_invalid',
    () => rig.publish(rig.cast.request(), resealed(undefined)),
  ],
  [
    'swaps the agency’s name inside a request',
    'consent_credential_invalid',
    () => rig.publish(rig.cast.request({ agency: rig.cast.agency.id }, mallory), rig.cast.credential()),
  ],
  [
    'swaps the request under a publication that it had signed for another',
    'consent_request_changed',
    async () => {
      const [real, other] = [rig.cast.request(), rig.cast.request({ text: 'Something else.' })];
      const entry = { ...rig.cast.published(other), publication: rig.cast.publication(real) };
      await rig.area(rig.cast.areaDocument([entry]));
      return other;
    },
  ],
  [
    'withholds a revocation until the last list has run out',
    'consent_revocations_stale',
    async () => {
      await rig.clock.advance(minutes(24 * 60 + 1));
      return rig.publish();
    },
  ],
  [
    'withholds a revocation until the credential has run out',
    'consent_credential_expired',
    async () => {
      const request = await rig.publish(rig.cast.request(), rig.cast.credential({ exp: rig.cast.nowS() + 3_600 }));
      await rig.clock.advance(minutes(61));
      return request;
    },
  ],
  [
    'asks homes that the agency is kept from, by its new credential',
    'consent_agency_revoked',
    () => rig.publish(rig.cast.request(), rig.cast.credential({ except: [rig.cast.cell.slice(0, 3)] })),
  ],
  [
    'asks homes that the agency is kept from, by the credential from before',
    'consent_agency_revoked',
    async () => {
      const scope = AREA_SCOPE + rig.cast.cell.slice(0, 4);
      await rig.revocations(rig.cast.revocations({ revision: 2, revoked: revoked(1, scope) }));
      return rig.publish();
    },
  ],
  [
    'lets an agency ask for more than it is registered for',
    'consent_request_beyond',
    () => rig.publish(rig.cast.request(), rig.cast.credential({ profiles: ['nothing'] })),
  ],
  [
    'lets an agency file clips as it is not registered to',
    'consent_request_beyond',
    () => rig.publish(rig.cast.request(), rig.cast.credential({ retention: ['burglary'] })),
  ],
  [
    'brings an ended partner back',
    'consent_partner_ended',
    () => rig.publish(rig.cast.request({ partner: 'flock-safety' })),
  ],
];

describe('a captured bridge', () => {
  it.each(ATTACKS)('that %s gets no footage: %s', async (_what, code, publish) => {
    const request = await publish();
    await rig.send('grant', rig.cast.grant(request));
    expect(rig.effects.made).toEqual([]);
    expect(rig.effects.last()).toMatchObject({ outcome: 'refused', code });
    expect(rig.effects.notices.map(({ published }) => sha256Hex(published.request))).not.toContain(
      code === 'consent_credential_expired' ? '' : sha256Hex(request),
    );
  });

  it('that is honest gets a grant by the same steps', async (test) => {
    await rig.send('grant', rig.cast.grant(await rig.publish()));
    expect(rig.effects.made).toHaveLength(1);
    expect(rig.effects.last().outcome).toBe('granted');
    proved(
      test,
      'ways of a captured bridge to ask for an agency nobody vouches for, refused at the device',
      `${ATTACKS.length}`,
    );
  });

  it('that withholds revocations until the last list has expired gets nothing more of a clip in transit', async () => {
    const request = await rig.publish();
    await rig.send('grant', rig.cast.grant(request, { exp: rig.cast.nowS() + 48 * 3_600 }));
    const live = rig.effects.made[0];
    expect(() => live?.assertMayLeave()).not.toThrow();
    await rig.clock.advance(minutes(24 * 60 + 1));
    expect(() => live?.assertMayLeave()).toThrow(expect.objectContaining({ code: 'consent_revocations_stale' }));
    // The grant is still valid, and a fresh list lets it continue.
    await rig.revocations(rig.cast.revocations({ revision: 2 }));
    expect(() => live?.assertMayLeave()).not.toThrow();
  });

  it('that shows the credential from before an agency’s clips were encrypted gets none that it can read', async () => {
    const { cast } = rig;
    const [former, newest] = [cast.credential({ revision: 1 }), cast.credential({ revision: 2, sealing: SEALING })];
    await rig.publish(cast.request(), newest);
    const request = await rig.publish(cast.request(), former);
    await rig.send('grant', cast.grant(request));
    expect([rig.effects.made, rig.effects.last()]).toEqual([
      [],
      expect.objectContaining({ outcome: 'refused', code: 'consent_sealing_changed' }),
    ]);
  });

  it('that cancels nothing cannot keep a grant valid whose agency is revoked or blocked by this home', async () => {
    for (const [revision, scope] of [
      [2, undefined],
      [3, AREA_SCOPE + rig.cast.cell],
    ] as const) {
      const credential = rig.cast.credential({ revision });
      const request = await rig.publish(rig.cast.request(), credential);
      const grant = rig.cast.grant(request);
      await rig.send('grant', grant);
      const live = rig.effects.made.at(-1);
      expect(live?.id).toBe(textClaim(grant, 'jti'));
      await rig.revocations(rig.cast.revocations({ revision, revoked: revoked(revision, scope) }));
      expect(() => live?.assertAlive()).toThrow();
      expect(rig.effects.removed).toContain(textClaim(grant, 'jti'));
    }
  });
});
