// Which addresses count as one caller, and lists of addresses.
import { BlockList, isIP } from 'node:net';

/**
 * The name under which an address is counted: an IPv4 address itself, also when mapped into IPv6 (RFC 4291 §2.5.5.2); for
 * IPv6 its /64, because one subscriber controls that whole network (RFC 6177). All spellings of an address give the same name.
 */
export function networkOf(ip: string): string {
  const [address = ''] = ip.split('%');
  if (isIP(address) !== 6) return address;
  // The URL parser normalises every spelling of an address (RFC 5952).
  const { hostname } = new URL(`http://[${address}]/`);
  const groups = groupsOf(hostname.slice(1, -1));
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const network = groups.slice(0, 4).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

/**
 * The network of a whole site: the /24 of an IPv4 address, the /48 of an IPv6 one (RFC 6177 §2). For limiting calls that few people at one
 * site have a reason to make.
 */
export function siteOf(ip: string): string {
  const network = networkOf(ip);
  if (!network.endsWith('::/64')) return network.replace(/\.\d+$/, '.0/24');
  return `${network.slice(0, -'::/64'.length).split(':').slice(0, 3).join(':')}::/48`;
}

/** Whether an address is in a list of addresses and of networks in CIDR notation. */
export function addressList(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of entries) {
    const [network = '', bits] = entry.split('/');
    const kind = isIP(network) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(network, kind);
    else list.addSubnet(network, Number(bits), kind);
  }
  return (address) => {
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
  };
}

function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const numbers = (text: string) =>
    text.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]));
  const [before, behind] = [numbers(head), numbers(tail ?? '')];
  return [...before, ...Array<number>(8 - before.length - behind.length).fill(0), ...behind];
}
