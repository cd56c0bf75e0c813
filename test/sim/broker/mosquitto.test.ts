// @module-tag setpriv
// The start of a mosquitto that a shell script simulates. A real one is in other-brokers.test.ts.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { issueAccount } from '../../../device/base/mqtt-account-files.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { DEFAULT_PREFIX } from '../../../device/contract/topics.ts';
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

it('is given up and killed when it does not report that it runs', async () => {
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

it('has an account that was made while it started', async () => {
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

it('is started on another port when the free one was taken meanwhile', async () => {
  const tried = inFolder('tried');
  play(
    `if [ -e ${tried} ]; then echo 'mosquitto version 2 running' >&2; trap "exit 0" TERM; while :; do sleep 0.05; done; fi\n` +
      `touch ${tried}\n(sleep 0.1; echo 'it starts' >&2; sleep 0.2; echo 'Error: Address already in use' >&2) &\nexit 1`,
  );
  const access = { disk: new SystemDisk(), accounts: inFolder('accounts'), prefix: DEFAULT_PREFIX };
  const broker = await Mosquitto.start(access, inFolder('broker'));
  await broker.stop();
  expect(existsSync(tried)).toBe(true);
});
