// An upload has one lock: waiting requests ask the holder to release it, and the holder keeps it until it has done so.
import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { UploadLocks } from '../../../cloud-bridge/intake/upload-locks.ts';

/** Lets all pending promises settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('asks the holder to release the lock, then grants it in order', async () => {
  const locks = new UploadLocks();
  const order: string[] = [];
  const first = locks.newLock('u');
  await first.lock(new AbortController().signal, () => void order.push('asked first'));
  const second = locks.hold('u', async () => void order.push('second'));
  const third = locks.hold('u', async () => void order.push('third'));
  await locks.hold('other', async () => void order.push('another upload'));
  await settle();
  expect(order).toEqual(['asked first', 'asked first', 'another upload']);
  await first.unlock();
  await Promise.all([second, third]);
  expect(order.slice(3)).toEqual(['second', 'third']);
  await locks.idle();
});

it('leaves the lock with a holder whose request is aborted, until it has cleaned up', async () => {
  const locks = new UploadLocks();
  const gate = new EventEmitter();
  const before = locks.hold('u', () => once(gate, 'release'));
  const aborted = new AbortController();
  const holder = locks.newLock('u');
  const waiting = holder.lock(aborted.signal, () => undefined);
  await settle();
  gate.emit('release');
  await Promise.all([before, waiting]);
  aborted.abort();
  let next = false;
  const after = locks.hold('u', async () => {
    next = true;
  });
  await settle();
  expect(next).toBe(false);
  await holder.unlock();
  await after;
  expect(next).toBe(true);
});

it('drops a waiting request that is aborted, and the queue continues', async () => {
  const locks = new UploadLocks();
  const holder = locks.newLock('u');
  await holder.lock(new AbortController().signal, () => undefined);
  const aborted = new AbortController();
  const waiting = locks.newLock('u').lock(aborted.signal, () => undefined);
  const after = locks.hold('u', async () => 'done');
  aborted.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'upload_unreachable' });
  await holder.unlock();
  expect(await after).toBe('done');
});

it('rethrows the error of the work under the lock, and releases the lock', async () => {
  const locks = new UploadLocks();
  const failing = locks.hold('u', async () => {
    throw new Error('broken');
  });
  await expect(failing).rejects.toThrow('broken');
  expect(await locks.hold('u', async () => 'free')).toBe('free');
});
