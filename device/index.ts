// The package's API for programs that run doorbells or act for owners. Clocks, disks and logs are in @doorsill/base, message types in
// @doorsill/contract.

export { type Ffmpeg, findFfmpeg } from './camera/find-ffmpeg.ts';
export type { CameraKind } from './camera/source-interfaces.ts';
export { parseCameraSource } from './camera/sources.ts';
export { type ExpectedClip, type VerifiedClip, verifyClip } from './clip/verify-clip.ts';
export { DeviceConfig, type DeviceConfigInput, parseDeviceConfig } from './config.ts';
export { Doorbell, type DoorbellOptions, type DoorbellSeams } from './doorbell.ts';
export { beginFactoryReset, factoryReset } from './factory-reset.ts';
export { type Button, type Press, VirtualButton } from './hardware/button.ts';
export { KeyboardButton } from './hardware/keyboard-button.ts';
export { deviceIdOf, loadOrCreateDeviceKey } from './identity.ts';
export { loadOrCreateOwnerKey, loadOwnerKey } from './owner/owner-key.ts';
export { type OwnerListeners, OwnerSession, type OwnerSessionDeps } from './owner/owner-session.ts';
export { listPairedDevices, type PairedDevice, storePairedDevice } from './owner/paired-devices.ts';
export { pairWithDevice } from './owner/pairing-client.ts';
export { pairingSocketPath } from './owner/private-socket.ts';
export {
  makeCommand,
  makeDenial,
  makeGrant,
  makeRevoke,
  type Signed,
  type Signer,
} from './owner/sign-owner-messages.ts';
export { followOtherDoors } from './settings-file.ts';
export { startDevice } from './start-device.ts';
