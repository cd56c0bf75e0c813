import { describe, expect, it } from 'vitest';
import { acknowledgedBytes, requestsIn } from '../../../sim/prove/wire-evidence.ts';

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
