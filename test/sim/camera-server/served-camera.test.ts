// @module-tag long
import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { AnnexBSplitter } from '../../../device/clip/encode-frames.ts';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { ffmpegChildren, Recorder, recording } from '../../device/camera/support/recorder.ts';
import { temporaryFolder } from '../../support/command-line.ts';
import { slowIt } from '../../support/slow-it.ts';
import { compared, ffmpeg, pictureDigest, recordedPictures, SMALL, StartedCamera } from './support/started-camera.ts';

const run = promisify(execFile);
let camera: StartedCamera | null = null;

afterEach(async () => {
  await camera?.stop();
  camera = null;
  expect(ffmpegChildren()).toEqual([]);
});

/** A digest of each slice of an Annex B stream; this camera has one slice a picture. */
function picturesOf(stream: Buffer): string[] {
  const splitter = new AnnexBSplitter();
  const units = [...splitter.push(stream), ...splitter.end()];
  return units.filter((nal) => ((nal[0] ?? 0) & 31) <= 5).map((nal) => pictureDigest([nal]));
}

/** The pictures that ffmpeg receives until the footage ends. */
async function received(url: string, transport: 'tcp' | 'udp'): Promise<string[]> {
  const args = [
    '-v',
    'error',
    '-rtsp_transport',
    transport,
    '-i',
    url,
    '-map',
    '0:v',
    '-c',
    'copy',
    '-f',
    'h264',
    'pipe:1',
  ];
  const { stdout } = await run(ffmpeg.path, args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return picturesOf(stdout);
}

describe('a camera that is served', () => {
  it('sends ffmpeg, by TCP and UDP in parallel, every picture from a keyframe to the last one', async () => {
    camera = await StartedCamera.start({ source: `${SMALL}&seconds=4` });
    const { url } = camera;
    const views = Promise.all([received(url, 'tcp'), received(url, 'udp')]);
    await camera.camera.over;
    await camera.stop();
    const { pictures, sent } = camera;
    expect(pictures.length).toBe(60);
    for (const view of await views) {
      expect(view.length).toBeGreaterThanOrEqual(30);
      expect(view).toEqual(pictures.slice(-view.length));
      const first = sent.filter(({ track }) => track === 'video').at(-view.length);
      expect(first?.key).toBe(true);
    }
  });

  it('sends our device every picture and every packet of sound, which it copies', async () => {
    camera = await StartedCamera.start({ login: { user: 'anna', password: 'ge@heim' } });
    const recorder = new Recorder(ffmpeg, camera.url.replace('rtsp://', 'rtsp://anna:ge%40heim@'));
    await recording(recorder, 4);
    await recorder.capture.stop();
    expect(compared(recordedPictures(recorder), camera.pictures)).toMatchObject({ foreign: 0, missing: 0 });
    const sound = recorder.segments.flatMap(
      (segment) => parseFragment(parseInit(segment.init), segment.fragment).audio,
    );
    const heard = sound.map(({ data }) => Buffer.from(data).toString('hex'));
    const played = camera.sent
      .filter(({ track }) => track === 'audio')
      .map(({ parts }) => Buffer.from(parts[0] ?? []).toString('hex'));
    const from = played.indexOf(heard[0] ?? '');
    expect(heard.length).toBeGreaterThan(100);
    expect(heard).toEqual(played.slice(from, from + heard.length));
    expect(recorder.changes.find((change) => change.recording)?.recording?.video).toBe('copy');
    expect(recorder.states()).toEqual(['starting', 'recording', 'off']);
  });

  slowIt(
    'has our device tell that pictures are missing, and that its clock jumped, which dates none wrong',
    async () => {
      camera = await StartedCamera.start();
      const recorder = new Recorder(ffmpeg, camera.url, { retryMs: 200 });
      const codes = () => recorder.changes.map(({ failure }) => failure?.code);
      await recording(recorder, 2);
      camera.camera.execute({ do: 'add', fault: 'lost-frames=30%+1s' });
      await recorder.until(() => codes().at(-1) === 'camera_pictures_damaged');
      // A device knows a camera's clock after three seconds.
      await recording(recorder, 5);
      camera.camera.execute({ do: 'add', fault: 'pts-jump=10s' });
      await recorder.until(() => recorder.states().at(-2) === 'lost');
      await recorder.capture.stop();
      expect(recorder.changes.map(({ state }, at) => [state, codes()[at]])).toEqual([
        ['starting', undefined],
        ['recording', undefined],
        ['recording', 'camera_pictures_damaged'],
        ['lost', 'camera_clock_wrong'],
        ['recording', 'camera_pictures_damaged'],
        ['off', undefined],
      ]);
      expect(compared(recordedPictures(recorder), camera.pictures).foreign).toBe(0);
      for (const offMs of camera.offMs(recorder)) expect(Math.abs(offMs)).toBeLessThan(1_000);
    },
  );

  it('serves its pictures over HTTP: as Motion JPEG, as MP4 with sound, and as a still', async () => {
    const serve = ['mjpeg', 'mp4', 'jpg'].map((kind) => `http://127.0.0.1:0/porch.${kind}`);
    camera = await StartedCamera.start({ serve });
    const [mjpeg = '', mp4 = '', jpg = ''] = camera.camera.urls;
    const look = (url: string, seconds: number) =>
      run(ffmpeg.path, ['-v', 'error', '-i', url, '-t', String(seconds), '-c', 'copy', '-f', 'framecrc', 'pipe:1']);
    const [asJpeg, asMp4] = await Promise.all([look(mjpeg, 1), look(mp4, 2)]);
    expect(asJpeg.stdout).toContain('#dimensions 0: 320x180');
    expect(asJpeg.stdout.match(/^0,/gm)?.length).toBeGreaterThan(10);
    expect(asMp4.stdout).toContain('#codec_id 0: h264');
    expect(asMp4.stdout).toContain('#codec_id 1: aac');
    expect(asMp4.stdout.match(/^0,/gm)?.length).toBe(30);
    const still = await new Promise<Buffer>((resolve, reject) => {
      get(jpg, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => resolve(Buffer.concat(parts)));
      }).on('error', reject);
    });
    expect(still.subarray(0, 2).toString('hex')).toBe('ffd8');
  });

  it('changes its pictures on an order, without losing one, and reports visitors', async () => {
    camera = await StartedCamera.start({ source: `${SMALL}&seconds=5`, faults: ['frozen@1s+1s'] });
    const events: string[] = [];
    camera.camera.onEvent(({ type }) => void events.push(type));
    setTimeout(() => camera?.camera.execute({ do: 'add', fault: 'black+1s' }), 2_500);
    await camera.camera.over;
    const video = camera.sent.filter(({ track }) => track === 'video');
    expect(video.map(({ ptsUs }) => Math.round((ptsUs * 15) / 1_000_000))).toEqual(video.map((_, at) => at));
    expect(video.length).toBe(75);
    // A frozen picture takes few bits.
    const bytes = (from: number, to: number) =>
      video.slice(from, to).reduce((sum, { parts }) => sum + parts.reduce((part, nal) => part + nal.length, 0), 0);
    expect(bytes(16, 29)).toBeLessThan(bytes(1, 14) / 2);
    expect(events).toContain('press');
    const sound = camera.sent.filter(({ track }) => track === 'audio');
    expect(sound.map(({ ptsUs }) => Math.round((ptsUs * 48_000) / 1_000_000))).toEqual(
      sound.map((_, at) => (at - 1) * 1_024),
    );
  });
});

describe('a camera whose codec changes', () => {
  it('ends its sessions, describes Motion JPEG, sends it, and goes on as Motion JPEG over HTTP', async () => {
    const serve = ['rtsp://127.0.0.1:0/porch', 'http://127.0.0.1:0/porch.mjpeg', 'http://127.0.0.1:0/porch.mp4'];
    camera = await StartedCamera.start({ source: `${SMALL}&seconds=6`, serve, faults: ['codec-change@2s'] });
    const [rtsp = '', mjpeg = '', mp4 = ''] = camera.camera.urls;
    const look = (url: string, ...how: string[]) =>
      run(ffmpeg.path, ['-v', 'error', ...how, '-i', url, '-map', '0:v', '-c', 'copy', '-f', 'framecrc', 'pipe:1']);
    const jpegs = look(mjpeg);
    // Ends with the sessions.
    const before = await look(rtsp, '-rtsp_transport', 'tcp');
    expect(before.stdout).toContain('#codec_id 0: h264');
    const later = look(rtsp, '-rtsp_transport', 'tcp');
    const refused = await new Promise((resolve, reject) => {
      get(mp4, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    expect(refused).toBe(503);
    await camera.camera.over;
    await camera.stop();
    const after = await later;
    expect(after.stdout).toContain('#codec_id 0: mjpeg');
    // RFC 2435 has sizes in blocks of 8 pixels.
    expect(after.stdout).toContain('#dimensions 0: 320x184');
    expect(after.stdout.match(/^0,/gm)?.length).toBeGreaterThan(20);
    expect((await jpegs).stdout.match(/^0,/gm)?.length).toBeGreaterThan(60);
  });
});

describe('a file that is served', () => {
  it('is repeated with continuous times, and bit for bit with `--copy`', async () => {
    const folder = temporaryFolder('served');
    const path = join(folder.path, 'porch.mp4');
    try {
      const made = [
        '-f',
        'lavfi',
        '-i',
        'testsrc2=size=320x180:rate=10:duration=1',
        '-f',
        'lavfi',
        '-i',
        'sine=duration=1',
      ];
      await run(ffmpeg.path, ['-v', 'error', ...made, '-c:v', 'libx264', '-bf', '2', '-g', '5', '-c:a', 'aac', path]);
      camera = await StartedCamera.start({ source: path, isCopied: true });
      await expect.poll(() => camera?.pictures.length, { timeout: 8_000 }).toBeGreaterThan(25);
      await camera.stop();
      const video = camera.sent.filter(({ track }) => track === 'video');
      expect(camera.pictures.slice(10, 20)).toEqual(camera.pictures.slice(0, 10));
      const shown = video.map(({ ptsUs }) => ptsUs).sort((a, b) => a - b);
      expect(shown.slice(1, 20).map((us, at) => Math.round((us - (shown[at] ?? 0)) / 1_000))).toEqual(
        Array(19).fill(100),
      );
      const { stdout } = await run(
        ffmpeg.path,
        ['-v', 'error', '-i', path, '-c:v', 'copy', '-an', '-f', 'h264', 'pipe:1'],
        {
          encoding: 'buffer',
        },
      );
      expect(camera.pictures.slice(0, 10)).toEqual(picturesOf(stdout));
    } finally {
      folder.dispose();
    }
  });

  it.each([
    ['/no/such.mp4', 'camera_not_found'],
    ['/etc/hostname', 'camera_refused_format'],
    ['rtsp://127.0.0.1/other', 'camera_source_unserved'],
    ['synthetic?pace=fast&seconds=3', 'camera_option_invalid'],
  ])('%s is refused with %s', async (source, code) => {
    await expect(StartedCamera.start({ source })).rejects.toMatchObject({ code });
  });
});
