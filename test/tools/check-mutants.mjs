// `npm run check:mutants`: how many of the mistakes that Stryker plants in the code that decides what leaves, who sees it and what stays
// are found by unit tests; that each one that is not was judged; and the branches of consent that its tests reach. Its last line is `N
// passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './report.mjs';

/** Its next major version takes Node 22, where this project still runs on 20. Its checker cannot use TypeScript 7, so there is none. */
const STRYKER = '9.6.1';
const SCORE_MIN = 85;
/** What Stryker says of a mutant that was found: a test failed, or none ended. */
const FOUND = ['Killed', 'Timeout'];

/** What is mutated, and the unit tests that should notice. A broker, a browser or a camera is no unit's. */
const PARTS = {
  consent: {
    mutate: ['device/consent/*.ts'],
    tests: ['test/device/consent/!(refusals).test.ts', 'test/device/ledger/revocation-reserve.test.ts'],
  },
  'self-check': {
    mutate: ['self-check', 'frame-check', 'sound-check'].map((name) => `device/clip/${name}.ts`),
    tests: ['self-check', 'frame-check', 'sound-check'].map((name) => `test/device/clip/${name}.test.ts`),
  },
  // What the self-check reads of a file's tables. Its tests start no ffmpeg, so each mutant takes a fraction of the time.
  'clip-tables': {
    mutate: ['clip-file-check', 'clip-times', 'read-clip-file', 'strict-boxes'].map(
      (name) => `device/contract/media/${name}.ts`,
    ),
    tests: ['clip-file-check', 'clip-times', 'read-clip-file'].map(
      (name) => `test/device/contract/media/${name}.test.ts`,
    ),
  },
  // Whether blacked-out zones are black in the finished clip. Its tests draw and decode with ffmpeg.
  zones: {
    mutate: ['zone-check', 'verify-zones'].map((name) => `device/clip/${name}.ts`),
    tests: ['zone-check', 'verify-zones'].map((name) => `test/device/clip/${name}.test.ts`),
  },
  // What whoever has a clip finds out of it without a bridge.
  verify: {
    mutate: ['device/clip/verify-clip.ts'],
    tests: ['test/device/clip/verify-clip.test.ts'],
  },
  disclosure: {
    mutate: ['device/clip/disclosure.ts'],
    tests: ['test/device/clip/disclosure.test.ts'],
  },
  intake: {
    mutate: ['verify-consent-chain', 'statement-check', 'verify-upload-token'].map(
      (name) => `cloud-bridge/intake/${name}.ts`,
    ),
    tests: ['verify-consent-chain', 'verify-consent-chain-edges', 'statement-check', 'verify-upload-token'].map(
      (name) => `test/cloud-bridge/intake/${name}.test.ts`,
    ),
  },
  // What officers may do with evidence, for how long it is kept, what its owner's recall does, and what is taken in. A real server and a
  // real SQLite file, no broker.
  vault: {
    mutate: [
      ...['actor-of-request', 'clients', 'evidence', 'policies', 'recalls', 'receiving', 'retention'],
      ...['retention-sweeper', 'verify-hand-over'],
    ].map((name) => `cloud-bridge/vault/${name}.ts`),
    tests: [
      ...['evidence', 'receiving', 'recalls', 'retention', 'retention-sweeper', 'rotated-key', 'shown-again'],
      ...['former-evidence'],
    ].map((name) => `test/cloud-bridge/vault/${name}.test.ts`),
  },
  // Which bytes of the ring a clip is made of. Its tests cut with ffmpeg.
  survey: {
    mutate: ['survey', 'display-rotation'].map((name) => `device/clip/${name}.ts`),
    tests: ['trim', 'trim-refusals', 'display-rotation'].map((name) => `test/device/clip/${name}.test.ts`),
  },
  trim: {
    mutate: ['trim', 'clip-timeline'].map((name) => `device/clip/${name}.ts`),
    tests: ['trim', 'trim-refusals'].map((name) => `test/device/clip/${name}.test.ts`),
  },
  // Who may open the device's own server: callers, owners' sessions, viewers, pairing from the network.
  'console-access': {
    mutate: ['callers', 'network-pairing', 'owner-sessions', 'picture-access', 'request-origin'].map(
      (name) => `device/console/${name}.ts`,
    ),
    tests: ['callers', 'network-pairing', 'owner-sessions', 'picture-access', 'request-origin'].map(
      (name) => `test/device/console/${name}.test.ts`,
    ),
  },
  // Who may set a doorbell up, and what that writes.
  setup: {
    mutate: ['setup-guard', 'write-choice', 'first-settings'].map((name) => `device/setup/${name}.ts`),
    tests: ['setup-guard', 'write-choice'].map((name) => `test/device/setup/${name}.test.ts`),
  },
  // Which release a device takes: its signature, what is in it, whether it is newer.
  update: {
    mutate: ['minisign', 'release-archive', 'version-order'].map((name) => `device/update/${name}.ts`),
    tests: ['minisign', 'release-archive', 'version-order'].map((name) => `test/device/update/${name}.test.ts`),
  },
  // What footage is sealed under, and what is known of it; not the file itself, whose tests take minutes.
  ring: {
    mutate: ['ring-index', 'segment-codec', 'wrapped-key-files'].map((name) => `device/ring/${name}.ts`),
    tests: ['ring-format', 'ring-index', 'segment-codec', 'wrapped-key-files'].map(
      (name) => `test/device/ring/${name}.test.ts`,
    ),
  },
};

const USAGE = `Usage: npm run check:mutants -- [--branches] [--list] [PART...]

  PART             one of ${['known-fates', ...Object.keys(PARTS)].join(' ')};
                   all of them where none is named. PART/FILE is one file of it, PART/FILE:FROM-TO some of its lines
  --branches       the branches of consent alone, without mutants
  --list           names each mutant that no test found, the judged ones too
  --concurrency N  how many mutants are tried at a time; 2 if not named

All of it takes several hours on two cores. Stryker is installed on its first use, under node_modules/.mutants.`;

/** Code of which it is known which mutants are found: whether keeping a thread for many of them loses or invents any. */
const KNOWN = 'known-fates';
const KNOWN_FILES = {
  mutate: ['test/support/fixtures/mutants/known-fates.ts'],
  tests: ['test/support/fixtures/mutants/*-tests.ts'],
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    branches: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
});
const unknown = positionals.filter((name) => name !== KNOWN && !Object.hasOwn(PARTS, name.split('/')[0]));
const isWrong = unknown.length > 0 || !/^[1-9]\d?$/.test(options.concurrency);
if (options.help || isWrong) {
  if (unknown.length > 0) console.log(`There is no part ${unknown.join(', ')}.\n`);
  console.log(USAGE);
  process.exit(isWrong ? 1 : 0);
}

const named = Object.values(PARTS).flatMap(({ mutate, tests }) => [...mutate, ...tests]);
const absent = named.filter((path) => !/[*!(]/.test(path) && !existsSync(join(root, path)));
if (absent.length > 0) {
  console.log(`Parts name files that are not there: ${absent.join(', ')}.\n\n0 passed, 1 failed`);
  process.exit(1);
}

const home = join(root, 'node_modules/.mutants');
const work = join(root, 'coverage/mutants');
const counts = { passed: 0, failed: 0 };
const note = (holds, line) => {
  counts[holds ? 'passed' : 'failed'] += 1;
  console.log(`  ${holds ? 'passed' : 'failed'}  ${line}`);
};

/** Runs a program of this project in the foreground; returns whether it succeeded. */
function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  return status === 0;
}

/** The branches of consent that its unit tests take. */
function branches() {
  console.log('\n== branches of device/consent');
  const folder = join(work, 'branches');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const asked = ['run', '--config=test/mutants.config.ts', '--reporter=dot', '--coverage.enabled'];
  const ran = run(process.execPath, [vitest, ...asked, `--coverage.reportsDirectory=${folder}`], {
    DOORSILL_MUTANT_TESTS: PARTS.consent.tests.join(','),
  });
  const { total } = ran ? JSON.parse(readFileSync(join(folder, 'coverage-summary.json'), 'utf8')) : { total: null };
  const figure = total === null ? 'its tests failed' : `${total.branches.covered} of ${total.branches.total}`;
  note(total?.branches.pct === 100, `branches of device/consent: ${figure}`);
}

/** Installs Stryker in a folder of its own, so that `npm ci` is spared some 150 packages. It finds vitest in the project. */
function installStryker() {
  const at = join(home, 'node_modules/@stryker-mutator/core/package.json');
  if (existsSync(at) && JSON.parse(readFileSync(at, 'utf8')).version === STRYKER) return;
  console.log(`\n== Stryker ${STRYKER} is installed under node_modules/.mutants`);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const packages = ['core', 'vitest-runner'].map((name) => `@stryker-mutator/${name}@${STRYKER}`);
  // As for the project's own packages, none of their install scripts runs.
  const asked = ['install', '--ignore-scripts', '--prefix', home, '--legacy-peer-deps', '--no-audit', '--no-fund'];
  if (!run('npm', [...asked, ...packages]))
    throw new Error('Stryker could not be installed. Look at what npm says above.');
}

/** Runs Stryker on a part; returns its report. `threads`: 'kept' from one mutant to the next, or 'new' for each. */
function mutate(name, { mutate: files, tests }, threads = 'kept') {
  console.log(`\n== mutants of ${name}`);
  const folder = join(work, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const report = join(folder, 'report.json');
  const config = join(folder, 'stryker.config.json');
  const settings = {
    mutate: files,
    testRunner: 'vitest',
    plugins: [join(home, 'node_modules/@stryker-mutator/vitest-runner/dist/src/index.js')],
    vitest: { configFile: 'test/mutants.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: Number(options.concurrency),
    timeoutMS: 20_000,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    tempDirName: join('coverage/mutants', name, 'sandbox'),
    ignorePatterns: ['dist', '/coverage', '/docs', '/.doorsill'],
    disableTypeChecks: false,
    // Stryker would rewrite tsconfig.json by functions that TypeScript 7 does not have; vitest needs no tsconfig.
    tsconfigFile: 'none.json',
    allowConsoleColors: false,
    clearTextReporter: { allowColor: false },
  };
  writeFileSync(config, JSON.stringify(settings, null, 2));
  const stryker = join(home, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  // The tests' folders are in memory where they can be: a test of a ledger waits for the disk most of its time otherwise.
  const folders = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'doorsill-mutants-'));
  const env = { DOORSILL_MUTANT_TESTS: tests.join(','), DOORSILL_MUTANT_THREADS: threads, TMPDIR: folders };
  const ran = run(process.execPath, [stryker, 'run', config], env);
  rmSync(folders, { recursive: true, force: true });
  return ran && existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null;
}

/** Every mutant that no test found: where it is, what it changes, and under which words it is judged. */
function survivorsIn({ files }) {
  return Object.entries(files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants
      .filter(({ status }) => !FOUND.includes(status))
      .map(({ location: { start, end }, mutatorName, replacement, status }) => {
        const one = start.line === end.line ? end.column - 1 : undefined;
        const was = (lines[start.line - 1] ?? '').slice(start.column - 1, one).trim();
        const now = String(replacement).replaceAll(/\s+/g, ' ');
        return { file, line: start.line, status, mutatorName, was, now, source: (lines[start.line - 1] ?? '').trim() };
      });
  });
}

/** What is said about a survivor; null when nobody has judged it. Found by the line's words, so that lines may move. */
function judgementOf(judged, { file, source, was, now }) {
  const found = judged.find(
    (one) => one.file === file && one.line === source && one.was === was && (one.now === now || one.now === '*'),
  );
  return found?.why ?? null;
}

/** How many of some mutants were found, and how many were not: also those that could not be tried, whatever the reason. */
function tally(mutants) {
  const [killed, timedOut] = FOUND.map((found) => mutants.filter(({ status }) => status === found).length);
  const tested = mutants.length;
  const missed = tested - killed - timedOut;
  return { tested, killed, timedOut, missed, score: (100 * (killed + timedOut)) / Math.max(1, tested) };
}

/** Tries the mutants whose fates are known, in threads that are kept and in new ones. */
function checkKnown() {
  for (const threads of ['kept', 'new']) {
    const report = mutate(`${KNOWN}-${threads}`, KNOWN_FILES, threads);
    if (report === null) return note(false, `${KNOWN}: Stryker failed`);
    const [{ source, mutants }] = Object.values(report.files);
    const unreadFrom = source.split('\n').indexOf('// No test looks at what follows.') + 1;
    const wrong = mutants.filter(({ location, status }) => {
      return status !== (location.start.line < unreadFrom ? 'Killed' : 'Survived');
    });
    for (const { location, replacement, status } of wrong) {
      console.log(`  line ${location.start.line}  ->  ${replacement}  (${status}, which it is not)`);
    }
    note(
      wrong.length === 0,
      `${KNOWN}, ${threads} threads: ${wrong.length} of ${mutants.length} mutants came out wrong`,
    );
  }
}

function check(name) {
  const startedAt = performance.now();
  const [part, place] = name.split('/');
  const { mutate: files, tests } = PARTS[part];
  const [file, lines] = place?.split(':') ?? [];
  const path = files[0].replace(/[^/]*$/, `${file}.ts${lines === undefined ? '' : `:${lines}`}`);
  const report = mutate(name.replace(/[/:]/g, '-'), { mutate: place === undefined ? files : [path], tests });
  if (report === null) return note(false, `${name}: Stryker failed`);
  const { tested, missed, score } = tally(Object.values(report.files).flatMap(({ mutants }) => mutants));
  const judged = JSON.parse(readFileSync(join(root, 'test/survivors.json'), 'utf8'));
  const survivors = survivorsIn(report).map((one) => ({ ...one, why: judgementOf(judged, one) }));
  const fresh = survivors.filter(({ why }) => why === null);
  for (const { file, line, was, now, why, status } of options.list ? survivors : fresh) {
    console.log(`  ${file}:${line}  ${was}  ->  ${now}  (${status})${why === null ? '' : `\n      ${why}`}`);
  }
  for (const [each, { mutants }] of Object.entries(report.files)) {
    const one = tally(mutants);
    const figures = `${one.tested} tried, ${one.killed} killed, ${one.timedOut} timed out, ${one.missed} survived`;
    console.log(`  ${each}: ${one.score.toFixed(1)} % (${figures})`);
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(0);
  note(score >= SCORE_MIN, `${name}: ${score.toFixed(1)} % of ${tested} mutants found, ${missed} not (${minutes} min)`);
  note(fresh.length === 0, `${name}: ${fresh.length} survivors that are not judged in test/survivors.json`);
}

if (options.branches || positionals.length === 0) branches();
if (!options.branches) {
  installStryker();
  const names = positionals.length > 0 ? positionals : [KNOWN, ...Object.keys(PARTS)];
  for (const name of names) name === KNOWN ? checkKnown() : check(name);
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;
