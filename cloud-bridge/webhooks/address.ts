import { isIP } from 'node:net';
import { failure } from '@doorsill/contract/errors';
import { isAllowedAddress, isLoopbackAddress } from '../http/public-address.ts';

export const URL_LETTERS_MAX = 500;

/** Parses a webhook's address, which must be public and over HTTPS. Throws `webhook_address_refused`. */
export function webhookAddress(text: string, loopback: boolean): URL {
  const refuse = (detail: string) => failure('webhook_address_refused', { detail });
  if (text.length > URL_LETTERS_MAX || !URL.canParse(text)) throw refuse('it is not a URL');
  const url = new URL(text);
  const host = hostOf(url);
  const isHere = loopback && (host === 'localhost' || isLoopbackAddress(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere)) throw refuse('it is not https://');
  if (url.username !== '' || url.password !== '') throw refuse('it holds a name or a password');
  if (url.hash !== '') throw refuse('it has a fragment');
  if (isIP(host) !== 0 && !isAllowedAddress(host, loopback)) throw refuse('it is not a public address');
  if (host === 'localhost' && !loopback) throw refuse('it is not a public address');
  return url;
}

/** The host's name or address, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
