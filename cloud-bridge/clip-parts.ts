// Composes the parts of the bridge that handle granted clips: they receive, show and revoke them, and hand them over to a vault.
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type SigningKey, sha256Hex } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { UndoSteps } from '@doorsill/base/undo-steps';
import { actorId } from '@doorsill/contract/ids';
import type { AgencyCredentials } from './agencies/registry-credentials.ts';
import type { AgencyTokenVerifier } from './agencies/verify-agency-token.ts';
import type { BridgeConfig } from './bridge-config.ts';
import type { Database } from './bridge-database.ts';
import { ClipAccessLog } from './clip-access-log/access-log-export.ts';
import { clipAccessLogRoutes } from './clip-access-log/access-log-routes.ts';
import { Clips } from './clips/clips.ts';
import { clipRoutes } from './clips/clips-routes.ts';
import type { Custody } from './custody/custody-proofs.ts';
import { disputeRoutes, ManifestOpening } from './disputes/open-manifest.ts';
import { HandOvers } from './hand-over/hand-overs.ts';
import { VaultMessageSigner } from './hand-over/sign-vault-messages.ts';
import { httpVaultClient } from './hand-over/vault-client.ts';
import type { Router } from './http/router.ts';
import { watchOthers } from './instances.ts';
import type { AnswerableKinds } from './intake/answerable-request.ts';
import { BucketClips } from './intake/bucket-clips.ts';
import { ClipFiles } from './intake/clip-files.ts';
import { CloneSigns } from './intake/clone-signs.ts';
import type { CustodyCalls } from './intake/custody-bundle-routes.ts';
import { IntakeFinisher } from './intake/finish-intake.ts';
import { IntakeAdmission } from './intake/intake-admission.ts';
import { IntakeReceiptSigner } from './intake/intake-receipts.ts';
import { intakeRoutes } from './intake/intake-routes.ts';
import type { Intake } from './intake/intake-store.ts';
import { RevocationHandler } from './intake/revocation.ts';
import { ManifestEncryption } from './intake/stored-manifest-encryption.ts';
import { uploadRoutes } from './intake/tus-routes.ts';
import type { UploadLocks } from './intake/upload-locks.ts';
import { DeviceTokenVerifier } from './intake/verify-upload-token.ts';
import { S3Bucket } from './persistence/s3-bucket.ts';
import { organisationOf, RequestsForIntake } from './requests/requests-for-intake.ts';
import type { SearchParty } from './search-party/make-search-party.ts';
import type { EventOutbox } from './webhooks/event-delivery.ts';

export interface ClipPartsDeps {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
  config: BridgeConfig;
  key: SigningKey;
  bridgeId: string;
  database: Database;
  /** Decides whether an agency may act. */
  standing: AgencyCredentials;
  /** Verifies agencies' tokens. */
  tokens: AgencyTokenVerifier;
  locks: UploadLocks;
  custody: Custody;
  /** Verifies calls of devices and owners about their own grants. */
  calls: CustodyCalls;
  outbox: EventOutbox;
  searchParty: SearchParty;
}

/** Interval of checks for clips that wait for the registry, and for expired grants. */
const SWEEP_EVERY_MS = 30_000;

/** Adds the parts to the API and starts them; `undo` collects the steps that stop them, run in reverse order. */
export async function addClipParts(api: Router, deps: ClipPartsDeps, undo: UndoSteps): Promise<void> {
  const { clock, random, disk, log, config, key, bridgeId, database, locks, searchParty } = deps;
  const { standing, tokens, custody, calls, outbox } = deps;
  const { intakes: store, enrolments, requests, accessLog } = database;
  const instance = config.instance?.name ?? null;
  const answerables: AnswerableKinds = {
    agency: new RequestsForIntake(requests, standing),
    neighbor: searchParty.answerables,
  };
  const files = openFiles(deps);
  const seal = new ManifestEncryption(key, random);
  // An earlier version stored manifests unencrypted, and they name homes: they are encrypted before any request can read them.
  await database.turns.run('seal former manifests', () =>
    seal.sealFormer(database.manifests, (clip) => files.removeFormerManifest(clip)),
  );
  const receipts = new IntakeReceiptSigner({ clock, random, key });
  const shared = { clock, random, log, store, files, locks, receipts, answerables };
  const vault = connectVault(deps, files, receipts);
  // Called when a clip has just been stored: hands it over to the vault and sends its webhook events at once.
  const stored = () => {
    vault?.handOvers.wake();
    void outbox.now();
  };
  const finish = new IntakeFinisher({
    ...shared,
    sweepEveryMs: SWEEP_EVERY_MS,
    vault: config.vault?.key ?? null,
    stored,
  });
  const { uploadTokenLifeSMax: lifeSMax, creationsMax } = config.intake;
  const deviceTokens = new DeviceTokenVerifier({ clock, store: enrolments, bridgeId, lifeSMax });
  const clones = new CloneSigns({ clock, log, store: database.cloneSigns });
  const admission = new IntakeAdmission({
    ...shared,
    tokens: deviceTokens,
    clones,
    finish,
    seal,
    bridgeId,
    rules: config.intake,
    unencryptedClips: config.unencryptedClips,
    instance,
  });
  const evidenceUrl = (intake: Intake, agency: string) => (vault ? vault.evidenceUrl(intake, agency) : '');
  const openClip = (intake: Intake) => files.openClip(intake);
  const reading = { clock, store, log: accessLog, openClip, evidenceUrl, verdicts: database.verdicts, bridgeId };
  const clips = new Clips({ ...reading, tokens, organisationOf: (intake) => organisationOf(requests, intake) });
  const petClips = new Clips({
    ...reading,
    tokens: searchParty.petOwners,
    organisationOf: async ({ agency }) => agency,
  });
  // Ends the downloads of a clip, or of all clips, whose reader may not see the clip any more.
  const endDownloads = async (clip?: string) => {
    for (const each of [clips, petClips]) await each.recheckReaders(clip);
  };
  const revocations = new RevocationHandler({ ...shared, enrolments, endDownloads, vault: vault?.handOvers ?? null });
  intakeRoutes(api, admission, { revocations, clones });
  clipRoutes(api, clips, custody);
  searchParty.addRoutes(api, petClips);
  clipAccessLogRoutes(api, { audit: new ClipAccessLog(accessLog, clock), clips });
  disputeRoutes(api, new ManifestOpening({ log, store: database.manifests, intakes: store, seal, calls }));
  await finish.start();
  undo.add(() => finish.stop());
  vault?.handOvers.start();
  undo.add(() => vault?.handOvers.stop());
  // With several instances, both run periodically: after revocations by another instance, and for the work of one that died.
  const revoked = () => Promise.all([endDownloads(), finish.eraseEnded()]).then(() => undefined);
  const leftBehind = async () => vault?.handOvers.wake();
  if (config.instance) watchOthers(deps, { revoked, leftBehind }, undo);
  uploadRoutes(api, { disk, admission, finish, locks, store, stagingFolder: files.staging, creationsMax });
}

/** Clips in the data folder, or, where there are several instances, in the bucket that they share. */
function openFiles({ clock, disk, config, bridgeId, database: { turns } }: ClipPartsDeps): ClipFiles {
  const { dataFolder: folder, instance } = config;
  if (!instance) return new ClipFiles(disk, folder);
  const bucket = new S3Bucket(clock, instance.s3);
  return new BucketClips({ disk, folder, bucket, prefix: instance.s3.prefix, bridgeId, turns });
}

/** The hand-over to the vault; null when no vault is configured. */
function connectVault(deps: ClipPartsDeps, files: ClipFiles, receipts: IntakeReceiptSigner) {
  const { clock, random, log, config, key: ownKey, bridgeId, database, locks } = deps;
  if (!config.vault) return null;
  const { url, key, answerSMax, ...retry } = config.vault;
  const vault = { id: actorId('vault', sha256Hex(key)), key };
  const { requests, handOvers: store } = database;
  const messages = new VaultMessageSigner({ clock, random, key: ownKey, bridgeId, vault, requests });
  const client = httpVaultClient({ clock, url, answerMsMax: answerSMax * 1000 });
  const shared = { clock, random, log, store, files, locks, receipts, client, messages, turns: database.turns };
  const base = url.replace(/\/+$/, '');
  const evidenceUrl = (intake: Intake, agency: string) =>
    `${base}/v1/agencies/${agency}/evidence/${messages.clipOf(intake).item}`;
  return { handOvers: new HandOvers({ ...shared, vaultKey: key, ...retry }), evidenceUrl };
}
