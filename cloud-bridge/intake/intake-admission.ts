// Opens an intake, reports its status, and decides for every request of an upload whether it may go on.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { freshId, type Random } from '@doorsill/base/random';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { IntakeStatus, Manifest } from '@doorsill/contract/manifest';
import { type AnswerableKinds, kindOfRecipient } from './answerable-request.ts';
import type { ClipFiles } from './clip-files.ts';
import type { CloneSigns } from './clone-signs.ts';
import { assertGrantAlive, type IntakeFinisher } from './finish-intake.ts';
import type { IntakeRules } from './intake-settings.ts';
import { hasArrived, type Intake, type IntakeStore } from './intake-store.ts';
import { revokedStatus } from './revocation.ts';
import { checkStatement, type PostedPapers } from './statement-check.ts';
import type { ManifestEncryption } from './stored-manifest-encryption.ts';
import { assertEncrypted, type UnencryptedClips } from './unencrypted-clips.ts';
import type { UploadLocks } from './upload-locks.ts';
import { judge, readManifest } from './verify-consent-chain.ts';
import type { DeviceTokenVerifier, Presented } from './verify-upload-token.ts';

export interface IntakeAdmissionDeps {
  clock: Clock;
  random: Random;
  store: IntakeStore;
  answerables: AnswerableKinds;
  tokens: DeviceTokenVerifier;
  clones: CloneSigns;
  files: ClipFiles;
  finish: IntakeFinisher;
  locks: UploadLocks;
  seal: ManifestEncryption;
  bridgeId: string;
  rules: IntakeRules;
  unencryptedClips: UnencryptedClips;
  /** Name of this instance; null: the only one. */
  instance: string | null;
}

/** Where an upload resumes: its id if it exists, and bytes received. */
export interface UploadPosition {
  upload: string | null;
  offset: number;
  length: number;
}

export class IntakeAdmission {
  private readonly deps: IntakeAdmissionDeps;

  constructor(deps: IntakeAdmissionDeps) {
    this.deps = deps;
  }

  /**
   * Opens an intake after re-verifying everything; the same manifest again gets the same answer. Throws `device_...`,
   * `intake_...`, `request_not_live`, `agency_...`, `credential_unavailable`.
   */
  async open(bearer: string, papers: PostedPapers): Promise<IntakeStatus> {
    const { store, rules, seal } = this.deps;
    const presented = await this.read(bearer);
    const manifest = readManifest(papers.manifest, presented);
    const key = { device: presented.token.device, grant: presented.token.grant };
    if (await store.findRevoked(key)) throw failure('intake_revoked');
    const known = await store.find(key);
    if (known) return this.again(known, presented, papers);
    const intake = await this.admit(presented, manifest, papers);
    if (intake.clipBytes > rules.clipBytesMax) {
      throw failure('intake_manifest_invalid', {
        detail: `this bridge takes clips of ${rules.clipBytesMax} bytes at most`,
      });
    }
    await this.assertRoom(intake.clipBytes);
    const sealed = seal.seal(intake, { manifest: papers.manifest, certificate: papers.certificate });
    switch (await store.open(intake, sealed, rules, wallSeconds(this.deps.clock))) {
      case 'revoked':
        throw failure('intake_revoked');
      case 'over-quota':
        throw failure('intake_full');
      case 'clip-taken':
        throw failure('intake_conflict');
      case 'known': {
        const raced = await store.find(key);
        if (!raced) throw failure('intake_conflict');
        return this.again(raced, presented, papers);
      }
      case 'opened':
        return statusOf(intake);
    }
  }

  /**
   * Status of the grant's clip; finishes a clip whose bytes have all arrived. Throws `device_...`, `intake_...`,
   * `http_not_found`, and `credential_unavailable` while a complete clip waits for the registry.
   */
  async status(bearer: string, grant: string): Promise<IntakeStatus> {
    const { presented, intake } = await this.present(bearer);
    if (presented.token.grant !== grant) throw wrongGrant();
    await this.deps.finish.finish(intake.upload).catch(passing);
    // A recalled clip stays `handed-over`; the vault's answer is in the revocation's receipt.
    const revoked = await this.deps.store.findRevoked(intake);
    if (revoked) return revokedStatus(grant, revoked.receipt);
    return statusOf((await this.deps.store.find(intake)) ?? intake);
  }

  /** Where the grant's upload resumes. Throws as `status`, and the reason if it cannot go on any more. */
  async position(bearer: string, grant: string): Promise<UploadPosition> {
    const { presented, intake } = await this.present(bearer);
    if (presented.token.grant !== grant) throw wrongGrant();
    const seen = await this.positionOf(intake);
    if (seen.upload !== null || !intake.uploading) return seen;
    // While a clip is being stored it is neither staged nor stored, and sending it again would be refused: wait for the lock.
    const { locks, store } = this.deps;
    return locks.hold(intake.upload, async () => this.positionOf((await store.find(intake)) ?? intake));
  }

  private async positionOf(intake: Intake): Promise<UploadPosition> {
    const { upload, uploading, clipBytes: length } = intake;
    if (intake.state === 'deleted') throw ended(intake);
    if (hasArrived(intake)) return { upload, offset: length, length };
    const staged = uploading ? await this.deps.files.stagedBytes(upload) : null;
    return { upload: staged === null ? null : upload, offset: staged ?? 0, length };
  }

  /**
   * For every request of an upload: the intake it belongs to, if this token may access it now. `writes`: whether the
   * request adds bytes. Throws `device_...`, `intake_...`, `agency_...`, `credential_unavailable`, `http_not_found`.
   */
  async authorise(bearer: string, upload: string | null, writes: boolean): Promise<Intake> {
    const { intake } = await this.present(bearer);
    if (upload !== null && upload !== intake.upload) throw failure('http_not_found');
    if (intake.state === 'deleted') throw ended(intake);
    if (!writes || hasArrived(intake)) return intake;
    assertEncrypted(this.deps.unencryptedClips, intake.isSealed, 'intake_unencrypted');
    assertGrantAlive(intake, this.deps.clock);
    const answerable = await this.deps.answerables[kindOfRecipient(intake.agency)].find(intake.request);
    await answerable.admit();
    return intake;
  }

  /**
   * The intake with an upload of this instance. One that was begun at another instance is started over here, and ends there. Throws
   * `http_not_found`.
   */
  async own(intake: Intake): Promise<Intake> {
    if (intake.upload.startsWith(`${this.uploadPrefix}-`)) return intake;
    const anew = await this.deps.store.beginAnew(intake.upload, this.freshUpload());
    if (!anew) throw failure('http_not_found');
    return anew;
  }

  /** An upload's id names the instance that has its bytes, so that a proxy finds it. */
  private freshUpload(): string {
    return freshId(this.deps.random, this.uploadPrefix);
  }

  private get uploadPrefix(): string {
    const { instance } = this.deps;
    return instance === null ? 'upload' : `upload-${instance}`;
  }

  /** Throws `intake_full` unless `bytes` more fit and the disk keeps its minimum of free space. */
  async assertRoom(bytes: number): Promise<void> {
    if ((await this.deps.files.freeBytes()) < bytes + this.deps.rules.freeBytesMin) throw failure('intake_full');
  }

  private async admit(presented: Presented, manifest: Manifest, papers: PostedPapers): Promise<Intake> {
    const { answerables, clock, bridgeId, unencryptedClips } = this.deps;
    assertEncrypted(unencryptedClips, manifest.sealed !== undefined, 'intake_unencrypted');
    const judged = await judge(manifest, presented, answerables, wallSeconds(clock));
    const { home } = checkStatement(papers, manifest, presented, bridgeId);
    await judged.answerable.admit();
    return {
      device: presented.token.device,
      grant: judged.grant.jti,
      clip: manifest.jti,
      request: judged.answerable.id,
      agency: judged.answerable.recipient.id,
      ownerKey: judged.grant.iss,
      grantSha256: judged.grantSha256,
      manifestSha256: presented.token.manifestSha256,
      statement: papers.statement,
      statementSha256: sha256Hex(papers.statement),
      home,
      clipSha256: manifest.clipSha256,
      clipBytes: manifest.clipBytes,
      isSealed: manifest.sealed !== undefined,
      expiresS: judged.grant.exp,
      upload: this.freshUpload(),
      uploading: false,
      creations: 0,
      state: 'open',
      refusal: null,
      receipt: null,
      statementReceipt: null,
      vault: null,
    };
  }

  /** The intake that a token is bound to: this grant of this device, this clip, this manifest. */
  private async present(bearer: string): Promise<{ presented: Presented; intake: Intake }> {
    const presented = await this.read(bearer);
    const { device, grant } = presented.token;
    const intake = await this.deps.store.find({ device, grant });
    if (!intake) {
      if (await this.deps.store.findRevoked({ device, grant })) throw failure('intake_revoked');
      throw failure('http_not_found');
    }
    if (!isSameClip(intake, presented)) throw await this.otherClip(presented);
    return { presented, intake };
  }

  /** The verified token of one request. */
  private async read(bearer: string): Promise<Presented> {
    const presented = await this.deps.tokens.readUpload(bearer);
    await this.deps.clones.presented(presented.token);
    return presented;
  }

  /** The refusal of a second clip for the grant; it is reported to the operator. */
  private async otherClip({ token }: Presented): Promise<Failure> {
    await this.deps.clones.otherClip(token);
    return failure('intake_conflict');
  }

  private async again(known: Intake, presented: Presented, { statement }: PostedPapers): Promise<IntakeStatus> {
    // A clip older than statements has none, and is reported as stored without one.
    const isSameStatement = known.statementSha256 === '' || known.statementSha256 === sha256Hex(statement);
    if (!isSameStatement || !isSameClip(known, presented)) throw await this.otherClip(presented);
    if (known.state === 'deleted') throw ended(known);
    return statusOf(known);
  }
}

function isSameClip(intake: Intake, { token }: Presented): boolean {
  return (
    token.manifestSha256 === intake.manifestSha256 &&
    token.clipSha256 === intake.clipSha256 &&
    token.clipBytes === intake.clipBytes
  );
}

/** Why a deleted intake cannot go on. */
function ended(intake: Intake): Failure {
  return failure(intake.refusal ?? 'intake_revoked', { detail: 'it was refused before and deleted' });
}

function wrongGrant(): Failure {
  return failure('intake_token_invalid', { detail: 'it is for another grant' });
}

/** Ignores a final failure to finish, which the status shows; rethrows a retryable one, which tells why the clip waits. */
function passing(thrown: unknown): void {
  if (!isFailure(thrown) || thrown.retryable) throw thrown;
}

function statusOf(intake: Intake): IntakeStatus {
  const { grant, state, receipt } = intake;
  // The device does not learn whether bridge or vault holds a stored clip.
  return { grant, state: state === 'handed-over' ? 'stored' : state, ...(receipt === null ? {} : { receipt }) };
}
