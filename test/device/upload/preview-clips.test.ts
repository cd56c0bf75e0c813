// A preview is the clip: it is sealed on the disk, removed with the preview, and exactly the bytes that a grant naming it sends; a grant of
// other terms gets nothing.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { mintLivePreview, type PreviewTerms } from '../../../device/consent/live-preview.ts';
import { concatBytes } from '../../../device/contract/bytes.ts';
import type { Grant } from '../../../device/contract/owner-orders.ts';
import { PreviewClips } from '../../../device/upload/preview-clips.ts';
import { allBytes, depsFor } from '../clip/support/cutting.ts';
import { makeFootage, x264 } from '../clip/support/footage.ts';
import { captureFile, frameTimesUs } from '../clip/support/segmenter.ts';

const ffmpeg = await findFfmpeg();
let folder: string;
let segments: Segment[];
let clips: PreviewClips;
let terms: PreviewTerms;
let cut: ReturnType<typeof depsFor>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-preview-'));
  segments = await captureFile(ffmpeg.path, await makeFootage(ffmpeg.path, folder, { video: x264(15), frames: 50 }));
  cut = depsFor(ffmpeg, segments);
  const times = frameTimesUs(segments);
  const window = { startUs: times[5] ?? 0, endUs: times[33] ?? 0 };
  terms = { request: 'request-1', window, audio: false, zones: [], byteLimit: 10_000_000 };
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  clips = new PreviewClips({
    disk: new SystemDisk(),
    random: new SystemRandom(),
    log: silentLog(),
    folder: join(folder, 'previews'),
    cipher: 'aes-256-gcm',
    clip: cut,
    alone: (work) => work(),
    footageSettled: () => Promise.resolve(),
  });
  await clips.start();
});

const onDisk = () => readdir(join(folder, 'previews'));
const whole = async (id: string) => {
  const reader = await clips.reader(id);
  const bytes = await reader.read(0, reader.sizeBytes);
  await reader.close();
  return bytes;
};
/** The part of a grant that decides. */
const grantOf = (changes: Partial<Grant>) => ({ ...terms, ...changes }) as Grant;

it('returns the clip, sealed on the disk, and gives a grant exactly its bytes', async () => {
  const { live } = mintLivePreview('preview-1', terms);
  const { id, sha256, facts } = await clips.make(live);
  const shown = await whole(id);
  expect([sha256Hex(shown), facts.frames]).toEqual([sha256, 28]);
  const [name = ''] = await onDisk();
  const sealed = await readFile(join(folder, 'previews', name));
  expect(sealed.includes(Buffer.from(shown.subarray(0, 32)))).toBe(false);
  const { clip, done } = clips.take(grantOf({ clipSha256: sha256 }));
  expect(sha256Hex(concatBytes([await allBytes(clip)]))).toBe(sha256);
  await done();
  expect(await onDisk()).toEqual([]);
});

it('takes nothing for a grant of other terms', async () => {
  const { live } = mintLivePreview('preview-1', terms);
  const { sha256 } = await clips.make(live);
  expect(clips.isPreviewed(grantOf({ clipSha256: sha256 }))).toBe(true);
  const others: Partial<Grant>[] = [
    { clipSha256: 'f'.repeat(64) },
    { request: 'request-2' },
    { window: { startUs: 1, endUs: 2 } },
    { audio: true },
    { zones: [{ left: 0, top: 0, width: 10, height: 10 }] },
    { byteLimit: 10 },
  ];
  for (const changes of others) {
    const grant = grantOf({ clipSha256: sha256, ...changes });
    expect(clips.isPreviewed(grant), JSON.stringify(changes)).toBe(false);
    expect(() => clips.take(grant)).toThrow(expect.objectContaining({ code: 'preview_changed' }));
  }
});

it('is gone the moment its preview ends: no file, no bytes for an open reader, nothing for a grant', async () => {
  const { live, end } = mintLivePreview('preview-1', terms);
  const { id, sha256 } = await clips.make(live);
  const reader = await clips.reader(id);
  end('privacy is on');
  await expect(reader.read(0, 10)).rejects.toMatchObject({ code: 'preview_ended' });
  await reader.close();
  expect(clips.isPreviewed(grantOf({ clipSha256: sha256 }))).toBe(false);
  await expect.poll(onDisk).toEqual([]);
  await expect(clips.reader(id)).rejects.toMatchObject({ code: 'preview_unknown' });
});

it('leaves nothing when its preview ends while it is cut', async () => {
  const { live, end } = mintLivePreview('preview-1', terms);
  const making = clips.make(live);
  end('footage was forgotten');
  await expect(making).rejects.toMatchObject({ code: 'preview_ended' });
  expect(await onDisk()).toEqual([]);
});

it('stays complete for a grant that is taking it when its preview ends', async () => {
  const { live, end } = mintLivePreview('preview-1', terms);
  const { sha256 } = await clips.make(live);
  const { clip, done } = clips.take(grantOf({ clipSha256: sha256 }));
  end('its time is over');
  expect(sha256Hex(concatBytes([await allBytes(clip)]))).toBe(sha256);
  await done();
  expect(await onDisk()).toEqual([]);
});

it('does not survive a restart', async () => {
  const { live } = mintLivePreview('preview-1', terms);
  await clips.make(live);
  await writeFile(join(folder, 'previews', 'left-behind.clip'), 'x');
  await clips.start();
  expect(await onDisk()).toEqual([]);
});
