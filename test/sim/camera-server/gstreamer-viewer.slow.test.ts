// @module-tag gstreamer
// GStreamer as a viewer: it receives every picture by TCP and UDP.
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { AnnexBSplitter } from '../../../device/clip/encode-frames.ts';
import { pictureDigest, SMALL, StartedCamera } from './support/started-camera.ts';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('support/rtsp-viewer.py', import.meta.url));
const ELEMENTS = ['rtspsrc', 'rtph264depay', 'fdsink'];
const here = spawnSync(PYTHON, [SCRIPT, '--check', ...ELEMENTS], { timeout: 20_000 }).status === 0;
const run = promisify(execFile);
let camera: StartedCamera | null = null;

afterEach(async () => {
  await camera?.stop();
  camera = null;
});

describe.skipIf(!here)('GStreamer', () => {
  it.each(['tcp', 'udp'])('receives every picture by %s, from a keyframe to the last one', async (protocol) => {
    camera = await StartedCamera.start({ source: `${SMALL}&seconds=6` });
    const view = run(PYTHON, [SCRIPT, camera.url, protocol], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
    await camera.camera.over;
    await camera.stop();
    const { stdout } = await view;
    const splitter = new AnnexBSplitter();
    const units = [...splitter.push(stdout), ...splitter.end()];
    const received = units.filter((nal) => ((nal[0] ?? 0) & 31) <= 5).map((nal) => pictureDigest([nal]));
    expect(received.length).toBeGreaterThan(45);
    expect(received).toEqual(camera.pictures.slice(-received.length));
  });
});
