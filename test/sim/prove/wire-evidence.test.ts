import { describe, expect, it } from 'vitest';
import { SystemRandom } from '../../../device/base/random.ts';
import { acknowledgedBytes, countFound, piecesOf, requestsIn } from '../../../sim/prove/wire-evidence.ts';

const random = new SystemRandom();
const text = (...parts: (string | Uint8Array)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));

describe('the requests of a connection', () => {
  it('are separated by their lengths, even with bodies that look like requests', () => {
    const body = 'PATCH /no HTTP/1.1\r\nContent-Length: 5\r\n\r\n';
    const said = text(
      `POST /v1/enrolments HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'PATCH /v1/intakes/x HTTP/1.1\r\nupload-offset: 12\r\ncontent-length: 3\r\n\r\nabc',
      'HEAD /v1/intakes/x HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
    );
    const found = requestsIn(said).map((one) => ({ ...one, body: Buffer.from(one.body).toString() }));
    expect(found).toEqual([
      { method: 'POST', path: '/v1/enrolments', body, offset: null },
      { method: 'PATCH', path: '/v1/intakes/x', body: 'abc', offset: 12 },
      { method: 'HEAD', path: '/v1/intakes/x', body: '', offset: null },
    ]);
  });

  it('have the body as far as it was sent', () => {
    const [only, ...more] = requestsIn(text('PATCH /x HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc'));
    expect(Buffer.from(only?.body ?? []).toString()).toBe('abc');
    expect(more).toEqual([]);
  });

  it('have an empty method where other bytes were sent', () => {
    expect(requestsIn(text('\u0016\u0003\u0001 hello')).map(({ method, path }) => method + path)).toEqual(['']);
    expect(requestsIn(new Uint8Array())).toEqual([]);
  });
});

it('the acknowledged bytes are the highest offset in the answers', () => {
  const answers = [
    text(
      'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nUpload-Offset: 196608\r\n\r\n',
    ),
    text('HTTP/1.1 204 No Content\r\nupload-offset: 42\r\n\r\n'),
  ];
  expect(acknowledgedBytes(answers)).toBe(196_608);
  expect(acknowledgedBytes([])).toBe(0);
});

describe('pieces of footage', () => {
  const box = (name: string, content: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(8 + content.length, 0);
    head.write(name, 4, 'latin1');
    return Buffer.concat([head, content]);
  };
  const media = Buffer.from(random.bytes(20_000));
  const file = Buffer.concat([box('ftyp', Buffer.alloc(16)), box('moov', random.bytes(900)), box('mdat', media)]);
  const pieces = piecesOf(file, 50);

  it('are taken from all pictures and nothing else', () => {
    expect(pieces.length).toBeGreaterThanOrEqual(50);
    const places = pieces.map((piece) => media.indexOf(piece));
    expect(Math.min(...places)).toBe(0);
    expect(Math.max(...places)).toBeGreaterThan(19_000);
    expect(piecesOf(box('moov', random.bytes(900)), 50)).toEqual([]);
  });

  it('are not taken from padding', () => {
    expect(piecesOf(box('mdat', Buffer.alloc(5_000)), 50)).toEqual([]);
  });

  it.each([
    ['as they are', (bytes: Buffer) => bytes],
    ['in base64', (bytes: Buffer) => text(`{"picture":"${bytes.toString('base64')}"}`)],
    ['in base64url, a letter later', (bytes: Buffer) => text(Buffer.concat([text('x'), bytes]).toString('base64url'))],
    ['in base64, two letters later', (bytes: Buffer) => text(Buffer.concat([text('xy'), bytes]).toString('base64'))],
    ['in hex', (bytes: Buffer) => text(bytes.toString('hex'))],
    ['in hex in capitals', (bytes: Buffer) => text(bytes.toString('hex').toUpperCase())],
  ])('are found %s', (_how, disguise) => {
    const innocent = Buffer.from(random.bytes(5_000));
    expect(countFound(pieces, [innocent, disguise(media)])).toBe(pieces.length);
    expect(countFound(pieces, [innocent, disguise(Buffer.from(random.bytes(20_000)))])).toBe(0);
    expect(countFound(pieces.slice(0, 3), [disguise(media.subarray(0, 500))])).toBe(2);
  });
});
