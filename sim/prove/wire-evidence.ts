// Reads recorded traffic: HTTP requests and acknowledged bytes.

/** An HTTP request on a recorded connection. */
export interface SentRequest {
  method: string;
  path: string;
  /** The body, as far as it was sent. */
  body: Uint8Array;
  /** `Upload-Offset` (tus 1.0.0 §PATCH): where the body belongs in the upload; null without one. */
  offset: number | null;
}

const HEAD_END = '\r\n\r\n';
const BODY_LENGTH = /^content-length: *(\d{1,12})\r?$/im;
const OFFSET = /^upload-offset: *(\d{1,15})\r?$/im;

/** The requests of one connection in order (RFC 9112 §2.1). Bytes that are no request become one with an empty method. */
export function requestsIn(connection: Uint8Array): SentRequest[] {
  const bytes = Buffer.from(connection.buffer, connection.byteOffset, connection.length);
  const found: SentRequest[] = [];
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf(HEAD_END, at);
    const head = bytes.toString('latin1', at, headEnd < 0 ? bytes.length : headEnd);
    const [, method = '', path = ''] = /^([A-Z]+) (\S+) HTTP\/1\.1\r?$/m.exec(head.split('\n', 1)[0] ?? '') ?? [];
    const bodyAt = headEnd < 0 ? bytes.length : headEnd + HEAD_END.length;
    // Without a length, everything that follows counts as the body.
    const length = BODY_LENGTH.exec(head)?.[1];
    const end = length === undefined ? bytes.length : bodyAt + Number(length);
    const offset = OFFSET.exec(head)?.[1];
    found.push({
      method,
      path,
      body: bytes.subarray(bodyAt, end),
      offset: offset === undefined ? null : Number(offset),
    });
    at = end;
  }
  return found;
}

/** The most bytes of an upload that a bridge has acknowledged in its answers. */
export function acknowledgedBytes(answers: readonly Uint8Array[]): number {
  const offsets = answers.flatMap((each) =>
    [...Buffer.from(each).toString('latin1').matchAll(new RegExp(OFFSET, 'gim'))].map((match) => Number(match[1])),
  );
  return Math.max(0, ...offsets);
}
