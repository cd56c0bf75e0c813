// Owns: the public API without the firmware: the wire contract, the seams, and the owner's side. It loads no code that films,
// stores, cuts or sends, so that an owner's command starts quickly. Not here: the firmware (index.ts, which also exports all of this).

export * from './base/assert.ts';
export * from './base/backoff.ts';
export * from './base/bytes.ts';
export * from './base/clock.ts';
export { CodedError } from './base/coded-error.ts';
export * from './base/disk.ts';
export * from './base/escape-html.ts';
export * from './base/folder-lock.ts';
export * from './base/keys.ts';
export * from './base/log.ts';
export * from './base/mqtt-account-files.ts';
export * from './base/mqtt-guard.ts';
export * from './base/mqtt-link.ts';
export * from './base/mqtt-subscription.ts';
export * from './base/mqtt-topic.ts';
export type { Network, NetworkPlace } from './base/network.ts';
export * from './base/parse-json.ts';
export * from './base/private-paths.ts';
export * from './base/random.ts';
export { nearestWord, plainFault, plainWords, readBySchema, WITHOUT_ZODS_WORDS } from './base/schema-fault.ts';
export { diesWithUs, type Programs, SystemPrograms } from './base/system-programs.ts';
export { TaskQueue } from './base/task-queue.ts';
export * from './base/time-limit.ts';
export { readTlsFiles, TLS_VERSION_MIN, type TlsFiles } from './base/tls.ts';
export { storedFormat } from './folder-format.ts';
export { removeAccountsOf } from './home-account.ts';
export { ConnectionLimit, keepForTransfer } from './http/connection-limit.ts';
export { deviceIdOf, loadDeviceKey, loadOrCreateDeviceKey } from './identity.ts';
export { giveOrder } from './owner/give-command.ts';
export { readLines, writeLine } from './owner/line-socket.ts';
export { OwnServerClient } from './owner/own-server-client.ts';
export * from './owner/owner-key.ts';
export * from './owner/owner-session.ts';
export * from './owner/paired-devices.ts';
export {
  askConsole,
  askCustody,
  askDepartures,
  askHealth,
  askStill,
  askViewers,
  confirmPairing,
  listOwners,
  pairWithDevice,
} from './owner/pairing-client.ts';
export { type ConsoleAddress, type Health, pairingSocketPath } from './owner/pairing-wire.ts';
export { listenPrivately, privateSocketPath, stopPrivately } from './owner/private-socket.ts';
export * from './owner/read-receipt.ts';
export * from './owner/sign-owner-messages.ts';
export * from './protocol/agency-calls.ts';
export * from './protocol/area-cells.ts';
export * from './protocol/built-in-ended-partners.ts';
export * from './protocol/check-departure.ts';
export * from './protocol/console-messages.ts';
export * from './protocol/custody.ts';
export * from './protocol/departure-outcome.ts';
export * from './protocol/departures.ts';
export * from './protocol/enrolment.ts';
export * from './protocol/errors.ts';
export * from './protocol/hand-over-documents.ts';
export * from './protocol/home-messages.ts';
export * from './protocol/ids.ts';
export * from './protocol/json-client.ts';
export * from './protocol/jws.ts';
export { tlsFilesRead } from './protocol/link-failure.ts';
export * from './protocol/manifest.ts';
export * from './protocol/merkle.ts';
export * from './protocol/motion-messages.ts';
export { oneLine, withoutUnseen } from './protocol/outside-text.ts';
export * from './protocol/owner-claims.ts';
export * from './protocol/owner-orders.ts';
export * from './protocol/owner-settings.ts';
export * from './protocol/plain-jpeg.ts';
export * from './protocol/problem.ts';
export * from './protocol/read-request-notice.ts';
export * from './protocol/read-sighting.ts';
export * from './protocol/recall-answer.ts';
export * from './protocol/request.ts';
export * from './protocol/request-or-search.ts';
export * from './protocol/search.ts';
export * from './protocol/shared-claims.ts';
export { statementClaims } from './protocol/statement-from-manifest.ts';
export * from './protocol/topic-access.ts';
export * from './protocol/topics.ts';
export * from './protocol/verify-published-request.ts';
export { readSettings } from './settings-file.ts';
export * from './update/minisign.ts';
export { ARCHIVE_BYTES_MAX } from './update/release-archive.ts';
export {
  type GivenRelease,
  installFirst,
  settleUpdate,
  type UpdateDeps,
  type UpdatedDoorbell,
  updateDoorbell,
} from './update/update.ts';
export { versionOrder } from './update/version-order.ts';
