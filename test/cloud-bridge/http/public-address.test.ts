// No one can make our servers connect to an address that is not public: webhook addresses and applicants' domains are checked against
// IANA's special-purpose registries.
import type { LookupOptions } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { isAllowedAddress, lookupAllowed } from '../../../cloud-bridge/http/public-address.ts';

/** Each special range with its first and last address, and the addresses just outside where these are public. */
const SPECIAL: [range: string, first: string, last: string, outside: string[]][] = [
  ['0.0.0.0/8', '0.0.0.0', '0.255.255.255', ['1.0.0.0']],
  ['10.0.0.0/8', '10.0.0.0', '10.255.255.255', ['9.255.255.255', '11.0.0.0']],
  ['100.64.0.0/10', '100.64.0.0', '100.127.255.255', ['100.63.255.255', '100.128.0.0']],
  ['127.0.0.0/8', '127.0.0.0', '127.255.255.255', ['126.255.255.255', '128.0.0.0']],
  ['169.254.0.0/16', '169.254.0.0', '169.254.255.255', ['169.253.255.255', '169.255.0.0']],
  ['172.16.0.0/12', '172.16.0.0', '172.31.255.255', ['172.15.255.255', '172.32.0.0']],
  ['192.0.0.0/24', '192.0.0.0', '192.0.0.255', ['191.255.255.255', '192.0.1.0']],
  ['192.0.2.0/24', '192.0.2.0', '192.0.2.255', ['192.0.1.255', '192.0.3.0']],
  ['192.31.196.0/24', '192.31.196.0', '192.31.196.255', ['192.31.195.255', '192.31.197.0']],
  ['192.52.193.0/24', '192.52.193.0', '192.52.193.255', ['192.52.192.255', '192.52.194.0']],
  ['192.88.99.0/24', '192.88.99.0', '192.88.99.255', ['192.88.98.255', '192.88.100.0']],
  ['192.168.0.0/16', '192.168.0.0', '192.168.255.255', ['192.167.255.255', '192.169.0.0']],
  ['192.175.48.0/24', '192.175.48.0', '192.175.48.255', ['192.175.47.255', '192.175.49.0']],
  ['198.18.0.0/15', '198.18.0.0', '198.19.255.255', ['198.17.255.255', '198.20.0.0']],
  ['198.51.100.0/24', '198.51.100.0', '198.51.100.255', ['198.51.99.255', '198.51.101.0']],
  ['203.0.113.0/24', '203.0.113.0', '203.0.113.255', ['203.0.112.255', '203.0.114.0']],
  ['multicast', '224.0.0.0', '239.255.255.255', ['223.255.255.255']],
  ['reserved', '240.0.0.0', '255.255.255.255', []],
  ['unspecified and loopback', '::', '::1', []],
  ['IPv4-compatible', '::8.8.8.8', '::ffff', []],
  ['IPv4-mapped', '::ffff:0:0', '::ffff:255.255.255.255', []],
  ['IPv4-mapped, of a public address', '::ffff:8.8.8.8', '::ffff:808:808', []],
  ['NAT64', '64:ff9b::', '64:ff9b::ffff:ffff', []],
  ['NAT64 of one network', '64:ff9b:1::', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', []],
  ['discard only', '100::', '100::ffff:ffff:ffff:ffff', []],
  ['protocol assignments, Teredo among them', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:200::']],
  [
    'documentation',
    '2001:db8::',
    '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    ['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
  ],
  ['6to4', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['2003::']],
  ['AS112', '2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff', ['2620:4f:7fff::', '2620:4f:8001::']],
  ['documentation, the newer', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', ['3ffe:ffff::', '3fff:1000::']],
  ['SRv6 and all above global unicast', '4000::', '5f00::1', ['3fff:ffff::']],
  ['unique local', 'fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', []],
  ['link local', 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff', []],
  ['multicast', 'ff00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', []],
];
const PRIVATE = SPECIAL.flatMap(([, first, last]) => [first, last]);

describe('an address', () => {
  it.each(SPECIAL)('of %s (%s to %s) is refused, the addresses just outside are not', (_, first, last, outside) => {
    expect([first, last, ...outside].map((address) => isAllowedAddress(address, false))).toEqual([
      ...[false, false],
      ...outside.map(() => true),
    ]);
  });

  it.each(['8.8.8.8', '93.184.215.14', '2606:4700::1111'])('such as %s is allowed', (address) => {
    expect(isAllowedAddress(address, false)).toBe(true);
  });

  it.each(['no address', '', '127.1', '0x7f000001', 'fe80::1%eth0', '2606:4700::1111%1'])(
    '"%s" is not an address',
    (text) => {
      expect(isAllowedAddress(text, true)).toBe(false);
    },
  );

  it('of this machine is allowed where that is set, and no other private one', () => {
    const here = ['127.0.0.0', '127.255.255.255', '::1'];
    expect(PRIVATE.filter((address) => isAllowedAddress(address, true))).toEqual(here);
  });
});

describe('a name', () => {
  /** The outcome of a connection to a name that resolves to these addresses. */
  const looked = (found: string[], options: LookupOptions = { all: true }) =>
    new Promise<unknown>((resolve) => {
      const known = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      const lookup = lookupAllowed(false, (_name, _options, done) => done(null, known));
      lookup('agency.example', options, (fault, ...rest) => resolve(fault ? fault.message : rest));
    });

  it('is connected to at the same addresses that were checked', async () => {
    expect(await looked(['8.8.8.8', '2606:4700::1'])).toEqual([
      [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1', family: 6 },
      ],
    ]);
    expect(await looked(['8.8.8.8'], {})).toEqual(['8.8.8.8', 4]);
  });

  it('is refused when one of its addresses is not public, or it has none', async () => {
    for (const found of [['8.8.8.8', '192.0.2.1'], ['2002:a00:1::'], []])
      expect(await looked(found)).toBe('it has no address, or one that is not public');
  });
});
