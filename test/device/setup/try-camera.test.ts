// The ffmpeg that a process of root's films with.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { startFfmpeg } from '../../../device/camera/ffmpeg-run.ts';
import { asNobody } from '../../../device/setup/try-camera.ts';
import { chosenFfmpeg as ffmpeg } from '../../support/each-ffmpeg.ts';

const clock = new SystemClock();

it('a program of root’s is nobody’s, in the groups that are there, and without a capability', {
  tags: ['root'],
}, async () => {
  const confined = await asNobody(clock, ffmpeg, ['video', 'no-such-group']);
  const running = startFfmpeg(confined, [
    '-f',
    'data',
    '-i',
    'file:/proc/self/status',
    '-map',
    '0',
    '-f',
    'data',
    'pipe:1',
  ]);
  let said = '';
  running.child.stdout?.on('data', (part: Buffer) => {
    said += part;
  });
  await running.ended;
  const fact = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(said)?.[1]?.split(/\s+/);
  const [, , video] = /^video:(.*):(.*):/m.exec(readFileSync('/etc/group', 'utf8')) ?? [];
  expect([fact('Uid'), fact('Gid')]).toEqual([Array(4).fill('65534'), Array(4).fill('65534')]);
  expect([fact('Groups'), fact('NoNewPrivs')]).toEqual([[video], ['1']]);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(fact(set), set).toEqual(['0000000000000000']);
});

it('nothing is started as nobody where that cannot be', async () => {
  const failing = asNobody(clock, { ...ffmpeg, path: '/nowhere/ffmpeg' }, []);
  await expect(failing).rejects.toMatchObject({ code: 'ffmpeg_missing' });
});
