import { expect, it } from 'vitest';
import { ManualClock } from '../../../../device/base/clock.ts';
import { readMessage, SoapFault } from '../../../../sim/camera-server/onvif/soap.ts';
import { Logins } from '../../../../sim/camera-server/onvif/username-token.ts';
import { XmlFault } from '../../../../sim/camera-server/onvif/xml.ts';
import { ACCOUNT, envelope, START_US, security, type TokenParts } from './support/onvif-caller.ts';

const header = (text: string) => readMessage(Buffer.from(envelope('<a/>', text)), 'application/soap+xml').header;
const stamp = (offsetS: number) => new Date(START_US / 1_000 + offsetS * 1_000).toISOString();

function makeLogins() {
  const clock = new ManualClock(START_US);
  return { clock, logins: new Logins(ACCOUNT, clock) };
}

it('accepts the example of ONVIF’s Application Programmer’s Guide', () => {
  const clock = new ManualClock(Date.UTC(2010, 8, 16, 7, 50, 45) * 1_000);
  const logins = new Logins({ user: 'user', password: 'userpassword' }, clock);
  const nonce = Buffer.from('LKqI6G/AikKCQrN0zqZFlg==', 'base64');
  const token = security({ user: 'user', password: 'userpassword', nonce, created: '2010-09-16T07:50:45Z' });
  expect(token).toContain('tuOSpGlFlIXsozq4HFNeeGeFLEI=');
  logins.accept(header(token));
});

it.each<[string, TokenParts | string]>([
  ['no login', ''],
  ['another user', { user: 'someone' }],
  ['another password', { password: 'pass' }],
  ['a plain password', { type: 'PasswordText' }],
  ['a short nonce', { nonce: Buffer.alloc(7) }],
  ['a long nonce', { nonce: Buffer.alloc(129) }],
  ['one that is too old', { created: stamp(-61) }],
  ['one of the future', { created: stamp(61) }],
  ['a time without a zone', { created: '2026-11-27T12:00:00' }],
  ['a time that is none', { created: '2026-11-27T99:00:00Z' }],
  ['a nonce that is no Base64', security().replace(/(<w:Nonce[^>]*>)/, '$1!!')],
  ['a nonce in another encoding', security().replace('#Base64Binary', '#HexBinary')],
  ['an empty digest', security().replace(/(<w:Password[^>]*>)[^<]*/, '$1')],
])('refuses %s with the same message as the others', (_what, token) => {
  const { logins } = makeLogins();
  const text = typeof token === 'string' ? token : security(token);
  expect(() => logins.accept(header(text))).toThrow(new SoapFault('login'));
});

it('refuses a header with two passwords', () => {
  const { logins } = makeLogins();
  const doubled = security().replace(/<w:Password.*<\/w:Password>/, '$&$&');
  expect(() => logins.accept(header(doubled))).toThrow(XmlFault);
});

it('accepts a token once, also at the edges of its minute, and not again after the clock was set back', () => {
  const { clock, logins } = makeLogins();
  for (const created of [stamp(-60), stamp(0), stamp(60)]) {
    const token = header(security({ created }));
    logins.accept(token);
    expect(() => logins.accept(token)).toThrow(SoapFault);
    clock.setWallUs(START_US + 3_600_000_000);
    expect(() => logins.accept(token)).toThrow(SoapFault);
    clock.setWallUs(START_US);
    expect(() => logins.accept(token)).toThrow(SoapFault);
  }
});

it('refuses logins while 5,000 could be replayed, and drops those that could not', () => {
  const { clock, logins } = makeLogins();
  const first = header(security());
  logins.accept(first);
  for (let at = 1; at < 5_000; at += 1) logins.accept(header(security()));
  expect(() => logins.accept(header(security()))).toThrow(SoapFault);
  clock.setWallUs(START_US + 61_000_000);
  logins.accept(header(security({ created: stamp(61) })));
  expect(() => logins.accept(first)).toThrow(SoapFault);
});
