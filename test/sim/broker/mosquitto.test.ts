// @module-tag setpriv
// Holds: the start of a mosquitto with one that is played by a shell. Not here: a real one (other-brokers.test.ts).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../../device/protocol/topics.ts';
import { Mosquitto } from '../../../sim/broker/mosquitto.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const usualPath = process.env['PATH'];
let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('mosquitto');
  process.env['PATH'] = `${folder.path}:${usualPath}`;
});
afterEach(() => {
  process.env['PATH'] = usualPath;
  folder.dispose();
});

const inFolder = (name: string) => join(folder.path, name);
const play = (script: string) => writeFileSync(inFolder('mosquitto'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
/** What goes on until it is told to end. */
const WAITS = 'trap "exit 0" TERM\nwhile :; do sleep 0.05; done';

it('is given up, and does not go on, when it does not say that it runs', async () => {
  play(`echo $$ > ${inFolder('pid')}\n${WAITS}`);
  const clock = new ManualClock(0);
  const started = Mosquitto.run(inFolder('mosquitto.conf'), 1, {}, clock).catch((thrown: unknown) => thrown);
  await expect.poll(() => (existsSync(inFolder('pid')) ? readFileSync(inFolder('pid'), 'utf8') : '')).toMatch(/\d\n/);
  await clock.advance(20_000);
  expect(await started).toMatchObject({ code: 'mosquitto_failed' });
  const pid = Number(readFileSync(inFolder('pid'), 'utf8'));
  try {
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  } finally {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  }
});

it('knows an account that was made while it started', async () => {
  const disk = new SystemDisk();
  mkdirSync(inFolder('new'));
  const { user } = await issueAccount(disk, new SystemRandom(), inFolder('new'), { role: 'bridge', id: 'bridge-a' });
  play(
    `cp ${inFolder('new')}/* ${inFolder('accounts')}\ntrap 'echo Reloading config >&2' HUP\n` +
      `echo 'mosquitto version 2 running' >&2\n${WAITS}`,
  );
  const access = { disk, accounts: inFolder('accounts'), prefix: DEFAULT_PREFIX };
  const broker = await Mosquitto.start(access, inFolder('broker'), 1);
  try {
    expect(readFileSync(inFolder('broker/mosquitto.passwd'), 'utf8')).toContain(`${user}:`);
  } finally {
    await broker.stop();
  }
});
