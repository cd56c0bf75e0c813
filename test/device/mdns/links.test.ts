import type { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { isOnLink, linksOf } from '../../../device/mdns/links.ts';

type Found = ReturnType<typeof networkInterfaces>;

const one = (address: string, internal = false) => {
  const shared = { address, netmask: '255.255.255.0', mac: '', internal, cidr: null };
  return [
    { ...shared, family: 'IPv4' as const },
    { ...shared, address: 'fe80::1', family: 'IPv6' as const, scopeid: 1 },
  ];
};
const found: Found = {
  lo: one('127.0.0.1', true),
  eth0: one('192.168.1.20'),
  wg0: one('10.9.0.2'),
  docker0: one('172.17.0.1'),
};
/** A system on which only the cable is hardware. */
const system = (hasFolder = true) => ({
  list: async (path: string) => {
    if (!hasFolder) return [];
    return path === '/sys/class/net'
      ? ['docker0', 'eth0', 'lo', 'wg0']
      : ['address', ...(path.endsWith('/eth0') ? ['device'] : [])];
  },
});

it('announces on hardware alone: no tunnel and no container network gets the name', async () => {
  expect(await linksOf(system(), [], found)).toEqual([{ address: '192.168.1.20', netmask: '255.255.255.0' }]);
});

it('announces where the owner says', async () => {
  const links = await linksOf(system(), ['wg0', 'lo', 'eth9'], found);
  expect(links.map(({ address }) => address)).toEqual(['127.0.0.1', '10.9.0.2']);
});

it('announces on all but the loopback where the system does not tell what is hardware', async () => {
  const links = await linksOf(system(false), [], found);
  expect(links.map(({ address }) => address)).toEqual(['192.168.1.20', '10.9.0.2', '172.17.0.1']);
});

it('knows which hosts are on the same network', () => {
  const link = { address: '192.168.1.20', netmask: '255.255.255.128' };
  const senders = ['192.168.1.1', '192.168.1.127', '192.168.1.128', '10.0.0.1', '203.0.113.9'];
  expect(senders.map((sender) => isOnLink(link, sender))).toEqual([true, true, false, false, false]);
});
