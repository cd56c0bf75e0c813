import { afterEach, describe, expect, it } from 'vitest';
import { StartedCamera } from './support/started-camera.ts';

let camera: StartedCamera | null = null;

afterEach(async () => {
  await camera?.stop();
  camera = null;
});

describe('a node that is no v4l2loopback node', () => {
  it.each([
    ['/dev/video98', 'there is no such node'],
    ['/dev/null', 'it is not a video node'],
    ['/dev/fd', 'it is not a video node'],
  ])('%s is refused before anything is filmed', async (path, says) => {
    const started = StartedCamera.start({ serve: [`v4l2:${path}`] });
    await expect(started).rejects.toMatchObject({
      code: 'camera_address_unserved',
      message: expect.stringContaining(says),
    });
  });
});
