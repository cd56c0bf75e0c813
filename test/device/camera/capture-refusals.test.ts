import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithEachFfmpeg, npmFfmpeg } from '../../support/each-ffmpeg.ts';
import { ffmpegChildren, Recorder } from './support/recorder.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-hostile-'));
const secret = join(folder, 'secret.mp4');
const fragmented = join(folder, 'fragmented.mp4');
let server: Server;
let connections = 0;
let port = 0;

beforeAll(async () => {
  const args = [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=160x120:d=2',
    '-c:v',
    'libx264',
    '-bf',
    '0',
    '-g',
    '25',
  ];
  execFileSync(npmFfmpeg.path, [...args, secret]);
  execFileSync(npmFfmpeg.path, [
    '-v',
    'error',
    '-i',
    secret,
    '-c',
    'copy',
    '-movflags',
    'frag_keyframe+empty_moov',
    fragmented,
  ]);
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const ftyp = '\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp41';

describeWithEachFfmpeg('a hostile file and ffmpeg $version', (ffmpeg) => {
  const scripts: [string, () => string][] = [
    ['an ffconcat script', () => `ffconcat version 1.0\nfile '${secret}'\n`],
    [
      'an HLS playlist',
      () => `#EXTM3U\n#EXTINF:2,\n${secret}\n#EXTINF:2,\nhttp://127.0.0.1:${port}/x.ts\n#EXT-X-ENDLIST\n`,
    ],
    [
      'a DASH manifest',
      () =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>http://127.0.0.1:${port}/</BaseURL><SegmentList duration="2"><Initialization sourceURL="i"/><SegmentURL media="a"/></SegmentList></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'a session description',
      () =>
        `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
    ],
    ['an SVG', () => `<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:${port}/x.png"/></svg>`],
    ['nothing', () => ''],
  ];

  it.each(scripts)('refuses %s inside a .mp4 before ffmpeg is started', async (_, text) => {
    const recorder = new Recorder(ffmpeg, write('porch.mp4', text()));
    const started = recorder.capture.start(new AbortController().signal);
    await expect(started).rejects.toMatchObject({ code: 'camera_refused_format' });
    expect(recorder.states()).toEqual(['starting', 'failed']);
    expect(recorder.changes.at(-1)?.failure?.code).toBe('camera_refused_format');
    await recorder.capture.stop();
    expect([connections, recorder.segments.length, ffmpegChildren()]).toEqual([0, 0, []]);
  });

  it.each(scripts)('opens no other file for %s that begins like an MP4', async (_, text) => {
    const recorder = new Recorder(ffmpeg, write('porch.mp4', ftyp + text()));
    const started = recorder.capture.start(new AbortController().signal);
    await expect(started).rejects.toMatchObject({ code: 'camera_no_video' });
    await recorder.capture.stop();
    expect([connections, recorder.segments.length, ffmpegChildren()]).toEqual([0, 0, []]);
  });

  it('takes a pattern of image files as a plain name', async () => {
    mkdirSync(join(folder, 'frames'), { recursive: true });
    copyFileSync(secret, join(folder, 'frames', '1.mp4'));
    const pattern = join(folder, 'frames', '%d.mp4');
    expect(existsSync(pattern)).toBe(false);
    expect(() => new Recorder(ffmpeg, `file:${pattern}`)).toThrow(
      expect.objectContaining({ code: 'camera_not_found' }),
    );
  });

  async function expectRefused(path: string): Promise<void> {
    const recorder = new Recorder(ffmpeg, `file:${path}`);
    const started = recorder.capture.start(new AbortController().signal);
    await expect(started).rejects.toMatchObject({ code: 'camera_refused_format' });
    await recorder.capture.stop();
  }

  it('refuses folders', async () => {
    await expectRefused(folder);
  });

  it('refuses pipes without waiting for a writer', { tags: ['pipes'] }, async () => {
    const pipe = join(folder, `pipe-${ffmpeg.origin}`);
    execFileSync('mkfifo', [pipe]);
    await expectRefused(pipe);
  });

  it('refuses encrypted video as encrypted, and does not record noise', async () => {
    const encrypted = Buffer.from(readFileSync(secret));
    encrypted.write('encv', encrypted.indexOf('avc1', encrypted.indexOf('stsd')), 'latin1');
    const recorder = new Recorder(ffmpeg, write('encrypted.mp4', encrypted));
    await expect(recorder.capture.start(new AbortController().signal)).rejects.toMatchObject({
      code: 'camera_no_video',
      message: expect.stringContaining('it is encrypted'),
    });
    await recorder.capture.stop();
    expect(recorder.segments).toEqual([]);
  });

  it('skips a filler box that is shorter than its header', async () => {
    const file = Buffer.from(readFileSync(secret));
    const free = file.indexOf('free', 0, 'latin1') - 4;
    expect(file.readUInt32BE(free)).toBe(8);
    file.writeUInt32BE(3, free);
    const recorder = await new Recorder(ffmpeg, `file:${write('filler.mp4', file)}?pace=fast`).whole();
    expect(recorder.frameTimesUs().length).toBe(50);
  });

  it('records the rest of a file that is truncated while it is read, and ends', { tags: ['long'] }, async () => {
    const path = write('shrinking.mp4', readFileSync(fragmented));
    const recorder = new Recorder(ffmpeg, `file:${path}`);
    await recorder.capture.start(new AbortController().signal);
    truncateSync(path, Math.floor(statSync(path).size / 2));
    await recorder.until(() => ['ended', 'failed'].includes(recorder.changes.at(-1)?.state ?? ''));
    await recorder.capture.stop();
    expect(recorder.segments.length).toBeLessThan(20);
    expect(ffmpegChildren()).toEqual([]);
  });

  it('ends a file that grows while it is read', { tags: ['long'] }, async () => {
    const path = write('growing.mp4', readFileSync(fragmented));
    const recorder = new Recorder(ffmpeg, `file:${path}`);
    await recorder.capture.start(new AbortController().signal);
    appendFileSync(path, new Uint8Array(1_000_000).fill(7));
    await recorder.until(() => ['ended', 'failed'].includes(recorder.changes.at(-1)?.state ?? ''));
    await recorder.capture.stop();
    expect(recorder.frameTimesUs().length).toBeGreaterThanOrEqual(20);
    expect(ffmpegChildren()).toEqual([]);
  });

  it('refuses a sound file as having no video', async () => {
    const path = join(folder, 'sound.mp4');
    execFileSync(npmFfmpeg.path, ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'aac', path]);
    const recorder = new Recorder(ffmpeg, path);
    await expect(recorder.capture.start(new AbortController().signal)).rejects.toMatchObject({
      code: 'camera_no_video',
    });
    await recorder.capture.stop();
  });
});
