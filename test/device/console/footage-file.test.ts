import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Segment } from '../../../device/camera/segment.ts';
import { type FootageFile, footageFile } from '../../../device/console/footage-file.ts';
import type { Window } from '../../../device/contract/shared-claims.ts';
import { npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { makeFootage, readFrameNumbers, x264 } from '../clip/support/footage.ts';
import { captureFile, FOOTAGE_START_US } from '../clip/support/segmenter.ts';

const FPS = 15;
const GOP_US = 1_000_000;
const run = promisify(execFile);

let folder: string;
/** Six GOPs of a second each, with sound. */
let recorded: Segment[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-footage-'));
  const style = { video: x264(FPS), frames: 6 * FPS, fps: FPS, sound: 'sine=frequency=440:sample_rate=48000' };
  recorded = await captureFile(npmFfmpeg.path, await makeFootage(npmFfmpeg.path, folder, style));
});
afterAll(() => rm(folder, { recursive: true }));

/** A ring with these segments; `read` counts its readings. */
function ringOf(held: () => readonly Segment[]) {
  return async function* segments(window: Window): AsyncGenerator<Segment> {
    for (const segment of held()) {
      if (segment.startUs < window.endUs && segment.endUs > window.startUs) yield segment;
    }
  };
}

const span = (fromS: number, toS: number): Window => ({
  startUs: FOOTAGE_START_US + fromS * GOP_US,
  endUs: FOOTAGE_START_US + toS * GOP_US,
});

async function bytesOf({ bytes }: FootageFile): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

async function stored(file: FootageFile, name = 'span.mp4'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, await bytesOf(file));
  return path;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
const codeOf = (thrown: unknown) => (thrown instanceof Error && 'code' in thrown ? thrown.code : String(thrown));

describe('the footage of a span', () => {
  it('consists of whole GOPs, has the announced length, and begins at time 0', async () => {
    const file = await footageFile(
      ringOf(() => recorded),
      { ...span(2, 4), startUs: span(2.5, 3).startUs },
    );
    expect(file.window).toEqual(span(2, 4));
    const path = await stored(file);
    expect(
      (
        await bytesOf(
          await footageFile(
            ringOf(() => recorded),
            span(2, 4),
          ),
        )
      ).length,
    ).toBe(file.byteLength);
    expect(await readFrameNumbers(npmFfmpeg.path, path)).toEqual(numbers(30, 60));
    const { stderr } = await run(npmFfmpeg.path, ['-hide_banner', '-i', path, '-map', '0', '-f', 'null', '-']);
    expect(stderr).toMatch(/start: 0\.0000/);
    expect(stderr).not.toMatch(/non monoton|Invalid|error/i);
  });

  it('has no frames in gaps, and keeps the gaps in its times', async () => {
    const withGap = recorded.filter((_, at) => at !== 2 && at !== 3);
    const file = await footageFile(
      ringOf(() => withGap),
      span(1, 5),
    );
    const path = await stored(file);
    expect(await readFrameNumbers(npmFfmpeg.path, path)).toEqual([...numbers(15, 30), ...numbers(60, 75)]);
    expect(file.window).toEqual(span(1, 5));
    const args = ['-hide_banner', '-i', path, '-map', '0:v', '-vf', 'showinfo', '-fps_mode', 'passthrough'];
    const { stderr } = await run(npmFfmpeg.path, [...args, '-f', 'null', '-']);
    const times = [...stderr.matchAll(/pts_time:([\d.]+)/g)].map(([, time]) => Number(time));
    expect([times[0], times[15]]).toEqual([0, 3]);
  });

  it('ends where the camera’s format changes, and says where to continue', async () => {
    const other = { video: x264(FPS, '-profile:v', 'baseline', '-vf', 'scale=160:88'), frames: 2 * FPS, fps: FPS };
    const path = await makeFootage(npmFfmpeg.path, folder, { ...other, name: 'other.mp4' });
    const later = await captureFile(npmFfmpeg.path, path, { startUs: FOOTAGE_START_US + 6 * GOP_US });
    const ring = ringOf(() => [...recorded, ...later]);
    const first = await footageFile(ring, span(4, 8));
    expect(first.window).toEqual(span(4, 6));
    expect((await bytesOf(first)).length).toBe(first.byteLength);
    const rest = await footageFile(ring, { startUs: first.window.endUs, endUs: span(4, 8).endUs });
    expect(rest.window).toEqual(span(6, 8));
  });

  it.each([span(6, 9), span(-5, 0), { startUs: 0, endUs: 1 }, { startUs: 8e15, endUs: 9e15 }])(
    'is refused without footage: %o',
    async (window) => {
      await expect(
        footageFile(
          ringOf(() => recorded),
          window,
        ),
      ).rejects.toMatchObject({ code: 'console_no_footage' });
    },
  );
});

describe('footage that the ring loses while it is sent', () => {
  it.each([
    ['the first group of pictures', 1],
    ['one in the middle', 2],
    ['the last one', 3],
  ])('makes the file fail, and no other footage is sent instead: %s', async (_what, lost) => {
    let held = recorded;
    const file = await footageFile(
      ringOf(() => held),
      span(1, 4),
    );
    held = recorded.filter((_, at) => at !== lost);
    const parts: Uint8Array[] = [];
    let ended: unknown = null;
    try {
      for await (const part of file.bytes) parts.push(part);
    } catch (thrown) {
      ended = codeOf(thrown);
    }
    // The init segment, and the GOPs before the missing one.
    expect([parts.length, ended]).toEqual([1 + lost - 1, 'console_footage_gone']);
  });

  it('is not sent at all when all of it was deleted', async () => {
    let held = recorded;
    const file = await footageFile(
      ringOf(() => held),
      span(1, 4),
    );
    held = [];
    await expect(bytesOf(file)).rejects.toMatchObject({ code: 'console_footage_gone' });
  });

  it('does not include footage recorded meanwhile', async () => {
    let held = recorded.slice(0, 3);
    const file = await footageFile(
      ringOf(() => held),
      span(0, 6),
    );
    held = recorded;
    expect((await bytesOf(file)).length).toBe(file.byteLength);
  });
});
