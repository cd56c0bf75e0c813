// `npm run check:pi`: a doorbell installed on an emulated Raspberry Pi as docs/raspberry-pi.md says, and a table of what that showed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { makePackages, makeReleases } from './board-releases.mjs';
import { root } from './report.mjs';

const USAGE = `Usage: DOORSILL_PI_RIG=COMMAND npm run check:pi -- [--cards] [--updates] [--small-boards] [--package] [--plugs N] [--installed DIR]

  --cards           also with the doorbell's folder on a second disk: what is written to it, and it full, slow, failing or read-only; some minutes more
  --updates         also with updates of its programs, killed on the way and taken back; up to half an hour more
  --small-boards    also on a board of 512 MB, and on one of less; some minutes more
  --package         also by the Debian package, which is made for it: set up, updated, refused, removed, purged; some minutes more
  --plugs N         nothing but that: a doorbell on the second disk, whose board is killed N times while it works; some minutes each
  --installed DIR   a folder where npm installed the package for the rig's processor (default: it is packed and installed)

COMMAND SCRIPT SECONDS boots a machine of 64-bit Arm with Debian 13, Node 20.19 or newer, ffmpeg 5.1 or newer, mosquitto and its clients,
and runs SCRIPT there by bash as root; with RIG_INIT=systemd in the environment systemd is process 1 there. This machine's files are
below /host. If it has a power button on line 3 of its GPIO chip, \`system_powerdown\` written to the socket of ARM64_MONITOR
(unix:FILE,...) presses that. ARM64_MEM is its memory in MB. ARM64_DISK is a file that is its second disk, and stays; where dmsetup is on
the board, that is made slow and failing, too. It prints what SCRIPT prints, ends after SECONDS at the latest, and its exit status is
SCRIPT's. With --plugs, what COMMAND started is killed, and files that this machine writes meanwhile are seen below /host.`;

/** The short form takes no longer, the rig being set up. */
const MINUTES_MAX = 25;
const CARDS_MINUTES_MAX = 15;
/** Seven times thousands of files are unpacked, and the doorbell is started twice as often. */
const UPDATES_MINUTES_MAX = 30;
const SMALL_BOARD_MINUTES_MAX = 10;
const PACKAGE_MINUTES_MAX = 30;
/** Memory of boards, in MB: the least that will do, and less. */
const SMALL_BOARDS = [512, 384];
const ARM = 'aarch64';
/** Room for a ring of some minutes at 640x360, and little more: it is filled. */
const CARD_BYTES = 768 * 1_048_576;

/**
 * What the issue of a Pi asks for, in its order. `by` is the proof inside, which runs always or with `option`; a line without one says why
 * it is not shown.
 */
const LINES = [
  { what: 'A doorbell alone compiles nothing: it runs without the database driver', by: 'compiles-nothing' },
  {
    what: 'docs/raspberry-pi.md: each command of "Install it", with packages of npm instead of Debian’s',
    by: 'documented',
  },
  {
    what: 'The Debian package: set up, updated, refused where older, removed, purged',
    by: 'package',
    option: '--package',
  },
  { what: 'Boards of 32 bits or with ARMv6 are refused', why: 'needs metal' },
  { what: 'Boards with less than 512 MB are refused', by: 'too-small-board', option: '--small-boards' },
  { what: 'install: groups, rights, unit; a second run changes nothing', by: 'install' },
  { what: 'The unit’s exposure as booted is 2.0 at most', by: 'exposure' },
  { what: 'The service waits for neither network nor time', by: 'before-network' },
  { what: 'status tells how it is, and ends with 0', by: 'status' },
  { what: 'systemctl kill -9: started again, same identity', by: 'killed' },
  { what: 'A hang: the watchdog ends it, started again', by: 'hung' },
  { what: 'Five ends in five minutes: it stays down, and doctor says so', by: 'limited' },
  { what: 'Stopped within 5 s', by: 'stopped' },
  { what: 'Node and ffmpeg together <= 350 MB at 640x360', by: 'memory' },
  { what: 'On a board of 512 MB it records', by: 'small-board', option: '--small-boards' },
  { what: 'The journal has no error of its own making', by: 'journal' },
  { what: 'Camera by the kernel’s test driver (vivid)', by: 'camera' },
  { what: 'doctor finds ten planted faults and says the fix', by: 'doctor' },
  { what: 'uninstall leaves keys, footage and groups, and nothing else', by: 'uninstall' },
  { what: 'The console is announced by mDNS', by: 'mdns' },
  { what: 'Pulled plugs: decisions and footage are kept, no clip comes twice', by: 'plugs', option: '--plugs N' },
  { what: 'Its folder on a card of its own, the second disk', by: 'card', option: '--cards' },
  { what: 'Full card: told, a press rings, well again by itself', by: 'card-full', option: '--cards' },
  { what: 'Slow card (device mapper): records on, a press rings', by: 'card-slow', option: '--cards' },
  {
    what: 'Card whose writes fail now and then (device mapper): told, a press rings',
    by: 'card-flakey',
    option: '--cards',
  },
  { what: 'Card that fails (device mapper): told, a press rings', by: 'card-error', option: '--cards' },
  { what: 'Card that the kernel made read-only: told, a press rings', by: 'card-read-only', option: '--cards' },
  {
    what: 'Writes an hour by the kernel’s counters, at 2 Mbit/s: the doctor’s, within 5 %',
    by: 'writes',
    option: '--cards',
  },
  { what: 'No clock at boot, then a step of years: films, trusts no time, keeps its footage', by: 'no-clock' },
  { what: 'Memory is short: ffmpeg is ended before the device, and comes back', by: 'out-of-memory' },
  { what: 'Throttling and under-voltage by real firmware', why: 'needs metal' },
  { what: 'USB unplug, rpicam, h264_v4l2m2m', why: 'needs metal' },
  { what: 'Button by evdev, on a key of the board', by: 'evdev' },
  { what: 'Button by GPIO: a taken line is told, a press of 100 ms rings', by: 'gpio' },
  { what: 'Status light by GPIO: lit while it records', by: 'lights' },
  { what: 'Status light of the kernel’s LEDs', why: 'needs metal' },
  { what: 'Chime by ALSA, and a card that is gone', by: 'speaker' },
  { what: 'Slowed board: told, and fewer pictures are asked for', by: 'slowed' },
  { what: 'Update of the service by a signed release', by: 'update', option: '--updates' },
  { what: 'Updates, killed at five steps: one whole version runs', by: 'update-killed', option: '--updates' },
  { what: 'Update that does not start: taken back by itself', by: 'update-unhealthy', option: '--updates' },
];

/** The commands of the page's block under "Install it", without prompts and comments. */
function documentedCommands(text) {
  const [, section = ''] = text.split('\n## Install it\n');
  const [, block = ''] = /```console\n([\s\S]*?)```/.exec(section) ?? [];
  return block
    .split('\n')
    .filter((line) => line.startsWith('$ '))
    .map((line) =>
      line
        .slice(2)
        .replace(/\s+#.*$/, '')
        .trim(),
    );
}

/** Runs a script in the rig; resolves with its exit status and its lines, which `tell` gets as they come. */
function inRig(rig, script, seconds, tell, { monitor = null, disk = null, mb = null } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(rig, [script, String(seconds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        RIG_INIT: 'systemd',
        ...(monitor === null ? {} : { ARM64_MONITOR: `unix:${monitor},server=on,wait=off` }),
        ...(disk === null ? {} : { ARM64_DISK: disk }),
        ...(mb === null ? {} : { ARM64_MEM: String(mb) }),
      },
    });
    const lines = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      tell?.(line);
    });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, lines }));
  });
}

function run(command, args, cwd) {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
}

/** Presses the board's power button at QEMU's monitor, where there is one. */
function press(monitor) {
  if (!existsSync(monitor)) return;
  const socket = createConnection(monitor, () => socket.end('system_powerdown\n'));
  socket.on('error', () => {});
  socket.resume();
}

/** A card for the board, as ext4 with its defaults; null where this machine cannot make one. */
function makeCard(folder) {
  const path = join(folder, 'card.img');
  writeFileSync(path, '');
  truncateSync(path, CARD_BYTES);
  // Made whole at once: else the kernel goes on making it for hours once it is mounted, among the writes that are counted.
  const whole = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  const made = spawnSync('mke2fs', ['-q', '-t', 'ext4', ...whole, '-L', 'doorsill-card', path], { stdio: 'ignore' });
  return made.status === 0 ? path : null;
}

/** Packs this checkout and installs the device for that processor, as npm does on a board where no script may run. */
function pack(folder, cpu) {
  run('npm', ['pack', '--workspaces', '--silent', '--ignore-scripts', '--pack-destination', folder], root);
  const tarballs = readdirSync(folder).flatMap((name) =>
    /^doorsill-(contract|base|console-page|device)-.*\.tgz$/.test(name) ? [join(folder, name)] : [],
  );
  const at = join(folder, 'opt/doorsill');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{ "name": "board", "private": true }\n');
  const processor = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...processor];
  run('npm', [...install, ...tarballs], at);
  return at;
}

/** The processor of the rig's machine, as that names it. */
async function askProcessor(rig, folder) {
  const ask = join(folder, 'ask.sh');
  writeFileSync(ask, 'echo "processor $(uname -m)"\n');
  const { lines } = await inRig(rig, ask, 300);
  const processor = lines.map((line) => /^processor (\S+)$/.exec(line)?.[1]).find(Boolean);
  if (!processor) throw new Error(`the rig does not run a script; it said: ${lines.slice(-3).join(' ')}`);
  console.log(
    `== a doorbell on ${processor}${processor === ARM ? '' : ': not a Pi’s processor, so nothing counts as shown'}`,
  );
  return processor;
}

const cpuOf = (processor) => (processor === ARM ? 'arm64' : 'x64');

/**
 * Broker, bridge, registry and owner run here, the doorbell on the board: the rounds that a test goes through on this machine's own
 * processor, with another disk to pull.
 */
async function plugs(rig, folder, { installed, plugs: pulls }) {
  const processor = await askProcessor(rig, folder);
  const environment = {
    DOORSILL_SLOW: '1',
    DOORSILL_PI_RIG: rig,
    DOORSILL_PI_INSTALLED: installed ?? pack(folder, cpuOf(processor)),
    DOORSILL_PI_PULLS: pulls,
  };
  const args = ['run', '--config=test/vitest.config.ts', 'test/scenarios/faults/plug-board.slow.test.ts'];
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  let figure = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(`    ${line}`);
    figure = /board: \w+, (\d+ pulls .*)$/.exec(line)?.[1] ?? figure;
  });
  const [status] = await once(child, 'close');
  const outcome = status === 0 && figure !== '' ? 'passed' : 'failed';
  return { found: new Map([['plugs', { outcome, figure }]]), processor };
}

async function check(rig, folder, { installed, cards, updates, package: isPackaged, 'small-boards': smallBoards }) {
  const processor = await askProcessor(rig, folder);
  const from = installed ?? pack(folder, cpuOf(processor));
  if (updates) await makeReleases(from, cpuOf(processor), join(folder, 'releases'));
  // One file: an emulated machine reads thousands of them slowly from another one's disk.
  // The service's user must be able to read it, as it can after `sudo npm install`; the packed folder is this user's alone.
  const packing = ['--mode=a+rX', '--transform', 's,^\\.,opt/doorsill,'];
  run('tar', ['-cf', join(folder, 'doorsill.tar'), '-C', from, ...packing, '.']);
  const proofs = readdirSync(join(root, 'test/tools')).filter((name) => /^pi-.*\.mjs$/.test(name));
  for (const name of proofs) copyFileSync(join(root, 'test/tools', name), join(folder, name));
  writeFileSync(
    join(folder, 'commands.json'),
    JSON.stringify(documentedCommands(readFileSync(join(root, 'docs/raspberry-pi.md'), 'utf8'))),
  );
  const scriptOf = (program, ...words) => {
    const script = join(folder, `${program}.sh`);
    const command = ['node', `/host${folder}/${program}.mjs`, `/host${folder}/commands.json`, ...words];
    writeFileSync(script, `tar -xf /host${folder}/doorsill.tar -C / && ${command.join(' ')}\n`);
    return script;
  };
  const found = new Map();
  const monitor = join(folder, 'monitor');
  const tell = (line) => {
    if (line === 'PI-PRESS') return press(monitor);
    const said = /^PI (\{.*\})$/.exec(line)?.[1];
    if (!said) return console.log(`    ${line}`);
    const { by, outcome, figure } = JSON.parse(said);
    found.set(by, { outcome, figure });
    console.log(`  ${outcome.padEnd(9)} ${by}: ${figure}`);
  };
  const minutes = MINUTES_MAX + (cards ? CARDS_MINUTES_MAX : 0) + (updates ? UPDATES_MINUTES_MAX : 0);
  const script = scriptOf('pi-proofs', ...(cards ? ['cards'] : []), ...(updates ? ['updates'] : []));
  const ends = [await inRig(rig, script, minutes * 60, tell, { monitor, disk: cards ? makeCard(folder) : null })];
  for (const mb of smallBoards ? SMALL_BOARDS : [])
    ends.push(await inRig(rig, scriptOf('pi-small-board', mb), SMALL_BOARD_MINUTES_MAX * 60, tell, { mb }));
  if (isPackaged) {
    await makePackages(cpuOf(processor), folder);
    const life = join(folder, 'package.sh');
    writeFileSync(life, `node /host${folder}/pi-package.mjs /host${folder}\n`);
    ends.push(await inRig(rig, life, PACKAGE_MINUTES_MAX * 60, tell));
  }
  return { found, processor, isCutShort: ends.some(({ status }) => status !== 0) };
}

const CUT_SHORT = { outcome: 'failed', figure: 'did not run: the board ended before' };

/** Prints each line and how many were shown. Where a board's script did not come to its end, what did not run has failed. */
function printTable(found, processor, isCutShort = false) {
  const counts = { ran: 0, shown: 0, failed: 0, open: 0 };
  console.log('\n== what was shown');
  const isLeftOut = (option) => option !== undefined && !process.argv.includes(option);
  for (const { what, by, option, why = isLeftOut(option) ? `only with ${option}` : 'did not run' } of LINES) {
    const isMissing = isCutShort && why === 'did not run';
    const proof = found.get(by) ?? (isMissing ? CUT_SHORT : { outcome: why, figure: '' });
    const isShown = proof.outcome === 'passed';
    const outcome = isShown ? (processor === ARM ? 'shown' : `ran on ${processor}`) : proof.outcome;
    if (isShown) counts.ran += 1;
    counts[isShown && processor === ARM ? 'shown' : proof.outcome === 'failed' ? 'failed' : 'open'] += 1;
    console.log(`  ${what.padEnd(74)}  ${outcome}${proof.figure ? `: ${proof.figure}` : ''}`);
  }
  console.log(`\n${counts.shown} shown, ${counts.failed} failed, ${counts.open} not shown`);
  return counts;
}

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    cards: { type: 'boolean', default: false },
    updates: { type: 'boolean', default: false },
    'small-boards': { type: 'boolean', default: false },
    package: { type: 'boolean', default: false },
    plugs: { type: 'string' },
    installed: { type: 'string' },
  },
});
const rig = process.env.DOORSILL_PI_RIG;
if (options.help) {
  console.log(USAGE);
} else if (options.plugs !== undefined && !/^[1-9]\d{0,2}$/.test(options.plugs)) {
  console.error(`--plugs takes a number from 1 to 999, not ${options.plugs}`);
  process.exitCode = 2;
} else if (!rig) {
  console.log(`${USAGE}\n\nThere is no rig: DOORSILL_PI_RIG names none, so nothing is shown.`);
  printTable(new Map(), null);
  process.exitCode = 5;
} else {
  const build = spawnSync(process.execPath, [join(root, 'sim/setup/prepare.mjs')], { stdio: ['ignore', 2, 2] });
  if (build.status !== 0) process.exit(build.status ?? 1);
  const folder = mkdtempSync(join(tmpdir(), 'doorsill-pi-'));
  try {
    const prove = options.plugs === undefined ? check : plugs;
    const { found, processor, isCutShort } = await prove(rig, folder, options);
    const { failed, ran } = printTable(found, processor, isCutShort);
    process.exitCode = failed === 0 && ran > 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
