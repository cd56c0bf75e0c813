// Holds: what a doorbell and its ffmpeg take of memory, as a process of its own with the drawn porch at 640x360.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Running, temporaryFolder } from '../../support/command-line.ts';
import { descendants, memoryKiB } from '../../support/processes.ts';
import { proved } from '../../support/proved.ts';

const MIB_MAX = 350;
const FILMED_S = 60;

it(`is ${MIB_MAX} MiB at most`, { timeout: 240_000 }, async (test) => {
  const folder = temporaryFolder('device-memory');
  const home = { url: 'mqtt://127.0.0.1:9', user: 'device-home-x', password: 'x' };
  const data = join(folder.path, 'porch');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(join(data, 'device.json'), JSON.stringify({ home, camera: 'synthetic?size=640x360' }), { mode: 0o600 });
  const device = new Running(['device', '--data', data, '--json'], { MALLOC_ARENA_MAX: '1' });
  try {
    await device.line('the doorbell', ({ event }) => event === 'ready', 120);
    const pid = device.child.pid ?? 0;
    const seen: number[] = [];
    for (let second = 0; second < FILMED_S; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      // One that has ended meanwhile takes nothing.
      const each = [pid, ...descendants(pid)].map((one) => {
        try {
          return memoryKiB(one);
        } catch {
          return 0;
        }
      });
      expect(each.length).toBeGreaterThan(1);
      seen.push(each.reduce((sum, one) => sum + one, 0) / 1_024);
    }
    const most = Math.max(...seen);
    proved(
      test,
      `Memory of a doorbell and its ffmpeg at 640x360 (PSS), ${FILMED_S} s, at most ${MIB_MAX} MiB`,
      `${most.toFixed(0)} MiB`,
    );
    expect(most).toBeLessThanOrEqual(MIB_MAX);
  } finally {
    await device.stop();
    folder.dispose();
  }
});
