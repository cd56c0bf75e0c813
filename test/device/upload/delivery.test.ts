import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { type Disk, SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { generateSealKey } from '../../../device/base/seal.ts';
import { TaskQueue } from '../../../device/base/task-queue.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { HeldFootage } from '../../../device/clip/held-footage.ts';
import { RecentEncodings } from '../../../device/clip/recent-encodings.ts';
import { utf8 } from '../../../device/contract/bytes.ts';
import { failure } from '../../../device/contract/errors.ts';
import { Deliveries, type DeliveryDeps } from '../../../device/upload/delivery.ts';
import { Outbox } from '../../../device/upload/outbox.ts';
import { SealedRecords } from '../../../device/upload/sealed-records.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { makeParty } from '../../support/parties.ts';

const clock = new ManualClock(1_790_000_000_000_000);
const random = new SystemRandom();

const outboxOn = (disk: Disk) =>
  new Outbox({ disk, random, log: silentLog(), folder: '/nowhere', key: generateSealKey(random) });

const unasked = () => Promise.reject(new Error('not asked for here'));
const taken = () => Promise.resolve();

/** A gate that accepts everything, with a test's overrides. */
const gateOf = (answer: () => Promise<void>, asked: Partial<DeliveryDeps['gate']> = {}): DeliveryDeps['gate'] => ({
  clipSealed: answer,
  tokenPresented: answer,
  delivered: answer,
  failed: answer,
  revocationAnswered: answer,
  heldGrants: () => [],
  ...asked,
});

const clipOf = (segments: DeliveryDeps['clip']['segments']): DeliveryDeps['clip'] => ({
  segments,
  ffmpeg: { path: '', version: '', release: [7, 1], origin: 'system' },
  clock,
  log: silentLog(),
  recode: 'when-needed',
  recent: new RecentEncodings(clock),
});

/** Deliveries whose dependencies do nothing, with a test's overrides. */
function deliveriesWith(asked: Partial<DeliveryDeps>): Deliveries {
  return new Deliveries({
    device: makeParty('device', random),
    gate: gateOf(unasked),
    outbox: outboxOn(new SystemDisk()),
    sender: { send: unasked, revoke: unasked },
    clip: clipOf(async function* () {}),
    previews: {
      take: () => {
        throw new Error('nothing was previewed');
      },
    },
    alone: (work) => work(),
    isCutting: () => false,
    held: {
      hold: () => {
        throw new Error('nothing waits here');
      },
    },
    footageSettled: unasked,
    values: () => ({}),
    storage: () => undefined,
    clock,
    random,
    log: silentLog(),
    ...asked,
  });
}

it('work on a grant waits for a ledger that has no room, and goes on when it has', async () => {
  let asked = 0;
  const done = new Promise<void>((resolve) => {
    const deliveries = deliveriesWith({
      sender: { send: unasked, revoke: () => Promise.resolve('the bridge’s word') },
      gate: gateOf(unasked, {
        revocationAnswered: async () => {
          asked += 1;
          if (asked < 3) throw failure('consent_storage_failed');
          resolve();
        },
      }),
    });
    deliveries.revoke('grant-1', 'revocation', 'bridge-1');
  });
  for (let turn = 1; turn <= 3; turn += 1) {
    await expect.poll(() => asked).toBe(turn);
    await clock.advance(10_000);
  }
  await done;
  expect(asked).toBe(3);
});

it('a grant whose clip cannot be made is recorded as failed once the ledger has room, though it has ended before that', async () => {
  const codes: string[] = [];
  const { live, end } = liveGrantFor({ window: { startUs: 1, endUs: 2 }, clock });
  const outbox = outboxOn(new SystemDisk());
  outbox.load = () => Promise.resolve();
  const deliveries = deliveriesWith({
    outbox,
    footageSettled: () => Promise.resolve(),
    clip: clipOf(() => {
      throw failure('clip_no_frames');
    }),
    gate: gateOf(taken, {
      // As in the gate: the grant ends at once, then its end is recorded.
      failed: async (_grant, code) => {
        codes.push(code);
        end(code);
        if (codes.length < 3) throw failure('consent_storage_failed');
      },
    }),
  });
  deliveries.make(live);
  for (let turn = 1; turn <= 3; turn += 1) {
    await expect.poll(() => codes.length).toBe(turn);
    await clock.advance(10_000);
  }
  await deliveries.stop();
  expect(codes).toEqual(['clip_no_frames', 'clip_no_frames', 'clip_no_frames']);
});

it.each(['load', 'seal'] as const)(
  'a decision is not dropped for a disk that fails at %s, however long it does',
  async (step) => {
    const told: (string | null)[] = [];
    const failed: string[] = [];
    const { live } = liveGrantFor({ window: { startUs: 1, endUs: 2 }, clock });
    const outbox = outboxOn(new SystemDisk());
    const fault = failure('outbox_unusable', { path: 'outbox', detail: 'EIO' });
    outbox.load = () => (step === 'load' ? Promise.reject(fault) : Promise.resolve());
    outbox.seal = () => Promise.reject(fault);
    const deliveries = deliveriesWith({
      outbox,
      footageSettled: () => Promise.resolve(),
      storage: (why) => told.push(why?.code ?? null),
      clip: clipOf(() => {
        throw fault;
      }),
      gate: gateOf(taken, { failed: async (_grant, code) => void failed.push(code) }),
    });
    deliveries.make(live);
    for (let turn = 0; turn < 60; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(5_000);
    }
    await deliveries.stop();
    expect(failed).toEqual([]);
    expect(told.length).toBeGreaterThan(50);
    expect(new Set(told)).toEqual(new Set(['outbox_unusable']));
  },
);

it('a revocation that is refused on its way is sent again until the bridge’s own answer has come', async () => {
  let asked = 0;
  const answers: string[] = [];
  const deliveries = deliveriesWith({
    sender: {
      send: unasked,
      revoke: async () => {
        asked += 1;
        // As a captive portal would, or a proxy.
        if (asked < 4) throw failure('upload_rejected', { code: 'status 403' });
        return 'the bridge’s word';
      },
    },
    gate: gateOf(taken, { revocationAnswered: async (_grant, intake) => void answers.push(intake) }),
  });
  deliveries.revoke('grant-1', 'revocation', 'bridge-1');
  for (let turn = 1; turn <= 4; turn += 1) {
    await expect.poll(() => asked).toBe(turn);
    await clock.advance(600_000);
  }
  await deliveries.stop();
  expect(asked).toBe(4);
  expect(answers).toEqual(['the bridge’s word']);
});

it('a revocation carries the recall under the clip’s own key, which is destroyed once it is answered', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-recall-'));
  const key = generateSealKey(random);
  const disk = new SystemDisk();
  const outbox = new Outbox({ disk, random, log: silentLog(), folder, key });
  await outbox.start();
  await new SealedRecords({ disk, random, folder, key }).writeRecall('grant-1', 'the recall');
  const brought: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    const deliveries = deliveriesWith({
      outbox,
      sender: {
        send: unasked,
        revoke: async (_grant, word) => {
          brought.push(word);
          return 'the bridge’s word';
        },
      },
      gate: gateOf(taken, {
        revocationAnswered: async () => {
          // Kept until the answer is recorded: a crash before that sends it again.
          expect(await outbox.recallOf('grant-1')).toBe('the recall');
          resolve();
        },
      }),
    });
    deliveries.revoke('grant-1', 'revocation', 'bridge-1');
  });
  await done;
  expect(brought).toEqual([{ revocation: 'revocation', homeRecall: 'the recall' }]);
  await expect.poll(() => disk.list(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

it.each(['there', 'gone'] as const)('a previewed clip whose bytes changed, or that is %s, is not sent', async (how) => {
  const { live } = liveGrantFor({ window: { startUs: 1, endUs: 2 }, clock, clipSha256: 'a'.repeat(64) });
  const failed: string[] = [];
  let done = 0;
  const facts = { coverage: { startUs: 1, endUs: 2 }, gaps: [], audioPackets: 0, method: 'copy' as const };
  const clip = {
    ...{ ...facts, sizeBytes: 5, frames: 1, encodedFrames: 0, redacted: false },
    parts: async function* () {
      yield utf8('other');
    },
  };
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-previewed-'));
  const outbox = new Outbox({ disk: new SystemDisk(), random, log: silentLog(), folder, key: generateSealKey(random) });
  await outbox.start();
  const deliveries = deliveriesWith({
    outbox,
    footageSettled: () => Promise.resolve(),
    previews: {
      take: () => {
        if (how === 'gone') throw failure('preview_changed');
        return {
          clip,
          done: async () => {
            done += 1;
          },
        };
      },
    },
    gate: gateOf(taken, { failed: async (_grant, code) => void failed.push(code) }),
  });
  deliveries.make(live);
  await expect.poll(() => failed).toEqual(['preview_changed']);
  await deliveries.stop();
  expect([outbox.list().items, done]).toEqual([[], how === 'gone' ? 0 : 1]);
  await rm(folder, { recursive: true });
});

it('a clip that waits for its turn is cut from the footage that the ring had when it was granted', async () => {
  let ring: Segment[] = [
    {
      ...{ recording: 'recording-1', index: 0, boot: 'boot-1', clockTrusted: true, wallOffsetUs: 0 },
      ...{ startUs: 1, endUs: 1_000_000, init: utf8('no header'), fragment: utf8('no fragment') },
    },
  ];
  const segments = async function* () {
    yield* ring;
  };
  const cuts = new TaskQueue();
  const held = new HeldFootage({ segments, clock, random, cipher: 'aes-256-gcm' });
  const failed = new Promise<string>((resolve) => {
    const outbox = outboxOn(new SystemDisk());
    outbox.load = taken;
    const deliveries = deliveriesWith({
      ...{ outbox, held, footageSettled: taken, clip: clipOf(segments) },
      ...{ alone: (work) => cuts.run(work), isCutting: () => cuts.waiting > 0 },
      gate: gateOf(taken, { failed: async (_, code) => resolve(code) }),
    });
    void cuts.run(async () => {
      const { live } = liveGrantFor({ window: { startUs: 1, endUs: 1_000_000 }, clock });
      deliveries.make(live);
      await expect.poll(() => held.bytes).toBeGreaterThan(0);
      ring = [];
    });
  });
  // The cut is offered the GOP: its failure says that it cannot be read, not that there is none.
  expect(await failed).toBe('fragment_malformed');
  await expect.poll(() => held.bytes).toBe(0);
});
