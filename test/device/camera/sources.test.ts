import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCameraSource } from '../../../device/camera/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-sources-'));
const plain = join(folder, 'porch.mp4');
const odd = join(folder, 'what?pace=fast');
for (const path of [plain, odd]) writeFileSync(path, 'x');
afterAll(() => rmSync(folder, { recursive: true }));

/** The settings in a camera's name. */
function settingsOf(...named: Parameters<typeof parseCameraSource>): object {
  return parseCameraSource(...named).settings;
}

describe("a camera's name", () => {
  it('is a file, with or without `file:`', () => {
    const file = { kind: 'file', path: plain, loop: false, pace: 'own', audio: true, shown: `file:${plain}` };
    expect(settingsOf(plain)).toEqual(file);
    expect(settingsOf(`file:${plain}`)).toEqual(file);
    expect(settingsOf(`file:${plain}?loop&audio=off`)).toEqual({ ...file, loop: true, audio: false });
    expect(settingsOf(`file:${plain}`, { pace: 'fast' })).toEqual({ ...file, pace: 'fast' });
    expect(settingsOf(`file:${plain}?pace=own`, { pace: 'fast' })).toEqual(file);
    expect(settingsOf(`file:${plain}?once`, { loop: true })).toEqual(file);
    expect(settingsOf(`file:${plain}?audio=on`, { loop: true })).toEqual({ ...file, loop: true });
    expect(settingsOf(`file:${plain}?pace=fast`, { loop: true })).toEqual({ ...file, pace: 'fast' });
  });

  it('takes a question mark as part of a file name when such a file exists', () => {
    expect(settingsOf(`file:${odd}`)).toMatchObject({ path: odd, pace: 'own' });
  });

  it('is an RTSP address, shown without its credentials', () => {
    const source = parseCameraSource('rtsp://anna:ge%40heim@cam.local:8554/live?token=secret');
    expect(source).toMatchObject({ kind: 'rtsp', shown: 'rtsp://cam.local:8554/live' });
    expect(parseCameraSource('rtsp://[fe80::1]:554/x').shown).toBe('rtsp://[fe80::1]:554/x');
  });

  it('is a wired camera, by its node or a lasting name, with or without `v4l2:`', () => {
    const camera = { kind: 'v4l2', device: '/dev/video0', shown: 'v4l2:/dev/video0', audio: false, rate: 15 };
    expect(settingsOf('v4l2:/dev/video0')).toMatchObject(camera);
    expect(settingsOf('/dev/video0?size=640x360&mic=alsa:hw:1,0')).toMatchObject({
      ...camera,
      audio: true,
      size: { width: 640, height: 360 },
    });
    const lasting = '/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920_1F2E-video-index0';
    expect(settingsOf(lasting)).toMatchObject({ kind: 'v4l2', device: lasting });
  });

  it("is a Pi's camera module, by its number", () => {
    expect(settingsOf('rpicam:')).toMatchObject({ kind: 'rpicam', camera: 0, audio: false, size: null });
    expect(settingsOf('rpicam:1?size=640x360&rate=30&mic=alsa:default')).toMatchObject({
      camera: 1,
      rate: 30,
      audio: true,
    });
  });

  it.each([
    '/dev/video0?colour=red',
    'v4l2:/dev/video0?size=1x1',
    'v4l2:/dev/video0?mic=file:/etc/passwd',
    'rpicam:?control.hue=1',
    'rpicam:?format=mjpeg',
    `file:${plain}?loop&pace=fast`,
    `file:${plain}?loop=3`,
  ])('is refused as %j for its option', (text) => {
    expect(() => parseCameraSource(text)).toThrow(expect.objectContaining({ code: 'camera_option_invalid' }));
  });

  it.each([
    'http://host/x.mp4',
    'v4l2:',
    'v4l2:/etc/passwd',
    'v4l2:/dev/../etc/passwd',
    'v4l2:/dev/video0 -i /etc/passwd',
    'v4l2:http://host/x',
    'rpicam:front',
    'rpicam:99',
    'rtsp://',
    'rtsp://host/a b',
    'concat:a|b',
    'file:',
    'rtsp://host/\0',
  ])('is refused as %j', (text) => {
    expect(() => parseCameraSource(text)).toThrow(expect.objectContaining({ code: 'camera_unsupported' }));
  });

  it('keeps credentials out of a refusal', () => {
    expect(() => parseCameraSource('http://anna:geheim@host/x')).toThrow(/http:\/\/\*\*\*@host/);
  });

  it('may be a path that cannot be checked: opening it reports why', () => {
    symlinkSync('loop-b', join(folder, 'loop-a'));
    symlinkSync('loop-a', join(folder, 'loop-b'));
    expect(settingsOf(`file:${folder}/loop-a`)).toMatchObject({ kind: 'file' });
    expect(() => parseCameraSource(`file:${folder}/${'x'.repeat(300)}`)).toThrow(
      expect.objectContaining({ code: 'camera_not_found' }),
    );
  });

  it('is refused when the file does not exist', () => {
    expect(() => parseCameraSource('file:/no/such/file.mp4')).toThrow(
      expect.objectContaining({ code: 'camera_not_found' }),
    );
  });
});
