import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { HomeMessage } from '../../../device/home-link/home-link.ts';
import { Notifications } from '../../../device/notifications/notifications.ts';
import { notificationsSchema } from '../../../device/notifications/notifications-settings.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';

/** Retries soon; all other waits are unchanged. */
class HastyClock extends SystemClock {
  override sleep(_delayMs: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(20, signal);
  }
}

const SECRET = 'a-secret-of-the-owner';
const press: HomeMessage = {
  kind: 'event',
  event: {
    id: 'event-1',
    device: 'device-1',
    atUs: 1_770_000_000_000_000,
    type: 'ring',
    button: 'front',
    source: 'gpio',
  },
};

let receiver: WebhookReceiver;
let folder: string;
let listeners: ((message: HomeMessage) => void)[];
let logged: string[];
let running: Notifications | null;

beforeEach(async () => {
  receiver = await WebhookReceiver.open();
  folder = await mkdtemp(join(tmpdir(), 'doorsill-notifications-'));
  await writeFile(join(folder, 'secret'), `${SECRET}\n`, { mode: 0o600 });
  [listeners, logged, running] = [[], [], null];
});
afterEach(async () => {
  await running?.stop();
  await receiver.close();
  await rm(folder, { recursive: true });
});

async function start(targets: object[]): Promise<Notifications> {
  const note = (message: string, facts?: object) => void logged.push(message + JSON.stringify(facts));
  const log: Log = { ...silentLog(), info: note, warn: note, error: note };
  const home = {
    onHomeMessage: (listener: (message: HomeMessage) => void) => {
      listeners.push(listener);
      return () => {
        listeners = [];
      };
    },
  };
  const seams = { clock: new HastyClock(), random: new SystemRandom(), disk: new SystemDisk(), log };
  running = new Notifications({ ...seams, targets: notificationsSchema.parse(targets), home, folder });
  await running.start();
  return running;
}
const tell = (message: HomeMessage) => {
  for (const listener of listeners) listener(message);
};
const came = (count: number) => expect.poll(() => receiver.received.length).toBe(count);
const signed = (body = '') => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;
const secretFile = 'secret';

it('listens only if a target is named', async () => {
  await start([]);
  expect(listeners).toEqual([]);
});

it('sends a signed webhook with these fields and no others', async () => {
  await start([{ url: receiver.url, format: 'webhook', secretFile, link: 'https://porch.local:8480/' }]);
  tell(press);
  await came(1);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(headers['x-doorsill-signature']).toBe(signed(body));
  expect(JSON.parse(body)).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    type: 'press',
    atUs: 1_770_000_000_000_000,
    text: 'Somebody is at the door.',
    link: 'https://porch.local:8480/',
  });
});

it('repeats the same bytes until they are accepted, follows no redirect, and logs neither secret nor path', async () => {
  receiver.status = 307;
  receiver.location = receiver.url.replace('/hook', '/elsewhere');
  await start([{ url: receiver.url, format: 'partner', secretFile }]);
  tell(press);
  await expect.poll(() => receiver.received.length).toBeGreaterThan(2);
  receiver.status = 204;
  await expect.poll(() => logged.length).toBe(1);
  const bodies = new Set(receiver.received.map(({ body }) => body));
  expect(bodies.size).toBe(1);
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  expect(headers['x-signature']).toBe(signed(body));
  expect(JSON.parse(body)).toMatchObject({ meta: { version: '1.1' }, data: { type: 'button_press' } });
  expect(body).not.toContain('device-1');
  expect(logged.join()).not.toMatch(/a-secret|hook/);
});

it('queues a burst of 10,000 without waiting for a receiver that never answers, and stops at once', async () => {
  receiver.status = 0;
  const notifications = await start([{ url: receiver.url, format: 'webhook', secretFile }]);
  const before = performance.now();
  for (let count = 0; count < 10_000; count += 1) tell(press);
  await came(1);
  await notifications.stop();
  expect(performance.now() - before).toBeLessThan(4_000);
  expect(receiver.received).toHaveLength(1);
});

it('does not start without its secret, and reports that', async () => {
  await expect(start([{ url: receiver.url, format: 'webhook', secretFile: 'none' }])).rejects.toMatchObject({
    code: 'notification_secret_unusable',
  });
});

it('does not start with a secret that other users of the machine can read', async () => {
  await chmod(join(folder, secretFile), 0o640);
  await expect(start([{ url: receiver.url, format: 'webhook', secretFile }])).rejects.toMatchObject({
    code: 'notification_secret_unusable',
    message: expect.stringContaining('its mode is 0640'),
  });
});

it('allows plain HTTP to the home network only, unless the settings allow more', () => {
  const takes = (url: string, more = {}) => notificationsSchema.safeParse([{ url, format: 'ntfy', ...more }]).success;
  expect(['http://192.168.1.2/a', 'http://localhost/a', 'https://ntfy.example/a'].map((url) => takes(url))).toEqual([
    true,
    true,
    true,
  ]);
  expect(['http://ntfy.example/a', 'http://8.8.8.8/a', 'https://a:b@c.example/'].map((url) => takes(url))).toEqual([
    false,
    false,
    false,
  ]);
  expect(takes('http://ntfy.example/a', { allowPlain: true })).toBe(true);
});
