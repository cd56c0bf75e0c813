// Gives an owner the content key of an encrypted clip that this owner granted, for a dispute about what was sent.
import { type Clock, wallSeconds } from '@doorsill/base/clock';
import { verifySignature } from '@doorsill/base/keys';
import { toBase64url } from '@doorsill/contract/bytes';
import { failure, TOKEN_FAULT_CODES } from '@doorsill/contract/errors';
import { openToken } from '@doorsill/contract/jws';
import { ContentKeyCall } from '@doorsill/contract/owner-orders';
import type { OwnersContentKey } from '@doorsill/contract/sealing';
import { LIFE_S_MAX } from '@doorsill/contract/shared-claims';
import type { ConsentGate } from '../consent/gate.ts';
import { sentClipsOf } from '../consent/sent-clips.ts';
import type { Outbox } from './outbox.ts';

export interface ContentKeyDeps {
  clock: Clock;
  device: { id: string };
  gate: Pick<ConsentGate, 'sentClips' | 'damaged'>;
  outbox: Pick<Outbox, 'contentKeyOf'>;
}

/**
 * The content key for an owner's signed call. `owner`: the key of the session that it came in. Throws `token_...`,
 * `consent_ledger_damaged`, `departure_unknown`, `content_key_of_another`, `content_key_unknown`, `outbox_unusable`.
 */
export async function releaseContentKey(
  { clock, device, gate, outbox }: ContentKeyDeps,
  owner: string,
  { grant, call }: { grant: string; call: string },
): Promise<OwnersContentKey> {
  const opened = openToken(call, {
    typ: 'doorsill-content-key+jws',
    schema: ContentKeyCall,
    audience: device.id,
    keys: [owner],
    verify: verifySignature,
  });
  if (!opened.ok) throw failure(TOKEN_FAULT_CODES[opened.fault]);
  const { claims } = opened;
  const lifeS = LIFE_S_MAX.contentKeyCall;
  const nowS = wallSeconds(clock);
  if (claims.exp <= nowS || claims.exp - claims.iat > lifeS || claims.iat > nowS + lifeS)
    throw failure('token_expired');
  if (claims.grant !== grant) throw failure('token_unknown_claims');
  const { grantedBy, clip } = sentClipsOf(gate).under(grant);
  if (grantedBy !== owner) throw failure('content_key_of_another');
  const kept = clip.sealed ? await outbox.contentKeyOf(grant) : null;
  if (!kept || kept.clipSha256 !== clip.sha256) throw failure('content_key_unknown');
  return { grant, clipSha256: kept.clipSha256, contentKey: toBase64url(kept.contentKey.secret) };
}
