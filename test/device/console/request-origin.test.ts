import { describe, expect, it } from 'vitest';
import { type OriginRules, ownOrigin, type RequestHeaders } from '../../../device/console/request-origin.ts';

const HERE: OriginRules = { scheme: 'http:', loopbackOnly: true, names: [] };
const HOME: OriginRules = { scheme: 'https:', loopbackOnly: false, names: ['porch.local'] };

function said(headers: RequestHeaders, rules = HERE): string {
  try {
    return ownOrigin(headers, rules);
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  }
}

describe('the host name of a request', () => {
  it.each([
    ['localhost:8480', 'http://localhost:8480'],
    ['LocalHost:8480', 'http://localhost:8480'],
    ['127.0.0.1:8480', 'http://127.0.0.1:8480'],
    ['[::1]:8480', 'http://[::1]:8480'],
    ['localhost', 'http://localhost'],
  ])('may be this machine: %s', (host, origin) => {
    expect(said({ host })).toBe(origin);
  });

  it.each([
    ...[undefined, '', 'evil.example', 'evil.example:8480', 'localhost.evil.example', 'localhost.', 'porch.local'],
    ...['192.168.1.20:8480', '[fe80::1]:8480', '127.0.0.2', '[::ffff:127.0.0.1]', '0.0.0.0:8480', '2130706433'],
    ...[
      'localhost:8480@evil.example',
      'localhost:',
      'localhost:123456',
      'localhost/x',
      'localhost, evil.example',
      '[::1',
    ],
    ...['user@localhost', ' localhost', 'localhost\u0000', '::1', '1', '[localhost]', 'lócalhost'],
  ])('is refused by a server for this machine only: %s', (host) => {
    expect(said({ host })).toBe('console_host_refused');
  });

  it.each([
    ['192.168.1.20:8480', 'https://192.168.1.20:8480'],
    ['[fd00::20]:8480', 'https://[fd00::20]:8480'],
    ['porch.local:8480', 'https://porch.local:8480'],
    ['PORCH.local', 'https://porch.local'],
    ['localhost:8480', 'https://localhost:8480'],
  ])('may be an IP address or a listed name on the home network: %s', (host, origin) => {
    expect(said({ host }, HOME)).toBe(origin);
  });

  it.each(['evil.example', 'porch.local.evil.example', 'xporch.local', '192.168.1.20.evil.example', '[::g]', '1.2.3'])(
    'is refused if somebody else can resolve it: %s',
    (host) => {
      expect(said({ host }, HOME)).toBe('console_host_refused');
    },
  );
});

describe('the page that sent a request', () => {
  const host = 'localhost:8480';

  it('may be the server’s own, or absent', () => {
    const own = 'http://localhost:8480';
    expect(said({ host })).toBe(own);
    expect(said({ host, origin: own, 'sec-fetch-site': 'same-origin' })).toBe(own);
    expect(said({ host, 'sec-fetch-site': 'none' })).toBe(own);
  });

  it.each([
    ...['null', 'http://localhost', 'http://localhost:3000', 'https://localhost:8480', 'http://127.0.0.1:8480'],
    ...[
      'http://evil.example',
      'http://localhost:8480.evil.example',
      'http://localhost:8480/',
      'HTTP://LOCALHOST:8480',
      '',
    ],
    'http://localhost:8480, http://evil.example',
  ])('is refused if its origin is another: %s', (origin) => {
    expect(said({ host, origin })).toBe('console_origin_refused');
  });

  it.each([['cross-site'], ['same-site'], [''], ['same-origin, cross-site'], [['same-origin', 'cross-site']]])(
    'is refused if the browser says that it is of another site, whatever its origin: %s',
    (site) => {
      const headers = { host, origin: 'http://localhost:8480', 'sec-fetch-site': site };
      expect(said(headers)).toBe('console_origin_refused');
    },
  );

  it.each(['cross-site', 'same-site'])('may link to the page itself, for a browser to open: %s', (site) => {
    const link = { host, 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(ownOrigin(link, HERE, true)).toBe('http://localhost:8480');
    expect(said(link)).toBe('console_origin_refused');
  });

  it.each<[string, RequestHeaders]>([
    ['to frame it', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    ['to read it', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['to fetch it as a document', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'document' }],
    ['to load it as something else', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['without saying how', {}],
    [
      'to send it something',
      { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', origin: 'http://evil.example' },
    ],
    ['to another name', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', host: 'evil.example' }],
  ])('may not reach the page itself %s', (_what, headers) => {
    expect(() => ownOrigin({ host, 'sec-fetch-site': 'cross-site', ...headers }, HERE, true)).toThrow();
  });

  it('is refused under another scheme', () => {
    expect(said({ host: 'porch.local', origin: 'http://porch.local' }, HOME)).toBe('console_origin_refused');
  });
});
