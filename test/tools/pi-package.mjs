// The life of the Debian package on a board, from inside, as root under its systemd: installed, set up by its page, updated, refused where
// older, removed, purged. Its argument is a folder with `first.deb` and `next.deb`, the same programs under a later version number.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATA, ensure, isRecording, prove, ran, run, shell, show, systemctl, UNIT, until } from './pi-board.mjs';
import { recordedCamera, setUp } from './pi-install.mjs';

const FORMAT = `${DATA}/format.json`;

const install = (file) => run('dpkg', ['--install', file], { DEBIAN_FRONTEND: 'noninteractive' });
// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own field.
const version = () => ran('dpkg-query', run('dpkg-query', ['--show', '--showformat=${Version}', 'doorsill-device']));
const runs = () => show('ActiveState') === 'active' && show('MainPID') !== '0';
const key = () => readFileSync(`${DATA}/device.key`, 'hex');

function expectVersion(expected) {
  ensure(version() === expected, `version ${version()} is installed, not ${expected}`);
}

/** Without settings the service is there, is started at every boot, and does nothing. */
async function first(file) {
  ran('the first install', install(file));
  ensure(systemctl('is-enabled', UNIT).stdout.trim() === 'enabled', 'the service is not enabled');
  ensure(show('ActiveState') === 'inactive' && show('Result') === 'success', 'it runs without settings, or has failed');
  await setUp(recordedCamera());
  await until('a recording', isRecording);
}

/** An update restarts what runs; a version that cannot read the folder is refused, and what runs goes on. */
async function updates(former, next) {
  const [was, identity, process] = [version(), key(), show('MainPID')];
  ran('the update', install(next));
  ensure(version() !== was, `${was} is still installed`);
  const later = version();
  await until('another process', () => runs() && show('MainPID') !== process);
  await until('a recording', isRecording);
  ensure(key() === identity, 'the update changed the identity');

  const format = readFileSync(FORMAT, 'utf8');
  const running = show('MainPID');
  writeFileSync(FORMAT, JSON.stringify({ ...JSON.parse(format), format: 9_999 }));
  const refused = install(former);
  ensure(refused.status !== 0 && refused.stderr.includes('data_newer'), `it was not refused: ${refused.stderr}`);
  expectVersion(later);
  ensure(show('MainPID') === running && isRecording(), 'the refusal ended what ran');
  writeFileSync(FORMAT, format);

  ran('stop', systemctl('stop', UNIT));
  ran('the version before', install(former));
  expectVersion(was);
  ensure(!runs(), 'the owner had stopped it, and an update started it');
  ran('start', systemctl('start', UNIT));
  await until('a recording', isRecording);
  return `${was} to ${later}: another process, the same identity`;
}

/** Removed, the programs are gone and the folder stays; purged, nothing is left. */
async function ends(file) {
  const [identity, process] = [key(), show('MainPID')];
  ran('remove', run('dpkg', ['--remove', 'doorsill-device']));
  ensure(!existsSync(`/proc/${process}`), 'it runs on without its programs');
  ensure(!existsSync('/usr/bin/doorsill-device') && key() === identity, 'the command is there, or the keys are not');
  ran('the install after the removal', install(file));
  await until('a recording', isRecording);
  ensure(key() === identity, 'it came back with another identity');
  ran('purge', run('dpkg', ['--purge', 'doorsill-device']));
  const left = shell(`find /etc /usr /var/lib -xdev -iname '*doorsill*'`).stdout.trim();
  ensure(left === '', `it left ${left}`);
  const unit = show('LoadState');
  ensure(unit === 'not-found', `systemd has the unit as ${unit}`);
}

const [folder] = process.argv.slice(2);
const [former, next] = ['first.deb', 'next.deb'].map((name) => join(folder, name));
await prove('package', async () => {
  await first(former);
  const updated = await updates(former, next);
  await ends(former);
  return `set up by its page; ${updated}; an older one refused; stopped stays stopped; removed and back; purged`;
});
