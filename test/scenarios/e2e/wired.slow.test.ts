// The story with a wired camera, played by a replacement ffmpeg: the demo up to its clip; then the camera is unplugged while the doorbell
// runs, somebody rings, and it is plugged in again. `npm run check:camera` does the same with real cameras.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { findFfmpeg } from '../../../device/camera/find-ffmpeg.ts';
import type { DeviceEvent, DeviceState } from '../../../device/contract/home-messages.ts';
import { WiredCamera } from '../../device/camera/support/wired-programs.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';
import { proved } from '../../support/proved.ts';
import { RunningTestbed } from '../../support/running-testbed.ts';

const SOURCE = 'v4l2:/dev/null?size=320x180&rate=10';
const folder = temporaryFolder('wired');
const camera = new WiredCamera(await findFfmpeg());
const environment = { FFMPEG_PATH: camera.ffmpeg.path };
const testbed = new RunningTestbed(SOURCE, environment);

afterAll(async () => {
  await testbed.stop();
  testbed.dispose();
  camera.dispose();
  folder.dispose();
});

const resultSchema = z.looseObject({ clip: z.string(), manifest: z.string(), frames: z.int(), method: z.string() });

it('runs the demo on it up to a verified clip of the granted seconds', async (test) => {
  const data = join(folder.path, 'demo');
  const args = ['demo', '--camera', `${SOURCE}&mic=alsa:hw:1,0`, '--from', '2', '--to', '5', '--data', data, '--json'];
  const { status, last } = await runCommand(args, { environment, seconds: 110 });
  expect(status).toBe(0);
  const { clip, manifest, frames } = resultSchema.parse(last);
  expect(frames).toBeGreaterThanOrEqual(29);
  expect(frames).toBeLessThanOrEqual(31);
  expect(statSync(clip).size).toBeGreaterThan(1_000);
  expect((await runCommand(['verify', clip, manifest, '--json'])).status).toBe(0);
  proved(test, 'Frames in the vault of 3 s of a wired camera at 10 a second', String(frames));
}, 120_000);

it('reports an unplugged camera with its code, rings meanwhile, and records again', async (test) => {
  await testbed.start();
  const events: DeviceEvent[] = [];
  const states: DeviceState[] = [];
  testbed.session.listen({ event: (event) => events.push(event), state: (state) => states.push(state) });
  await testbed.cameraIs('recording');
  camera.unplug();
  const told = () => events.flatMap((event) => (event.type === 'camera' ? [event] : []));
  await vi.waitFor(() => expect(told().at(-1)?.state).toBe('lost'), 20_000);
  expect(told().at(-1)).toMatchObject({ code: 'camera_gone' });
  await vi.waitFor(() => expect(states.at(-1)?.camera).toMatchObject({ state: 'lost', code: 'camera_gone' }), 20_000);
  await testbed.command({ action: 'press', button: 'front' });
  await vi.waitFor(() => expect(events.some(({ type }) => type === 'ring')).toBe(true), 20_000);
  camera.fault(null);
  await testbed.cameraIs('recording');
  await vi.waitFor(() => expect(states.at(-1)?.ring.coverage.length).toBe(2), 30_000);
  expect(
    told()
      .map(({ state, code }) => [state, code])
      .slice(-2),
  ).toEqual([
    ['lost', 'camera_gone'],
    ['recording', undefined],
  ]);
  proved(test, 'A wired camera pulled out and put back: code told, presses that rang, recordings', 'camera_gone, 1, 2');
}, 120_000);
