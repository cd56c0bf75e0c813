// @module-tag nats
// A NATS cluster accepts its first clients once all of its nodes have run, however long an operator takes to start them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { DEFAULT_PREFIX } from '../../../device/contract/topics.ts';
import { Nats } from '../../support/nats.ts';
import { proved } from '../../support/proved.ts';

const REFUSED = 'no suitable peers for placement';
/** For so long it is tried at least, unless they say why. */
const ALONE_MS = 30_000;
let folder: string;
let nats: Nats;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-nats-first-'));
  const access = { disk: new SystemDisk(), accounts: join(folder, 'accounts'), prefix: DEFAULT_PREFIX };
  nats = await Nats.prepare(access, join(folder, 'nats'), 3);
});
afterAll(async () => {
  await nats.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

it('refuses every client before its last node has started, and then accepts clients at each node', {
  timeout: 390_000,
}, async (test) => {
  const [first, second, last] = nats.nodes;
  if (!first || !second || !last) throw new Error('a cluster has three nodes');
  await Promise.all([first.run(), second.run()]);
  // Two nodes that agree on a leader say why; two that don't, on a busy machine, let nobody in either.
  const endMs = performance.now() + ALONE_MS;
  do {
    expect(await nats.letsIn(first)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 500));
  } while (!first.said.includes(REFUSED) && performance.now() < endMs);
  expect(await nats.letsIn(second)).toBe(false);
  await last.run();
  const sinceMs = performance.now();
  await nats.run();
  const tookS = ((performance.now() - sinceMs) / 1_000).toFixed(1);
  proved(test, 'a NATS cluster whose last node comes late', `lets clients in ${tookS} s after it`);
  // From then on one may be away.
  await last.end('SIGKILL');
  await expect.poll(() => nats.letsIn(first), { timeout: 60_000, interval: 500 }).toBe(true);
});
