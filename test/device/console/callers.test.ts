import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSigningKey, sha256Hex } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { type CallerHeaders, Callers, sessionCookie } from '../../../device/console/callers.ts';
import { OwnerSessions } from '../../../device/console/owner-sessions.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { sessionProofInput, type Viewer } from '../../../device/contract/console-messages.ts';

const TOKEN = 'A'.repeat(22);
const random = new SystemRandom();
const key = generateSigningKey(random);

let owners: { key: string; name: string }[];
let viewers: Map<string, Viewer>;
let callers: Callers;
let secrets: { cookie: string; header: string };
beforeEach(() => {
  owners = [{ key: key.publicKey, name: 'Anna' }];
  viewers = new Map([
    ['tablet', { viewer: 'tablet', name: 'Kitchen', rights: ['live'], tokenSha256: sha256Hex(TOKEN) }],
  ]);
  const sessions = new OwnerSessions({ clock: new ManualClock(0), random, device: 'device-1', owners: () => owners });
  callers = new Callers('device-1', sessions, (id) => viewers.get(id) ?? null);
  const challenge = sessions.challenge();
  const proof = toBase64url(key.sign(sessionProofInput('device-1', 'http://localhost', challenge, key.publicKey)));
  secrets = sessions.open({ key: key.publicKey, challenge, proof }, 'http://localhost');
});

/** The caller by these headers: role and id, null for nobody, or the refusal's code. */
function who(headers: CallerHeaders): string | null {
  try {
    const caller = callers.callerOf(headers);
    return caller && `${caller.role} ${caller.id}`;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  }
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
const cookieOf = (value: string, device = 'device-1') => `doorsill-session-${device}=${value}`;

describe('an owner', () => {
  it('is identified by cookie and header together, and has every right', () => {
    const headers = { cookie: cookieOf(secrets.cookie), 'x-doorsill-session': secrets.header };
    expect(who(headers)).toBe(`owner ${key.publicKey}`);
    expect(callers.callerOf(headers)?.rights).toEqual(['live', 'stills', 'history']);
  });

  it('is nobody by the cookie alone, which every port of the machine gets', () => {
    expect(who({ cookie: cookieOf(secrets.cookie) })).toBeNull();
  });

  it.each<[string, () => CallerHeaders]>([
    ['the header alone', () => ({ 'x-doorsill-session': secrets.header })],
    ['another cookie', () => ({ cookie: cookieOf(TOKEN), 'x-doorsill-session': secrets.header })],
    ['another header', () => ({ cookie: cookieOf(secrets.cookie), 'x-doorsill-session': TOKEN })],
    ['an empty header', () => ({ cookie: cookieOf(secrets.cookie), 'x-doorsill-session': '' })],
    ['two headers', () => ({ cookie: cookieOf(secrets.cookie), 'x-doorsill-session': [secrets.header, TOKEN] })],
    [
      'a cookie whose name merely ends with ours',
      () => ({ cookie: `x${cookieOf(secrets.cookie)}`, 'x-doorsill-session': secrets.header }),
    ],
    [
      'a cookie with more behind it',
      () => ({ cookie: `${cookieOf(secrets.cookie)}A`, 'x-doorsill-session': secrets.header }),
    ],
  ])('is refused with %s', (_what, headers) => {
    expect(who(headers())).toBe('console_session_refused');
  });

  it('is found among the cookies of other programs', () => {
    const cookies = `x${cookieOf(TOKEN)}; a=b; ${cookieOf(secrets.cookie)}; c=d`;
    expect([cookies, undefined, 'a=b'].map((all) => sessionCookie(all, 'device-1'))).toEqual([
      secrets.cookie,
      null,
      null,
    ]);
    expect(who({ cookie: cookies, 'x-doorsill-session': secrets.header })).toBe(`owner ${key.publicKey}`);
  });

  it('keeps its session when the cookie of another doorbell on this machine is sent, too', () => {
    const cookies = `${cookieOf(TOKEN, 'device-2')}; ${cookieOf(secrets.cookie)}; ${cookieOf(TOKEN, 'device-10')}`;
    expect(who({ cookie: cookies, 'x-doorsill-session': secrets.header })).toBe(`owner ${key.publicKey}`);
    const others = { cookie: cookieOf(secrets.cookie, 'device-2'), 'x-doorsill-session': secrets.header };
    expect(who(others)).toBe('console_session_refused');
  });

  it('is refused once removed', () => {
    owners = [];
    const headers = { cookie: cookieOf(secrets.cookie), 'x-doorsill-session': secrets.header };
    expect(who(headers)).toBe('console_session_refused');
  });
});

describe('a viewer', () => {
  it('is identified by id and token, and has the rights it was given', () => {
    expect(who(basic(`tablet:${TOKEN}`))).toBe('viewer tablet');
    expect(callers.callerOf(basic(`tablet:${TOKEN}`))?.rights).toEqual(['live']);
  });

  it.each([
    ...[`tablet:${'B'.repeat(22)}`, 'tablet:', 'tablet', `:${TOKEN}`, `guest:${TOKEN}`, `Tablet:${TOKEN}`, ''],
    ...[`tablet:${TOKEN}:`, ` tablet:${TOKEN}`, `tablet:${TOKEN}\n`, `tablet:${sha256Hex(TOKEN)}`, '__proto__:x'],
  ])('is refused with other credentials: %s', (text) => {
    expect(who(basic(text))).toBe('console_viewer_refused');
  });

  it.each(['Bearer x', 'Basic', 'Basic !', `Digest ${TOKEN}`, `Basic ${'A'.repeat(500)}`, 'Basic a b'])(
    'is refused with another scheme or spelling: %s',
    (authorization) => {
      expect(who({ authorization })).toBe('console_viewer_refused');
    },
  );

  it('stays a viewer when it sends an owner’s session, too', () => {
    const headers = { cookie: cookieOf(secrets.cookie), 'x-doorsill-session': secrets.header };
    expect(who({ ...headers, ...basic(`tablet:${TOKEN}`) })).toBe('viewer tablet');
    expect(who({ ...headers, ...basic('tablet:wrong') })).toBe('console_viewer_refused');
  });

  it('loses its views when removed, even if another viewer gets its id later', () => {
    const { signal } = callers.callerOf(basic(`tablet:${TOKEN}`)) ?? {};
    const again = callers.callerOf(basic(`tablet:${TOKEN}`));
    expect(again?.signal).toBe(signal);
    viewers.delete('tablet');
    callers.sweep();
    expect([signal?.aborted, signal?.reason]).toMatchObject([true, { code: 'console_viewer_refused' }]);
    viewers.set('tablet', { viewer: 'tablet', name: 'New', rights: ['stills'], tokenSha256: sha256Hex('other') });
    expect(who(basic(`tablet:${TOKEN}`))).toBe('console_viewer_refused');
    expect(callers.callerOf(basic('tablet:other'))?.signal.aborted).toBe(false);
  });

  it('keeps its views when another one is removed', () => {
    viewers.set('guest', { viewer: 'guest', name: 'Guest', rights: ['live'], tokenSha256: sha256Hex('x') });
    const guest = callers.callerOf(basic('guest:x'));
    callers.callerOf(basic(`tablet:${TOKEN}`));
    viewers.delete('tablet');
    callers.sweep();
    expect(guest?.signal.aborted).toBe(false);
  });
});
