// The state of an installed doorbell: a stand-in for systemctl answers like systemd, the doorbell's socket is a real one.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isHealthy } from '../../../device/cli/device-status.ts';
import { ownVersion } from '../../../device/cli/own-version.ts';
import type { Health } from '../../../device/owner/pairing-wire.ts';
import { callCommand } from '../../support/call-command.ts';
import { LAUNCHER, runCommand, SAY, temporaryFolder } from '../../support/command-line.ts';
import { healthSocket } from '../../support/health-socket.ts';

const folder = temporaryFolder('status');
const health: Health = {
  camera: { state: 'recording', source: 'v4l2:/dev/video0' },
  privacy: false,
  ring: { kind: 'file', bytes: 1_500_000, bytesMax: 3_000_000, segments: 9, damaged: 0 },
  storage: { state: 'ok' },
  clockTrusted: true,
  area: 'none',
  owners: 2,
  homeFault: null,
  uptimeS: 3_600,
  written: {},
};
const server = healthSocket(folder.path, health);
beforeAll(() => server.start());
afterAll(async () => {
  await server.stop();
  folder.dispose();
});

/** Runs the verb with this answer of systemctl. */
function status(facts: Record<string, string>, data = folder.path, more: string[] = ['--json'], call = callCommand) {
  const bin = join(folder.path, 'bin');
  mkdirSync(bin, { recursive: true });
  const lines = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(bin, 'systemctl'), `#!/bin/sh\n${SAY} <<'END'\n${lines.join('\n')}\nEND\n`);
  chmodSync(join(bin, 'systemctl'), 0o755);
  const environment = { PATH: `${bin}:${process.env['PATH']}` };
  return call(['device', 'status', '--name', 'porch', '--data', data, ...more], { environment });
}

const RUNNING = {
  LoadState: 'loaded',
  ActiveState: 'active',
  Result: 'success',
  NRestarts: '3',
  StateChangeTimestamp: 'Sun 2026-11-29 20:00:00 UTC',
  UnitFileState: 'enabled',
  ExecStart: `{ path=/usr/bin/node ; argv[]=/usr/bin/node --max-semi-space-size=4 ${LAUNCHER} device --data /var/lib/porch ; }`,
};

it('shows state, restarts, since when, version, camera, ring and link, and ends with 0 when all is well', async () => {
  const { status: ended, stdout } = await status(RUNNING, folder.path, [], runCommand);
  for (const said of [
    'porch: active since Sun 2026-11-29 20:00:00 UTC',
    '3; starts at boot',
    ownVersion(),
    'v4l2:/dev/video0: recording',
    '1.5 MB of 3.0 MB in a file',
    '2 paired; their broker is reached',
    'enrolled with no bridge',
    'It works.',
  ])
    expect(stdout).toContain(said);
  expect(ended).toBe(0);
});

it('ends with 5 when the service failed, or the doorbell does not answer', async () => {
  const failed = await status({ ...RUNNING, ActiveState: 'failed', Result: 'watchdog' });
  expect([failed.status, failed.last]).toMatchObject([
    5,
    { well: false, service: { state: 'failed', result: 'watchdog' } },
  ]);
  const silent = await status(RUNNING, join(folder.path, 'nowhere'));
  expect([silent.status, silent.last]).toMatchObject([
    5,
    { well: false, unanswered: expect.stringContaining('nowhere') },
  ]);
});

it.each([
  ['its camera is lost', { camera: { state: 'lost' as const, source: 'v4l2:/dev/video0' } }],
  ['its disk is full', { storage: { state: 'full' as const } }],
  ['its owners cannot be reached', { homeFault: 'not authorised' }],
])('is not well when %s', (_what, changes) => {
  expect(isHealthy(health)).toBe(true);
  expect(isHealthy({ ...health, ...changes })).toBe(false);
});

it('ends with a code when nothing is installed under that name', async () => {
  const { status: ended, stderr } = await status({ LoadState: 'not-found', ActiveState: 'inactive' });
  expect([ended, JSON.parse(stderr).error]).toMatchObject([5, { code: 'board_service_missing' }]);
});

it('says how to write settings where there are none yet, as after the package is installed', async () => {
  const fresh = await status({ ...RUNNING, ActiveState: 'inactive' }, join(folder.path, 'fresh'), [], runCommand);
  expect(fresh.status).toBe(5);
  expect(fresh.stdout).toContain(`init --data ${join(folder.path, 'fresh')}`);
  expect(fresh.stdout).not.toContain('It has a fault');
});
