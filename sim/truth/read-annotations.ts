// Reads annotations of other tools as ground truth.
import type { Disk } from '@doorsill/base/disk';
import { truthFromCvatXml } from './cvat-xml.ts';
import { type MotOptions, truthFromMotCsv } from './mot-csv.ts';
import { annotationsInvalid } from './presence-spans.ts';
import { readText, TextUnreadable } from './read-truth.ts';
import type { Truth } from './truth-file.ts';

/** About as much as an hour of video with ten objects in every picture. */
const ANNOTATION_BYTES_MAX = 64 * 1024 * 1024;

export const ANNOTATION_FORMATS = ['mot', 'cvat'] as const;
export type AnnotationFormat = (typeof ANNOTATION_FORMATS)[number];

/** Reads annotations of a named format as ground truth. Throws `annotations_invalid` with the location. */
export async function readAnnotations(
  path: string,
  format: AnnotationFormat,
  disk: Disk,
  options: MotOptions,
): Promise<Truth> {
  const text = await readText(path, disk, ANNOTATION_BYTES_MAX).catch((thrown: unknown) => {
    if (thrown instanceof TextUnreadable) throw annotationsInvalid(path, thrown.message);
    throw thrown;
  });
  return format === 'mot' ? truthFromMotCsv(text, options, path) : truthFromCvatXml(text, options, path);
}
