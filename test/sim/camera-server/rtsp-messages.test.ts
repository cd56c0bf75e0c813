import { describe, expect, it } from 'vitest';
import {
  answerBytes,
  BODY_BYTES_MAX,
  HEAD_BYTES_MAX,
  interleaved,
  type RtspInput,
  RtspReader,
  wantedTransports,
} from '../../../sim/camera-server/rtsp-messages.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const ASK = 'DESCRIBE rtsp://127.0.0.1/porch RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n';
const BODY = 'GET_PARAMETER rtsp://127.0.0.1/porch RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\na\r\n\r\n';

/** The parsed messages, with headers as plain objects. */
function read(parts: readonly Uint8Array[]): unknown[] {
  const reader = new RtspReader();
  const plain = (input: RtspInput) =>
    input.kind === 'request'
      ? [input.request.method, input.request.url, input.request.cseq, [...input.request.headers].sort()]
      : input.kind === 'packet'
        ? [input.channel, Buffer.from(input.bytes).toString('hex')]
        : [input.status, input.cseq];
  return parts.flatMap((part) => reader.push(part).map(plain));
}

describe('the reader of RTSP requests', () => {
  const stream = Buffer.concat([
    bytes('\r\n'),
    bytes(ASK),
    interleaved(1, Uint8Array.of(1, 2, 3)),
    bytes(BODY),
    bytes(ASK),
  ]);

  it('parses pipelined requests, interleaved packets and bodies, however the bytes are split', () => {
    const whole = read([stream]);
    expect(whole).toEqual([
      [
        'DESCRIBE',
        'rtsp://127.0.0.1/porch',
        2,
        [
          ['accept', 'application/sdp'],
          ['cseq', '2'],
        ],
      ],
      [1, '010203'],
      [
        'GET_PARAMETER',
        'rtsp://127.0.0.1/porch',
        3,
        [
          ['content-length', '5'],
          ['cseq', '3'],
        ],
      ],
      [
        'DESCRIBE',
        'rtsp://127.0.0.1/porch',
        2,
        [
          ['accept', 'application/sdp'],
          ['cseq', '2'],
        ],
      ],
    ]);
    for (let at = 1; at < stream.length; at += 1)
      expect(read([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
    expect(read([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it('refuses a head of a megabyte without buffering it, and reads nothing after it', () => {
    const reader = new RtspReader();
    const line = bytes(`X-Long: ${'x'.repeat(1_000)}\r\n`);
    const inputs = reader.push(bytes('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n'));
    let pushed = 0;
    for (; inputs.length === 0 && pushed < 1_000_000; pushed += line.length) inputs.push(...reader.push(line));
    expect(inputs).toEqual([{ kind: 'refused', status: 413, cseq: null }]);
    expect(pushed).toBeLessThan(HEAD_BYTES_MAX + 2 * line.length);
    expect(reader.push(bytes(ASK))).toEqual([]);
  });

  it.each([
    [
      'a body that is too long',
      ASK.replace('Accept: application/sdp', `Content-Length: ${BODY_BYTES_MAX + 1}`),
      413,
      2,
    ],
    ['a length that is no number', ASK.replace('Accept: application/sdp', 'Content-Length: -1'), 400, 2],
    ['two lengths', ASK.replace('Accept: application/sdp', 'Content-Length: 1\r\nContent-Length: 2'), 400, 2],
    ['no sequence number', ASK.replace('CSeq: 2\r\n', ''), 400, null],
    ['another version', ASK.replace('RTSP/1.0', 'RTSP/2.0'), 505, 2],
    ['another protocol', ASK.replace('RTSP/1.0', 'HTTP/1.1'), 400, 2],
    ['a method that is none', ASK.replace('DESCRIBE', 'describe me'), 400, 2],
    ['a header that is none', ASK.replace('Accept: application/sdp', 'no header'), 400, null],
    ['control characters', ASK.replace('application/sdp', 'a\x00b'), 400, null],
    [
      'a hundred and one headers',
      ASK.replace('Accept: application/sdp', Array(101).fill('A: b').join('\r\n')),
      400,
      null,
    ],
    ['noise', '\x16\x03\x01\x02\x00\r\n\r\n', 400, null],
  ])('refuses %s', (_what, text, status, cseq) => {
    expect(read([bytes(text)])).toEqual([[status, cseq]]);
  });
});

describe('answers', () => {
  it('have the sequence number and the length, and no injected line', () => {
    const text = Buffer.from(
      answerBytes({ status: 200, headers: [['Session', 'a\r\nb']], body: 'v=0\r\n' }, 7),
    ).toString();
    expect(text).toBe('RTSP/1.0 200 OK\r\nCSeq: 7\r\nSession: a  b\r\nContent-Length: 5\r\n\r\nv=0\r\n');
  });
});

describe('the Transport header', () => {
  it.each([
    ['RTP/AVP/TCP;unicast;interleaved=2-3', [{ kind: 'tcp', channel: 2 }]],
    ['RTP/AVP/TCP;unicast', [{ kind: 'tcp', channel: null }]],
    ['RTP/AVP;unicast;client_port=5000-5001', [{ kind: 'udp', rtpPort: 5000, rtcpPort: 5001 }]],
    ['RTP/AVP/UDP;unicast;client_port=5000', [{ kind: 'udp', rtpPort: 5000, rtcpPort: 5001 }]],
    [
      'RTP/AVP;multicast, RTP/SAVP;unicast, RTP/AVP;unicast;client_port=6000-6001, RTP/AVP/TCP;interleaved=0-1',
      [
        { kind: 'udp', rtpPort: 6000, rtcpPort: 6001 },
        { kind: 'tcp', channel: 0 },
      ],
    ],
    ['RTP/AVP;unicast;client_port=5000-5001;destination=192.0.2.1', [{ kind: 'udp', rtpPort: 5000, rtcpPort: 5001 }]],
    ['RTP/AVP;unicast;client_port=5000-70000', []],
    ['RTP/AVP/TCP;interleaved=0-9', []],
    ['RTP/AVP;unicast;mode=record;client_port=5000-5001', []],
    ['', []],
  ])('%j is understood', (header, wanted) => {
    expect(wantedTransports(header)).toEqual(wanted);
  });
});
