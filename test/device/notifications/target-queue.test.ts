// A hundred notifications wait for an unreachable target, the newest ones; those that failed for an hour are dropped; and the log
// says so without the target's path.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { TargetQueue } from '../../../device/notifications/target-queue.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';

const HOUR_MS = 3_600_000;

/** Retries soon, and can be set forward. */
class HastyClock extends SystemClock {
  aheadMs = 0;
  override sleep(_delayMs: number, signal?: AbortSignal): Promise<void> {
    return super.sleep(20, signal);
  }
  override monotonicMs(): number {
    return super.monotonicMs() + this.aheadMs;
  }
}

let receiver: WebhookReceiver;
let clock: HastyClock;
let logged: string[];
let queue: TargetQueue;
beforeEach(async () => {
  receiver = await WebhookReceiver.open();
  receiver.status = 503;
  clock = new HastyClock();
  logged = [];
  const log: Log = { ...silentLog(), warn: (message, facts) => void logged.push(message + JSON.stringify(facts)) };
  queue = new TargetQueue({ clock, random: new SystemRandom(), log, tls: undefined });
});
afterEach(async () => {
  await queue.stop(null);
  await receiver.close();
});

const add = (number: number) => queue.add({ url: new URL(receiver.url), headers: {}, body: String(number) });
const bodies = () => receiver.received.map(({ body }) => Number(body));

it('keeps the newest hundred', async () => {
  for (let number = 0; number < 250; number += 1) add(number);
  await expect.poll(() => bodies().length).toBeGreaterThan(1);
  receiver.status = 204;
  await expect.poll(() => bodies().at(-1)).toBe(249);
  const taken = new Set(bodies().filter((number) => number >= 150));
  expect([taken.size, queue.dropped]).toEqual([100, 150]);
  expect(logged.filter((line) => line.includes('too many notifications wait'))).toHaveLength(2);
  expect(logged.join()).not.toContain('hook');
});

it('drops a notification that failed for an hour, and goes on with the next', async () => {
  add(1);
  await expect.poll(() => bodies().length).toBeGreaterThan(1);
  clock.aheadMs = HOUR_MS;
  await expect.poll(() => queue.dropped).toBe(1);
  add(2);
  receiver.status = 204;
  await expect.poll(() => bodies().at(-1)).toBe(2);
  expect(logged.join()).toContain('could not be sent for an hour');
});
