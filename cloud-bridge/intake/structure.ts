// Owns: whether an uploaded clip is a plain recording and nothing else, as strictly as the device reads its own before it sends it, and
// with the same reader. Not here: decoding; whether the frames are the granted ones (the device checked each one and signed for it).
import type { DiskFile } from '../../device/base/disk.ts';
import { readClipFile, type SampleCounts } from '../../device/media/read-clip-file.ts';
import { failure } from '../../device/protocol/errors.ts';

/** Throws `intake_structure` unless the file of `sizeBytes` is a plain recording of as many frames and packets as are expected. */
export async function checkStructure(file: DiskFile, sizeBytes: number, expected: SampleCounts): Promise<void> {
  const clip = { sizeBytes, read: (position: number, length: number) => file.read(position, length) };
  await readClipFile(clip, expected, (detail) => failure('intake_structure', { detail }));
}
