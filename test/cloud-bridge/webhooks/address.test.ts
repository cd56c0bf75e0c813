// Holds: no webhook makes the bridge speak to a machine that only the bridge can reach.
import { describe, expect, it } from 'vitest';
import { isAllowedAddress, webhookAddress } from '../../../cloud-bridge/webhooks/address.ts';

const PRIVATE = [
  ...[
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
  ],
  ...['192.0.2.7', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '255.255.255.255'],
  ...['::', '::1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '64:ff9b::a00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1'],
  ...['2001::1', '2001:db8::1', '2002:a00:1::', 'no address'],
];

describe('an address', () => {
  it.each(PRIVATE)('%s is not spoken to', (address) => {
    expect(isAllowedAddress(address, false)).toBe(false);
  });

  it.each(['8.8.8.8', '93.184.215.14', '172.32.0.1', '2606:4700::1111'])('%s is', (address) => {
    expect(isAllowedAddress(address, false)).toBe(true);
  });

  it('of this machine is spoken to where that is set, and no other private one', () => {
    expect(PRIVATE.filter((address) => isAllowedAddress(address, true))).toEqual(['127.0.0.1', '::1']);
  });
});

describe('a webhook', () => {
  const refused = (url: string, loopback = false) => {
    try {
      return webhookAddress(url, loopback).href;
    } catch (thrown) {
      return (thrown as { code: string }).code;
    }
  };
  it.each([
    ...['http://agency.example/', 'ftp://agency.example/', 'javascript:alert(1)', 'nothing', ''],
    ...['https://a:b@agency.example/', 'https://agency.example/#x', 'https://localhost/', 'https://127.0.0.1/'],
    ...[
      'https://0x7f000001/',
      'https://2130706433/',
      'https://[::1]/',
      'https://[::ffff:7f00:1]/',
      'https://10.0.0.1:8443/',
    ],
    `https://agency.example/${'x'.repeat(500)}`,
  ])('cannot be at %s', (url) => {
    expect(refused(url)).toBe('webhook_address_refused');
  });

  it('is at a public https:// address, on this machine only where that is set', () => {
    expect(refused('https://agency.example/hook?case=1')).toBe('https://agency.example/hook?case=1');
    expect(refused('http://127.0.0.1:8080/hook', true)).toBe('http://127.0.0.1:8080/hook');
    expect(refused('http://localhost:8080/hook', true)).toBe('http://localhost:8080/hook');
    expect(refused('http://agency.example/hook', true)).toBe('webhook_address_refused');
    expect(refused('http://127.0.0.1.agency.example/hook', true)).toBe('webhook_address_refused');
  });
});
