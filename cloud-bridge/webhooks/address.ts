// Owns: which addresses a webhook may have: public ones over HTTPS, so that nobody makes the bridge connect to machines that only it
// can reach (SSRF). Not here: sending (send.ts).
import { BlockList, isIP } from 'node:net';
import { failure } from '../../device/protocol/errors.ts';

export const URL_LETTERS_MAX = 500;

/** From IANA's special-purpose registries: addresses that are not public. */
const NOT_PUBLIC = new BlockList();
for (const [network, bits] of [
  ...([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
  ] as const),
  ...([
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.31.196.0', 24],
    ['192.52.193.0', 24],
  ] as const),
  ...([
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['192.175.48.0', 24],
    ['198.18.0.0', 15],
  ] as const),
  ...([
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const),
]) {
  NOT_PUBLIC.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ...([
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['2620:4f:8000::', 48],
    ['3fff::', 20],
  ] as const),
]) {
  NOT_PUBLIC.addSubnet(network, bits, 'ipv6');
}
/** Global unicast (RFC 4291 §2.4): addresses outside, mapped and translated IPv4 included, are not public. */
const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether the bridge may connect to an IP address. `loopback`: whether this machine itself is allowed. */
export function isAllowedAddress(address: string, loopback: boolean): boolean {
  const kind = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0) return false;
  if (LOOPBACK.check(address, kind)) return loopback;
  if (kind === 'ipv6' && !GLOBAL.check(address, 'ipv6')) return false;
  return !NOT_PUBLIC.check(address, kind);
}

/** Parses and checks a webhook's address. Throws `webhook_address_refused`. */
export function webhookAddress(text: string, loopback: boolean): URL {
  const refuse = (detail: string) => failure('webhook_address_refused', { detail });
  if (text.length > URL_LETTERS_MAX || !URL.canParse(text)) throw refuse('it is no address');
  const url = new URL(text);
  const host = hostOf(url);
  const isHere = loopback && (host === 'localhost' || (isIP(host) !== 0 && isLoopback(host)));
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

function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
