// Reads vitest's JSON report: how many tests passed, failed and were left out, and what was proved; what tests may need, and which of them
// may be left out where that is missing.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What built modules of the checkout offer, by their paths without `.js`, as one object. */
export async function offeredBy(...paths) {
  return Object.assign({}, ...(await Promise.all(paths.map((path) => import(join(root, `${path}.js`))))));
}

/**
 * What a test may need beyond Node, git and npm's packages: its tag, what that is, its commands and Debian packages; `mayBeMissing` is what
 * no package brings, so that `npm run check` leaves its tests out by name rather than refuse.
 */
const needs = JSON.parse(readFileSync(join(root, 'test/needs.json'), 'utf8'));

/** The tags of all tests that `npm test` leaves out. */
export const tagsLeftOut = ['long', ...Object.keys(needs)];

/** How many milliseconds a fixed piece of work takes on this machine now, the median of five: what tells a slow machine from slow tests. */
export function fixedWorkMs() {
  const times = Array.from({ length: 5 }, () => {
    const startedMs = performance.now();
    let text = '';
    for (let round = 0; round < 20_000; round += 1) {
      text = createHash('sha256')
        .update(JSON.stringify({ round, text, filler: 'x'.repeat(1_000) }))
        .digest('hex');
    }
    return performance.now() - startedMs;
  });
  return times.sort((a, b) => a - b)[2];
}

const IN_MEMORY = '/dev/shm';

/**
 * A new folder for all that tests write, which they find as TMPDIR, and the function that removes it, whether the run ends or Ctrl-C ends it.
 * It is in memory where there is room for `bytes` and programs may run from there, which saves the disk's waits; else where the system has it.
 */
export function folderOfRun(bytes) {
  const make = (parent) => mkdtempSync(join(parent, 'doorsill-'));
  let folder = null;
  if (hasRoom(bytes)) {
    folder = make(IN_MEMORY);
    const program = join(folder, 'program');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
    const { status } = spawnSync(program);
    rmSync(status === 0 ? program : folder, { recursive: true });
    if (status !== 0) folder = null;
  }
  folder ??= make(tmpdir());
  // Some tests run programs as another user; it may write there as in /tmp.
  chmodSync(folder, 0o1777);
  // Ctrl-C ends the tests, too; this process lives on to remove the folder.
  process.on('SIGINT', () => {});
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function hasRoom(bytes) {
  if (freemem() < 2 * bytes || !existsSync(IN_MEMORY)) return false;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  return bavail * bsize >= bytes;
}

/** Folders to search for commands; Debian keeps root's commands in the last two. */
const FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

function isHere(tag) {
  if (tag === 'root') return process.getuid?.() === 0;
  if (tag === 'footage') {
    const folder = process.env.DOORSILL_MEDIA ?? join(root, '../shared/media');
    return existsSync(folder) && readdirSync(folder).length > 0;
  }
  return (needs[tag].commands ?? []).every((name) => FOLDERS.some((folder) => existsSync(join(folder, name))));
}

/** What tests need and this machine lacks: `[{ tag, what, packages, mayBeMissing }]`. */
export function missingNeeds() {
  return Object.entries(needs)
    .filter(([tag]) => !isHere(tag))
    .map(([tag, { what, packages = [], mayBeMissing = false }]) => ({ tag, what, packages, mayBeMissing }));
}

/** Matches tests that may be skipped: their name or group names a device that the machine may lack. */
const NEEDS_HARDWARE = /\(needs hardware: [^)]+\)/;

/**
 * Judges what was skipped on a machine that lacks `missing`. Returns `leftOut`, a heading and the tests' names for each need that may be
 * missing, and `unexcused`, the names of tests that were skipped without a reason that counts.
 */
export function judgeSkipped(skipped, missing) {
  const excuses = missing.filter(({ mayBeMissing }) => mayBeMissing);
  const leftOut = excuses.map(({ tag, what }) => ({
    heading: `left out: needs ${what}`,
    names: skipped.filter(({ tags }) => tags.includes(tag)).map(({ name }) => name),
  }));
  const excused = new Set(leftOut.flatMap(({ names }) => names));
  const unexcused = skipped.map(({ name }) => name).filter((name) => !excused.has(name) && !NEEDS_HARDWARE.test(name));
  return { leftOut: leftOut.filter(({ names }) => names.length > 0), unexcused };
}

/** The command that installs what is missing; null when no package would help. */
export function installLine(missing) {
  const packages = [...new Set(missing.flatMap((need) => need.packages))];
  return packages.length === 0 ? null : `sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

/** What a tag means, as part of a sentence. */
export function whatTagMeans(tag) {
  return tag === 'long' ? 'take longer than 2 s' : `need ${needs[tag].what}`;
}

/**
 * Reads reports. `counts` counts tests; `failed` names each failed test, `skipped` each skipped one with its tags; `proved` holds the
 * lines for the table of what was proved; `files` is sorted by duration. Throws when one is not there.
 */
export function readReport(reportFiles) {
  const testResults = reportFiles.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).testResults);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failed = [];
  const skipped = [];
  const proved = [];
  const files = testResults.map((file) => {
    const name = relative(root, file.name);
    for (const test of file.assertionResults) {
      if (test.status === 'passed') {
        counts.passed += 1;
        for (const line of test.meta?.proved ?? []) proved.push({ ...line, test: name });
      } else if (test.status === 'failed') failed.push(`${name}: ${test.fullName}`);
      else {
        counts.skipped += 1;
        skipped.push({ name: `${name}: ${test.fullName}`, tags: test.tags });
      }
    }
    // A file that failed before its first test.
    if (file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed')) failed.push(name);
    return { name, seconds: (file.endTime - file.startTime) / 1000 };
  });
  counts.failed = failed.length;
  return { counts, failed, skipped, proved, files: files.sort((a, b) => b.seconds - a.seconds) };
}
