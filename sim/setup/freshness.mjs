// Owns: whether a checkout's build is as new as its sources, judged by file times alone: the command line checks this at every start.
// Not here: installing and building (prepare.mjs).
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What is built. */
export const SOURCE_FOLDERS = ['device', 'cloud-bridge', 'sim', 'test/proofs'];
const SOURCE_FILES = ['package.json', 'package-lock.json', 'tsconfig.json'];

/** What the two pages are made of. */
const PAGE_FOLDERS = ['device/console-page', 'device/contract'];
const REPORT_PAGE_FOLDERS = ['sim/report', 'device/console-page/kit/style'];

/** Written last by a build, so that its modification time is the build's. */
export const buildStamp = (root) => join(root, 'dist/.built');
/** The same for each page, in its folder. */
export const PAGE_STAMP = '.built';
/** What the database driver was built for: Node's modules version, the processor, and more. */
export const driverStamp = (root) => join(root, 'node_modules/.doorsill-native');

function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(newest, entry.isDirectory() ? newestUnder(path) : timeOf(path));
  }, timeOf(folder));
}

function isNewerThan(root, stamp, folders) {
  if (!existsSync(stamp)) return false;
  const sources = [
    ...folders.map((folder) => newestUnder(join(root, folder))),
    ...SOURCE_FILES.map((file) => timeOf(join(root, file))),
  ];
  return timeOf(stamp) >= Math.max(...sources);
}

/** Whether the programs' last build is newer than every source. */
export function areProgramsBuilt(root) {
  return isNewerThan(root, buildStamp(root), SOURCE_FOLDERS);
}

/** Whether the console's page and the report's were built from today's sources. */
export function arePagesBuilt(root) {
  return (
    isNewerThan(root, join(root, 'dist/console-page', PAGE_STAMP), PAGE_FOLDERS) &&
    isNewerThan(root, join(root, 'dist/report-page', PAGE_STAMP), REPORT_PAGE_FOLDERS)
  );
}

/** Whether the last build is newer than every source. */
export function isBuilt(root) {
  return areProgramsBuilt(root) && arePagesBuilt(root);
}

/** Whether the driver was built for another Node version or processor than this one. */
export function isDriverForeign(root) {
  const stamp = driverStamp(root);
  return existsSync(stamp) && !readFileSync(stamp, 'utf8').startsWith(`${process.versions.modules} ${process.arch} `);
}

/** Whether this user may install and build here. */
export function canPrepare(root) {
  try {
    for (const folder of [root, join(root, 'dist'), join(root, 'node_modules')]) {
      if (existsSync(folder)) accessSync(folder, constants.W_OK);
    }
    return true;
  } catch {
    return false;
  }
}
