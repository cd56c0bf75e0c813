// Addresses that somebody else named (webhooks, domain proofs) must be public: otherwise a caller could make the server connect to machines
// that only the server can reach (SSRF).
import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** IANA's special-purpose registries (RFC 6890) and multicast. */
const NOT_PUBLIC_IPV4 = listOf('ipv4', [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]);
/** Global unicast (RFC 4291 §2.4): addresses outside, mapped and translated IPv4 included, are not public. */
const GLOBAL = listOf('ipv6', ['2000::/3']);
const NOT_PUBLIC_IPV6 = listOf('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']);
const LOOPBACK = { ipv4: listOf('ipv4', ['127.0.0.0/8']), ipv6: listOf('ipv6', ['::1/128']) };

function listOf(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const [network = '', bits] of networks.map((one) => one.split('/')))
    list.addSubnet(network, Number(bits), family);
  return list;
}

/** Whether it is a loopback IP address. */
export function isLoopbackAddress(address: string): boolean {
  if (isIP(address) === 4) return LOOPBACK.ipv4.check(address, 'ipv4');
  return isPlainIpv6(address) && LOOPBACK.ipv6.check(address, 'ipv6');
}

/** Whether an IP address is public; `loopback` allows loopback addresses, too. */
export function isAllowedAddress(address: string, loopback: boolean): boolean {
  if (isLoopbackAddress(address)) return loopback;
  if (isIP(address) === 4) return !NOT_PUBLIC_IPV4.check(address, 'ipv4');
  return isPlainIpv6(address) && GLOBAL.check(address, 'ipv6') && !NOT_PUBLIC_IPV6.check(address, 'ipv6');
}

/** An address with a zone is reached over one of this machine's links, and not public (RFC 4007 §6). */
const isPlainIpv6 = (address: string) => isIP(address) === 6 && !address.includes('%');

type Resolve = (
  name: string,
  options: LookupAllOptions,
  done: (fault: Error | null, found: LookupAddress[]) => void,
) => void;

/** Resolves a name for a connection, which then goes to the address that was checked. Node calls it for names only, not for addresses. */
export function lookupAllowed(loopback: boolean, resolve: Resolve = lookup): LookupFunction {
  return (name, options, done) => {
    resolve(name, { ...options, all: true }, (fault, found) => {
      if (fault) return done(fault, '', 0);
      const [first] = found;
      // One forbidden address disqualifies the name: a public server has none.
      if (!first || !found.every(({ address }) => isAllowedAddress(address, loopback))) {
        const refused = new Error('it has no address, or one that is not public');
        return done(Object.assign(refused, { code: 'EADDRNOTAVAIL' }), '', 0);
      }
      if (options.all === true) return done(null, found);
      done(null, first.address, first.family);
    });
  };
}
