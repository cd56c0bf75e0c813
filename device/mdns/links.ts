// Owns: on which networks of this machine a doorbell is announced: those of its own hardware, or those that its owner names. Not here:
// what is said there (records.ts).
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
 * The links of the interfaces called `named`; of none, those that are hardware, such as a cable or Wi-Fi: a tunnel to elsewhere and the
 * networks of containers are told nothing. Where the system does not say what is hardware, all but the loopback.
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

/** Whether a message from `sender` was sent on the link itself: one from elsewhere is not for us (RFC 6762 §11). */
export function isOnLink({ address, netmask }: MdnsLink, sender: string): boolean {
  const mask = numberOf(netmask);
  return (numberOf(address) & mask) === (numberOf(sender) & mask);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
}
