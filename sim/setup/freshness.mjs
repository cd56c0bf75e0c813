// Whether a checkout's build is as new as its sources, by file times only: the command line checks this at every start.
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that the compiler builds, each into its own `dist`; nested packages first. */
export const COMPILED = ['device/contract', 'device/base', 'device', 'cloud-bridge', 'sim', 'test/proofs'];
/** Folders with sources of the build. */
export const SOURCE_FOLDERS = ['device', 'cloud-bridge', 'sim', 'test/proofs'];
const SOURCE_FILES = ['package.json', 'package-lock.json', 'tsconfig.json'];

/** Sources of the two pages. */
const PAGE_FOLDERS = ['device/console-page', 'device/contract'];
const REPORT_PAGE_FOLDERS = ['sim/report', 'device/console-page/kit/style'];

/** Written last by a build, so that its modification time is the build's. */
export const buildStamp = (root) => join(root, 'sim/dist/.built');
/** The same for each page, in its folder. */
export const PAGE_STAMP = '.built';
/** The record of the database driver's build: Node's modules version, the processor, and more. */
export const driverStamp = (root) => join(root, 'node_modules/.doorsill-native');

/** Folders without sources. */
const NO_SOURCES = new Set(['dist', 'node_modules']);

function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestUnder(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  // A removed file changes its folder's time; so does a build in the folder, whose time is therefore ignored.
  const own = entries.some(({ name }) => NO_SOURCES.has(name)) ? 0 : timeOf(folder);
  return entries
    .filter(({ name }) => !NO_SOURCES.has(name))
    .reduce((newest, entry) => {
      const path = join(folder, entry.name);
      return Math.max(newest, entry.isDirectory() ? newestUnder(path) : timeOf(path));
    }, own);
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

/** Whether the pages' last builds are newer than their sources. */
export function arePagesBuilt(root) {
  return (
    isNewerThan(root, join(root, 'device/console-page/dist', PAGE_STAMP), PAGE_FOLDERS) &&
    isNewerThan(root, join(root, 'sim/dist/report-page', PAGE_STAMP), REPORT_PAGE_FOLDERS)
  );
}

/** Whether programs and pages are built from the current sources. */
export function isBuilt(root) {
  return areProgramsBuilt(root) && arePagesBuilt(root);
}

/** The package of the database driver for a Node; cloud-bridge/persistence/sqlite-driver.ts tells why there are two. */
export const driverFor = ({ napi }) => (Number(napi) >= 10 ? 'better-sqlite3' : 'better-sqlite3-v12');

/** Whether the database driver for a Node is installed, and built where it has to be: before Node 22.14. */
export function isDriverThere(root, versions = process.versions) {
  const name = driverFor(versions);
  if (!existsSync(join(root, 'node_modules', name))) return false;
  if (name === 'better-sqlite3') return true;
  const stamp = driverStamp(root);
  return existsSync(stamp) && readFileSync(stamp, 'utf8').startsWith(`${versions.modules} ${process.arch} `);
}

/** Whether this user may install and build here. */
export function canPrepare(root) {
  try {
    const built = [...COMPILED, 'device/console-page'].map((folder) => join(root, folder, 'dist'));
    for (const folder of [root, ...built, join(root, 'node_modules')]) {
      if (existsSync(folder)) accessSync(folder, constants.W_OK);
    }
    return true;
  } catch {
    return false;
  }
}
