// @module-tag long
// A vault's check of zones blames a clip only for what the clip shows, never for an ffmpeg that does not run; and says under which limits it
// decodes.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CheckZones } from '../../../cloud-bridge/vault/encrypted-clips.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { type Log, silentLog } from '../../../device/base/log.ts';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { zoneCheck } from '../../../sim/testbed/check-zones.ts';
import { cut, depsFor, readerOf } from '../../device/clip/support/cutting.ts';
import { x264 } from '../../device/clip/support/footage.ts';
import { capturedFootage, frameTimesUs } from '../../device/clip/support/segmenter.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';

const ZONE: Zone = { left: 3_157, top: 3_012, width: 2_718, height: 3_465 };
const FRAMES = 10;
const folder = temporaryFolder('check-zones');
const clock = new SystemClock();
const said: [string, object | undefined][] = [];
const log: Log = {
  ...silentLog(),
  info: (message, facts) => void said.push([message, facts]),
  warn: (message, facts) => void said.push([message, facts]),
};
let segments: Segment[] = [];
beforeAll(async () => {
  segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 20 });
}, 300_000);
afterAll(() => folder.dispose());
afterEach(() => {
  vi.unstubAllEnvs();
  said.length = 0;
});

/** A clip whose grant names the zone, cut with changed drawing arguments. */
async function clipOf(change = (filter: string) => filter): Promise<Uint8Array> {
  const times = frameTimesUs(segments);
  const { live } = liveGrantFor({ window: { startUs: times[5] ?? 0, endUs: times[5 + FRAMES] ?? 0 }, zones: [ZONE] });
  const start: typeof ffmpeg.start = (args, options) =>
    startFfmpeg(
      ffmpeg,
      args.map((arg) => arg.replaceAll(/drawbox=[^,]+/g, change)),
      options,
    );
  return (await cut(live, depsFor({ ...ffmpeg, start }, segments))).bytes;
}

const check = async (zones: CheckZones | undefined, bytes: Uint8Array, signal = new AbortController().signal) =>
  zones?.(readerOf(bytes), { frames: FRAMES, audioPackets: 0, zones: [ZONE] }, signal);

/** Makes `name` on the PATH a program that runs these lines of a shell. */
function pretend(name: string, lines: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

it('finds a zone that is not black, under limits that it names', async () => {
  const zones = await zoneCheck({ clock, log }, 'where-possible');
  expect(said).toEqual([
    [
      'clips with blacked-out zones are decoded under limits',
      { network: expect.any(String), memoryMiB: expect.any(Number), files: 'none' },
    ],
  ]);
  await check(zones, await clipOf());
  const lie = await clipOf((filter) => `${filter}:enable='not(eq(n,3))'`);
  await expect(check(zones, lie)).rejects.toMatchObject({ code: 'verify_failed' });
});

describe('where ffmpeg cannot do it', () => {
  it('there is no check without an ffmpeg', async () => {
    vi.stubEnv('FFMPEG_PATH', '/nowhere/ffmpeg');
    expect(await zoneCheck({ clock, log }, 'where-possible')).toBeUndefined();
    expect(said.map(([message]) => message)).toEqual([expect.stringMatching(/has no ffmpeg/)]);
  });

  it('there is none without a way to take the network away, if that is required', async () => {
    pretend('unshare', 'exit 1');
    vi.stubEnv('FFMPEG_PATH', ffmpeg.path);
    vi.stubEnv('PATH', `${folder.path}:${process.env['PATH']}`);
    expect(await zoneCheck({ clock, log }, 'required')).toBeUndefined();
    expect(said.map(([message]) => message)).toEqual([expect.stringMatching(/without network, which is required/)]);
    said.length = 0;
    await check(await zoneCheck({ clock, log }, 'where-possible'), await clipOf());
    expect(said[0]?.[1]).toMatchObject({ network: expect.stringMatching(/does not work here/) });
  });

  it.each([
    ['does not start any more', 'exit 1'],
    ['is killed for lack of memory', `case "$*" in *-version*) exec ${ffmpeg.path} "$@";; esac; kill -9 $$`],
  ])('no clip is blamed when ffmpeg %s', async (_what, lines) => {
    const path = pretend('ffmpeg', `exec ${ffmpeg.path} "$@"`);
    vi.stubEnv('FFMPEG_PATH', path);
    const zones = await zoneCheck({ clock, log }, 'where-possible');
    const bytes = await clipOf();
    await check(zones, bytes);
    pretend('ffmpeg', lines);
    await expect(check(zones, bytes)).rejects.toMatchObject({ code: 'vault_unreachable' });
  });

  it('a clip whose frames do not decode is blamed', async () => {
    const bytes = await clipOf();
    bytes.fill(0x55, bytes.length - 3_000);
    const zones = await zoneCheck({ clock, log }, 'where-possible');
    await expect(check(zones, bytes)).rejects.toMatchObject({ code: 'verify_failed' });
  });
});
