import { secretSchema } from '@doorsill/contract/console-messages';
import { sha256Schema } from '@doorsill/contract/ids';

/** What the device's pairing code holds. It stands in the address behind `#`, which browsers do not send. */
export interface PairingCode {
  token: string;
  /** SHA-256 of the device's certificate; null for a server on this machine. */
  fingerprint: string | null;
}

/** The code in an address's fragment, to pair with a doorbell or to set one up; null if there is none. */
export function pairingCodeIn(fragment: string, kind: 'pair' | 'setup' = 'pair'): PairingCode | null {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''));
  const token = secretSchema.safeParse(fields.get(kind));
  if (!token.success) return null;
  const fingerprint = sha256Schema.safeParse(fields.get('sha256'));
  return { token: token.data, fingerprint: fingerprint.success ? fingerprint.data : null };
}
