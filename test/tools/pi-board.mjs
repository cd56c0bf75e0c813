// The emulated board as each proof of `npm run check:pi` uses it, from inside, as root: its commands, its service, saying what came of a
// proof.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const DATA = '/var/lib/doorsill';
export const UNIT = 'doorsill.service';
/** Generous: the board is emulated. */
const STEP_MS_MAX = 300_000;

const say = (by, outcome, figure) => console.log(`PI ${JSON.stringify({ by, outcome, figure })}`);
export const ensure = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise);
};

/** Runs one proof; whatever it throws is its failure. */
export async function prove(by, run) {
  try {
    say(by, 'passed', await run());
  } catch (thrown) {
    say(by, thrown.isOpen ? 'not shown' : 'failed', thrown.message.replaceAll(/\s+/g, ' ').slice(0, 600));
  }
}

/** For what this machine cannot show. */
export const notHere = (why) => Object.assign(new Error(why), { isOpen: true });

export const run = (command, args, environment = {}) =>
  spawnSync(command, args, { encoding: 'utf8', timeout: STEP_MS_MAX, env: { ...process.env, ...environment } });
export const shell = (line) => run('bash', ['-c', line]);
export const systemctl = (...args) => run('systemctl', args);
export const doorsill = (...args) => run('doorsill-device', args);

export function ran(what, { status, stdout, stderr }) {
  ensure(status === 0, `${what} ended with ${status}: ${stdout.slice(-300)} ${stderr.slice(-300)}`);
  return stdout;
}

export function show(property) {
  return systemctl('show', UNIT, `--property=${property}`, '--value').stdout.trim();
}

export async function until(what, look, ms = STEP_MS_MAX) {
  for (const lateMs = performance.now() + ms; ; await sleep(500)) {
    const found = await look();
    if (found) return found;
    ensure(
      performance.now() < lateMs,
      `${what} did not come; ${shell(`journalctl -u ${UNIT} -n 8 -o cat --no-pager`).stdout}`,
    );
  }
}

export const status = () => JSON.parse(doorsill('status', '--json').stdout.trim().split('\n').at(-1) || '{}');
export const isRecording = () => status().health?.camera.state === 'recording';
export const isContainer = run('systemd-detect-virt', ['--container']).stdout.trim() !== 'none';

/** The doorbell with these settings besides its own, started anew; resolves once it records. What it was given before is taken back. */
let settingsBefore = null;
export async function withSettings(more) {
  settingsBefore ??= readFileSync(`${DATA}/device.json`, 'utf8');
  // Into the file that is there, which stays the service's.
  writeFileSync(`${DATA}/device.json`, JSON.stringify({ ...JSON.parse(settingsBefore), ...more }));
  ran('restart', systemctl('restart', UNIT));
  await until('a recording', isRecording);
}

export const troubles = (part) => (status().health?.hardware ?? []).filter((one) => one.part === part);

export const written = (path, text, mode = 0o644) => {
  mkdirSync(path.replace(/\/[^/]+$/, ''), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};

/** What the doctor finds out about a doorbell's folder; `within` is a command that it runs under. */
export function findings(data, environment = {}, within = []) {
  const [command, ...args] = [...within, 'doorsill-device', 'doctor', '--data', data, '--json'];
  const { stdout } = run(command, args, environment);
  return JSON.parse(stdout.trim().split('\n').at(-1) || '{}').findings;
}

/** What it finds wrong. */
export const diagnose = (...about) => findings(...about).filter(({ level }) => level === 'fault');

/** As the page's commands left it, for what follows. */
export async function withOwnSettings() {
  if (settingsBefore !== null) await withSettings({});
}
