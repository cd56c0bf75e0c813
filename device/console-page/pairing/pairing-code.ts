// Owns: reading the pairing code from the page's address, where it stands behind `#` so that it never travels. Pure. Not here: offering it
// (pairing-page.tsx).
import { secretSchema } from '@doorsill/contract/console-messages';
import { sha256Schema } from '@doorsill/contract/ids';

export interface PairingCode {
  token: string;
  /** SHA-256 of the certificate that the device draws; null on its own machine. */
  fingerprint: string | null;
}

/** The code in an address's fragment; null when there is none. */
export function pairingCodeIn(fragment: string): PairingCode | null {
  const said = new URLSearchParams(fragment.replace(/^#/, ''));
  const token = secretSchema.safeParse(said.get('pair'));
  if (!token.success) return null;
  const fingerprint = sha256Schema.safeParse(said.get('sha256'));
  return { token: token.data, fingerprint: fingerprint.success ? fingerprint.data : null };
}
