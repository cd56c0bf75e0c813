// The networks that a doorbell is announced on: those of the machine's own hardware, or those that its owner names.
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';

/** An address of this machine on a network. */
export interface MdnsLink {
  address: string;
  netmask: string;
}

const SYSTEM_FOLDER = '/sys/class/net';

/**
 * The links of the interfaces `named`. Without names, those of hardware such as Ethernet or Wi-Fi, but not tunnels and container
 * networks; where the system does not say which interfaces are hardware, all but the loopback.
 */
export async function linksOf(
  disk: Pick<Disk, 'list'>,
  named: readonly string[],
  interfaces = networkInterfaces(),
): Promise<MdnsLink[]> {
  const isKnown = named.length === 0 && (await disk.list(SYSTEM_FOLDER)).length > 0;
  const links: MdnsLink[] = [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (named.length > 0 && !named.includes(name)) continue;
    if (isKnown && !(await disk.list(join(SYSTEM_FOLDER, name))).includes('device')) continue;
    for (const { family, internal, address, netmask } of addresses)
      if (family === 'IPv4' && (!internal || named.length > 0)) links.push({ address, netmask });
  }
  return links;
}

/** Whether `sender` is on the link: messages from elsewhere are ignored (RFC 6762 §11). */
export function isOnLink({ address, netmask }: MdnsLink, sender: string): boolean {
  const mask = numberOf(netmask);
  return (numberOf(address) & mask) === (numberOf(sender) & mask);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
}
