// Owns: the signature of a partner's webhook, as such webhooks are signed in the field: `X-Signature`, HMAC-SHA256 over the
// exact body. Not here: whose secret it is (partners.ts).
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The header's value for a body. */
export function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Whether a header signs the body under the secret; never under an empty one. */
export function isSignedBy(secret: string, body: string, header: string | undefined): boolean {
  const [wanted, given] = [Buffer.from(signatureOf(secret, body)), Buffer.from(header ?? '')];
  return secret !== '' && wanted.length === given.length && timingSafeEqual(wanted, given);
}
