// Owns: the exports of the npm package `doorsill`: one doorbell, its owner's side, and the types of their contract.
// Not here: what the other parts of this project share (index.ts); the contract for other implementations (asyncapi.json).

// A doorbell and its dependencies.
export { type Clock, ManualClock, SystemClock, type Timer } from './base/clock.ts';
export { type Disk, type DiskFile, SystemDisk } from './base/disk.ts';
export { generateSigningKey, importSigningKey, isPublicKey, type SigningKey } from './base/keys.ts';
export { LOG_LEVELS, type Log, type LogLevel, openLog, silentLog } from './base/log.ts';
export { type Random, SeededRandom, SystemRandom } from './base/random.ts';
export { type Programs, SystemPrograms } from './base/system-programs.ts';
export { type Ffmpeg, findFfmpeg } from './camera/find-ffmpeg.ts';
export type { CameraKind } from './camera/source-interfaces.ts';
// Checking a clip offline, and its failures.
export { type ExpectedClip, type VerifiedClip, verifyClip } from './clip/verify-clip.ts';
export { type DeviceConfig, type DeviceConfigInput, deviceConfigSchema, parseDeviceConfig } from './config.ts';
export { CodedError } from './contract/errors/coded-error.ts';
export { ERRORS, type ErrorCode, type Failure, isFailure } from './contract/errors.ts';
export type { DeviceEvent, DeviceState, Receipt, UploadProgress } from './contract/home-messages.ts';
export type { IntakeReceipt, Manifest } from './contract/manifest.ts';
export type { GrantChoice } from './contract/owner-claims.ts';
export type { Command, CommandAction, Denial, Grant, Revoke } from './contract/owner-orders.ts';
export type { VerifiedNotice } from './contract/read-request-notice.ts';
export type { Contact, Credential, Polygon, Request } from './contract/request.ts';
// Types of the messages.
export {
  DISCLOSURE_KEYS,
  type DisclosureKey,
  type DisclosureProfile,
  type Window,
  type Zone,
} from './contract/shared-claims.ts';
export type { VerifiedCustody } from './contract/verify-custody.ts';
export { Doorbell, type DoorbellOptions, type DoorbellSeams } from './doorbell.ts';
export { type Button, type Press, VirtualButton } from './hardware/button.ts';
export { loadOrCreateOwnerKey, loadOwnerKey } from './owner/owner-key.ts';
export { type OwnerListeners, OwnerSession, type OwnerSessionDeps } from './owner/owner-session.ts';
// Its owner's side: pair, receive, decide.
export { type Home, listHomes, storeHome } from './owner/paired-devices.ts';
export { pairWithDevice } from './owner/pairing-client.ts';
export { pairingSocketPath } from './owner/pairing-wire.ts';
export {
  makeCommand,
  makeDenial,
  makeGrant,
  makeRevoke,
  type Signed,
  type Signer,
} from './owner/sign-owner-messages.ts';
export { startDevice } from './start-device.ts';
