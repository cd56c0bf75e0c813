// Owns: whether an uploaded clip is a plain recording and nothing else, as strictly as the device reads its own before it sends it and
// with the same reader, and whether its times are those of its statement. Not here: decoding; whether the frames are the granted ones
// (the device checked each one and signed for it).
import type { DiskFile } from '../../device/base/disk.ts';
import { faultOfTimes } from '../../device/media/clip-times.ts';
import { readClipFile } from '../../device/media/read-clip-file.ts';
import type { ClipFacts } from '../../device/protocol/clip-facts.ts';
import { failure } from '../../device/protocol/errors.ts';
import { STATEMENT_TIME_STEP_US } from '../../device/protocol/manifest.ts';

/**
 * Throws `intake_structure` unless the file of `sizeBytes` is a plain recording of as many frames and packets as its statement says, and
 * `intake_duration`, `intake_coverage` or `intake_gaps` where its times are others.
 */
export async function checkStructure(file: DiskFile, sizeBytes: number, statement: ClipFacts): Promise<void> {
  const clip = { sizeBytes, read: (position: number, length: number) => file.read(position, length) };
  const tables = await readClipFile(clip, statement, (detail) => failure('intake_structure', { detail }));
  const lie = faultOfTimes(tables, statement, STATEMENT_TIME_STEP_US);
  if (lie) throw failure(lie.code, { detail: lie.detail });
}
