// Holds: a call without an answer ends at its time limit, whatever was garbage-collected meanwhile, or when its caller aborts it; and no
// listener stays on a signal that outlives the call.
import { getEventListeners } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exchangeJson, withinTime } from '../../../device/contract/json-client.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');
const silent = createServer(() => undefined);
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
});
afterAll(() => silent.close());

const ending = (call: Promise<unknown>) =>
  Promise.race([
    call.then(
      () => 'answered',
      (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
    ),
    sleep(4_000, 'still waits'),
  ]);

it.each([
  ['a call', (signal: AbortSignal) => withinTime(600, signal, (ending) => fetch(url, { signal: ending }))],
  ['an exchange of JSON', (signal: AbortSignal) => exchangeJson(url, { method: 'GET', answerMsMax: 600, signal })],
])('ends %s without an answer in time, also after a garbage collection', async (_, call) => {
  const owner = new AbortController();
  const ended = ending(call(owner.signal));
  await sleep(100);
  if (typeof collectGarbage === 'function') for (let times = 0; times < 3; times += 1) collectGarbage();
  expect(await ended).toMatch(/timeout|aborted/);
  expect(getEventListeners(owner.signal, 'abort')).toEqual([]);
});

it('ends a call that its caller aborts, before or during it, with the caller’s reason', async () => {
  for (const afterMs of [0, 100]) {
    const owner = new AbortController();
    if (afterMs === 0) owner.abort(new Error('given up'));
    const ended = ending(exchangeJson(url, { method: 'GET', signal: owner.signal }));
    await sleep(afterMs);
    owner.abort(new Error('given up'));
    expect(await ended).toBe('given up');
  }
});
