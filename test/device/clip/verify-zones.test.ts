// @module-tag long
// With a clip, its full manifest and ffmpeg one finds a zone that is not black in any frame, by the function and the command, and learns
// which parts could not be checked. Tolerances and wrongly drawn zones: zone-check.test.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { SeededRandom } from '../../../device/base/random.ts';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { buildManifest } from '../../../device/clip/disclosure.ts';
import { makeStatement } from '../../../device/clip/sign-recipient-statement.ts';
import { verifyZones } from '../../../device/clip/verify-zones.ts';
import { concatBytes, utf8 } from '../../../device/contract/bytes.ts';
import { signToken } from '../../../device/contract/jws.ts';
import type { Zone } from '../../../device/contract/shared-claims.ts';
import { runCommand } from '../../support/command-line.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { makeParty } from '../../support/parties.ts';
import { cut, depsFor, readerOf, saved } from './support/cutting.ts';
import { x264 } from './support/footage.ts';
import { capturedFootage, frameTimesUs } from './support/segmenter.ts';
import { Surgery } from './support/surgery.ts';
import { turnedInit } from './support/turned.ts';

const ZONE: Zone = { left: 3_157, top: 3_012, width: 2_718, height: 3_465 };
const FRAMES = 22;

let folder = '';
let segments: Segment[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-verify-'));
  segments = await capturedFootage(ffmpeg.path, { video: x264(15), frames: 30 });
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

/** A clip under a grant that names the zone, cut with changed drawing arguments. */
async function clipOf(change = (filter: string) => filter, ring = segments) {
  const times = frameTimesUs(ring);
  const { live } = liveGrantFor({ window: { startUs: times[5] ?? 0, endUs: times[5 + FRAMES] ?? 0 }, zones: [ZONE] });
  const start: typeof ffmpeg.start = (args, options) =>
    startFfmpeg(
      ffmpeg,
      args.map((arg) => arg.replaceAll(/drawbox=[^,]+/g, change)),
      options,
    );
  return { live, ...(await cut(live, depsFor({ ...ffmpeg, start }, ring))) };
}

const decoder = { ffmpeg, clock: new SystemClock() };
const seen = (bytes: Uint8Array, frames = FRAMES) =>
  verifyZones(readerOf(bytes), { zones: [ZONE], frames, audioPackets: 0 }, decoder);
const refusal = (detail: unknown) => expect.objectContaining({ code: 'verify_failed', facts: { detail } });

it('a clip whose zones are black in every frame verifies, rotated or not', async () => {
  await seen((await clipOf()).bytes);
  await seen(
    (
      await clipOf(
        undefined,
        segments.map((each) => ({ ...each, init: turnedInit(each.init, 90) })),
      )
    ).bytes,
  );
});

it('a clip with a single frame whose zone is not black does not verify', async () => {
  const { bytes } = await clipOf((filter) => `${filter}:enable='not(eq(n,13))'`);
  await expect(seen(bytes)).rejects.toEqual(refusal('a zone is not black in frame 13'));
  const { bytes: late } = await clipOf((filter) => `${filter}:enable='gte(n,2)'`);
  await expect(seen(late)).rejects.toEqual(refusal('a zone is not black in frame 0'));
});

it('a foreign file, one with another number of frames, and one that does not decode do not verify', async () => {
  const { bytes } = await clipOf();
  await expect(seen(concatBytes([bytes, utf8('serial number 4711')]))).rejects.toEqual(refusal('data behind mdat'));
  await expect(seen(bytes, FRAMES - 1)).rejects.toEqual(
    refusal(`${FRAMES} frames, where its manifest or statement says ${FRAMES - 1}`),
  );
  const twice = new Surgery(bytes);
  const { at: from, size: length } = twice.sampleAt(13);
  twice.splicePayload(from, 0, twice.top('mdat').content.slice(from, from + length));
  twice.setNumber('0/mdia/minf/stbl/stsz', 12 + 13 * 4, 2 * length);
  await expect(seen(twice.bytes())).rejects.toEqual(refusal(`${FRAMES + 1} of ${FRAMES} encoded frames decode`));
  const torn = new Surgery(bytes);
  const { at, size } = torn.sampleAt(13);
  torn.top('mdat').content.fill(0x55, at + 12, at + size);
  await expect(seen(torn.bytes())).rejects.toEqual(refusal(expect.stringMatching(/./)));
});

it('the command reports the result for the zones, and the parts it could not check', { timeout: 300_000 }, async () => {
  const device = makeParty('device', new SeededRandom(2));
  const said = async (name: string, change?: (filter: string) => string) => {
    const { live, clip, bytes } = await clipOf(change);
    const claims = buildManifest(live, {
      ...{ clipId: 'clip-1', clip, clipSha256: sha256Hex(bytes), disclosed: {}, iat: 1_800_000_000 },
      device: { id: device.id, publicKey: device.key.publicKey },
    });
    const manifest = signToken('doorsill-manifest+jws', claims, device.key);
    const { statement } = makeStatement(live, manifest, { device, random: new SeededRandom(3) });
    const path = await saved(folder, `${name}.mp4`, bytes);
    await writeFile(join(folder, `${name}.jws`), manifest);
    await writeFile(join(folder, `${name}.statement.jws`), statement);
    return (paper: 'jws' | 'statement.jws', ...more: string[]) =>
      runCommand(['verify', path, join(folder, `${name}.${paper}`), ...more], {
        environment: paper === 'jws' && more.length === 0 ? { FFMPEG_PATH: '/nowhere/ffmpeg' } : {},
      });
  };
  const good = await said('good');
  const [looked, blind, statement] = [await good('jws', '--json'), await good('jws'), await good('statement.jws')];
  expect(looked.last).toMatchObject({ ok: true, zones: { seen: 'black', zones: 1 } });
  expect(blind.status).toBe(0);
  expect(blind.stdout).toContain('Not checked: whether its zones are black, which needs ffmpeg');
  expect(statement.stdout).toContain('Not checked: the blacked out zones, which a statement does not name');
  const bad = await said('bad', (filter) => `${filter}:enable='not(eq(n,13))'`);
  const refused = await bad('jws', '--json');
  expect([refused.status, refused.stdout + refused.stderr]).toEqual([
    3,
    expect.stringContaining('a zone is not black in frame 13'),
  ]);
});
