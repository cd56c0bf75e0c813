// Owns: a run's reports as files in a folder, each whole or not there: 0600, in a folder that is made 0700. Pictures that lie beside
// the report go into its page. Not here: what the reports say (report-*.ts).

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

/** Each kind of report and the file that it is written to. */
export const REPORT_FILES = {
  json: 'report.json',
  html: 'report.html',
  junit: 'junit.xml',
  github: 'summary.md',
} as const;

export type ReportKind = keyof typeof REPORT_FILES;

/** Bytes of pictures in one page; what is over it is named there, not shown. Failed tests come first. */
const PAGE_PICTURE_BYTES_MAX = 48 * 1024 * 1024;

/**
 * Writes the reports into `folder`, which is made when it is not there, and returns their paths in the order of `kinds`. Replaces those
 * of an earlier run, each in one step. Throws `report_unwritten` when the disk refuses.
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

/** A page that cannot be written is found before what it is about has run. `option` named the file. Throws `usage`, `output_taken`, or the system's refusal. */
export async function expectPageWritable(option: string, file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found && !found.isFile()) throw failure('usage', { detail: `${option} takes a file, and ${file} is none` });
  await expectOutputFree(file);
  await access(dirname(file), constants.W_OK);
}

/** Writes one page (0600) in one step. Throws `output_taken`, `report_unwritten` when the disk refuses. */
export async function writePage(file: string, html: string): Promise<void> {
  try {
    await writePrivateFile(file, [html]);
  } catch (thrown) {
    throw unwritten(file, thrown);
  }
}

/** What the disk refused, as a failure; anything else as it is. */
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

/** The report with the pictures that are files beside it, as far as they fit. */
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

/** A JPEG of at most so many bytes; null when it is not there, larger or something else. */
async function readPicture(disk: Disk, path: string, bytesMax: number): Promise<Uint8Array | null> {
  const size = await disk.sizeOf(path);
  if (size === null || size > bytesMax) return null;
  const bytes = await disk.readFile(path, bytesMax);
  return bytes && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff ? bytes : null;
}
