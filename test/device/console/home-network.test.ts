// Holds: the device's own server on the home network: TLS 1.3 only, a lasting certificate, and new owners confirmed by somebody at the
// device.
import { readFile, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { generateSigningKey } from '../../../device/base/keys.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { DeviceConfigInput } from '../../../device/config.ts';
import type { Press } from '../../../device/hardware/button.ts';
import { confirmPairing } from '../../../device/owner/pairing-client.ts';
import { ConsoleRig, type OwnerBrowser, soon } from './support/console-rig.ts';
import { exchange } from './support/open-connections.ts';

const random = new SystemRandom();
const NETWORK: Partial<DeviceConfigInput> = {
  console: { listen: 'home-network', port: 0, names: ['porch.local'] },
};

let rig: ConsoleRig;
beforeAll(async () => {
  rig = await ConsoleRig.start(NETWORK);
});
afterAll(() => rig.stop());

const press = (source: Press['source']) =>
  rig.doorbell.pressed({ button: 'front', source, atUs: new SystemClock().wallUs() });
const typed = (code: string) => confirmPairing({ clock: new SystemClock() }, rig.doorbell.pairingSocket, code);
const stateOf = async (pairing: unknown) => (await rig.call(`/api/v1/pairings/${pairing}`)).json['state'];
const owners = async (browser: OwnerBrowser) => (await browser.get('/api/v1/state')).json['owners'];

describe('a new owner with the token', () => {
  it('is not an owner before somebody at the device types the code from its browser', async () => {
    const key = generateSigningKey(random);
    const { json } = await rig.offer(key);
    expect(json).toMatchObject({ state: 'waiting', code: expect.stringMatching(/^\d{6}$/) });
    await expect(rig.session(key)).rejects.toThrow('console_session_refused');
    for (const source of ['scene', 'local', 'home-assistant', 'console', 'command'] as const) press(source);
    expect(await stateOf(json['pairing'])).toBe('waiting');
    const wrong = json['code'] === '000000' ? '000001' : '000000';
    await expect(typed(wrong)).rejects.toMatchObject({ code: 'pairing_code_unknown' });
    await expect(rig.session(key)).rejects.toThrow('console_session_refused');
    expect(await typed(String(json['code']))).toBe('Anna’s phone');
    expect(await stateOf(json['pairing'])).toBe('paired');
    expect(await owners(await rig.session(key))).toBe(1);
  });

  it('is confirmed by the real button when nobody else waits', async () => {
    const key = generateSigningKey(random);
    const { json } = await rig.offer(key);
    press('gpio');
    await soon(async () => (await stateOf(json['pairing'])) === 'paired');
    expect(await owners(await rig.session(key))).toBe(2);
  });

  it('is not confirmed by the button when two wait', async () => {
    const keys = [generateSigningKey(random), generateSigningKey(random)];
    const states = [];
    for (const key of keys) states.push((await rig.offer(key)).json['pairing']);
    press('gpio');
    for (const key of keys) await expect(rig.session(key)).rejects.toThrow('console_session_refused');
    expect(await Promise.all(states.map(stateOf))).toEqual(['waiting', 'waiting']);
  });

  it('learns nothing by guessing the ids of other pairings', async () => {
    expect(await stateOf('pairing-00000000000000000000000000000000')).toBe('refused');
  });
});

describe('the connection', () => {
  const port = () => Number(new URL(rig.url).port);
  const hello = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port: port(), host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.on('error', (thrown) => resolve(thrown.message));
    });

  it('is TLS 1.3, nothing older and nothing unencrypted', async () => {
    expect(await hello({})).toBe('TLSv1.3');
    expect(await hello({ maxVersion: 'TLSv1.2', minVersion: 'TLSv1' })).toMatch(/alert|version|disconnected|reset/i);
    expect(await exchange(`http://127.0.0.1:${port()}`, `GET /api/v1/server HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)).toBe(
      '',
    );
  });

  it('is accepted under each of its names and addresses, and under no other name', async () => {
    const named = async (host: string) => (await rig.call('/api/v1/server', { headers: { host } })).status;
    const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
    for (const { address, family } of addresses) {
      if (!address.startsWith('fe80')) expect(await named(family === 'IPv6' ? `[${address}]` : address)).toBe(200);
    }
    for (const name of ['porch.local', 'doorsill.local']) expect(await named(`${name}:${port()}`)).toBe(200);
    expect([await named('evil.example'), await named('porch.local.evil.example')]).toEqual([421, 421]);
  });

  it('sets a cookie for HTTPS only', async () => {
    const key = generateSigningKey(random);
    const { json } = await rig.offer(key);
    await typed(String(json['code']));
    const session = await rig.session(key);
    const left = await rig.call('/api/v1/sessions/current', { method: 'DELETE', headers: session.headers });
    expect(left.headers['set-cookie']?.[0]).toMatch(/HttpOnly; SameSite=Strict; Secure$/);
  });
});

describe('the certificate', () => {
  it('is the one in the pairing code, survives restarts, and is not replaced when damaged', async () => {
    const first = await ConsoleRig.start(NETWORK);
    const { fingerprint, pairingUrl } = first.address;
    const url = new URL(first.url);
    const shown = await new Promise<string>((resolve) => {
      const socket = connect({ port: Number(url.port), host: url.hostname, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase());
        socket.destroy();
      });
    });
    expect([fingerprint, new URLSearchParams(new URL(pairingUrl).hash.slice(1)).get('sha256')]).toEqual([shown, shown]);
    await first.stop(true);
    const again = await ConsoleRig.start(NETWORK, first.folder);
    expect(again.address.fingerprint).toBe(shown);
    await again.stop(true);
    const path = join(first.folder, 'console', 'server.cert.pem');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, 400));
    // The doorbell works without its server.
    const damaged = await ConsoleRig.start(NETWORK, first.folder);
    expect(damaged.doorbell.console).toBe(null);
    await damaged.stop(true);
    expect(await readFile(path, 'utf8')).toBe(text.slice(0, 400));
    await writeFile(path, text);
    const repaired = await ConsoleRig.start(NETWORK, first.folder);
    expect(repaired.address.fingerprint).toBe(shown);
    await repaired.stop();
  });
});
