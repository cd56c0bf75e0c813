// @module-tag long
// @module-tag gstreamer
// @module-tag ffmpeg
// The story with a network camera: GStreamer's RTSP server plays footage with frame numbers, so that the clip can be compared frame by
// frame; then the camera is gone for a while.
import { execFile } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sha256Hex } from '../../../device/base/keys.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { readFrameNumber } from '../../../sim/porch/frame-number.ts';
import { Recorder } from '../../device/camera/support/recorder.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { hasRtspServer, type RtspServer, STREAMS, startRtspServer } from '../../support/rtsp-server.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

const WIDTH = 640;
const HEIGHT = 360;
const FPS = 15;
const SECONDS = 40;
const here = hasRtspServer();
const resultSchema = z.looseObject({
  clip: z.string(),
  manifest: z.string(),
  frames: z.int(),
  sha256: z.string(),
  method: z.string(),
});
const folder = temporaryFolder('rtsp');
let server: RtspServer | null = null;

afterEach(async () => {
  await server?.stop();
  server = null;
});

afterAll(() => folder.dispose());

/** The porch with its frame numbers, as a file. */
async function drawPorch(path: string): Promise<void> {
  const source = `synthetic?pace=fast&seconds=${SECONDS}&size=${WIDTH}x${HEIGHT}&audio=off`;
  const recorder = new Recorder(await findFfmpeg(), source);
  await recorder.capture.start(new AbortController().signal);
  await recorder.until(() => recorder.states().at(-1) === 'ended');
  await recorder.capture.stop();
  recorder.segments.forEach(({ init, fragment }, at) => {
    if (at === 0) appendFileSync(path, init);
    appendFileSync(path, fragment);
  });
}

/** The numbers of all frames in a file, hidden ones included; null if unreadable. */
async function frameNumbers(path: string): Promise<(number | null)[]> {
  const args = [
    '-v',
    'error',
    '-nostdin',
    '-ignore_editlist',
    '1',
    '-i',
    path,
    '-map',
    '0:v:0',
    '-fps_mode',
    'passthrough',
  ];
  const { stdout } = await promisify(execFile)('ffmpeg', [...args, '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], {
    encoding: 'buffer',
    maxBuffer: 500_000_000,
  });
  const size = WIDTH * HEIGHT;
  expect(stdout.length % size).toBe(0);
  return Array.from({ length: stdout.length / size }, (_, at) =>
    readFrameNumber(stdout.subarray(at * size, (at + 1) * size), WIDTH, HEIGHT),
  );
}

describe.skipIf(!here)('demo with an RTSP camera (needs GStreamer’s RTSP server)', () => {
  it('puts exactly the window’s frames into the vault, by their numbers', async () => {
    const porch = join(folder.path, 'porch.mp4');
    await drawPorch(porch);
    const all = await frameNumbers(porch);
    expect(all).toEqual(Array.from({ length: SECONDS * FPS }, (_, number) => number));
    server = await startRtspServer(
      `( filesrc location=${porch} ! qtdemux ! h264parse ! rtph264pay name=pay0 config-interval=-1 )`,
    );
    const camera = `rtsp://127.0.0.1:${server.port}/porch`;
    const words = [
      'demo',
      '--camera',
      camera,
      '--from',
      '2.43',
      '--to',
      '5.43',
      '--data',
      join(folder.path, 'demo'),
      '--json',
    ];
    const done = await runCommand(words, { seconds: 100 });
    expect(done.status, done.stderr).toBe(0);
    const result = resultSchema.parse(done.last);
    expect(sha256Hex(readFileSync(result.clip))).toBe(result.sha256);
    expect(result.method).toBe('smart-cut');
    expect((await runCommand(['verify', result.clip, result.manifest])).status).toBe(0);
    const numbers = await frameNumbers(result.clip);
    // ffmpeg assigns no time to the first frame of an RTSP session: the recording starts at frame 0 or 1.
    const first = numbers[0] ?? 0;
    expect(first - Math.ceil(2.43 * FPS)).toBeOneOf([0, 1]);
    expect(numbers).toEqual(Array.from({ length: 3 * FPS }, (_, at) => first + at));
    expect(result.frames).toBe(3 * FPS);
  }, 150_000);

  it('completes while its camera is gone, and when it is back; a window across the gap lists the gap', async () => {
    server = await startRtspServer(STREAMS.h264);
    const { port } = server;
    const testbed = new RunningTestbed(`rtsp://127.0.0.1:${port}/porch`);
    try {
      await testbed.start();
      const before = await testbed.footage(3_000_000);
      const first = testbed.grant(await testbed.ask(), before);
      await server.stop();
      await testbed.verify(first, await first.sent);
      await testbed.cameraIs('lost');
      server = await startRtspServer(STREAMS.h264, { port });
      const after = await testbed.footage(3_000_000, before.endUs + 1);
      const second = testbed.grant(await testbed.ask(), after);
      const whole = await testbed.verify(second, await second.sent);
      expect(whole.gaps).toEqual([]);
      const over = { startUs: before.endUs - 1_500_000, endUs: after.startUs + 1_500_000 };
      const third = testbed.grant(await testbed.ask(), over);
      const gapped = await testbed.verify(third, await third.sent);
      expect(gapped.gaps.length).toBeGreaterThan(0);
      expect(testbed.clips()).toHaveLength(3);
      await testbed.stop();
      const ledger = await testbed.ledger();
      expect([...ledger.keys()]).toEqual([first.jti, second.jti, third.jti]);
      for (const types of ledger.values()) expect(types).toEqual(['granted', 'sealed', 'token-presented', 'delivered']);
    } finally {
      await testbed.stop();
      testbed.dispose();
    }
  }, 150_000);
});
