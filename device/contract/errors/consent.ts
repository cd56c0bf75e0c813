// Failures of consent, previews, owners' orders and pairing.
import { machineFault, machineFaultForNow, refused, refusedForNow, wrongUsage } from './coded-error.ts';

export const consentErrors = {
  consent_request_unknown: refused(
    404,
    'This device has no such open request.',
    'List the open ones with `doorsill grant --list`.',
  ),
  consent_request_changed: refused(
    409,
    'The grant was made for other bytes of this request.',
    'Read the request again and decide anew.',
  ),
  consent_request_expired: refused(410, 'The request has expired.', 'Nothing to do; the agency must ask again.'),
  consent_request_cancelled: refused(410, 'The request was cancelled or resolved.', 'Nothing to do.'),
  consent_credential_expired: refusedForNow(
    403,

    "The agency's credential has expired.",
    'Wait until the bridge publishes a fresh one, then grant again.',
  ),
  consent_credential_invalid: refused(
    403,

    "The agency's credential was not issued by the registry, or was issued for another key.",
    'Do not answer this request.',
  ),
  consent_agency_revoked: refused(403, "The agency's access has been revoked.", 'Do not answer this request.'),
  consent_agency_ineligible: refused(
    403,
    'Agencies of this jurisdiction are not served.',
    'Do not answer this request.',
  ),
  consent_partner_ended: refused(
    410,
    'The request came through a partner whose partnership has ended.',
    'Do not answer this request.',
  ),
  consent_request_beyond: refused(
    403,
    'The request asks for more than its agency is registered for.',
    'Do not answer this request.',
  ),
  consent_revocations_stale: refusedForNow(
    503,

    "The registry's revocation list is missing or expired on this device.",
    'Check the area link; grants wait until a fresh list has arrived.',
  ),
  consent_wrong_recipient: refused(
    403,
    'The grant’s recipient is not the one who asked.',
    'Grant to the agency that signed the request, or to the neighbour who signed the search.',
  ),
  consent_sealing_changed: refused(
    409,
    'The grant does not encrypt the clip as its recipient asks now; the recipient’s key may have changed.',
    'Read the request again and grant it again.',
  ),
  consent_sealing_key: refused(
    409,
    'The recipient’s key cannot be used to encrypt a clip.',
    'Do not answer this request until the agency has published another key.',
  ),
  consent_window_outside: refused(
    400,

    "The granted window is not inside the request's.",
    'Choose a window inside; the device does not shorten it.',
  ),
  consent_window_too_short: refused(400, 'The granted window holds no frame.', 'Choose a longer window.'),
  consent_window_future: refusedForNow(400, 'The window lies in the future.', 'Wait until it has passed.'),
  consent_window_no_footage: refused(
    404,
    'The device has no footage of the granted window.',
    'See what it has with `doorsill watch --once`.',
  ),
  consent_window_ambiguous: refused(
    409,
    'The clock was not trustworthy or jumped inside the granted window.',
    'Choose a window that does not touch that span.',
  ),
  consent_disclosure_beyond: refused(
    400,
    'The grant discloses more than the request asks for.',
    'Leave out what was not asked.',
  ),
  consent_disclosure_missing: refused(
    400,
    'The device holds no value for {key}, so it cannot disclose it.',
    'Set it on the device, or leave it out.',
  ),
  consent_grant_expired: refused(403, 'The grant had expired when it arrived.', 'Sign a new one.'),
  consent_grant_lifetime: refused(400, 'The grant lives longer than 7 days.', 'Sign one that expires sooner.'),
  consent_not_yet_valid: refused(
    400,
    'The message is dated in the future.',
    'Set the clock of the machine that signs, or wait until the device’s own is set: `doorsill doctor` says whether it is.',
  ),
  consent_before_restore: refused(
    409,
    'This was signed before the device was restored from a backup, or within five minutes after.',
    'Sign it again once five minutes have passed since the restore.',
  ),
  consent_too_old: refused(400, 'The message was signed too long ago.', 'Sign a new one.'),
  id_kind_wrong: refused(
    400,
    'The id of a request or search does not carry its kind.',
    'Sign it again: ids of requests begin with `request-`, ids of searches with `search-`.',
  ),
  settings_over_broker: refused(
    403,
    'Settings hold private values, and this order came over the broker, which can read them.',
    'Change them in the console or with `doorsill settings set`: both use the device’s own server.',
  ),
  settings_retention_short: wrongUsage(
    400,
    'Footage must be kept for at least {seconds} s: one event with what is kept before and after it.',
    'Name a longer time, or make preRollS and postRollS in device.json shorter.',
  ),
  settings_zone_twice: wrongUsage(400, 'Two zones are called {zone}.', 'Give each zone a name of its own.'),
  consent_order_stale: refusedForNow(
    409,
    'The order does not name the last order that the device has accepted.',
    'Look at the present state, then sign again: the receipt names that order in `lastOrder`.',
  ),
  preview_changed: refused(
    409,
    'The previewed clip is gone, or the grant’s terms differ from the preview’s.',
    'Make a new preview, look at it, and grant that one.',
  ),
  preview_ended: refused(410, 'The preview has ended: {detail}.', 'Make it again.'),
  preview_unknown: wrongUsage(
    404,
    'There is no such preview.',
    'Make it again: a preview is kept for a quarter of an hour.',
  ),
  preview_too_many: refusedForNow(
    429,
    'The device already keeps {most} previews, the most it can.',
    'Remove one, or wait until one has expired.',
  ),
  consent_replayed: refused(
    409,
    'This id was already used for another message.',
    'Sign a new message with a fresh id.',
  ),
  consent_already_granted: refused(
    409,
    'Another grant of this request is already in force.',
    'Nothing to do, or revoke that one first.',
  ),
  consent_denied_before: refused(
    409,
    'The request was denied before, and a denial is final.',
    'Nothing to do; the agency must ask again.',
  ),
  consent_deny_after_grant: refused(
    409,
    'The request is already granted; a denial comes too late.',
    'Revoke the grant instead.',
  ),
  consent_nothing_to_revoke: refused(
    404,
    'No such grant is in force on this device.',
    'See the open ones with `doorsill grant --list`.',
  ),
  consent_revoked_before: refused(
    409,
    'This grant was revoked; it cannot come back.',
    'Sign a new grant if you changed your mind.',
  ),
  area_outdated: refusedForNow(
    503,
    'By the doorbell’s clock, what the bridge has sent about requests is not valid now.',
    'Check the doorbell’s date and time first: with a wrong clock it can show its owners no request. If they are right, the bridge has sent nothing newer.',
  ),
  consent_clock_untrusted: refusedForNow(
    503,
    'The device does not trust its clock, so it grants nothing.',
    'Wait until it has synchronised its time. If its clock is right already, confirm that with `doorsill settings trust-clock`.',
  ),
  consent_zones_unsupported: refused(
    400,
    'These redaction zones cannot be applied to this stream: {detail}',
    'Grant without zones or with other ones.',
  ),
  consent_ledger_damaged: machineFault(
    500,

    "The device's ledger does not verify: {detail}",
    'Nothing is granted until the ledger is whole; restore it, or reset the device.',
  ),
  consent_storage_failed: machineFaultForNow(
    507,
    'The decision could not be stored, so it does not count.',
    'Free space on the device and send it again.',
  ),
  consent_revocation_unrecorded: machineFaultForNow(
    507,
    'The revocation is in force, also after a restart, but the ledger has no room to record it.',
    'Free space on the device; then it is recorded by itself.',
  ),
  consent_too_many: refusedForNow(
    429,
    'Too many open requests or grants on this device.',
    'Wait until some have ended.',
  ),
  owner_unknown: refused(404, 'No such owner is paired.', 'List them with `doorsill pair --list`.'),
  owner_known: refused(409, 'That key is already paired.', 'Nothing to do.'),
  owner_last: refused(409, 'The last owner cannot be removed.', 'Add another owner first, or reset the device.'),
  pairing_account_needed: wrongUsage(
    409,
    'The device makes no accounts at its broker, so the owner needs one there.',
    'Make an account at that broker that may use the topics under home/{device}, and pair with --user and --password-file. Of a doorbell without a broker owners use the page alone: `doorsill pair --show`.',
  ),
  home_broker_none: refused(
    409,
    'The doorbell has no home broker, over which commands would reach it.',
    'Use its own page: `doorsill pair --show`. For commands, name a broker under home in its device.json, and restart it.',
  ),
  owner_too_many: refused(409, 'The device has as many owners as it can have.', 'Remove one first.'),
  pairing_locked: refusedForNow(
    423,
    'Pairing is locked after too many failures.',
    'Press the button on the device to unlock it.',
  ),
  pairing_refused: refused(403, 'Pairing was refused: {detail}', 'Correct what is named, then pair again.'),
} as const;
