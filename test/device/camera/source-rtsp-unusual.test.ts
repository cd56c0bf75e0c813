// @module-tag long
// @module-tag gstreamer
import { afterEach, describe, expect, it } from 'vitest';
import { parseFragment, parseInit } from '../../../device/contract/media/fragment.ts';
import { ffmpegs } from '../../support/each-ffmpeg.ts';
import { hasRtspServer, type RtspServer, STREAMS, startRtspServer } from '../../support/rtsp-server.ts';
import { ffmpegChildren, Recorder } from './support/recorder.ts';

let server: RtspServer | null = null;

afterEach(async () => {
  await server?.stop();
  server = null;
  expect(ffmpegChildren()).toEqual([]);
});

describe.skipIf(!hasRtspServer()).each(ffmpegs)('unusual network cameras with ffmpeg $version', (ffmpeg) => {
  it.each([
    ['G.711 sound is encoded, the picture still copied', STREAMS.h264AndG711, 'copy', true],
    ['reordered H.264 is encoded', STREAMS.h264Reordered, 'encode', false],
    ['Motion JPEG is encoded', STREAMS.mjpeg, 'encode', false],
  ])('%s', async (_, stream, wanted, sound) => {
    server = await startRtspServer(stream);
    const recorder = new Recorder(ffmpeg, `rtsp://localhost:${server.port}/porch`);
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.segments.length >= 3);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'off']);
    expect(recorder.changes.find((change) => change.recording)?.recording?.video).toBe(wanted);
    for (const segment of recorder.segments) {
      const init = parseInit(segment.init);
      const { video } = parseFragment(init, segment.fragment);
      expect(video.every((sample, n) => n === 0 || sample.pts > (video[n - 1]?.pts ?? 0))).toBe(true);
      expect(init.audio !== null).toBe(sound);
    }
  });

  it('drops footage when storing is too slow, reports that once, and reports the recovery', async () => {
    server = await startRtspServer(STREAMS.h264);
    let release = () => {};
    const stuck = new Promise<void>((resolve) => {
      release = resolve;
    });
    let given = 0;
    const store = () => {
      given += 1;
      return given === 1 ? stuck : Promise.resolve();
    };
    const recorder = new Recorder(ffmpeg, `rtsp://localhost:${server.port}/porch`, { store, queueBytesMax: 1 });
    await recorder.capture.start(new AbortController().signal);
    await recorder.until(() => recorder.changes.some((change) => change.detail?.includes('storing is too slow')));
    release();
    await recorder.until(() => recorder.changes.length >= 4);
    await recorder.capture.stop();
    expect(recorder.states()).toEqual(['starting', 'recording', 'recording', 'recording', 'off']);
    expect(recorder.changes[3]?.detail).toBeUndefined();
    // The first segment was queued before the loss: only a later one shows that storing works again.
    expect(recorder.storedAtChange.slice(0, 4)).toEqual([0, 0, 0, 2]);
    const indexes = recorder.segments.map((segment) => segment.index);
    expect(indexes.length).toBeLessThan((indexes.at(-1) ?? 0) + 1);
  });
});
