// Failures of bridge, registry, vault, query audit and Search Party.
import {
  machineFault,
  machineFaultForNow,
  notReachableForNow,
  refused,
  refusedForNow,
  unusableInput,
  wrongUsage,
} from './coded-error.ts';

export const bridgeErrors = {
  // bridge
  http_body_invalid: wrongUsage(400, 'The request body is not valid: {detail}', 'Send what the API describes.'),
  http_not_found: wrongUsage(404, 'There is nothing at this address.', 'Check the path.'),
  http_unauthorised: refused(401, 'This needs a signed token.', 'Send `Authorization: Bearer TOKEN`.'),
  role_missing: refused(
    403,
    'This call needs a token of the role {role}.',
    'The API document names the roles of each route.',
  ),
  http_too_slow: notReachableForNow(
    408,
    'The request’s header fields took longer than {seconds} s to arrive.',
    'Try again; if that does not help, the sender or the network between is overloaded.',
  ),
  http_rate_limited: notReachableForNow(429, 'Too many requests.', 'Slow down and try again.'),
  not_ready: notReachableForNow(
    503,
    'The server cannot do its work now: {failing}.',
    'Try again later; the server’s operator must look at what is named.',
  ),
  idempotency_key_reused: refused(
    409,
    'This Idempotency-Key was used for another call.',
    'Use a fresh key for every call that is not the same as before.',
  ),
  enrolment_code_invalid: refused(
    403,
    'The enrolment code is unknown, used up, ended or expired.',
    'Print a new one with `doorsill bridge enrol`.',
  ),
  enrolment_clock_unset: machineFaultForNow(
    503,
    'The clock of this device is not set, so no bridge would accept its proof. The enrolment code was not used.',
    'Set the clock (`timedatectl` says whether it is), then start the device again with the same code.',
  ),
  enrolment_code_unknown: refused(
    404,
    'There is no such enrolment code: it has expired, or was ended.',
    'See `doorsill bridge codes`.',
  ),
  enrolment_key_mismatch: refused(
    403,
    'The bridge or registry is not the one the code names.',
    'Do not go on; get a new code from the operator you trust.',
  ),
  device_not_enrolled: refused(403, 'The bridge does not know this device.', 'Enrol it first.'),
  agency_unknown: refused(403, 'The registry knows no such agency.', 'Register the agency first.'),
  agency_federal: refused(
    403,
    'Federal agencies and their local branches are not served: {detail}.',
    'Footage is for verified local agencies only.',
  ),
  agency_ineligible: refused(
    403,
    'This agency cannot be served: {detail}',
    'Verified municipal and county agencies with a domain of their own are.',
  ),
  agency_sealing_key: wrongUsage(
    400,
    'The agency’s key for encrypting clips is not a usable X25519 key.',
    'Apply with a key made by `doorsill agency apply`; nothing could be encrypted to this one.',
  ),
  registry_list_invalid: wrongUsage(
    500,
    'The registry’s list {file} cannot be used: {detail}',
    'Give `localGovernments` in registry.json a CSV file in the format of CISA’s list of .gov domains, at most 16 MiB and 100,000 rows, or leave it out.',
  ),
  agency_pending: refusedForNow(403, 'The registry has not approved this agency yet.', 'Wait for the approval.'),
  agency_revoked: refused(403, "The agency's access is revoked.", 'Only the registry can reinstate it.'),
  agency_suspended: refusedForNow(
    403,

    "The agency's access is suspended.",
    'The registry lifts it once the matter is settled.',
  ),
  agency_refused: refused(
    403,
    'The registry has refused this agency: {detail}',
    'Correct what is named and apply again.',
  ),
  agency_key_rotated: refused(
    403,
    'The agency’s key was rotated; its id is {successor} now.',
    'Sign with the new key.',
  ),
  agency_applications_full: refusedForNow(
    429,
    'Too many applications wait at the registry: {detail}.',
    'An agency of a listed city or county is admitted at once when its domain shows its id; others can apply again in a week, when these have ended.',
  ),
  agency_domain_unproven: refusedForNow(
    403,
    'Nothing proves that the agency holds {domain}: {detail}',
    'Publish `{proof}` at the domain as the registry’s README says, then try again.',
  ),
  agency_changed: refusedForNow(
    409,
    'Somebody else has changed this agency since: it is {state} now, at revision {revision}.',
    'Look at it again before you decide.',
  ),
  partner_unknown: refused(404, 'There is no partner {partner}.', 'Check its id.'),
  partner_suspended: refused(
    403,
    'The partner {partner} is suspended.',
    'Requests through its channel have ended; an agency can ask again once the partner is active again, or without a partner.',
  ),
  partner_ended: refused(
    410,
    'The partnership with {partner} ended on {since}.',
    'Its channel stays closed; an agency can ask without a partner.',
  ),
  partner_changed: refusedForNow(
    409,
    'Somebody else has changed this partner since: it is {state} now, at revision {revision}.',
    'Look at it again before you decide.',
  ),
  partner_signature: refused(
    401,
    'The webhook is not signed with the partner’s secret.',
    'Send `X-Signature: sha256=` and the HMAC-SHA256 of the exact body, as hex.',
  ),
  webhook_address_refused: refused(
    422,
    'The address cannot be used for a webhook: {detail}.',
    'Give an https:// address that the public can reach.',
  ),
  webhook_unknown: refused(404, 'The agency has no webhook.', 'Set one first.'),
  moderator_known: refused(
    409,
    'There is a moderator {moderator} already.',
    'Remove that one first, or take another id.',
  ),
  request_state: refused(
    409,
    'The request is {state}; it cannot be {asked}.',
    'Look at its state; published requests are never edited or deleted.',
  ),
  request_changed: refusedForNow(
    409,
    'Another moderator has decided since: the request is {state} now.',
    'Look at it again.',
  ),
  request_limits: refused(422, 'The request breaks a limit: {detail}', 'Change it and sign it again.'),
  request_unencrypted: refused(
    422,
    'This bridge publishes only requests of agencies whose clips are encrypted.',
    'Register the agency’s key for encrypting clips with `doorsill agency apply`, then ask again.',
  ),
  request_exists: refused(
    409,
    'A request with this id exists with other content.',
    'Use a fresh id; published requests are never edited.',
  ),
  request_not_live: refused(410, 'The request is not open on this bridge.', 'Nothing to do.'),
  intake_manifest_invalid: refused(
    422,
    'The manifest is not acceptable: {detail}',
    'The device must make the clip anew under a valid grant.',
  ),
  intake_statement_invalid: refused(
    422,
    'The statement for the recipient is not acceptable: {detail}',
    'The device must sign a new statement and certificate, for exactly the clip and manifest with which it opens the intake.',
  ),
  intake_grant_invalid: refused(
    403,

    "The owner's grant is not acceptable: {detail}",
    'The owner must grant anew.',
  ),
  intake_conflict: refused(
    409,
    'This grant already has another clip here.',
    'A grant is for one clip. If only one was made, a copy of this doorbell’s card or backup may be running: stop one of the two.',
  ),
  device_clone_clip: refused(
    409,
    '{device} has signed another clip for a grant that had one.',
    'A copy of its card or backup may be running, or it was restored to an older state. Ask its owner to stop one of the two and to enrol the other again with a new folder.',
  ),
  device_clone_turns: refused(
    409,
    'Two senders use tokens of {device} in turn for one clip.',
    'A copy of its card or backup may be running, or somebody has intercepted its tokens. Ask its owner to stop one of the two; let devices reach the bridge only by https.',
  ),
  intake_revoked: refused(410, 'The grant was revoked; the clip is deleted.', 'Nothing to do.'),
  intake_token_invalid: refused(
    403,
    'The upload token is not acceptable: {detail}',
    'The device must present a token for exactly this clip.',
  ),
  intake_length: refused(413, 'The upload is not of the announced length.', 'Send exactly the announced bytes.'),
  intake_hash: refused(
    422,
    'The uploaded bytes do not have the announced hash.',
    'The staged part was deleted; the device sends it again.',
  ),
  intake_offset: notReachableForNow(409, 'The upload continues at another offset.', 'Ask for that offset with HEAD.'),
  intake_structure: refused(
    422,
    'The clip’s file is not built as a doorbell builds it: {detail}',
    'The bridge deleted what it had received. Report this, with the version of the device.',
  ),
  intake_frame_count: refused(
    422,
    'The clip has more frames or sound than fit into its times: {detail}.',
    'A window holds at most 240 frames and 94 packets of sound a second. The device must make the clip anew.',
  ),
  intake_duration: refused(
    422,
    'The clip is longer than its grant allows: {detail}.',
    'Its frames must lie in its coverage, its sound in its window. The bridge deleted what it had received. Report this, with the version of the device.',
  ),
  intake_method: refused(
    422,
    'The clip’s method does not agree with its number of encoded frames: {detail}.',
    'A copy encodes no frame, a smart cut some, a re-encoding all. The device must make the clip anew.',
  ),
  intake_redaction: refused(
    422,
    'The clip’s manifest says that it is redacted, but not every frame was encoded again: {detail}.',
    'Every frame of a clip with blacked-out zones must be encoded again. The device must make the clip anew.',
  ),
  intake_coverage: refused(
    422,
    'The clip’s coverage does not agree with its frames: {detail}.',
    'Coverage reaches from its first frame to the end of its last. The device must make the clip anew.',
  ),
  intake_gaps: refused(
    422,
    'The clip’s gaps are not possible: {detail}.',
    'Gaps follow each other, and no frame lies in one. The device must make the clip anew.',
  ),
  intake_unencrypted: refused(
    422,
    'This bridge takes in only clips that are encrypted to their recipient.',
    'Nothing was taken in. Once the request or search names a key for encrypting clips, the owner can grant anew.',
  ),
  intake_full: notReachableForNow(507, 'The bridge has no space.', 'The upload is tried again later.'),
  access_reason_missing: wrongUsage(
    400,
    'Every access to a clip needs an officer and a reason.',
    'Sign `officer` (name or badge, 2 to 80 characters) and `reason` (3 to 200 characters) into the access token, each in one line with at least two letters or digits.',
  ),
  clip_unknown: refused(404, 'There is no such clip, or it is not for you.', 'Check the id.'),
  verdict_refused: refused(
    422,
    'The verdict on the clip is not acceptable: {detail}',
    'Only the recipient of an encrypted clip gives one: about exactly that clip, and signed with the key of the call.',
  ),
  credential_unavailable: notReachableForNow(
    503,
    'The registry has no fresh credential for this agency.',
    'Try again when the registry can be reached.',
  ),

  // vault
  vault_unreachable: notReachableForNow(
    503,
    'The vault cannot be reached: {detail}',
    'The clip stays at the bridge and is handed over by itself when the vault is back.',
  ),
  hand_over_refused: refused(
    422,
    'The vault refuses the clip: {detail}',
    'The clip stays at the bridge. If it is about a key or a receipt, compare vault.key in bridge.json with the vault’s key, and the ' +
      'bridge’s key with the one added at the vault. Report anything else with this text.',
  ),
  hand_over_unconfirmed: notReachableForNow(
    502,
    'The answer of the vault is not for this clip: {detail}',
    'Nothing is erased on such an answer; the hand-over is tried again.',
  ),
  recall_refused: refused(
    403,
    'The recall is not from this clip’s owner: {detail}',
    'Only an owner whom the device vouches for can take a clip back.',
  ),
  statement_missing: refused(
    409,
    'This clip was made before doorbells signed statements for agencies: it has only its full manifest, which names the home and is not shown.',
    'Fetch the clip itself. In a dispute, ask the bridge’s operator to open the full manifest with `doorsill bridge dispute`.',
  ),
  dispute_nothing_kept: refused(
    404,
    'No full manifest of this clip is kept here.',
    'Check the id. Nothing is kept of a revoked or refused clip; the owner who granted it has documents of their own.',
  ),
  evidence_unknown: refused(404, 'There is no such evidence, or it is not for you.', 'Check the id and the scopes.'),
  evidence_state: refused(
    409,
    'This cannot be done to evidence that is {state}: {detail}',
    'Look at the item again; it may have changed.',
  ),
  evidence_unopened: refused(
    409,
    'The vault shows nothing of this encrypted clip: its check {outcome} failed when the clip arrived.',
    'It is not what its home’s statement says. The item has the vault’s signed verdict; ask the owner for the clip again.',
  ),
  evidence_sealed: refused(
    409,
    'Only the recipient’s own key opens this clip; the vault does not have it.',
    'Download the encrypted file and its statement, and open them with `doorsill verify`, --key.',
  ),
  evidence_store_unreachable: notReachableForNow(
    503,
    'The evidence store {store} cannot be reached, or did not store what was sent: {detail}',
    'Start it or free space in it; senders keep what was not acknowledged and send it again by themselves.',
  ),
  evidence_store_unfit: machineFault(
    503,
    'The evidence store {store} is not suitable: {detail}',
    'Correct the s3 settings in vault.json, or the bucket; nothing in it was changed.',
  ),
  evidence_category: refused(
    422,
    'The retention category cannot be used like this: {detail}',
    'See the agency’s categories; `uncategorized` always stays.',
  ),
  vault_client_invalid: refused(
    401,
    'The client’s id, secret or address is not accepted.',
    'Have the vault’s operator issue a client for this agency and address.',
  ),
  vault_token_invalid: refused(
    401,
    'The access token is unknown, expired or from another address.',
    'Get a new one at /oauth2/token.',
  ),
  vault_scope_missing: refused(
    403,
    'The access token lacks the scope {scope}.',
    'Ask the vault’s operator for a client that has it.',
  ),
  vault_reason_missing: wrongUsage(
    400,
    'Every access to evidence needs an officer’s name and reason.',
    'Send the headers x-officer (name or badge, 2 to 80 characters) and x-reason (3 to 200 characters), each in one line with at least two letters or digits. Percent-encode what is not plain ASCII.',
  ),
  download_link_invalid: refused(
    410,
    'The download link is unknown, used or expired.',
    'Make a new one; each works once.',
  ),

  // audit
  query_export_invalid: unusableInput(
    422,
    'The file is not an export of queries: {detail}',
    'Export the queries as CSV (UTF-8, commas) with a header that names Org Name and Reason.',
  ),
  audit_agency_unmatched: refused(
    404,
    'The registry has no agency by the name {name}.',
    'Register it, or say which one is meant with --agency-names FILE.',
  ),
  audit_not_taken: notReachableForNow(
    502,
    'The registry’s list does not show what was ordered: {detail}',
    'Look at its revocation list; running the same command again is safe.',
  ),

  // search-party
  search_party_off: refused(
    409,
    'This home takes no part in Search Party.',
    'Turn it on with `doorsill search-party on`.',
  ),
  search_photo_invalid: unusableInput(
    422,
    'The photo cannot be used: {detail}',
    'Name a JPEG, PNG or WebP picture of the pet, of at most 8 MB.',
  ),
  search_limits: refused(409, 'The search was not accepted: {detail}', 'See the limits in `GET /v1/search-party`.'),
  search_unencrypted: refused(
    422,
    'This bridge publishes only searches whose clips are encrypted.',
    'Post it with a client that signs its key for encrypting clips into the search.',
  ),
  search_not_open: refused(
    409,
    'There is no such open search.',
    'It may have ended, or its pet was found; `doorsill search-party sightings` shows what is open.',
  ),
  search_poster_unknown: refused(
    403,
    'The bridge knows no home of this search’s signer: {detail}',
    'Post as the owner of a doorbell that is enrolled at this bridge.',
  ),
  sighting_unknown: refused(
    404,
    'This device has no still of that search.',
    'Stills are kept in memory until the search ends or the device restarts; `doorsill search-party sightings` lists them.',
  ),
  search_model_unusable: machineFault(
    422,
    'The model {file} cannot be used: {detail}',
    'Name a YOLOX model in ONNX form in searchParty.model, or none: likeness by colour and size needs no model.',
  ),
  search_runtime_missing: machineFault(
    500,
    'The model {file} needs a package that is not there: onnxruntime-node.',
    'Add it with `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`, or leave searchParty.model out.',
  ),
} as const;
