import { failure } from '@doorsill/contract/errors';
import { assertOpen } from '../partners/partners.ts';
import type { StoredRequest } from './requests-store.ts';

/** Throws `request_not_live`, `partner_ended` or `partner_suspended` unless the request is published and its partner's channel open. */
export function assertAnswerable(request: StoredRequest | null): asserts request is StoredRequest {
  if (request?.partner) assertOpen(request.partner);
  if (request?.state !== 'published') throw failure('request_not_live');
}
