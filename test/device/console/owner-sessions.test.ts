import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { generateSigningKey, type SigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { OwnerSessions } from '../../../device/console/owner-sessions.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { sessionProofInput } from '../../../device/contract/console-messages.ts';

const DEVICE = 'device-1';
const ORIGIN = 'http://localhost:8480';
const DAY_MS = 24 * 3_600_000;
const random = new SystemRandom();

let clock: ManualClock;
let owners: { key: string; name: string }[];
let anna: SigningKey;
let sessions: OwnerSessions;
beforeEach(() => {
  clock = new ManualClock(0);
  anna = generateSigningKey(random);
  owners = [{ key: anna.publicKey, name: 'Anna' }];
  sessions = new OwnerSessions({ clock, random, device: DEVICE, owners: () => owners });
});

interface Changes {
  key?: SigningKey;
  challenge?: string;
  device?: string;
  origin?: string;
  signedChallenge?: string;
  claimed?: string;
}

/** Opens a session at ORIGIN, with valid values unless changed. */
function opened(changes: Changes = {}): { cookie: string; header: string } {
  const { key = anna, device = DEVICE, origin = ORIGIN } = changes;
  const challenge = changes.challenge ?? sessions.challenge();
  const claimed = changes.claimed ?? key.publicKey;
  const input = sessionProofInput(device, origin, changes.signedChallenge ?? challenge, claimed);
  return sessions.open({ key: claimed, challenge, proof: toBase64url(key.sign(input)) }, ORIGIN);
}

/** The code of the thrown failure, or null. */
function refusal(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  }
}

describe('a session', () => {
  it('is found only with both of its secrets', () => {
    const one = opened();
    const other = opened();
    expect(sessions.find(one.cookie, one.header)).toMatchObject({ key: anna.publicKey, name: 'Anna' });
    expect(sessions.find(one.cookie, '')).toBeNull();
    expect(sessions.find('', one.header)).toBeNull();
    expect(sessions.find(one.cookie, other.header)).toBeNull();
    expect(sessions.find(other.cookie, one.header)).toBeNull();
    expect(sessions.find(one.header, one.cookie)).toBeNull();
    expect(sessions.find(one.cookie, one.header)).not.toBeNull();
  });

  it.each<[string, () => Changes]>([
    ['a key that is no owner’s', () => ({ key: generateSigningKey(random) })],
    ['an owner’s key by another key', () => ({ key: generateSigningKey(random), claimed: anna.publicKey })],
    ['another device', () => ({ device: 'device-2' })],
    ['a page of another origin', () => ({ origin: 'http://localhost:3000' })],
    ['another challenge', () => ({ signedChallenge: sessions.challenge() })],
    ['a challenge that nobody gave', () => ({ challenge: toBase64url(random.bytes(16)) })],
  ])('is not opened by a signature for %s', (_what, changes) => {
    expect(refusal(() => opened(changes()))).toBe('console_session_refused');
  });

  it('accepts a challenge once, even after a failure', () => {
    const challenge = sessions.challenge();
    opened({ challenge });
    expect(refusal(() => opened({ challenge }))).toBe('console_session_refused');
    const wasted = sessions.challenge();
    expect(refusal(() => opened({ challenge: wasted, origin: 'http://evil.example' }))).toBe('console_session_refused');
    expect(refusal(() => opened({ challenge: wasted }))).toBe('console_session_refused');
  });

  it('accepts a challenge for two minutes', async () => {
    const [soon, late] = [sessions.challenge(), sessions.challenge()];
    await clock.advance(120_000);
    expect(refusal(() => opened({ challenge: soon }))).toBeNull();
    await clock.advance(1);
    expect(refusal(() => opened({ challenge: late }))).toBe('console_session_refused');
  });

  it('keeps a challenge while one address requests as many as it may', () => {
    const challenge = sessions.challenge();
    for (let more = 0; more < 3_000; more += 1) sessions.challenge();
    expect(refusal(() => opened({ challenge }))).toBeNull();
    const pushedOut = sessions.challenge();
    for (let more = 0; more < 4_096; more += 1) sessions.challenge();
    expect(refusal(() => opened({ challenge: pushedOut }))).toBe('console_session_refused');
  });
});

describe('the end of a session', () => {
  it('comes with its owner’s removal, and ends what it is watching', () => {
    const { cookie, header } = opened();
    const signal = sessions.find(cookie, header)?.signal;
    owners = [];
    sessions.sweep();
    expect([signal?.aborted, sessions.find(cookie, header)]).toEqual([true, null]);
    owners = [{ key: anna.publicKey, name: 'Anna' }];
    // An owner who is added again opens a new session.
    expect(sessions.find(cookie, header)).toBeNull();
  });

  it('comes with its owner’s removal even before `sweep` is called', () => {
    const { cookie, header } = opened();
    owners = [];
    expect(sessions.find(cookie, header)).toBeNull();
  });

  it('spares the sessions of other owners', () => {
    const ben = generateSigningKey(random);
    owners.push({ key: ben.publicKey, name: 'Ben' });
    const [hers, his] = [opened(), opened({ key: ben })];
    owners = owners.filter(({ name }) => name === 'Ben');
    sessions.sweep();
    expect(sessions.find(hers.cookie, hers.header)).toBeNull();
    expect(sessions.find(his.cookie, his.header)?.signal.aborted).toBe(false);
  });

  it('comes after a week without use, counted from its last use', async () => {
    const { cookie, header } = opened();
    await clock.advance(7 * DAY_MS);
    const signal = sessions.find(cookie, header)?.signal;
    expect(signal?.aborted).toBe(false);
    await clock.advance(6 * DAY_MS);
    expect(sessions.find(cookie, header)).not.toBeNull();
    await clock.advance(7 * DAY_MS + 1);
    expect(sessions.find(cookie, header)).toBeNull();
    expect(signal?.aborted).toBe(true);
  });

  it('comes for the least recently used one when there are more than 32', () => {
    const all = Array.from({ length: 32 }, () => opened());
    const [first, second] = all;
    if (!first || !second) throw new Error('none');
    const signal = sessions.find(second.cookie, second.header)?.signal;
    for (const { cookie, header } of all.slice(2)) sessions.find(cookie, header);
    sessions.find(first.cookie, first.header);
    opened();
    expect(signal?.aborted).toBe(true);
    expect(sessions.find(second.cookie, second.header)).toBeNull();
    expect(sessions.find(first.cookie, first.header)).not.toBeNull();
  });

  it('comes when it is closed, and when the server stops', () => {
    const [closed, running] = [opened(), opened()];
    const signals = [closed, running].map(({ cookie, header }) => sessions.find(cookie, header)?.signal);
    const challenge = sessions.challenge();
    sessions.close(closed.cookie);
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, false]);
    sessions.stop();
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
    expect(refusal(() => opened({ challenge }))).toBe('console_session_refused');
  });
});
