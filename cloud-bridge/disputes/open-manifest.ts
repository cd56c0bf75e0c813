// Opens the full manifest of one clip: for the bridge's operator, who gives a reason, and for the device or the owner of the grant.
// A leaf in the custody log records it before anything is shown.
import { sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { FactsOf } from '@doorsill/contract/custody';
import { failure } from '@doorsill/contract/errors';
import { idSchema } from '@doorsill/contract/ids';
import { reasonSchema } from '@doorsill/contract/manifest';
import { z } from 'zod';
import type { Router } from '../http/router.ts';
import type { CustodyCalls } from '../intake/custody-bundle-routes.ts';
import type { GrantKey, Intake, IntakeStore } from '../intake/intake-store.ts';
import { type ManifestEncryption, SealedPapers } from '../intake/stored-manifest-encryption.ts';

/** What opening a full manifest needs of the database. */
export interface ClipManifests {
  /** The sealed full manifest of a grant; null when none is kept. */
  sealed(key: GrantKey): Promise<Uint8Array | null>;
  /** Records the opening in the custody log; durable when it resolves. Returns the leaf's number. */
  note(about: GrantKey, facts: FactsOf<'dispute'>): Promise<number>;
}

export interface ManifestOpeningDeps {
  log: Log;
  store: ClipManifests;
  intakes: IntakeStore;
  seal: ManifestEncryption;
  /** Verifies calls of a device or an owner about their own grant. */
  calls: Pick<CustodyCalls, 'intakeOf'>;
}

/** `leaf`: the custody leaf that records the opening. */
export type OpenedManifest = SealedPapers & { clip: string; grant: string; leaf: number };

export class ManifestOpening {
  private readonly deps: ManifestOpeningDeps;

  constructor(deps: ManifestOpeningDeps) {
    this.deps = deps;
  }

  /** For the operator, in a dispute about a clip. Throws `dispute_nothing_kept`, `state_damaged`. */
  async openForOperator(clip: string, reason: string): Promise<OpenedManifest> {
    const intake = await this.deps.intakes.findClip(clip);
    if (!intake) throw failure('dispute_nothing_kept');
    return this.open(intake, 'operator', reason);
  }

  /** For the device or the owner of a grant. Throws as `openForOperator`, and `token_...`, `device_not_enrolled`. */
  async openForOwner(bearer: string, grant: string): Promise<OpenedManifest> {
    return this.open(await this.deps.calls.intakeOf(bearer, grant), 'owner', 'asked by the home itself');
  }

  private async open(intake: Intake, by: 'operator' | 'owner', reason: string): Promise<OpenedManifest> {
    const { store, seal, log } = this.deps;
    const sealed = await store.sealed(intake);
    if (!sealed) throw failure('dispute_nothing_kept');
    const papers = seal.open(intake, sealed);
    if (!papers || sha256Hex(papers.manifest) !== intake.manifestSha256) {
      throw failure('state_damaged', {
        file: 'sealed_manifests',
        detail: 'it does not open under the key of this bridge',
      });
    }
    const { clip, grant, manifestSha256 } = intake;
    const leaf = await store.note(intake, { clip, grant, manifestSha256, by, reasonSha256: sha256Hex(reason) });
    log.warn('the full manifest of a clip is opened, and the custody log records it', {
      clip,
      by,
      leaf,
      ...(by === 'operator' ? { reason } : {}),
    });
    // Checked again: the owner may have revoked the clip while the leaf was being written.
    if (!(await store.sealed(intake))) throw failure('dispute_nothing_kept');
    return { clip, grant, leaf, ...papers };
  }
}

const disputeSchema = z.strictObject({ clip: idSchema, reason: reasonSchema });
const openedSchema = SealedPapers.extend({ clip: idSchema, grant: idSchema, leaf: z.int().nonnegative() });
const grantSchema = z.strictObject({ grant: idSchema });

export function disputeRoutes(api: Router, disputes: ManifestOpening): void {
  api.route(
    {
      method: 'POST',
      path: '/v1/disputes',
      roles: ['admin'],
      body: disputeSchema,
      answer: openedSchema,
      about: 'Opens the full manifest of a clip, and records the opening in the custody log.',
    },
    ({ body }) => disputes.openForOperator(body.clip, body.reason),
  );
  api.route(
    {
      method: 'GET',
      path: '/v1/intakes/:grant/manifest',
      roles: ['device'],
      params: grantSchema,
      answer: openedSchema,
      about: 'The full manifest of a grant’s clip, for the device or the owner of the grant.',
    },
    ({ bearer, params }) => disputes.openForOwner(bearer, params.grant),
  );
}
