import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { DigestLogin, REALM } from '../../../sim/camera-server/digest-login.ts';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const URI = 'rtsp://127.0.0.1/porch';
const isUri = (uri: string) => uri === URI;

/** A header as clients send it (RFC 2617 §3.2.2, without qop). */
function header(
  challenge: string,
  { user = 'anna', password = 'ge:heim', method = 'DESCRIBE', realm = REALM } = {},
): string {
  const nonce = /nonce="([0-9a-f]+)"/.exec(challenge)?.[1] ?? '';
  const response = md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:${md5(`${method}:${URI}`)}`);
  return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${URI}", response="${response}"`;
}

describe('a digest login', () => {
  const clock = new ManualClock(0);
  const login = new DigestLogin({ user: 'anna', password: 'ge:heim' }, { clock, random: new SeededRandom(1) });

  it('accepts only a proof of the password', () => {
    const challenge = login.challenge(false);
    expect(login.accepts('DESCRIBE', header(challenge), isUri)).toBe('yes');
    expect(login.accepts('DESCRIBE', header(challenge, { password: 'falsch' }), isUri)).toBe('no');
    expect(login.accepts('DESCRIBE', header(challenge, { user: 'otto' }), isUri)).toBe('no');
    expect(login.accepts('DESCRIBE', header(challenge, { realm: 'other' }), isUri)).toBe('no');
    expect(login.accepts('DESCRIBE', header(challenge), () => false)).toBe('elsewhere');
    expect(login.accepts('DESCRIBE', header(challenge, { password: 'falsch' }), () => false)).toBe('no');
    // A proof for one method is not valid for another.
    expect(login.accepts('SETUP', header(challenge), isUri)).toBe('no');
  });

  it.each([undefined, '', 'Basic YW5uYTpnZTpoZWlt', 'Digest', 'Digest username="anna"', `Digest ${'x'.repeat(9_000)}`])(
    'takes %j for no proof',
    (text) => {
      expect(login.accepts('DESCRIBE', text, isUri)).toBe('no');
    },
  );

  it('refuses challenges that are old or not its own', async () => {
    const challenge = login.challenge(false);
    await clock.advance(300_001);
    expect(login.accepts('DESCRIBE', header(challenge), isUri)).toBe('stale');
    expect(login.accepts('DESCRIBE', header('nonce="0123456789abcdef"'), isUri)).toBe('stale');
    const fresh = login.challenge(true);
    expect(fresh).toContain('stale=TRUE');
    expect(login.accepts('DESCRIBE', header(fresh), isUri)).toBe('yes');
  });

  it('remembers a thousand challenges at most', () => {
    const first = login.challenge(false);
    for (let left = 1_000; left > 0; left -= 1) login.challenge(false);
    expect(login.accepts('DESCRIBE', header(first), isUri)).toBe('stale');
  });
});
