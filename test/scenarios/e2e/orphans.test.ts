// @module-tag long
// When a testbed's supervisor is killed, no process and all stored data remain.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { descendants, isAlive } from '../../support/processes.ts';

it('`up` killed with SIGKILL leaves no process, and the next one finds the same testbed', async () => {
  const folder = temporaryFolder('orphans');
  const words = [
    'up',
    '--no-ask',
    '--camera',
    'synthetic?size=320x180',
    '--data',
    join(folder.path, 'testbed'),
    // Ports that no other testbed of these tests takes between the two.
    '--port',
    '18990',
    '--json',
  ];
  let up = new Running(words);
  let family: number[] = [];
  try {
    const first = await up.line('the testbed', (line) => line['event'] === 'up');
    await up.line('the camera', (line) => line['event'] === 'camera' && line['state'] === 'recording');
    family = descendants(up.child.pid ?? 0);
    // Registry, vault, doorbell, and its ffmpeg.
    expect(family.length).toBeGreaterThanOrEqual(4);
    up.child.kill('SIGKILL');
    await up.ended();
    await expect.poll(() => family.filter(isAlive), { timeout: 30_000 }).toEqual([]);
    up = new Running(words);
    const second = await up.line('the testbed again', (line) => line['event'] === 'up');
    expect(second).toEqual({ ...first, isNew: false });
  } finally {
    for (const pid of family.filter(isAlive)) process.kill(pid, 'SIGKILL');
    await up.stop();
    folder.dispose();
  }
}, 120_000);
