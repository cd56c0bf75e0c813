// @module-tag long
// No number in a clip's file or statement has the phase of its camera's frames or sound, by which two clips of one home could be linked:
// every number of every box is tried as every kind of time. Ring, cut and signing are real. The GOPs and the picture itself do link.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../device/base/keys.ts';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { buildManifest } from '../../../device/clip/disclosure.ts';
import { u32 } from '../../../device/clip/mp4-boxes.ts';
import { makeStatement } from '../../../device/clip/sign-recipient-statement.ts';
import { signToken } from '../../../device/contract/jws.ts';
import { cut, depsFor } from '../../device/clip/support/cutting.ts';
import { makeFootage, x264 } from '../../device/clip/support/footage.ts';
import { captureFile, FOOTAGE_START_US, soundLater } from '../../device/clip/support/segmenter.ts';
import { Surgery } from '../../device/clip/support/surgery.ts';
import { ffmpegs } from '../../support/each-ffmpeg.ts';
import { liveGrantFor } from '../../support/live-grant.ts';
import { claimsOf, makeParty } from '../../support/parties.ts';
import { linkingPlaces, type ReceivedClip } from './support/clip-phases.ts';

const [found] = ffmpegs;
if (!found) throw new Error('no ffmpeg');
const ffmpeg = found;
const SOUND_RATE = 48_000;
const CLIPS = 5;
/** ffmpeg makes footage and clips, on a machine of any speed. */
const MAKING_MS = 300_000;

let footage: Segment[] = [];
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-times-'));
  // Frames and packets of sound have no common period, so that only clips of one camera agree.
  const style = { video: x264(26), frames: 260, fps: 13, sound: 'sine=r=48000' };
  footage = await captureFile(ffmpeg.path, await makeFootage(ffmpeg.path, folder, style));
  await rm(folder, { recursive: true });
}, MAKING_MS);

/** A camera's ring: everything later by one span, its sound by another. */
const ringOf = (laterUs: number, soundSamples: number): Segment[] =>
  footage.map((segment) => ({
    ...soundLater(segment, soundSamples),
    startUs: segment.startUs + laterUs,
    endUs: segment.endUs + laterUs,
    wallOffsetUs: segment.wallOffsetUs + laterUs,
  }));

/** Clips of one ring with random windows. */
async function clipsOf(ring: Segment[], seed: number): Promise<ReceivedClip[]> {
  const random = new SeededRandom(seed);
  const device = makeParty('device', random);
  const clips: ReceivedClip[] = [];
  for (let at = 0; at < CLIPS; at += 1) {
    const startUs = FOOTAGE_START_US + 1_000_000 + at * 2_700_000 + integerBelow(random, 900_000);
    const window = { startUs, endUs: startUs + 1_500_000 + integerBelow(random, 900_000) };
    const { live } = liveGrantFor({ window, audio: true });
    const { clip, bytes } = await cut(live, depsFor(ffmpeg, ring));
    const [clipId, iat] = [`clip-${at}`, 1_800_000_000];
    const who = { id: device.id, publicKey: device.key.publicKey };
    const claims = buildManifest(live, { clipId, clip, clipSha256: sha256Hex(bytes), disclosed: {}, device: who, iat });
    const manifest = signToken('doorsill-manifest+jws', claims, device.key);
    const { statement } = makeStatement(live, manifest, { device, random });
    clips.push({ window, file: bytes, statement: claimsOf(statement) });
  }
  return clips;
}

/** The clips with a change in each file. */
const planted = (clips: readonly ReceivedClip[], change: (file: Surgery, clip: ReceivedClip) => void) =>
  clips.map((clip) => {
    const file = new Surgery(clip.file);
    change(file, clip);
    return { ...clip, file: file.bytes() };
  });

describe('clips of one camera', () => {
  let home: ReceivedClip[] = [];
  beforeAll(async () => {
    home = await clipsOf(ringOf(31_417, 211), 1);
  }, MAKING_MS);

  it('have no number with the phase of the camera’s frames or sound', () => {
    expect(linkingPlaces(home, SOUND_RATE)).toEqual([]);
  });

  it('would be linked by such a number at any place', () => {
    const STTS = '0/mdia/minf/stbl/stts';
    const frameUs = 1e6 / 13;
    /** The last frame's start, before the end of the window. */
    const lastUs = ({ window }: ReceivedClip) => (window.endUs - FOOTAGE_START_US - 31_417) % frameUs;
    const last = planted(home, (file, clip) => {
      const [frames, duration] = [file.number(STTS, 8), file.number(STTS, 12)];
      const ticks = Math.round((lastUs(clip) / 1e6) * file.number('0/mdia/mdhd', 12));
      file.find(STTS).content = u32([0, 2, frames - 1, duration, 1, ticks]);
    });
    expect(linkingPlaces(last, SOUND_RATE)).toContain('/moov/trak0/mdia/minf/stbl/stts -4 at 13312/s, before the end');
    const inName = planted(home, (file, clip) => file.setNumber('mvhd', 80, Math.round(lastUs(clip) * 0.09)));
    expect(linkingPlaces(inName, SOUND_RATE)).toContain('/moov/mvhd +80 at 90000/s, before the end');
    const inSound = planted(home, (file, { window }) => {
      const firstUs = window.startUs + frameUs - ((window.startUs - FOOTAGE_START_US - 31_417) % frameUs);
      const packets = Math.ceil((firstUs - FOOTAGE_START_US) / (1_024 / 0.048));
      const delayUs = FOOTAGE_START_US + packets * (1_024 / 0.048) - firstUs;
      file.setNumber('1/mdia/mdhd', 8, Math.round(delayUs * 0.09));
    });
    expect(linkingPlaces(inSound, SOUND_RATE)).toContain('/moov/trak1/mdia/mdhd +8 at 90000/s, sound after picture');
    const moment = home.map((clip) => ({
      ...clip,
      statement: { ...clip.statement, seenUs: clip.window.endUs - Math.round(lastUs(clip)) },
    }));
    expect(linkingPlaces(moment, SOUND_RATE).join()).toMatch(/^statement seenUs \d+$/);
  });

  it('never agree with those of another camera', { timeout: MAKING_MS }, async () => {
    const other = await clipsOf(ringOf(55_003, 700), 2);
    const mixed = home.flatMap((clip, at) => (at % 2 === 0 ? [clip] : [other[at] ?? clip]));
    expect(linkingPlaces(mixed, SOUND_RATE)).toEqual([]);
  });
});
