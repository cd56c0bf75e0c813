// Makes a fresh clone runnable, with Node built-ins only: packages, native parts, build. Runs before start, test and check, and returns quickly
// when all is in place.
import '../../device/base/check-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arePagesBuilt, areProgramsBuilt, buildStamp, COMPILED, driverFor, driverStamp } from './freshness.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const modules = join(root, 'node_modules');
const say = (text) => process.stderr.write(`doorsill: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(5);
}

/** Runs a command. Returns whether it succeeded, and its output, which was not shown. */
function run(what, command, args, environment = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, ...environment },
  });
  if (done.error) fail(`${what} could not start: ${done.error.message}`);
  return { ok: done.status === 0, output: `${done.stdout}${done.stderr}` };
}

/** Runs the npm that started this process; else the one on the PATH. */
function npm(args, environment) {
  const script = process.env.npm_execpath;
  const what = `npm ${args[0]}`;
  if (script?.endsWith('.js')) return run(what, process.execPath, [script, ...args], environment);
  return run(what, 'npm', args, environment);
}

/** Environment for compiling native parts with Node's own headers instead of downloaded ones. */
function headers() {
  const beside = join(dirname(process.execPath), '..');
  if (!existsSync(join(beside, 'include/node/node.h'))) return {};
  const flags = [process.env.CXXFLAGS, objectWrapFlag(join(beside, 'include/node/node_object_wrap.h'))];
  return { npm_config_nodedir: beside, CXXFLAGS: flags.filter(Boolean).join(' ') };
}

/**
 * Since 24.19 Node's header makes every wrapped object remove a cleanup hook when it is garbage-collected, which ends the process if that happens
 * between two turns of the event loop (nodejs/node#65446). This compiles with the header of older Nodes.
 */
function objectWrapFlag(header) {
  if (!existsSync(header)) return null;
  const text = readFileSync(header, 'utf8');
  const without = text.replace(/^\s*(Add|Remove)EnvironmentCleanupHook\(.*\);$/gm, '');
  if (without === text) return null;
  const file = join(modules, '.doorsill-node-object-wrap.h');
  writeFileSync(file, without);
  // Its include guard excludes the original.
  return `-include ${JSON.stringify(file)}`;
}

/** The packages of a lock file by their folders; null when the file is missing or unreadable. */
function packagesIn(file) {
  try {
    const { '': _project, ...packages } = JSON.parse(readFileSync(file, 'utf8')).packages;
    return packages;
  } catch {
    return null;
  }
}

/**
 * Whether node_modules holds exactly the packages of the lock file, by the record that npm writes at the end of an install. An interrupted
 * install leaves no record, or one that names missing packages.
 */
function isInstalled() {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  const there = packagesIn(join(modules, '.package-lock.json'));
  if (!wanted || !there) return false;
  const sound = ([path, { version, integrity }]) =>
    wanted[path]?.version === version &&
    wanted[path].integrity === integrity &&
    existsSync(join(root, path, 'package.json'));
  // Optional packages may be missing: they are for other platforms, or npm could not install them.
  // The database driver is optional, too, and another Node may have installed the one for itself.
  if (!existsSync(join(modules, driverFor(process.versions)))) return false;
  const missing = Object.entries(wanted).some(([path, { optional }]) => !optional && !there[path]);
  return !missing && Object.entries(there).every(sound);
}

const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|E[A-Z]*TIMEDOUT|ENOTCACHED)\b/;

function install() {
  if (isInstalled()) return;
  say('installing packages (once; this can take a minute) ...');
  // Removed first, so that an interrupted install does not look complete.
  rmSync(join(modules, '.package-lock.json'), { force: true });
  // No install scripts; the one package that needs building is built below.
  const { ok, output } = npm(['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=warn']);
  const warnings = output.split('\n').filter((line) => line.startsWith('npm '));
  if (warnings.length > 0) process.stderr.write(`${warnings.join('\n')}\n`);
  if (ok) return;
  if (UNREACHABLE.test(output)) {
    fail(
      'the npm registry cannot be reached. Connect this machine, or set a registry that it can reach ' +
        '(npm config set registry ADDRESS), and run the same command again.',
    );
  }
  fail('npm ci failed; its output is above. Fix that and run the same command again.');
}

/** Before Node 22.14 the database driver is one that is built for a major version of Node: prebuilt for some, compiled on others. */
function buildDriver() {
  const name = driverFor(process.versions);
  if (name === 'better-sqlite3') return;
  const stamp = driverStamp(root);
  const wanted = `${process.versions.modules} ${process.arch} ${statSync(join(modules, name, 'package.json')).mtimeMs}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const script = `const D=require('${name}');new D(':memory:').close()`;
  const works = () => run('the database driver', process.execPath, ['-e', script]).ok;
  if (!works()) {
    say('fetching or compiling the database driver for this machine (once) ...');
    const { output } = npm(['rebuild', name, '--ignore-scripts=false', '--foreground-scripts'], headers());
    if (!works()) {
      const log = join(modules, '.doorsill-native.log');
      writeFileSync(log, output);
      fail(
        `the database driver has no prebuilt file for Node ${process.versions.node} on ${process.platform}-${process.arch} ` +
          'within reach and did not compile: use Node 22.14 or newer, or install a C++ compiler, make and python3 (Debian: apt ' +
          `install g++ make python3), then run the same command again. The log is ${log}`,
      );
    }
  }
  writeFileSync(stamp, wanted);
}

/** Files of a `dist` that the compiler did not make from a source. */
const BUILT_OTHERWISE = new Set(['.built', 'report-page', 'tsconfig.tsbuildinfo']);

/** Removes build output whose source was removed: the compiler leaves it, and it would be packed and could be imported. */
function dropOrphans(of, folder = '') {
  const built = join(root, of, 'dist', folder);
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (BUILT_OTHERWISE.has(path)) continue;
    const source = join(root, of, entry.isDirectory() ? path : path.replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (!existsSync(source)) rmSync(join(built, entry.name), { recursive: true });
    else if (entry.isDirectory()) dropOrphans(of, path);
  }
}

function buildPrograms() {
  if (areProgramsBuilt(root)) return;
  say('building ...');
  const require = createRequire(join(root, 'package.json'));
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const { ok, output } = run('the build', process.execPath, [compiler, '-b', 'sim', 'test/proofs']);
  if (!ok) {
    process.stderr.write(output);
    fail('the build failed; the compiler’s output is above.');
  }
  for (const folder of COMPILED) dropOrphans(folder);
  writeFileSync(buildStamp(root), '');
}

function buildPages() {
  if (arePagesBuilt(root)) return;
  say('building the pages ...');
  const { ok, output } = run('the pages’ build', process.execPath, ['sim/setup/build-page.mjs']);
  if (ok) return;
  process.stderr.write(output);
  fail('the pages were not built; the output of vite is above.');
}

install();
buildDriver();
buildPrograms();
buildPages();
