// Parses RTSP 1.0 requests and writes answers (RFC 2326 §4 to §7); parses the Transport header.

/** Maximum size in bytes of a request's head, and of its body; a longer one ends the connection. */
export const HEAD_BYTES_MAX = 16 * 1024;
export const BODY_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 100;

/** First byte of an interleaved packet; its channel and length follow (§10.12). */
const DOLLAR = 0x24;
const FRAME_HEAD_BYTES = 4;

export interface RtspRequest {
  readonly method: string;
  readonly url: string;
  /** By lower-case names; repeated headers are joined by a comma (RFC 2616 §4.2). */
  readonly headers: ReadonlyMap<string, string>;
  readonly cseq: number;
}

/** A request, an interleaved packet, or an error, after which the connection ends with an answer. */
export type RtspInput =
  | { readonly kind: 'request'; readonly request: RtspRequest }
  | { readonly kind: 'packet'; readonly channel: number; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly status: number; readonly cseq: number | null };

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Parser of one connection. After an error it ignores all input. Buffers at most one unfinished message. */
export class RtspReader {
  private buffered: Buffer = Buffer.alloc(0);
  private isOver = false;

  /** Adds bytes; returns the messages that they complete, in order. */
  push(part: Uint8Array): RtspInput[] {
    const inputs: RtspInput[] = [];
    if (this.isOver) return inputs;
    this.buffered = this.buffered.length === 0 ? Buffer.from(part) : Buffer.concat([this.buffered, part]);
    for (;;) {
      const [input, taken] = this.next();
      if (input?.kind === 'refused') {
        this.isOver = true;
        this.buffered = Buffer.alloc(0);
      }
      if (input) inputs.push(input);
      if (taken === 0 || this.isOver) return inputs;
      this.buffered = this.buffered.subarray(taken);
    }
  }

  /** The first buffered message and its length in bytes: 0 while it is incomplete. */
  private next(): [RtspInput | null, number] {
    const { buffered } = this;
    if (buffered[0] === DOLLAR) {
      const length = buffered.length < FRAME_HEAD_BYTES ? 0 : buffered.readUInt16BE(2);
      const end = FRAME_HEAD_BYTES + length;
      if (buffered.length < end) return [null, 0];
      return [{ kind: 'packet', channel: buffered[1] ?? 0, bytes: Uint8Array.from(buffered.subarray(4, end)) }, end];
    }
    // Empty lines before a request are ignored (RFC 2616 §4.1).
    if (buffered[0] === CR && buffered[1] === LF) return [null, 2];
    const end = buffered.indexOf(END_OF_HEAD);
    if (end > HEAD_BYTES_MAX || (end < 0 && buffered.length > HEAD_BYTES_MAX)) return refusal(413, null);
    if (end < 0) return [null, 0];
    return this.message(buffered.toString('latin1', 0, end), end + END_OF_HEAD.length);
  }

  private message(head: string, bodyAt: number): [RtspInput | null, number] {
    const [first = '', ...lines] = head.split('\r\n');
    const headers = readHeaders(lines);
    const cseq = headers && readNumber(headers.get('cseq'), 2 ** 31);
    const [, method, url = '', version] = /^([A-Z_]{1,20}) ([\x21-\x7e]{1,2000}) RTSP\/(\d\.\d)$/.exec(first) ?? [];
    if (!headers || method === undefined || cseq == null) return refusal(400, cseq ?? null);
    if (version !== '1.0') return refusal(505, cseq);
    const length = headers.has('content-length') ? readNumber(headers.get('content-length'), 2 ** 40) : 0;
    if (length === null) return refusal(400, cseq);
    if (length > BODY_BYTES_MAX) return refusal(413, cseq);
    if (this.buffered.length < bodyAt + length) return [null, 0];
    // No supported request needs its body.
    return [{ kind: 'request', request: { method, url, headers, cseq } }, bodyAt + length];
  }
}

function refusal(status: number, cseq: number | null): [RtspInput, number] {
  return [{ kind: 'refused', status, cseq }, 0];
}

/** Null if a line is no header, or there are too many. */
function readHeaders(lines: readonly string[]): Map<string, string> | null {
  const headers = new Map<string, string>();
  if (lines.length > HEADERS_MAX) return null;
  for (const line of lines) {
    const [, name, value = ''] = /^([A-Za-z0-9-]{1,60}) *:[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined) return null;
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return headers;
}

function readNumber(text: string | undefined, below: number): number | null {
  const value = text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  return value < below ? value : null;
}

const REASONS: Record<number, string> = {
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Request Entity Too Large',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
  551: 'Option not supported',
};

export interface RtspAnswer {
  readonly status: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** An answer as bytes. `cseq` is null if the request's could not be read. */
export function answerBytes({ status, headers = [], body = '' }: RtspAnswer, cseq: number | null): Uint8Array {
  const lines = [
    `RTSP/1.0 ${status} ${REASONS[status] ?? 'Unknown'}`,
    ...(cseq === null ? [] : [`CSeq: ${cseq}`]),
    ...headers.map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n]/g, ' ')}`),
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

/** An interleaved packet (§10.12). */
export function interleaved(channel: number, packet: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(FRAME_HEAD_BYTES + packet.length);
  framed.writeUInt8(DOLLAR, 0);
  framed.writeUInt8(channel, 1);
  framed.writeUInt16BE(packet.length, 2);
  framed.set(packet, FRAME_HEAD_BYTES);
  return framed;
}

/** Interleaved in the RTSP connection, or UDP to two ports of the viewer. */
export type WantedTransport =
  | { readonly kind: 'tcp'; readonly channel: number | null }
  | { readonly kind: 'udp'; readonly rtpPort: number; readonly rtcpPort: number };

/** The supported transports of a Transport header, in its order (§12.39). One with a `destination` is not accepted. */
export function wantedTransports(header: string): WantedTransport[] {
  return header.split(',').flatMap((offer): WantedTransport[] => {
    const [way = '', ...words] = offer.trim().split(';');
    const facts = new Map(words.map((word) => [word.trim().split('=')[0] ?? '', word.trim().split('=')[1] ?? '']));
    if (facts.has('multicast') || /record/i.test(facts.get('mode') ?? '')) return [];
    if (/^RTP\/AVP\/TCP$/i.test(way)) {
      const channels = facts.get('interleaved');
      if (channels === undefined) return [{ kind: 'tcp', channel: null }];
      const [first, second] = pair(channels, 255);
      return second === first + 1 ? [{ kind: 'tcp', channel: first }] : [];
    }
    if (!/^RTP\/AVP(\/UDP)?$/i.test(way)) return [];
    const [rtpPort, rtcpPort] = pair(facts.get('client_port') ?? '', 65_535);
    return rtpPort > 0 && rtcpPort > 0 ? [{ kind: 'udp', rtpPort, rtcpPort }] : [];
  });
}

/** `a-b`, or `a` for a and a+1; -1 if it is neither. */
function pair(text: string, most: number): [number, number] {
  const [, first, second] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (first === undefined) return [-1, -1];
  const numbers: [number, number] = [Number(first), Number(second ?? Number(first) + 1)];
  return numbers.every((number) => number <= most) ? numbers : [-1, -1];
}
