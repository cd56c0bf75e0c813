// @module-tag long
// `doorsill demo` on every kind of source: the clip in the vault has exactly the window's frames, independently decoded.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { processesNaming, Running, runCommand, temporaryFolder } from '../../support/command-line.ts';
import { mediaFile } from '../../support/media.ts';
import { demo, demoOf } from './demo-run.ts';

const folder = temporaryFolder('demo');
afterAll(() => folder.dispose());

const hasSoundTrack = (clip: string) => readFileSync(clip).includes('soun');

describe('demo', () => {
  it('cuts the drawn porch exactly and discloses exactly the given facts', async () => {
    const result = await demo(join(folder.path, 'synthetic'), [
      '--from',
      '1.3',
      '--to',
      '4.1',
      '--disclose',
      'address,email',
    ]);
    // 15 frames a second: frames 20 to 61.
    expect(result.frames).toBe(42);
    expect(result.method).toBe('smart-cut');
    expect(result.disclosed).toEqual({ address: '12 Maple Street, Springfield', email: 'robin@maple.example' });
    expect(hasSoundTrack(result.clip)).toBe(false);
  }, 120_000);

  it('sends sound if requested', { tags: ['long'], timeout: 120_000 }, async () => {
    const result = await demo(join(folder.path, 'sound'), ['--from', '1.3', '--to', '4.1', '--audio']);
    expect(hasSoundTrack(result.clip)).toBe(true);
    expect(result.disclosed).toEqual({});
  });

  it('cuts footage with irregular frame times and a late start to exactly the window’s frames', async () => {
    const { path: ffmpeg } = await findFfmpeg();
    const file = join(folder.path, 'odd-times.mkv');
    const drawn = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=440', '-t', '9'];
    // Two of five frames are missing, as from a camera in the dark.
    const odd = ['-vf', 'select=not(eq(mod(n\\,5)\\,1)+eq(mod(n\\,5)\\,2))', '-fps_mode', 'passthrough'];
    const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0', '-g', '20'];
    const late = ['-c:a', 'aac', '-output_ts_offset', '17.811', file];
    execFileSync(ffmpeg, ['-v', 'error', ...drawn, ...odd, ...encode, ...late]);
    await demoOf(join(folder.path, 'odd-times'), { file, fromS: 2.21, toS: 5.58 });
  }, 120_000);

  const porch = mediaFile('porch-visit-day.mp4');
  it.skipIf(porch === null)(
    'cuts real footage to exactly the frames of the window',
    { tags: ['footage'], timeout: 120_000 },
    () => demoOf(join(folder.path, 'porch'), { file: porch ?? '', fromS: 7.2, toS: 15.5 }),
  );

  it('refuses a foreign folder, a window without footage, and wrong arguments, each on one line with its code', async () => {
    const foreign = await runCommand(['demo', '--data', process.cwd(), '--json']);
    expect(foreign.status).toBe(2);
    expect(JSON.parse(foreign.stderr.trim())).toMatchObject({ error: { code: 'data_folder_foreign' } });

    const missing = await runCommand(['demo', '--camera', 'file:/no/such/file.mp4', '--json']);
    expect(missing.status).toBe(6);
    expect(missing.stderr).toContain('camera_not_found');

    for (const words of [
      ['demo', '--from', '5', '--to', '4'],
      ['demo', '--from', 'soon'],
      ['demo', '--disclose', 'shoesize'],
      ['dmo'],
      ['demo', '--frm', '1'],
    ]) {
      const wrong = await runCommand(words);
      expect(wrong.status, words.join(' ')).toBe(2);
      expect(wrong.stderr.trim().split('\n'), words.join(' ')).toHaveLength(1);
      expect(wrong.stderr).toContain('[usage]');
    }
  }, 60_000);

  it('refuses an unusable file with its own code, and gives the reason once', async () => {
    const { path: ffmpeg } = await findFfmpeg();
    const make = (name: string, words: string[]) =>
      execFileSync(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', ...words, join(folder.path, name)]);
    make('sound.mp4', ['sine=duration=2', '-c:a', 'aac']);
    writeFileSync(join(folder.path, 'words.mp4'), 'no media at all, only words. '.repeat(200));
    writeFileSync(join(folder.path, 'list.mp4'), 'ffconcat version 1.0\nfile /etc/passwd\n');
    for (const [name, code, says] of [
      ['sound.mp4', 'camera_no_video', 'has no video that can be decoded: it has no video stream'],
      ['words.mp4', 'camera_refused_format', 'is not plain media'],
      ['list.mp4', 'camera_refused_format', 'is not plain media'],
    ] as const) {
      const useless = await runCommand(['demo', '--camera', `file:${join(folder.path, name)}`, '--json']);
      const { error } = JSON.parse(useless.stderr.trim().split('\n').at(-1) ?? '');
      expect(error, name).toMatchObject({ code, message: expect.stringContaining(says) });
      expect(error.message.split(name), error.message).toHaveLength(2);
      expect(useless.status).toBe(6);
    }
  }, 90_000);

  it('leaves no process and no folder behind on Ctrl-C', async () => {
    const data = join(folder.path, 'interrupted');
    const running = new Running([
      'demo',
      '--data',
      data,
      '--camera',
      'synthetic?pace=own',
      '--to',
      '60',
      '--from',
      '1',
      '--json',
    ]);
    await expect.poll(() => processesNaming(data).length, { timeout: 30_000 }).toBeGreaterThan(4);
    await running.stop();
    expect(await running.ended()).toBe(130);
    expect(processesNaming(data)).toEqual([]);
  }, 60_000);
});
