// The setting by which a bridge takes in no clip that it could read itself.
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';

export const UnencryptedClips = z.enum(['admitted', 'refused']);
export type UnencryptedClips = z.infer<typeof UnencryptedClips>;

/** Throws `code` where unencrypted clips are refused and these are, or would be, some. */
export function assertEncrypted(
  unencryptedClips: UnencryptedClips,
  isEncrypted: boolean,
  code: 'request_unencrypted' | 'search_unencrypted' | 'intake_unencrypted',
): void {
  if (unencryptedClips === 'refused' && !isEncrypted) throw failure(code);
}
