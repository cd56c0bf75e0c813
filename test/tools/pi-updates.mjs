// What `npm run check:pi -- --updates` shows: the service's programs replaced by signed releases, whole, killed on the way, and taken back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DATA,
  diagnose,
  ensure,
  isRecording,
  prove,
  ran,
  run,
  shell,
  show,
  systemctl,
  UNIT,
  until,
} from './pi-board.mjs';

const PROGRAMS = '/opt/doorsill-releases';
const COMMAND = `${PROGRAMS}/current/device/cli/doorsill-device.mjs`;
const GUARD = 'doorsill-update-guard';
/** Shorter than any step that is waited for, on the slowest board. */
const LOOK_MS = 2;

const versionOf = (link) => readlinkSync(`${PROGRAMS}/${link}`).slice('versions/'.length);
const note = () =>
  existsSync(`${PROGRAMS}/update.json`) ? JSON.parse(readFileSync(`${PROGRAMS}/update.json`, 'utf8')).state : null;

/** Where an update is killed, each known by what it has done so far. */
const STEPS = {
  'while it unpacked': (to) => existsSync(`${PROGRAMS}/versions/.${to}.unpacking`),
  'once the doorbell was stopped': () =>
    existsSync(`${PROGRAMS}/before-update.copying`) || existsSync(`${PROGRAMS}/before-update`),
  'once its note was written': (to) => note() === 'trial' && existsSync(`${PROGRAMS}/versions/${to}`),
  'while the new version was tried': (to) =>
    note() === 'trial' && versionOf('current') === to && show('SubState') === 'running',
  'once the new version was healthy': (to) => versionOf('current') === to && note() === 'settled',
};

/** The updates of one board; `releases` as board-releases.mjs names them, in the folder `at`. */
class Updates {
  constructor(at) {
    this.at = at;
    this.releases = JSON.parse(readFileSync(`${at}/releases.json`, 'utf8'));
    this.device = readFileSync(`${DATA}/device.key`);
  }

  path({ file }) {
    return `${this.at}/${file}`;
  }

  update(release) {
    return run('node', [COMMAND, 'update', this.path(release), '--name', 'doorsill', '--json']);
  }

  /** One whole version runs, which is one of these, with the identity that it had. */
  async expectRuns(...allowed) {
    await until('a recording', isRecording);
    const runs = versionOf('current');
    const release = allowed.find(({ version }) => version === runs);
    ensure(release, `${runs} runs`);
    const sizes = ran('find', shell(`find ${PROGRAMS}/versions/${runs} -type f -printf '%s\\n'`))
      .trim()
      .split('\n');
    const bytes = sizes.reduce((sum, size) => sum + Number(size), 0);
    ensure(
      sizes.length === release.files && bytes === release.bytes,
      `${runs} has ${sizes.length} files of ${bytes} bytes, its release ${release.files} of ${release.bytes}`,
    );
    ensure(this.device.equals(readFileSync(`${DATA}/device.key`)), 'it has another identity');
    return runs;
  }

  /** As docs/raspberry-pi.md has it: the service is made one of a release, and that is replaced. */
  async whole() {
    const { first, second } = this.releases;
    const pin = ['--pin', `${this.at}/release.pub`, '--programs', PROGRAMS];
    ran('the first release', run('doorsill-device', ['update', this.path(first), ...pin]));
    ran('install', run('node', [COMMAND, 'install']));
    systemctl('reset-failed', UNIT);
    ran('restart', systemctl('restart', UNIT));
    await this.expectRuns(first);
    ran('the update', this.update(second));
    await this.expectRuns(second);
    return `${first.version} became ${second.version}, of ${second.files} files`;
  }

  /** Kills an update to `third` at a step, and has systemd do what it does then; returns the version that runs. */
  async kill(step) {
    const { second, third } = this.releases;
    const update = spawn('node', [COMMAND, 'update', this.path(third), '--name', 'doorsill'], {
      stdio: 'ignore',
    });
    const ended = once(update, 'exit');
    while (!STEPS[step](third.version)) {
      ensure(update.exitCode === null, `it ended with ${update.exitCode} before it was killed ${step}`);
      await sleep(LOOK_MS);
    }
    update.kill('SIGKILL');
    await ended;
    // What a timer of systemd does four minutes after the doorbell was stopped.
    if (show('ActiveState') !== 'active') ran('the guard', systemctl('start', `${GUARD}.service`));
    await this.expectRuns(second, third);
    const noted = note();
    if (noted === 'trial') {
      systemctl('reset-failed', UNIT);
      ran('restart', systemctl('restart', UNIT));
    }
    const runs = await this.expectRuns(second, third);
    const expected = step === 'once the new version was healthy' ? third : second;
    ensure(runs === expected.version, `${runs} runs after an end ${step}`);
    return `${step}: ${runs}`;
  }

  async killed() {
    const found = [];
    for (const step of Object.keys(STEPS)) found.push(await this.kill(step));
    const faults = diagnose(DATA, {}).filter(({ what }) => what === 'records' || what === 'secrets');
    ensure(faults.length === 0, `the doctor finds ${JSON.stringify(faults)}`);
    return `one whole version each time, the same identity; killed ${found.join('; ')}`;
  }

  /** A version whose program ends at once. */
  async takenBack() {
    const { broken, third } = this.releases;
    const { status, stdout, stderr } = this.update(broken);
    ensure(status !== 0 && /update_unhealthy/.test(stdout + stderr), `it ended with ${status}: ${stdout} ${stderr}`);
    await this.expectRuns(third);
    return `${broken.version}, which does not start, was taken back; ${third.version} runs`;
  }
}

export async function updates(at) {
  systemctl('reset-failed', UNIT);
  systemctl('start', UNIT);
  await until('a recording', isRecording);
  const all = new Updates(at);
  await prove('update', () => all.whole());
  await prove('update-killed', () => all.killed());
  await prove('update-unhealthy', () => all.takenBack());
}
