// Owns: what the other parts of this project use of the firmware: the wire contract whole, the seams, the testbed's parts.
// Not here: what the npm package exports (api.ts); anything that lets footage out other than a Doorbell with its gate.

export { readEnrolment } from './area-link/enrolment.ts';
export * from './backup.ts';
export * from './base/account-folder.ts';
export * from './base/assert.ts';
export * from './base/backoff.ts';
export * from './base/bytes.ts';
export * from './base/clock.ts';
export { CodedError } from './base/coded-error.ts';
export * from './base/disk.ts';
export * from './base/folder-lock.ts';
export * from './base/json.ts';
export * from './base/keys.ts';
export * from './base/log.ts';
export * from './base/mqtt-guard.ts';
export * from './base/mqtt-link.ts';
export * from './base/mqtt-subscription.ts';
export * from './base/mqtt-topic.ts';
export { type Programs, SystemPrograms } from './base/program.ts';
export * from './base/random.ts';
export { readTlsFiles, TLS_VERSION_MIN, type TlsFiles } from './base/tls.ts';
export { Capture } from './camera/capture.ts';
export { drawDogPhoto } from './camera/dog-art.ts';
export { chooseEncoder } from './camera/encoder.ts';
export { type Ffmpeg, findFfmpeg } from './camera/ffmpeg.ts';
export { runFfmpeg } from './camera/ffmpeg-run.ts';
export { CAMERA_HELP, parseCameraSource } from './camera/sources.ts';
export { type Tried, tryCamera } from './camera/try-camera.ts';
export { countFrames } from './clip/hidden-frames.ts';
export { type Chain, verifyClip } from './clip/verify-clip.ts';
export {
  type DeviceConfig,
  type DeviceConfigInput,
  deviceConfigSchema,
  parseDeviceConfig,
  readSettings,
} from './config.ts';
export { walkLedger } from './consent/ledger.ts';
export { Doorbell } from './doorbell.ts';
export { factoryReset } from './factory-reset.ts';
export { type Button, VirtualButton } from './hardware/button.ts';
export { KeyboardButton } from './hardware/keyboard-button.ts';
export { deviceIdOf, loadDeviceKey, loadOrCreateDeviceKey } from './identity.ts';
export { startDevice } from './main.ts';
export { giveOrder } from './owner/give-order.ts';
export * from './owner/homes.ts';
export * from './owner/owner-key.ts';
export * from './owner/owner-session.ts';
export { askHealth, askStill, listOwners, pairWithDevice } from './owner/pairing-client.ts';
export { type Health, pairingSocketPath } from './owner/pairing-wire.ts';
export * from './owner/read-notice.ts';
export * from './owner/read-receipt.ts';
export * from './owner/read-sighting.ts';
export * from './owner/sign.ts';
export * from './protocol/access.ts';
export * from './protocol/agency.ts';
export * from './protocol/area.ts';
export * from './protocol/ask.ts';
export * from './protocol/claims.ts';
export * from './protocol/custody.ts';
export * from './protocol/enrolment.ts';
export * from './protocol/errors.ts';
export * from './protocol/grant.ts';
export * from './protocol/home.ts';
export * from './protocol/ids.ts';
export * from './protocol/jws.ts';
export { tlsFilesRead } from './protocol/link-failure.ts';
export * from './protocol/manifest.ts';
export * from './protocol/merkle.ts';
export * from './protocol/partner.ts';
export * from './protocol/plain-jpeg.ts';
export * from './protocol/problem.ts';
export * from './protocol/published.ts';
export * from './protocol/request.ts';
export * from './protocol/search.ts';
export * from './protocol/topics.ts';
export * from './protocol/vault.ts';
