import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { silentLog } from '../../../device/base/log.ts';
import { type SendSubscribe, Subscription, Subscriptions } from '../../../device/base/mqtt-subscription.ts';
import { SystemRandom } from '../../../device/base/random.ts';

const [GRANTED, REFUSED] = [1, 0x80];

/** Subscriptions whose SUBSCRIBEs the test answers. */
function rig() {
  const clock = new ManualClock(1);
  let unanswered = 0;
  const asked: { filters: readonly string[]; answer: (...codes: number[]) => void }[] = [];
  const all = new Subscriptions({
    clock,
    random: new SystemRandom(),
    log: silentLog(),
    answerMsMax: 10_000,
    unanswered: () => {
      unanswered += 1;
    },
    refusal: (detail) => new Error(detail),
  });
  const send: SendSubscribe = (filters, answered) => {
    asked.push({ filters, answer: (...codes) => answered(codes) });
  };
  const listen = (...filters: string[]) => {
    const subscription = new Subscription({ forget: (one) => void all.remove(one) }, filters, () => undefined);
    all.add(subscription);
    return subscription;
  };
  const ask = (...filters: string[]) => all.ask(send, filters, () => undefined);
  return { all, clock, asked, ask, listen, silent: () => unanswered };
}

/** Its outcome at this moment. */
const outcome = (subscription: Subscription) =>
  Promise.race([
    subscription.granted().then(
      () => 'granted',
      ({ message }: Error) => message,
    ),
    new Promise((resolve) => setImmediate(resolve, 'open')),
  ]);

it('is open until each of its filters has an answer in this session', async () => {
  const { all, asked, ask, listen } = rig();
  const [both, first] = [listen('x', 'y'), listen('x')];
  ask('x');
  asked[0]?.answer(GRANTED);
  expect([await outcome(both), await outcome(first)]).toEqual(['open', 'granted']);
  all.sessionEnded();
  ask('y');
  asked[1]?.answer(GRANTED);
  expect(await outcome(both)).toBe('open');
  ask('x');
  asked[2]?.answer(REFUSED);
  expect(await outcome(both)).toBe('the broker refused the subscription to x');
});

it('forgets the answer to a filter that no subscription has any more', async () => {
  const { asked, ask, listen } = rig();
  const first = listen('x');
  ask('x');
  asked[0]?.answer(GRANTED);
  first.close();
  const both = listen('x', 'y');
  ask('y');
  asked[1]?.answer(GRANTED);
  expect(await outcome(both)).toBe('open');
});

it('ends with its session: nothing is asked again, late answers do not count, and waits start over', async () => {
  const { all, clock, asked, ask, listen } = rig();
  const only = listen('x');
  ask('x');
  for (const count of [1, 2, 3, 4]) {
    asked[count - 1]?.answer(REFUSED);
    await clock.advance(2_000 * 2 ** (count - 1));
    expect(asked).toHaveLength(count + 1);
  }
  all.sessionEnded();
  asked[4]?.answer(GRANTED);
  expect(await outcome(only)).toBe('the broker refused the subscription to x');
  ask('x');
  asked[5]?.answer(REFUSED);
  all.sessionEnded();
  await clock.advance(600_000);
  expect(asked).toHaveLength(6);
  ask('x');
  asked[6]?.answer(REFUSED);
  await clock.advance(2_000);
  expect(asked.map(({ filters }) => filters)).toEqual(Array.from({ length: 8 }, () => ['x']));
});

it('asks again for refused filters at least every two minutes, for ever: without them a device receives no request', async () => {
  const { clock, asked, ask, listen } = rig();
  listen('x');
  ask('x');
  for (let count = 1; count <= 20; count += 1) {
    asked[count - 1]?.answer(REFUSED);
    await clock.advance(120_000);
    expect(asked).toHaveLength(count + 1);
  }
});

it('allows time for each filter: a busy cluster takes seconds to refuse each, one after the other', async () => {
  const { clock, silent, ask, listen } = rig();
  listen('x', 'y', 'z');
  ask('x', 'y', 'z');
  await clock.advance(29_000);
  expect(silent()).toBe(0);
  await clock.advance(1_000);
  expect(silent()).toBe(1);
  ask('x');
  await clock.advance(10_000);
  expect(silent()).toBe(2);
  // The wait has a limit, however many filters there are.
  ask(...Array.from({ length: 200 }, (_, at) => `filter-${at}`));
  await clock.advance(60_000);
  expect(silent()).toBe(3);
});
