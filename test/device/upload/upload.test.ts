import { readFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex, verifySignature } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import type { LiveGrant } from '../../../device/consent/live-grant.ts';
import { type ErrorCode, failure } from '../../../device/contract/errors.ts';
import { UploadProgress } from '../../../device/contract/home-messages.ts';
import { openToken } from '../../../device/contract/jws.ts';
import { IntakeReceipt } from '../../../device/contract/manifest.ts';
import { refusalOf } from '../../../device/upload/intake-requests.ts';
import { retryWaitMs } from '../../../device/upload/upload.ts';
import { BridgeFixture, type Parcel } from '../../support/bridge-fixture.ts';
import { type CountingProxy, startCountingProxy } from '../../support/counting-proxy.ts';
import { liveFor, makeErrand, Sender } from './support/sender.ts';

/** DESIGN, invariant 8: the maximum that may leave beyond the acknowledged bytes, everything counted. */
const BEYOND_BYTES_MAX = 262_144;
const CHUNK_BYTES = 196_608;
/** A generous size of headers and documents of a whole upload of these sizes. */
const PAPERS_BYTES = 60_000;

let fixture: BridgeFixture;
let request: string;
let sender: Sender;
let proxy: CountingProxy;
/** What the bridge holds of earlier tests. */
let earlier: string[];
beforeAll(async () => {
  ({ fixture, request } = await BridgeFixture.openReady());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  fixture.clock.shiftS = 0;
  earlier = [];
  earlier = await atBridge();
  sender = await Sender.open(fixture);
  proxy = await startCountingProxy(Number(new URL(fixture.bridge.url).port));
  sender.bridgeUrl = proxy.url;
});
afterEach(async () => {
  await proxy.stop();
  await sender.close();
});

/** What the bridge holds of this test's clips: whole ones, and parts that were sent. */
async function atBridge(): Promise<string[]> {
  const folders = ['clips', 'staging'].map(async (folder) =>
    (await fixture.disk.list(join(fixture.bridgeFolder, folder))).map((name) => join(folder, name)),
  );
  return (await Promise.all(folders)).flat().filter((path) => !earlier.includes(path));
}

/** Whether the bridge holds exactly this clip, once, and no part of another. */
async function expectStoredOnce(parcel: Parcel): Promise<void> {
  const clip = join('clips', parcel.clipId);
  expect(await atBridge()).toEqual([clip]);
  expect(sha256Hex(await readFile(join(fixture.bridgeFolder, clip, 'clip.mp4')))).toBe(sha256Hex(parcel.clip));
}

/** Runs `act` once, when a client has sent this many more bytes. */
function whenSent(bytes: number, act: () => void): void {
  const from = proxy.sentBytes;
  proxy.onSent = (sent) => {
    if (sent - from < bytes) return;
    proxy.onSent = null;
    act();
  };
}

/** Resolves at the next report of a state. */
function told(state: string): Promise<void> {
  return new Promise((resolve) => {
    sender.onProgress = (progress) => {
      if (progress.state === state) resolve();
    };
  });
}

describe('an upload', () => {
  it('ends with the whole clip at the bridge and the bridge’s receipt for it', async () => {
    const errand = makeErrand(fixture, request, 700_000);
    const item = await sender.seal(errand);
    const token = await sender.uploader.send(errand.live, item);
    await expectStoredOnce(errand.parcel);
    const receipt = openToken(token, {
      typ: 'doorsill-intake+jws',
      schema: IntakeReceipt,
      audience: fixture.cast.device.id,
      keys: [fixture.cast.bridge.key.publicKey],
      verify: verifySignature,
    });
    const { grant, clipSha256, clipBytes, manifestSha256 } = item;
    expect(receipt).toMatchObject({
      ok: true,
      claims: { outcome: 'stored', grant, clipSha256, clipBytes, manifestSha256 },
    });
    for (const progress of sender.told) UploadProgress.parse(progress);
    // The number of `sending` reports depends on the duration.
    const states = sender.told.map((progress) => progress.state);
    expect(states.filter((state, at) => state !== states[at - 1])).toEqual(['waiting', 'sending', 'stored']);
    expect(sender.told.at(-1)).toMatchObject({
      state: 'stored',
      sentBytes: item.clipBytes,
      totalBytes: item.clipBytes,
    });
  });

  it('sends nothing again when the clip is already stored', async () => {
    const errand = makeErrand(fixture, request, 400_000);
    const item = await sender.seal(errand);
    const first = await sender.uploader.send(errand.live, item);
    const before = proxy.sentBytes;
    await sender.restart();
    const { live } = liveFor(fixture, request, errand.parcel.grantToken);
    expect(await sender.uploader.send(live, item)).toBe(first);
    expect(proxy.sentBytes - before).toBeLessThan(PAPERS_BYTES);
    await expectStoredOnce(errand.parcel);
  });

  it('resumes at the bridge’s offset when its connection is cut, again and again', { tags: ['long'] }, async () => {
    const random = new SeededRandom(20);
    const errand = makeErrand(fixture, request, 1_500_000);
    const item = await sender.seal(errand);
    let cuts = 0;
    const cutLater = () =>
      whenSent(100_000 + Math.floor(random.fraction() * 300_000), () => {
        cuts += 1;
        proxy.cut();
        if (cuts < 4) cutLater();
      });
    cutLater();
    await sender.uploader.send(errand.live, item);
    expect(cuts).toBe(4);
    await expectStoredOnce(errand.parcel);
    expect(proxy.sentBytes).toBeLessThan(errand.parcel.clip.length + cuts * CHUNK_BYTES + PAPERS_BYTES);
  });

  it('waits while the revocation list is missing, at any point, and goes on with it', {
    tags: ['long'],
  }, async () => {
    let held: ErrorCode | null = 'consent_revocations_stale';
    const errand = makeErrand(fixture, request, 1_500_000, () => held);
    const item = await sender.seal(errand);
    const retrying = told('retrying');
    const sent = sender.uploader.send(errand.live, item);
    await retrying;
    expect(proxy.sentBytes).toBe(0);
    whenSent(500_000, () => {
      held = 'consent_revocations_stale';
    });
    held = null;
    await told('retrying');
    expect(sender.told.at(-1)).toMatchObject({ state: 'retrying', code: 'consent_revocations_stale' });
    const before = proxy.sentBytes;
    expect(before).toBeLessThan(500_000 + BEYOND_BYTES_MAX);
    await sleep(1_500);
    expect(proxy.sentBytes).toBe(before);
    held = null;
    await sent;
    await expectStoredOnce(errand.parcel);
  });

  it('resumes at the bridge’s offset when the bridge is restarted', async () => {
    const errand = makeErrand(fixture, request, 1_500_000);
    const item = await sender.seal(errand);
    const restarted = new Promise<void>((resolve, reject) => {
      whenSent(800_000, () => {
        fixture.bridge
          .stop()
          .then(() => fixture.startBridge())
          .then(resolve, reject);
      });
    });
    await Promise.all([sender.uploader.send(errand.live, item), restarted]);
    await expectStoredOnce(errand.parcel);
    expect(proxy.sentBytes).toBeLessThan(errand.parcel.clip.length + 2 * CHUNK_BYTES + PAPERS_BYTES);
    expect(sender.told.map((progress) => progress.state)).toContain('retrying');
  });

  it.each(['with', 'without'])(
    'resumes at the bridge’s offset when the device is restarted, %s the address of its upload',
    async (which) => {
      const errand = makeErrand(fixture, request, 1_500_000);
      const item = await sender.seal(errand);
      whenSent(800_000, () => errand.end('the device stops'));
      await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
      await proxy.idle();
      await sender.restart();
      expect(sender.outbox.item(item.grant)?.uploadUrl).toContain('/v1/uploads/');
      if (which === 'without') await sender.outbox.setUploadUrl(item.grant, null);
      const sentBefore = proxy.sentBytes;
      const again = liveFor(fixture, request, errand.parcel.grantToken);
      await sender.uploader.send(again.live, item);
      await expectStoredOnce(errand.parcel);
      expect(proxy.sentBytes - sentBefore).toBeLessThan(errand.parcel.clip.length - 500_000 + PAPERS_BYTES);
    },
  );

  it('starts over when the bridge has lost the upload, and still leaves one clip', async () => {
    const errand = makeErrand(fixture, request, 900_000);
    const item = await sender.seal(errand);
    whenSent(500_000, () => errand.end('the device stops'));
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    await proxy.idle();
    const url = sender.outbox.item(item.grant)?.uploadUrl ?? '';
    await fixture.tus('DELETE', new URL(url).pathname, errand.parcel);
    const again = liveFor(fixture, request, errand.parcel.grantToken);
    await sender.uploader.send(again.live, item);
    await expectStoredOnce(errand.parcel);
  });

  it('waits as long as a proxy before the bridge asks, and still leaves one clip', async () => {
    const errand = makeErrand(fixture, request, 400_000);
    const item = await sender.seal(errand);
    let refusals = 0;
    const front = createServer((call, answer) => {
      if (call.method === 'PATCH' && refusals === 0) {
        refusals += 1;
        call.resume();
        call.on('end', () => answer.writeHead(429, { 'Retry-After': '1' }).end('slow down'));
        return;
      }
      const { method, url, headers } = call;
      const passed = httpRequest(new URL(url ?? '', fixture.bridge.url), { ...(method ? { method } : {}), headers });
      passed.on('response', (given) => given.pipe(answer.writeHead(given.statusCode ?? 500, given.headers)));
      call.pipe(passed);
    });
    await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve));
    sender.bridgeUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    await sender.uploader.send(errand.live, item);
    front.close();
    await expectStoredOnce(errand.parcel);
    const [waited] = sender.told.filter(({ state }) => state === 'retrying');
    expect(waited).toMatchObject({ code: 'upload_unreachable', retryInMs: expect.any(Number) });
    expect(waited?.retryInMs).toBeGreaterThanOrEqual(1_000);
  });

  it('waits for an unreachable bridge, and reports so', async () => {
    const errand = makeErrand(fixture, request, 200_000);
    const item = await sender.seal(errand);
    await fixture.bridge.stop();
    const waiting = told('retrying');
    const sent = sender.uploader.send(errand.live, item);
    await waiting;
    expect(sender.told.at(-1)).toMatchObject({
      state: 'retrying',
      code: 'upload_unreachable',
      retryInMs: expect.any(Number),
    });
    await fixture.startBridge();
    await sent;
    await expectStoredOnce(errand.parcel);
  });

  it('is refused for good with the bridge’s code, and never offered again', async () => {
    const errand = makeErrand(fixture, request, 200_000);
    const item = await sender.seal(errand);
    await fixture.revoke(errand.parcel, { pairing: fixture.cast.pairing() });
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({
      code: 'upload_rejected',
      facts: { code: 'intake_revoked' },
    });
    expect(sender.told.at(-1)).toMatchObject({ state: 'stopped', code: 'intake_revoked' });
  });

  it('does not send a clip that was altered on the disk', async () => {
    const errand = makeErrand(fixture, request, 600_000);
    const item = await sender.seal(errand);
    const file = await fixture.disk.open(join(sender.folder, `${item.grant}.clip`), { create: false });
    await file.write(300_000, Uint8Array.of(1, 2, 3, 4));
    await file.close();
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'outbox_damaged' });
    expect(proxy.acknowledgedBytes).toBeLessThan(300_000);
    expect((await atBridge()).filter((path) => path.startsWith('clips'))).toEqual([]);
  });

  it('sends nothing for an object that the gate did not make', async () => {
    const errand = makeErrand(fixture, request, 200_000);
    const item = await sender.seal(errand);
    const forged: LiveGrant = Object.assign(Object.create(Object.getPrototypeOf(errand.live)), errand.live);
    await expect(sender.uploader.send(forged, item)).rejects.toMatchObject({ code: 'grant_dead' });
    const dead = liveFor(fixture, request, errand.parcel.grantToken);
    dead.end('revoked');
    await expect(sender.uploader.send(dead.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    fixture.clock.shiftS = 25 * 3600;
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    expect(proxy.connections).toBe(0);
  });
});

describe('a revocation during an upload', () => {
  it('lets no more than 256 KiB beyond the acknowledged bytes leave, whenever it arrives', {
    tags: ['long'],
  }, async () => {
    const random = new SeededRandom(8);
    for (let round = 0; round < 16; round += 1) {
      const errand = makeErrand(fixture, request, 1_000_000);
      const item = await sender.seal(errand);
      const [from, moment] = [proxy.sentBytes, 5_000 + Math.floor(random.fraction() * 950_000)];
      proxy.acknowledgedBytes = 0;
      whenSent(moment, () => errand.end('revoked'));
      const outcome = await sender.uploader.send(errand.live, item).catch((error: unknown) => error);
      expect(outcome, `round ${round}, at ${moment} bytes`).toMatchObject({ code: 'grant_dead' });
      await proxy.idle();
      const beyond = proxy.sentBytes - from - proxy.acknowledgedBytes;
      expect(beyond, `round ${round}, at ${moment} bytes`).toBeLessThanOrEqual(BEYOND_BYTES_MAX);
      expect(proxy.sentBytes - from).toBeGreaterThanOrEqual(moment);
      expect(sender.told.at(-1)).toMatchObject({ state: 'stopped', code: 'grant_dead' });
    }
    expect((await atBridge()).filter((path) => path.startsWith('clips'))).toEqual([]);
  });

  it('keeps the same limit when the bridge acknowledges nothing', async () => {
    const errand = makeErrand(fixture, request, 1_000_000);
    const item = await sender.seal(errand);
    whenSent(60_000, () => {
      proxy.holdAnswers = true;
      // Everything that can arrive has arrived once the bridge has staged the chunk; only then the grant is revoked.
      void staged(CHUNK_BYTES).then(() => errand.end('revoked'));
    });
    await expect(sender.uploader.send(errand.live, item)).rejects.toMatchObject({ code: 'grant_dead' });
    await proxy.idle();
    expect(proxy.sentBytes).toBeLessThan(CHUNK_BYTES + PAPERS_BYTES);
  });

  it('ends the running request at once, although the bridge never answers it', async () => {
    const errand = makeErrand(fixture, request, 400_000);
    const item = await sender.seal(errand);
    proxy.holdAnswers = true;
    whenSent(1, () => setImmediate(() => errand.end('revoked')));
    const sent = sender.uploader.send(errand.live, item);
    await expect(Promise.race([sent, sleep(10_000, 'it still waits')])).rejects.toMatchObject({ code: 'grant_dead' });
    await proxy.idle();
    expect(proxy.sentBytes).toBeLessThan(PAPERS_BYTES);
  });

  /** Waits until the bridge has staged this many bytes. */
  async function staged(bytes: number): Promise<void> {
    for (;;) {
      const parts = (await atBridge()).filter((path) => path.startsWith('staging'));
      const sizes = await Promise.all(parts.map((path) => fixture.disk.sizeOf(join(fixture.bridgeFolder, path))));
      if (sizes.some((size) => (size ?? 0) >= bytes)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe('a revocation at the bridge', () => {
  it('ends with the bridge’s signed statement that nothing is left, before, during and after the upload', async () => {
    for (const moment of ['before', 'during', 'after']) {
      const errand = makeErrand(fixture, request, 600_000);
      const item = await sender.seal(errand);
      if (moment === 'during') whenSent(300_000, () => errand.end('revoked'));
      if (moment !== 'before') await sender.uploader.send(errand.live, item).catch(() => undefined);
      const revocation = fixture.cast.revoke(errand.parcel.grantToken);
      const token = await sender.uploader.revoke(
        item.grant,
        { revocation, homeRecall: null },
        fixture.cast.bridge.id,
        new AbortController().signal,
      );
      expect(
        openToken(token, {
          typ: 'doorsill-intake+jws',
          schema: IntakeReceipt,
          audience: fixture.cast.device.id,
          keys: [fixture.cast.bridge.key.publicKey],
          verify: verifySignature,
        }),
        moment,
      ).toMatchObject({ ok: true, claims: { outcome: 'deleted', grant: item.grant } });
      expect(await atBridge()).toEqual([]);
      expect(
        await sender.uploader.revoke(
          item.grant,
          { revocation, homeRecall: null },
          fixture.cast.bridge.id,
          new AbortController().signal,
        ),
      ).toBe(token);
    }
  });

  it('waits for an unreachable bridge, and ends when the device stops', async () => {
    const errand = makeErrand(fixture, request, 200_000);
    const item = await sender.seal(errand);
    await fixture.bridge.stop();
    const revocation = fixture.cast.revoke(errand.parcel.grantToken);
    const stop = new AbortController();
    const stopped = sender.uploader.revoke(
      item.grant,
      { revocation, homeRecall: null },
      fixture.cast.bridge.id,
      stop.signal,
    );
    const done = sender.uploader.revoke(
      item.grant,
      { revocation, homeRecall: null },
      fixture.cast.bridge.id,
      new AbortController().signal,
    );
    stop.abort(new Error('the device stops'));
    await expect(stopped).rejects.toThrow('the device stops');
    await fixture.startBridge();
    expect(await done).toContain('.');
  });

  it('gives up when the bridge refuses for good', async () => {
    const stranger = await BridgeFixture.open();
    try {
      sender.bridgeUrl = stranger.bridge.url;
      const errand = makeErrand(fixture, request, 200_000);
      const revocation = fixture.cast.revoke(errand.parcel.grantToken);
      await expect(
        sender.uploader.revoke(
          errand.parcel.grant,
          { revocation, homeRecall: null },
          fixture.cast.bridge.id,
          new AbortController().signal,
        ),
      ).rejects.toMatchObject({ code: 'upload_rejected', facts: { code: 'device_not_enrolled' } });
    } finally {
      await stranger.close();
    }
  });
});

describe('the wait of a refused upload', () => {
  const lucky = { fraction: () => 0 };
  const unlucky = { fraction: () => 1 };
  const limited = (retryAfterS: number | string) => failure('http_rate_limited', { retryAfterS });

  it('is the time that the bridge asked for, plus up to half of it, which differs between doorbells', () => {
    expect(retryWaitMs(limited(60), 500, 600_000, lucky)).toBe(60_000);
    expect(retryWaitMs(limited(60), 500, 600_000, unlucky)).toBe(90_000);
  });

  it('is bounded, whatever the bridge asks for, and never shorter than its own', () => {
    expect(retryWaitMs(limited(999_999), 500, 600_000, lucky)).toBe(600_000);
    expect(retryWaitMs(limited(1), 30_000, 600_000, unlucky)).toBe(30_000);
    for (const nonsense of [-5, 0, Number.NaN, 'soon'])
      expect(retryWaitMs(limited(nonsense), 500, 600_000, unlucky)).toBe(500);
    expect(retryWaitMs(failure('internal'), 500, 600_000, unlucky)).toBe(500);
  });

  it('is read from the header, in seconds', () => {
    const answered = (header: string | undefined, body = '') =>
      refusalOf({ getStatus: () => 429, getBody: () => body, getHeader: () => header }).facts['retryAfterS'];
    expect(answered('7')).toBe(7);
    expect(answered('7', '{"code":"http_rate_limited"}')).toBe(7);
    for (const header of ['Wed, 21 Oct 2026 07:28:00 GMT', '-1', '1e9', '99999999', undefined])
      expect(answered(header), header).toBeUndefined();
  });
});
