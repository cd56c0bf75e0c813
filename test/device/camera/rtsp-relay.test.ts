// A network camera cannot redirect the device: whatever it answers, nothing connects to the host that it names.
import { afterEach, describe, expect, it } from 'vitest';
import { RelayRefusal, RtspFilter } from '../../../device/camera/rtsp-relay.ts';
import { describeWithEachFfmpeg } from '../../support/each-ffmpeg.ts';
import { ffmpegChildren, Recorder } from './support/recorder.ts';
import {
  type Answer,
  type Elsewhere,
  PLAYABLE,
  rtspAnswer,
  type ScriptedCamera,
  sdp,
  startElsewhere,
  startScriptedCamera,
} from './support/rtsp-camera.ts';

let camera: ScriptedCamera | null = null;
let elsewhere: Elsewhere | null = null;
afterEach(async () => {
  await camera?.stop();
  await elsewhere?.stop();
  expect(ffmpegChildren()).toEqual([]);
});

/** The camera's answers, given the address to which it wants to lead the device. */
const REDIRECTS: Record<string, (there: string) => Answer> = Object.fromEntries(
  ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY'].flatMap((method) =>
    ['301 Moved Permanently', '302 Found'].map((status) => [
      `${status} to ${method}`,
      (there: string): Answer =>
        (asked, cseq) =>
          asked === method ? rtspAnswer(status, cseq, [`Location: rtsp://${there}/porch`]) : null,
    ]),
  ),
);

const DESCRIPTIONS: Record<string, (there: string, host: string, port: number) => Answer> = {
  'a base and a track elsewhere': (there) => (asked, cseq) =>
    asked === 'DESCRIBE'
      ? rtspAnswer(
          '200 OK',
          cseq,
          ['Content-Type: application/sdp', `Content-Base: rtsp://${there}/porch/`],
          sdp('IN IP4 0.0.0.0', `rtsp://${there}/porch/track1`),
        )
      : null,
  'a connection elsewhere': (_, host, port) => (asked, cseq) =>
    asked === 'DESCRIBE'
      ? rtspAnswer('200 OK', cseq, ['Content-Type: application/sdp'], sdp(`IN IP4 ${host}`, 'track1', port))
      : null,
  'a transport elsewhere': (_, host, port) => (asked, cseq) => {
    const transport = `Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=${port}-${port + 1}`;
    return asked === 'SETUP'
      ? rtspAnswer('200 OK', cseq, ['Session: 7', `${transport};source=${host};destination=${host}`])
      : null;
  },
  'a source and a destination elsewhere': (_, host) => (asked, cseq) =>
    asked === 'SETUP'
      ? rtspAnswer('200 OK', cseq, ['Session: 7', `${PLAYABLE[1]};source=${host};destination=${host}`])
      : null,
  'an order to go elsewhere': (there) => (asked, cseq) =>
    asked === 'PLAY'
      ? `${rtspAnswer('200 OK', cseq, ['Session: 7'])}REDIRECT rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://${there}/porch\r\n\r\n`
      : null,
};

/** Ways to hide a redirect from a relay before ffmpeg. */
const HIDDEN: Record<string, (moved: string) => string> = {
  'behind an interleaved frame': (moved) => `$\0\0\x03abc${moved}`,
  'inside an interleaved frame of four bytes': (moved) => `$\0\0\x04\r\n\r\n${moved}`,
  'behind empty lines': (moved) => `\r\n\r\n${moved}`,
  'with bare line feeds': (moved) => moved.replaceAll('\r\n', '\n'),
  'with another version': (moved) => moved.replace('RTSP/1.0', 'RTSP/2.0'),
  'with a sign before the number': (moved) => moved.replace(' 302', ' +302'),
  'with two spaces': (moved) => moved.replace(' 302', '  302'),
  'with a tab': (moved) => moved.replace(' 302', '\t302'),
  'with a zero before the number': (moved) => moved.replace(' 302', ' 0302'),
  'behind a first answer to the same request': (moved) => `RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n${moved}`,
  'behind two lengths': (moved) =>
    `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\n${moved}`,
  'behind a negative length': (moved) => `RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n${moved}`,
  'behind a zero byte': (moved) => `\0${moved}`,
  'in a folded header': (moved) => `RTSP/1.0 200 OK\r\nServer: x\r\n ${moved}`,
};
const moved = (there: string, cseq = '1') => rtspAnswer('302 Found', cseq, [`Location: rtsp://${there}/porch`]);

describe('the forwarded part of a camera’s answers', () => {
  it.each(Object.entries(HIDDEN))('is no redirect %s', (_, hide) => {
    const bytes = Buffer.from(hide(moved('127.0.0.2:554')), 'latin1');
    // In one piece and byte by byte.
    for (const length of [bytes.length, 1]) {
      const filter = new RtspFilter();
      const given: Uint8Array[] = [];
      try {
        for (let at = 0; at < bytes.length; at += length) given.push(...filter.push(bytes.subarray(at, at + length)));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RelayRefusal);
      }
      expect(Buffer.concat(given).toString('latin1')).not.toMatch(/302|Location/);
    }
  });

  it('is an answer with the headers that ffmpeg needs, its body and complete packets', () => {
    const answer = rtspAnswer(
      '200 OK',
      '2',
      ['Content-Type: application/sdp', 'Location: rtsp://x/', 'Server: y'],
      'v=0',
    );
    const packet = Buffer.from([0x24, 0, 0, 8, ...Array(8).fill(7)]);
    // Shorter than any RTP or RTCP packet: ffmpeg would read its content as text.
    const short = Buffer.from([0x24, 0, 0, 7, ...Array(7).fill(7)]);
    const [text, framed, ...more] = new RtspFilter().push(
      Buffer.concat([Buffer.from(answer), short, packet, packet.subarray(0, 9)]),
    );
    expect(Buffer.from(text ?? []).toString()).toBe(
      'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0',
    );
    expect(framed).toEqual(packet);
    expect(more).toEqual([]);
  });

  it('is bounded', () => {
    expect(() => new RtspFilter().push(Buffer.alloc(20_000, 'a'))).toThrow(/too long/);
    const endless = 'RTSP/1.0 200 OK\r\nContent-Length: 9999999\r\n\r\n';
    expect(() => new RtspFilter().push(Buffer.from(endless))).toThrow(/impossible length/);
  });
});

const SMUGGLED: Record<string, (there: string) => Answer> = Object.fromEntries(
  ['behind an interleaved frame', 'with two spaces', 'behind a negative length'].map((name) => [
    `a redirect ${name}`,
    (there: string): Answer =>
      (asked, cseq) =>
        asked === 'OPTIONS' ? Buffer.from(HIDDEN[name]?.(moved(there, cseq)) ?? '', 'latin1') : null,
  ]),
);

describeWithEachFfmpeg('a network camera, with ffmpeg $version,', (ffmpeg) => {
  it.each(Object.entries({ ...REDIRECTS, ...SMUGGLED, ...DESCRIPTIONS }))(
    'a camera that answers %s redirects nothing',
    async (_, answers) => {
      const there = await startElsewhere();
      elsewhere = there;
      const asked = await startScriptedCamera(answers(`${there.host}:${there.port}`, there.host, there.port));
      camera = asked;
      const recorder = new Recorder(ffmpeg, `rtsp://127.0.0.1:${asked.port}/porch`, { stallMs: 700 });
      await recorder.capture.start(new AbortController().signal);
      await recorder.until(() => recorder.states().at(-1) === 'lost');
      await recorder.capture.stop();
      expect(asked.requests).toContain('OPTIONS');
      expect(recorder.changes.find(({ state }) => state === 'lost')?.failure?.code).toBe('camera_unreachable');
      expect(there.visits).toBe(0);
    },
  );
});
