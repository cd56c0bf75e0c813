// Owns: the failures of the hand-over to the vault, and the vault itself. Not here: the one closed table (../errors.ts).
import { machineFault, refused, unreachableForNow, wrongUsage } from './kinds.ts';

export const vaultErrors = {
  vault_unreachable: unreachableForNow(
    503,
    'The vault cannot be reached: {detail}',
    'The clip stays at the bridge and is handed over by itself when the vault is back.',
  ),
  hand_over_refused: refused(
    422,
    'The vault does not take this: {detail}',
    'The clip stays at the bridge; compare the keys that bridge and vault have pinned.',
  ),
  hand_over_unconfirmed: unreachableForNow(
    502,
    'The answer of the vault is not for this clip: {detail}',
    'Nothing is erased on such a word; it is tried again.',
  ),
  recall_refused: refused(
    403,
    'The recall is not the word of this clip’s owner: {detail}',
    'Only an owner whom the device vouches for can take a clip back.',
  ),
  statement_missing: refused(
    409,
    'This clip came before there were statements: its full manifest names the home and is not shown.',
    "The clip itself can be fetched. In a dispute the bridge's operator can open the full manifest: doorsill dispute.",
  ),
  dispute_nothing_kept: refused(
    404,
    'No full manifest of this clip is kept here.',
    'Check the id. Of a clip that was taken back or refused nothing is kept; the owner who granted has their own papers.',
  ),
  evidence_unknown: refused(404, 'There is no such evidence for you.', 'Check the id and the scopes.'),
  evidence_state: refused(
    409,
    'This cannot be done to evidence that is {state}: {detail}',
    'Look at the item again; it may have changed.',
  ),
  evidence_store_unreachable: unreachableForNow(
    503,
    'The store of evidence {store} cannot be reached or did not keep what it was given: {detail}',
    'Start it or free space in it; what was not acknowledged is still with the sender, which sends it again by itself.',
  ),
  evidence_store_unfit: machineFault(
    503,
    'The store of evidence {store} cannot keep what it is for: {detail}',
    'Correct the s3 settings in vault.json, or the bucket; nothing in it was changed.',
  ),
  evidence_category: refused(
    422,
    'The retention category cannot be used so: {detail}',
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
    'Send the headers x-officer and x-reason, percent-encoded where they are not plain ASCII: 2 to 80 and 3 to 200 letters in one line, at least two of them letters or digits.',
  ),
  download_link_invalid: refused(
    410,
    'The download link is unknown, used or expired.',
    'Make a new one; each works once.',
  ),
} as const;
