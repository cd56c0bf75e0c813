import { sha256Hex } from '@doorsill/base/keys';
import { failure } from '@doorsill/contract/errors';
import { Request } from '@doorsill/contract/request';
import { recipientOf } from '@doorsill/contract/request-or-search';
import type { AgencyCredentials } from '../agencies/registry-credentials.ts';
import type { AnswerableRequest, AnswerableStore } from '../intake/answerable-request.ts';
import { assertOpen } from '../partners/partners.ts';
import { peekToken } from '../signing/verify-token.ts';
import type { RequestStore, StoredRequest } from './requests-store.ts';

export class RequestsForIntake implements AnswerableStore {
  private readonly store: RequestStore;
  private readonly standing: AgencyCredentials;

  constructor(store: RequestStore, standing: AgencyCredentials) {
    this.store = store;
    this.standing = standing;
  }

  async find(request: string): Promise<AnswerableRequest> {
    const stored = await this.store.find(request);
    assertAnswerable(stored);
    const claims = peekToken(stored.token, Request);
    return {
      id: request,
      tokenSha256: stored.tokenSha256,
      recipient: recipientOf(claims, sha256Hex),
      window: claims.window,
      profile: claims.profile,
      expS: claims.exp,
      admit: async () => {
        const { claims: credential } = await this.standing.credential(stored.agency);
        const check = () => this.standing.assertGood(credential, stored.cells);
        check();
        return check;
      },
    };
  }
}

/**
 * The agency, across its keys, that a clip was granted to: the one that made the request. Another agency's request with the same id does
 * not count.
 */
export async function organisationOf(
  requests: Pick<RequestStore, 'find'>,
  { request, agency }: { request: string; agency: string },
): Promise<string> {
  const asked = await requests.find(request);
  return asked?.agency === agency ? asked.organisation : agency;
}

/** Throws `request_not_live`, `partner_ended` or `partner_suspended` unless the request is published and its partner's channel open. */
export function assertAnswerable(request: StoredRequest | null): asserts request is StoredRequest {
  if (request?.partner) assertOpen(request.partner);
  if (request?.state !== 'published') throw failure('request_not_live');
}
