import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { generateSigningKey, type SigningKey } from '../../../device/base/keys.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { toBase64url } from '../../../device/contract/bytes.ts';
import { pairingProofInput, sessionProofInput } from '../../../device/contract/console-messages.ts';
import { pairWithDevice } from '../../../device/owner/pairing-client.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { OpenView } from './support/open-connections.ts';

const random = new SystemRandom();
const logged: string[] = [];
const keep = (message: string, facts: object = {}) => void logged.push(`${message} ${JSON.stringify(facts)}`);
const log: Log = { ...silentLog(), debug: keep, info: keep, warn: keep, error: keep, child: () => log };

let rig: ConsoleRig;
let owner: OwnerBrowser;
/** All secrets of this test. */
const secrets = new Set<string>();
/** The bodies of all refusals. */
const refusals: string[] = [];
beforeAll(async () => {
  rig = await ConsoleRig.start({}, undefined, { log });
  secrets.add(rig.token);
  owner = await rig.owner();
});
afterAll(() => rig.stop());

/** Makes a call, and collects secrets and refusals. */
async function call(path: string, options: Parameters<ConsoleRig['call']>[1] = {}): ReturnType<ConsoleRig['call']> {
  const answer = await rig.call(path, options);
  if (answer.status >= 400) refusals.push(answer.body.toString());
  return answer;
}

async function open(key: SigningKey, changes: { device?: string; origin?: string; challenge?: string } = {}) {
  const { device = rig.doorbell.id, origin = rig.url } = changes;
  const challenge = changes.challenge ?? (await rig.challenge());
  const proof = toBase64url(key.sign(sessionProofInput(device, origin, challenge, key.publicKey)));
  for (const secret of [challenge, proof]) secrets.add(secret);
  return call('/api/v1/sessions', { method: 'POST', body: { key: key.publicKey, challenge, proof } });
}

describe('a session', () => {
  it('sets a cookie that no script and no other site can read', async () => {
    const opened = await open(owner.key);
    const [cookie = ''] = opened.headers['set-cookie'] ?? [];
    // All ports of the machine get the cookie: its name contains the device's id, so that no other doorbell there overwrites it.
    const [name, rest] = [cookie.slice(0, cookie.indexOf('=')), cookie.slice(cookie.indexOf('='))];
    expect(name).toBe(`doorsill-session-${rig.doorbell.id}`);
    expect(rest).toMatch(/^=[\w-]{22}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/);
    expect(opened.headers['cache-control']).toBe('no-store');
    expect(cookie).not.toContain(String(opened.json['session']));
    for (const secret of [cookie.split(/[=;]/)[1] ?? '', String(opened.json['session'])]) secrets.add(secret);
  });

  it('is opened only by a fresh signature for this device and address', async () => {
    const challenge = await rig.challenge();
    expect((await open(owner.key, { challenge })).status).toBe(200);
    const codes = [
      await open(owner.key, { challenge }),
      await open(owner.key, { device: 'device-2' }),
      await open(owner.key, { origin: 'http://localhost:3000' }),
      await open(generateSigningKey(random)),
    ].map(({ status, json }) => [status, json['code']]);
    expect(codes).toEqual(Array(4).fill([401, 'console_session_refused']));
  });

  it.each<[string, (of: Record<string, string>, other: Record<string, string>) => Record<string, string>]>([
    ['the cookie alone', ({ cookie = '' }) => ({ cookie })],
    ['the header alone', ({ 'x-doorsill-session': header = '' }) => ({ 'x-doorsill-session': header })],
    ['the cookie of another session', (of, { cookie = '' }) => ({ ...of, cookie })],
  ])('is not found by %s', async (_what, headers) => {
    const other = await rig.session(owner.key);
    for (const path of ['/api/v1/state', '/api/v1/snapshot.jpg', '/api/v1/messages', '/api/v1/live.mp4']) {
      const answer = await call(path, { headers: headers(owner.headers, other.headers) });
      expect([path, answer.status, answer.json['code']]).toEqual([path, 401, 'console_session_refused']);
    }
  });

  it('ends with its views when its browser closes it, whatever other cookies are sent', async () => {
    const [leaving, staying] = [await rig.session(owner.key), await rig.session(owner.key)];
    const views = [leaving, staying].map(({ headers }) => new OpenView(rig.url, '/api/v1/messages', headers));
    await soon(() => views.every(({ text }) => text.includes(': open')));
    const cookie = `x-doorsill-session=${'A'.repeat(22)}; ${leaving.headers['cookie']}`;
    const left = await call('/api/v1/sessions/current', { method: 'DELETE', headers: { ...leaving.headers, cookie } });
    expect([left.status, left.headers['set-cookie']?.[0]]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    await views[0]?.closed;
    expect((await leaving.get('/api/v1/state')).status).toBe(401);
    expect([views[1]?.isOpen, (await staying.get('/api/v1/state')).status]).toEqual([true, 200]);
    views[1]?.socket.destroy();
  });

  it('ends at once with its owner’s removal, and so do its views', async () => {
    const guest = await rig.owner();
    const views = ['/api/v1/messages', '/api/v1/live.mp4'].map((path) => new OpenView(rig.url, path, guest.headers));
    await soon(() => views.every(({ bytes }) => bytes.length > 300));
    expect(await owner.command({ action: 'remove-owner', key: guest.key.publicKey })).toMatchObject({
      outcome: 'command-done',
    });
    await Promise.all(views.map(({ closed }) => closed));
    expect((await guest.get('/api/v1/state')).status).toBe(401);
    expect((await open(guest.key)).status).toBe(401);
    expect((await owner.get('/api/v1/state')).status).toBe(200);
  });
});

describe('pairing', () => {
  it('accepts each token once', async () => {
    const { token } = rig;
    secrets.add(token);
    const key = generateSigningKey(random);
    expect((await rig.offer(key, token)).json['state']).toBe('paired');
    const again = await rig.offer(generateSigningKey(random), token);
    refusals.push(again.body.toString());
    expect([again.status, again.json['code']]).toEqual([403, 'pairing_token_refused']);
    expect(rig.token).not.toBe(token);
    await owner.command({ action: 'remove-owner', key: key.publicKey });
  });

  it('accepts each challenge once, and none that a session used', async () => {
    const key = generateSigningKey(random);
    const challenge = await rig.challenge();
    await open(owner.key, { challenge });
    const proof = toBase64url(key.sign(pairingProofInput(rig.doorbell.id, challenge, key.publicKey, 'x')));
    const body = { token: rig.token, key: key.publicKey, name: 'x', challenge, proof };
    const answer = await call('/api/v1/pairings', { method: 'POST', body });
    expect([answer.status, answer.json['code']]).toEqual([401, 'console_session_refused']);
  });

  it('accepts no key of small order', async () => {
    const challenge = await rig.challenge();
    const key = `AQ${'A'.repeat(41)}`;
    const body = { token: rig.token, key, name: 'x', challenge, proof: `AQ${'A'.repeat(84)}` };
    const answer = await call('/api/v1/pairings', { method: 'POST', body });
    expect([answer.status, answer.json['code']]).toEqual([403, 'pairing_refused']);
  });

  it('accepts eight owners; a ninth offer is refused and uses up the token', async () => {
    const keys: string[] = [];
    for (;;) {
      const key = generateSigningKey(random);
      const { token } = rig;
      const answer = await rig.offer(key);
      if (answer.status === 200) keys.push(key.publicKey);
      else {
        expect([answer.json['code'], keys.length, rig.token === token]).toEqual(['owner_too_many', 7, false]);
        break;
      }
    }
    for (const key of keys) await owner.command({ action: 'remove-owner', key });
  });

  it('is locked by ten wrong tokens until a real button is pressed; sessions continue', async () => {
    // A doorbell of its own: refusals are limited to thirty a minute.
    const other = await ConsoleRig.start();
    const guard = await other.owner();
    for (let turn = 0; turn < 10; turn += 1) {
      const token = toBase64url(random.bytes(16));
      expect((await other.offer(generateSigningKey(random), token)).status).toBe(403);
    }
    const locked = async () => (await other.call('/api/v1/server')).json['pairingLocked'];
    const offered = async () => (await other.offer(generateSigningKey(random))).json['code'];
    expect([await locked(), await offered()]).toEqual([true, 'pairing_locked']);
    expect((await guard.post('/api/v1/press', {})).status).toBe(204);
    await guard.command({ action: 'press', button: 'front' });
    for (const source of ['scene', 'local', 'home-assistant', 'console', 'command'] as const) {
      other.doorbell.pressed({ button: 'front', source, atUs: Date.now() * 1_000 });
    }
    expect([await locked(), await offered()]).toEqual([true, 'pairing_locked']);
    other.doorbell.pressed({ button: 'front', source: 'gpio', atUs: Date.now() * 1_000 });
    expect(await locked()).toBe(false);
    expect((await other.offer(generateSigningKey(random))).status).toBe(200);
    expect((await guard.get('/api/v1/state')).status).toBe(200);
    await other.stop();
  });

  it('makes the same owner over this machine’s socket and over HTTP', async () => {
    const account = { user: 'anna', password: 'secret' };
    await pairWithDevice({ clock: new SystemClock() }, rig.doorbell.pairingSocket, owner.key, 'Anna', account);
    expect((await open(owner.key)).status).toBe(200);
  });
});

// Last, because it checks what all other tests collected.
describe('the secrets of these tests', () => {
  it('are in no line of the log, and in no refusal', () => {
    for (const { headers } of [owner]) {
      secrets.add(headers['x-doorsill-session'] ?? '');
      secrets.add((headers['cookie'] ?? '').split('=')[1] ?? '');
    }
    expect(logged.filter((line) => line.includes('refused a request')).length).toBeGreaterThan(20);
    expect([refusals.length > 10, secrets.size > 10]).toEqual([true, true]);
    for (const text of [...logged, ...refusals]) {
      for (const secret of secrets) expect(text.includes(secret) && `${secret} in ${text}`).toBe(false);
    }
  });
});
