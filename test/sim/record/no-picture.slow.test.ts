// @module-tag long
// A camera that answers and never sends a picture, tried for the whole time that `record` waits.
import { afterAll, expect, it } from 'vitest';
import { startScriptedCamera } from '../../device/camera/support/rtsp-camera.ts';
import { runCommand, temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('no-picture');
afterAll(folder.dispose);

it('gives up a camera that answers and never sends a picture, and leaves no folder', { timeout: 120_000 }, async () => {
  const camera = await startScriptedCamera(() => null);
  const out = `${folder.path}/none`;
  const args = ['record', '--camera', `rtsp://127.0.0.1:${camera.port}/porch`, '--for', '5s', '--out', out, '--json'];
  const refused = await runCommand(args);
  await camera.stop();
  expect(refused.status).toBe(4);
  expect(JSON.parse(refused.stderr).error.code).toMatch(/^(camera_unreachable|record_nothing)$/);
  await expect(import('node:fs/promises').then(({ stat }) => stat(out))).rejects.toThrow();
});
