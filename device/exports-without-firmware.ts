// Owns: the public API without the firmware: the wire contract, the seams, and the owner's side. It loads no code that films,
// stores, cuts or sends, so that an owner's command starts quickly. Not here: the firmware (index.ts, which also exports all of this).

export * from './base/backoff.ts';
export * from './base/clock.ts';
export * from './base/disk.ts';
export * from './base/escape-html.ts';
export * from './base/folder-lock.ts';
export { ConnectionLimit, keepForTransfer } from './base/http/connection-limit.ts';
export * from './base/keys.ts';
export * from './base/log.ts';
export * from './base/mqtt-account-files.ts';
export * from './base/mqtt-guard.ts';
export * from './base/mqtt-link.ts';
export * from './base/mqtt-subscription.ts';
export * from './base/mqtt-topic.ts';
export type { Network, NetworkPlace } from './base/network.ts';
export * from './base/private-paths.ts';
export * from './base/random.ts';
export { nearestWord, plainFault, plainWords, readBySchema, WITHOUT_ZODS_WORDS } from './base/schema-fault.ts';
export { diesWithUs, type Programs, SystemPrograms } from './base/system-programs.ts';
export { TaskQueue } from './base/task-queue.ts';
export { readTlsFiles, TLS_VERSION_MIN, type TlsFiles } from './base/tls.ts';
export * from './contract/agency-calls.ts';
export * from './contract/area-cells.ts';
export * from './contract/assert.ts';
export * from './contract/built-in-ended-partners.ts';
export * from './contract/bytes.ts';
export * from './contract/check-departure.ts';
export * from './contract/console-messages.ts';
export * from './contract/custody.ts';
export * from './contract/departure-outcome.ts';
export * from './contract/departures.ts';
export * from './contract/enrolment.ts';
export { CodedError, type ErrorRule } from './contract/errors/coded-error.ts';
export * from './contract/errors/kinds.ts';
export * from './contract/errors.ts';
export * from './contract/hand-over-documents.ts';
export * from './contract/home-messages.ts';
export * from './contract/ids.ts';
export * from './contract/json-client.ts';
export * from './contract/jws.ts';
export { tlsFilesRead } from './contract/link-failure.ts';
export * from './contract/manifest.ts';
export * from './contract/merkle.ts';
export * from './contract/motion-messages.ts';
export { oneLine, withoutUnseen } from './contract/outside-text.ts';
export * from './contract/owner-claims.ts';
export * from './contract/owner-orders.ts';
export * from './contract/owner-settings.ts';
export * from './contract/parse-json.ts';
export * from './contract/plain-jpeg.ts';
export * from './contract/problem.ts';
export * from './contract/read-request-notice.ts';
export * from './contract/read-sighting.ts';
export * from './contract/recall-answer.ts';
export * from './contract/request.ts';
export * from './contract/request-or-search.ts';
export * from './contract/search.ts';
export * from './contract/shared-claims.ts';
export { statementClaims } from './contract/statement-from-manifest.ts';
export * from './contract/time-limit.ts';
export * from './contract/topic-access.ts';
export * from './contract/topics.ts';
export * from './contract/verify-published-request.ts';
export { storedFormat } from './folder-format.ts';
export { removeAccountsOf } from './home-account.ts';
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
