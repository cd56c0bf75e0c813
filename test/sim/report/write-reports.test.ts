import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemDisk } from '../../../device/base/disk.ts';
import { makeRunReport, parseRunReport, type RunReport, type TestReport } from '../../../sim/report/run-report.ts';
import { writeReports } from '../../../sim/report/write-reports.ts';
import { passedTest, porchPictures, START_US, sampleReport } from './support/sample-report.ts';

const RUN = {
  tool: 'doorsill 1.0.0',
  command: 'doorsill test',
  seed: 1,
  startedAt: '2026-11-27T14:31:20Z',
  durationMs: 1,
};
const disk = new SystemDisk();
let top = '';
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'doorsill-report-'));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function withStills(files: string[], named: Partial<TestReport> = {}): TestReport {
  const stills = files.map((file) => ({ atUs: START_US, caption: 'porch', file }));
  const cameras = [{ name: 'front', recorded: [], events: [], truth: [], stills }];
  return passedTest({ ...named, timeline: { startUs: START_US, endUs: START_US + 1, cameras, steps: [] } });
}

/** Number of pictures embedded in a run's page. */
async function picturesIn(tests: TestReport[]): Promise<number[]> {
  const [path = ''] = await writeReports(disk, top, makeRunReport({ ...RUN, tests }), ['html']);
  const page = readFileSync(path, 'utf8');
  return tests.map((_, at) => {
    const block = new RegExp(`<script type="application/json" id="data-${at}">(.*?)</script>`).exec(page)?.[1] ?? '';
    return block.split('"jpegBase64"').length - 1;
  });
}

describe('reports in a folder', () => {
  it('have every kind, readable only by their owner, and nothing else', async () => {
    const folder = join(top, 'deep/out');
    const report = await sampleReport();
    const paths = await writeReports(disk, folder, report, ['json', 'html', 'junit', 'github']);
    expect(paths.map((path) => path.slice(folder.length + 1))).toEqual([
      'report.json',
      'report.html',
      'junit.xml',
      'summary.md',
    ]);
    expect(readdirSync(folder).sort()).toEqual(['junit.xml', 'report.html', 'report.json', 'summary.md']);
    expect((statSync(folder).mode & 0o777).toString(8)).toBe('700');
    for (const path of paths) expect((statSync(path).mode & 0o777).toString(8), path).toBe('600');
    expect(parseRunReport(readFileSync(paths[0] ?? ''), 'report.json')).toEqual(report);
  });

  it('replace those of an earlier run', async () => {
    const write = (report: RunReport) => writeReports(disk, top, report, ['json']);
    await write(await sampleReport());
    const [path = ''] = await write(makeRunReport({ ...RUN, tests: [] }));
    expect(parseRunReport(readFileSync(path), path).tests).toEqual([]);
  });

  it('embed pictures next to them into the page, and not into the JSON', async () => {
    const [picture = ''] = await porchPictures([2.6]);
    mkdirSync(join(top, 'runs'));
    writeFileSync(join(top, 'runs/a.jpg'), Buffer.from(picture, 'base64'));
    const tests = [withStills(['runs/a.jpg'])];
    expect(await picturesIn(tests)).toEqual([1]);
    const [json = ''] = await writeReports(disk, top, makeRunReport({ ...RUN, tests }), ['json']);
    expect(readFileSync(json, 'utf8')).not.toContain('jpegBase64');
  });

  it('embed nothing that is not a picture, too large or missing', async () => {
    writeFileSync(join(top, 'key.jpg'), '-----BEGIN PRIVATE KEY-----');
    writeFileSync(
      join(top, 'large.jpg'),
      Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(4 * 1024 * 1024)]),
    );
    expect(await picturesIn([withStills(['key.jpg', 'large.jpg', 'missing.jpg'])])).toEqual([0]);
  });

  it('embed the pictures of failed tests first', async () => {
    const three = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(3 * 1024 * 1024)]);
    writeFileSync(join(top, 'three.jpg'), three);
    const ten = Array.from({ length: 10 }, () => 'three.jpg');
    expect(await picturesIn([withStills(ten), withStills(ten, { status: 'failed' })])).toEqual([5, 10]);
  });

  it('fail with the path, and leave earlier reports intact', async () => {
    const report = makeRunReport({ ...RUN, tests: [] });
    const [path = ''] = await writeReports(disk, top, report, ['json']);
    const before = readFileSync(path);
    const below = join(path, 'out');
    await expect(writeReports(disk, below, report, ['json'])).rejects.toMatchObject({
      code: 'report_unwritten',
      facts: { folder: below },
    });
    await expect(writeReports(new FullDisk(), top, report, ['json'])).rejects.toMatchObject({
      code: 'report_unwritten',
      facts: { folder: top, detail: 'no space is left' },
    });
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(top)).toEqual(['report.json']);
  });
});

/** The real disk, without space for another file. */
class FullDisk extends SystemDisk {
  override async replaceFile(): Promise<void> {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  }
}
