// A row of the bridge's requests for tests of the stores, published unless a test says otherwise.
import type { StoredRequest } from '../../cloud-bridge/requests/requests-store.ts';
import { sha256Hex } from '../../device/base/keys.ts';

/** Numbers that no test of something else comes near. */
export const PLENTY = { postsMax: 1_000_000, openPerCellMax: 1_000_000, waitingPerAgencyMax: 1_000_000, nowS: 0 };

export function storedRequest(changes: Partial<StoredRequest> = {}): StoredRequest {
  return {
    request: 'request-a',
    agency: 'agency-a',
    agencyKey: 'k',
    organisation: 'agency-a',
    token: 't',
    tokenSha256: sha256Hex('t'),
    publication: 'p',
    investigation: 'i',
    cells: ['9q8yy'],
    state: 'published',
    revision: 1,
    findings: [],
    reason: null,
    moderator: null,
    partner: null,
    submittedS: 1,
    publishedS: 1,
    expiresS: 1_000,
    ...changes,
  };
}
