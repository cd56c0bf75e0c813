// No webhook makes the bridge connect to an address that only the bridge can reach.
import { describe, expect, it } from 'vitest';
import { webhookAddress } from '../../../cloud-bridge/webhooks/send-webhook.ts';

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

  it('can be at a public https:// address, on this machine only where that is set', () => {
    expect(refused('https://agency.example/hook?case=1')).toBe('https://agency.example/hook?case=1');
    expect(refused('http://127.0.0.1:8080/hook', true)).toBe('http://127.0.0.1:8080/hook');
    expect(refused('http://localhost:8080/hook', true)).toBe('http://localhost:8080/hook');
    expect(refused('http://agency.example/hook', true)).toBe('webhook_address_refused');
    expect(refused('http://127.0.0.1.agency.example/hook', true)).toBe('webhook_address_refused');
  });
});
