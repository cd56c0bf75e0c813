// A staged clip is parsed with the reader that the device checks its own clips with; refusals carry the bridge's codes.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkStructure } from '../../../cloud-bridge/intake/clip-files.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import type { ClipFacts } from '../../../device/contract/clip-facts.ts';
import { type SealedClip, sealedBytesOf } from '../../../device/contract/sealing.ts';
import { fillerBox, grown, plainMp4 } from '../../support/plain-mp4.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doorsill-structure-'));
});
afterAll(() => rm(folder, { recursive: true }));

const counts = { frames: 20, audioPackets: 8 };
const good = plainMp4(counts);
/** Twenty frames, at 15 a second, end 1,333,333 µs after the first; a statement names times in tenths of a second. */
const window = { startUs: 0, endUs: 1_400_000 };
const facts: ClipFacts = {
  ...{ ...counts, window, coverage: window, gaps: [] },
  ...{ method: 'copy', encodedFrames: 0, redacted: false },
};

async function check(bytes: Uint8Array, statement: ClipFacts & { sealed?: SealedClip } = facts): Promise<void> {
  const path = join(folder, 'clip.mp4');
  await writeFile(path, bytes);
  const file = await new SystemDisk().open(path, { create: false });
  await checkStructure(file, bytes.length, statement).finally(() => file.close());
}

it('accepts a plain recording', async () => {
  await expect(check(good)).resolves.toBeUndefined();
});

it.each([
  ['with user data', grown(good, ['moov'], fillerBox('udta', 40)), 'data behind what belongs into moov'],
  ['with a long handler name', grown(good, ['moov', 'trak', 'mdia', 'hdlr'], new Uint8Array(3)), /hdlr/],
  ['that is cut off', good.subarray(0, good.length - 1), 'data behind mdat'],
  ['that ends in its description', good.subarray(0, 400), 'a moov box of an impossible length'],
  ['that is empty', new Uint8Array(0), 'ends before its moov box'],
])('refuses a clip %s', async (_what, bytes, detail) => {
  const checked = check(bytes);
  await expect(checked).rejects.toMatchObject({ code: 'intake_structure' });
  await expect(checked).rejects.toThrow(detail);
});

it.each<[string, Partial<ClipFacts>, string]>([
  ['frames beyond its coverage', { coverage: { startUs: 0, endUs: 1_100_000 } }, 'intake_duration'],
  ['coverage beyond its frames', { coverage: { startUs: 0, endUs: 1_600_000 } }, 'intake_coverage'],
  ['frames in a gap', { gaps: [{ startUs: 400_000, endUs: 1_200_000 }] }, 'intake_gaps'],
])('refuses a clip with %s according to its statement', async (_what, changes, code) => {
  await expect(check(good, { ...facts, ...changes })).rejects.toMatchObject({ code });
});

/** What a statement says about a clip of this size that only its recipient can read. */
const sealedOf = (clipBytes: number): SealedClip => ({
  ...{ clipSha256: 'a'.repeat(64), clipBytes, recipientKey: 'A'.repeat(43), contentKey: 'A'.repeat(107) },
  ...{ grantSha256: 'a'.repeat(64), facts: {}, zones: 'a'.repeat(64) },
});

/** The first bytes of an encrypted file, and none of a recording. */
function encrypted(sizeBytes: number, magic = 'DSSEAL01'): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(7);
  bytes.set(Buffer.from(magic).subarray(0, sizeBytes));
  return bytes;
}

it.each([1, 57_343, 57_344, 57_345, 200_000])('accepts an encrypted file of a clip of %i bytes', async (clipBytes) => {
  const sealed = sealedOf(clipBytes);
  await expect(check(encrypted(sealedBytesOf(clipBytes)), { ...facts, sealed })).resolves.toBeUndefined();
});

const SIZE = sealedBytesOf(good.length);

it.each<[string, Uint8Array]>([
  ['of a byte more than stated', encrypted(SIZE + 1)],
  ['of a byte less than stated', encrypted(SIZE - 1)],
  ['of another form', encrypted(SIZE, 'DSSEAL02')],
  ['that begins a byte later', encrypted(SIZE, ' DSSEAL01')],
  ['that is a plain recording', good],
  ['that ends in its first bytes', encrypted(7)],
  ['that is empty', encrypted(0)],
])('refuses an encrypted file %s', async (_what, bytes) => {
  const checked = check(bytes, { ...facts, sealed: sealedOf(good.length) });
  await expect(checked).rejects.toMatchObject({
    ...{ code: 'intake_structure', facts: { detail: 'it is not an encrypted file of the stated size' } },
  });
});

it('refuses an encrypted file in place of a recording', async () => {
  await expect(check(encrypted(SIZE))).rejects.toMatchObject({ code: 'intake_structure' });
});
