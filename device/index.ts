// Owns: what a program that runs doorbells imports: one doorbell, its owner's side, and the types of their contract.
// Not here: the contract for other implementations (contract/asyncapi.json).

// A doorbell and its dependencies.
export { type Clock, ManualClock, SystemClock, type Timer } from '@doorsill/base/clock';
export { type Disk, type DiskFile, SystemDisk } from '@doorsill/base/disk';
export { generateSigningKey, importSigningKey, isPublicKey, type SigningKey } from '@doorsill/base/keys';
export { LOG_LEVELS, type Log, type LogLevel, openLog, silentLog } from '@doorsill/base/log';
export { type Random, SeededRandom, SystemRandom } from '@doorsill/base/random';
export { type Programs, SystemPrograms } from '@doorsill/base/system-programs';
export { ERRORS, type ErrorCode, type Failure, isFailure } from '@doorsill/contract/errors';
export { CodedError } from '@doorsill/contract/errors/coded-error';
export type { DeviceEvent, DeviceState, Receipt, UploadProgress } from '@doorsill/contract/home-messages';
export type { IntakeReceipt, Manifest } from '@doorsill/contract/manifest';
export type { GrantChoice } from '@doorsill/contract/owner-claims';
export type { Command, CommandAction, Denial, Grant, Revoke } from '@doorsill/contract/owner-orders';
export type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
export type { Contact, Credential, Polygon, Request } from '@doorsill/contract/request';
// Types of the messages.
export {
  DISCLOSURE_KEYS,
  type DisclosureKey,
  type DisclosureProfile,
  type Window,
  type Zone,
} from '@doorsill/contract/shared-claims';
export type { VerifiedCustody } from '@doorsill/contract/verify-custody';
export { type Ffmpeg, findFfmpeg } from './camera/find-ffmpeg.ts';
export type { CameraKind } from './camera/source-interfaces.ts';
// What a command needs that runs it.
export { parseCameraSource } from './camera/sources.ts';
// Checking a clip offline, and its failures.
export { type ExpectedClip, type VerifiedClip, verifyClip } from './clip/verify-clip.ts';
export { type DeviceConfig, type DeviceConfigInput, deviceConfigSchema, parseDeviceConfig } from './config.ts';
export { Doorbell, type DoorbellOptions, type DoorbellSeams } from './doorbell.ts';
export { beginFactoryReset, factoryReset } from './factory-reset.ts';
export { type Button, type Press, VirtualButton } from './hardware/button.ts';
export { KeyboardButton } from './hardware/keyboard-button.ts';
export { deviceIdOf, loadOrCreateDeviceKey } from './identity.ts';
export { followOtherDoors } from './other-doors-setting.ts';
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
