// Owns: making a fresh clone runnable, on Node built-ins alone: packages, native parts, build. Runs before start, test, check.
// Does nothing, quickly, when all is in place. Not here: system packages (.ci/run).
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const modules = join(root, 'node_modules');
const say = (text) => process.stderr.write(`doorsill: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(5);
}

function run(what, command, args, environment = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
  });
  if (done.error) fail(`${what} could not start: ${done.error.message}`);
  if (done.status !== 0)
    fail(`${what} failed; its own words are above. Run the same command again when that is mended.`);
}

/** npm as this very process was started by it; else the one on the path. */
function npm(args, environment) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('.js')) run(`npm ${args[0]}`, process.execPath, [script, ...args], environment);
  else run(`npm ${args[0]}`, process.platform === 'win32' ? 'npm.cmd' : 'npm', args, environment);
}

/** Where Node's own headers lie, so that a native part can be compiled without downloading any. */
function headers() {
  const beside = join(dirname(process.execPath), '..');
  return existsSync(join(beside, 'include/node/node.h')) ? { npm_config_nodedir: beside } : {};
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed.`);
  }
}

function install() {
  const lock = join(root, 'package-lock.json');
  const installed = join(modules, '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say('installing packages (once; this can take a minute) ...');
  // Not `npm ci`: node-ffmpeg-installer names optional packages for platforms that were never published, and ci refuses a
  // lock file without them. This takes the locked versions too, and leaves the lock file alone.
  npm(['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], headers());
}

/** The database driver is native: prebuilt for most machines, compiled on the others, and bound to one major of Node. */
function checkNative() {
  const stamp = join(modules, '.doorsill-native');
  const wanted = `${process.versions.modules} ${process.arch} ${statSync(join(modules, 'better-sqlite3/package.json')).mtimeMs}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const works = () => {
    const script = "const D=require('better-sqlite3');new D(':memory:').close()";
    return spawnSync(process.execPath, ['-e', script], { cwd: root, stdio: 'ignore' }).status === 0;
  };
  if (!works()) {
    say('compiling the database driver for this machine (once) ...');
    npm(['rebuild', 'better-sqlite3', '--build-from-source', '--loglevel=error'], headers());
    if (!works())
      fail('the database driver does not load: install a C++ compiler, make and python3, then run this again.');
  }
  writeFileSync(stamp, wanted);
}

/** The bundled ffmpeg comes without its execute bit where install scripts are switched off. */
function checkFfmpeg() {
  for (const name of readdirSync(modules).filter((entry) => entry.startsWith('node-ffmpeg-'))) {
    const binary = join(modules, name, 'ffmpeg');
    if (existsSync(binary)) chmodSync(binary, 0o755);
  }
}

function newestUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((newest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(newest, entry.isDirectory() ? newestUnder(path) : statSync(path).mtimeMs);
  }, statSync(folder).mtimeMs);
}

function build() {
  const stamp = join(root, 'dist/.built');
  const sources = Math.max(
    ...['device', 'cloud-bridge', 'sim'].map((folder) => newestUnder(join(root, folder))),
    ...['package.json', 'package-lock.json', 'tsconfig.json'].map((file) => statSync(join(root, file)).mtimeMs),
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= sources) return;
  say('building ...');
  const require = createRequire(join(root, 'package.json'));
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  run('the build', process.execPath, [compiler, '-p', 'sim/setup/tsconfig.build.json']);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, '');
}

checkNode();
install();
checkNative();
checkFfmpeg();
build();
