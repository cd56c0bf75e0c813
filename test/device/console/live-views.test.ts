import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { FragmentSplitter } from '../../../device/contract/media/fragment-splitter.ts';
import { OpenView } from './support/open-connections.ts';
import { PictureServer, padded, recordedSeconds } from './support/picture-server.ts';

/** Most data that the server buffers for one viewer: half a second of 4 Mbit/s. */
const BEHIND_BYTES_MAX = 256 * 1024;
const FRAME_BYTES = 200_000;

let recorded: Segment[];
let server: PictureServer;
let tablet: Record<string, string>;
beforeAll(async () => {
  recorded = await recordedSeconds();
});
beforeEach(async () => {
  server = await PictureServer.start(recorded);
  tablet = server.viewer();
});
afterEach(() => server.stop());

const fragment = (at: number) => recorded[at]?.fragment ?? new Uint8Array();
const watch = () => new OpenView(server.url, '/api/v1/live.mp4', tablet);
const begun = (view: OpenView) => expect.poll(() => view.bytes.length).toBeGreaterThan(500);

/** The joined chunks of an answer (RFC 9112 §7.1). */
function bodyOf({ bytes }: OpenView): Buffer {
  const parts: Buffer[] = [];
  for (let at = bytes.indexOf('\r\n\r\n') + 4; at < bytes.length; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    if (lineEnd < 0 || !(length > 0)) break;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return Buffer.concat(parts);
}

/** The start of each fragment, in seconds. */
function startsIn(body: Uint8Array): number[] {
  const first = recorded[0];
  if (!first) return [];
  const info = parseInit(first.init);
  return new FragmentSplitter()
    .push(body)
    .filter(({ kind }) => kind !== 'init')
    .map(({ bytes }) => (parseFragment(info, bytes).video[0]?.dts ?? -1) / info.video.timescale);
}

describe('a live view', () => {
  it('begins at time 0 with its first frame, whenever that is', async () => {
    const view = watch();
    await begun(view);
    for (const at of [3, 4, 5]) server.show(fragment(at));
    await expect.poll(() => startsIn(bodyOf(view))).toEqual([0, 1, 2]);
    view.socket.destroy();
  });

  it('begins with a keyframe', async () => {
    const view = watch();
    await begun(view);
    server.show(fragment(1), false);
    server.show(fragment(2));
    server.show(fragment(3), false);
    await expect.poll(() => startsIn(bodyOf(view))).toEqual([0, 1]);
    view.socket.destroy();
  });

  it('ends when the camera’s stream does, and when another begins', async () => {
    const views = [watch(), watch()];
    for (const view of views) await begun(view);
    const [one, other] = [...server.listeners];
    one?.ended();
    const init = recorded[0]?.init ?? new Uint8Array();
    other?.init({ bytes: init, info: parseInit(init) });
    // Both answers are complete, so a player asks again.
    for (const view of views) await expect.poll(() => view.text.endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(server.listeners.size).toBe(0);
    for (const { socket } of views) socket.destroy();
  });

  it('is one of at most sixty-four, and makes room when it is closed', async () => {
    const views = Array.from({ length: 64 }, watch);
    await expect.poll(() => server.listeners.size, { timeout: 10_000 }).toBe(64);
    const late = watch();
    await expect.poll(() => late.status).toBe(503);
    expect(late.text).toContain('console_too_many_viewers');
    // A refused view takes no room.
    for (let turn = 0; turn < 5; turn += 1) {
      const again = watch();
      await expect.poll(() => again.status).toBe(503);
      again.socket.destroy();
    }
    views[7]?.socket.destroy();
    await expect.poll(() => server.listeners.size).toBe(63);
    const next = watch();
    await expect.poll(() => next.status).toBe(200);
    for (const { socket } of [...views, late, next]) socket.destroy();
    await expect.poll(() => server.listeners.size).toBe(0);
  });
});

describe('a viewer whose connection is slow', () => {
  it('misses frames up to a keyframe, and at most one frame above the limit is buffered for it', async () => {
    const answers: { writableLength: number }[] = [];
    server.onAnswer((answer) => answers.push(answer));
    const slow = watch();
    await begun(slow);
    const quick = watch();
    await begun(quick);
    slow.stall();
    let [most, shownBytes] = [0, 0];
    const frames = 60;
    for (let number = 0; number < frames; number += 1) {
      const frame = padded(fragment(number % 6), FRAME_BYTES);
      shownBytes += frame.length;
      // A keyframe in ten.
      server.show(frame, number % 10 === 0);
      await expect.poll(() => quick.received, { interval: 2 }).toBeGreaterThan(shownBytes);
      most = Math.max(most, ...answers.map(({ writableLength }) => writableLength));
    }
    expect(most).toBeGreaterThan(BEHIND_BYTES_MAX / 2);
    expect(most).toBeLessThan(BEHIND_BYTES_MAX + 1.5 * FRAME_BYTES);
    slow.socket.resume();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const caughtUp = startsIn(bodyOf(slow)).length;
    expect(caughtUp).toBeLessThan(frames);
    // After missing frames, the next frame is a keyframe; the frames after it follow.
    server.show(fragment(1), false);
    server.show(fragment(2), true);
    server.show(fragment(3), false);
    await expect.poll(() => startsIn(bodyOf(slow)).length).toBe(caughtUp + 2);
    expect(startsIn(bodyOf(quick)).length).toBe(frames + 3);
    for (const { socket } of [slow, quick]) socket.destroy();
  }, 60_000);
});
