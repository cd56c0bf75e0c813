// Writes a run's reports into a folder (0700) as files (0600), each atomically. Pictures next to the report are embedded into its page.

import { access, constants, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Disk, isNoSpace, systemCode } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import { failure } from '../errors.ts';
import { reportGithub } from './report-github.ts';
import { reportHtml } from './report-html.ts';
import { reportJunit } from './report-junit.ts';
import { REPORT_LIMITS, type RunReport, type TestReport, type TimelineStill } from './run-report.ts';

/** The file of each kind of report. */
export const REPORT_FILES = {
  json: 'report.json',
  html: 'report.html',
  junit: 'junit.xml',
  github: 'summary.md',
} as const;

export type ReportKind = keyof typeof REPORT_FILES;

/** Bytes of pictures in one page; further ones are only named. Failed tests come first. */
const PAGE_PICTURE_BYTES_MAX = 48 * 1024 * 1024;

/**
 * Writes the reports into `folder`, which it creates if needed, and returns their paths in the order of `kinds`. Replaces an earlier run's
 * reports atomically. Throws `report_unwritten` on disk errors.
 */
export async function writeReports(
  disk: Disk,
  folder: string,
  report: RunReport,
  kinds: readonly ReportKind[],
): Promise<string[]> {
  const paths: string[] = [];
  try {
    await disk.makeFolder(folder);
    for (const kind of kinds) {
      const path = join(folder, REPORT_FILES[kind]);
      await disk.replaceFile(path, utf8(await textOf(kind, disk, folder, report)));
      paths.push(path);
    }
  } catch (thrown) {
    throw unwritten(folder, thrown);
  }
  return paths;
}

/**
 * Checks before a run that a page can be written. `option` is the option that named the file. Throws `usage`, `output_taken`, or a system
 * error.
 */
export async function expectPageWritable(option: string, file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found && !found.isFile()) throw failure('usage', { detail: `${option} takes a file, and ${file} is none` });
  await expectOutputFree(file);
  await access(dirname(file), constants.W_OK);
}

/** Writes one page (0600) atomically. Throws `output_taken`, and `report_unwritten` on disk errors. */
export async function writePage(file: string, html: string): Promise<void> {
  try {
    await writePrivateFile(file, [html]);
  } catch (thrown) {
    throw unwritten(file, thrown);
  }
}

/** A disk error as a failure; anything else unchanged. */
function unwritten(folder: string, thrown: unknown): unknown {
  if (systemCode(thrown) === null) return thrown;
  const detail = isNoSpace(thrown) ? 'no space is left' : thrown instanceof Error ? thrown.message : String(thrown);
  return failure('report_unwritten', { folder, detail }, thrown);
}

async function textOf(kind: ReportKind, disk: Disk, folder: string, report: RunReport): Promise<string> {
  switch (kind) {
    case 'json':
      return `${JSON.stringify(report, null, 1)}\n`;
    case 'html':
      return reportHtml(await withPictures(disk, folder, report));
    case 'junit':
      return reportJunit(report);
    case 'github':
      return reportGithub(report).summary;
  }
}

/** The report with pictures embedded, as far as they fit. */
async function withPictures(disk: Disk, folder: string, report: RunReport): Promise<RunReport> {
  let room = PAGE_PICTURE_BYTES_MAX;
  const load = async (still: TimelineStill): Promise<TimelineStill> => {
    if (still.jpegBase64 !== undefined || still.file === undefined) {
      room -= still.jpegBase64?.length ?? 0;
      return still;
    }
    const bytes = await readPicture(disk, join(folder, still.file), Math.min(room, REPORT_LIMITS.stillBytes));
    if (!bytes) return still;
    room -= bytes.length;
    return { ...still, jpegBase64: Buffer.from(bytes).toString('base64') };
  };
  const tests = [...report.tests];
  for (const at of worstFirst(tests)) {
    const test = tests[at];
    if (!test?.timeline) continue;
    const cameras = [];
    for (const camera of test.timeline.cameras) {
      const stills: TimelineStill[] = [];
      for (const still of camera.stills) stills.push(await load(still));
      cameras.push({ ...camera, stills });
    }
    tests[at] = { ...test, timeline: { ...test.timeline, cameras } };
  }
  return { ...report, tests };
}

function worstFirst(tests: readonly TestReport[]): number[] {
  const rank = ({ status }: TestReport) => (status === 'passed' || status === 'skipped' ? 1 : 0);
  return tests
    .map((test, at) => ({ at, rank: rank(test) }))
    .sort((one, other) => one.rank - other.rank || one.at - other.at)
    .map(({ at }) => at);
}

/** A JPEG of at most `bytesMax`; null if it is missing, larger or something else. */
async function readPicture(disk: Disk, path: string, bytesMax: number): Promise<Uint8Array | null> {
  const size = await disk.sizeOf(path);
  if (size === null || size > bytesMax) return null;
  const bytes = await disk.readFile(path, bytesMax);
  return bytes && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? bytes : null;
}
