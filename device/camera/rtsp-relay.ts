// Relays the connection between ffmpeg and a network camera. ffmpeg follows an RTSP redirect to any host and has no option against
// it, so it gets an address on loopback; the relay connects to the camera's own address and forwards only framed packets and answers
// that are not redirects.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { concatBytes } from '@doorsill/contract/bytes';
import { type PacketFacts, RtpWatch } from './rtp-watch.ts';

const HEAD_BYTES_MAX = 16 * 1024;
const BODY_BYTES_MAX = 256 * 1024;

/** An interleaved packet begins with this, its channel and its length (RFC 2326 §10.12). */
const DOLLAR = 0x24;
const FRAME_HEAD_BYTES = 4;

/** No RTP or RTCP packet is shorter, and ffmpeg would read the content of a shorter one as text. */
const PACKET_BYTES_MIN = 8;

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** The headers that ffmpeg needs. `Location` is not among them. */
const HEADERS_KEPT = new Set([
  ...['cseq', 'content-base', 'content-type', 'public', 'range', 'rtp-info', 'session', 'transport'],
  'www-authenticate',
]);

/** The message says why a camera's answer is not forwarded, as part of a sentence. */
export class RelayRefusal extends Error {}

/**
 * Parses a camera's bytes and returns those to forward. Answers are rewritten from the parsed fields, so that ffmpeg cannot read them
 * differently. Throws `RelayRefusal` for a redirect and for anything but plain RTSP 1.0.
 */
export class RtspFilter {
  private readonly watch: RtpWatch | null;
  private held: Buffer = Buffer.alloc(0);

  /** `watch` gets every packet and description, and decides which packets pass. */
  constructor(watch: RtpWatch | null = null) {
    this.watch = watch;
  }

  push(part: Uint8Array): Uint8Array[] {
    this.held = Buffer.concat([this.held, part]);
    const out: Uint8Array[] = [];
    for (;;) {
      const taken = this.held[0] === DOLLAR ? this.takePacket(out) : this.takeMessage(out);
      if (taken === 0) return out;
      this.held = this.held.subarray(taken);
    }
  }

  /** Takes one interleaved packet; returns its length, 0 while it is incomplete. */
  private takePacket(out: Uint8Array[]): number {
    const { held } = this;
    if (held.length < FRAME_HEAD_BYTES) return 0;
    const length = held.readUInt16BE(2);
    if (held.length < FRAME_HEAD_BYTES + length) return 0;
    const frame = held.subarray(0, FRAME_HEAD_BYTES + length);
    const passes = length >= PACKET_BYTES_MIN && this.watch?.passes(frame[1] ?? 0, frame.subarray(FRAME_HEAD_BYTES));
    if (passes !== false) out.push(frame);
    return frame.length;
  }

  private takeMessage(out: Uint8Array[]): number {
    const { held } = this;
    // Empty lines between messages are ignored (RFC 2326 §4 refers to RFC 2068 §4.1).
    if (held[0] === CR && held[1] === LF) return 2;
    const end = held.indexOf(END_OF_HEAD);
    if (end > HEAD_BYTES_MAX || (end < 0 && held.length > HEAD_BYTES_MAX))
      throw new RelayRefusal('its answer is too long');
    if (end < 0) return 0;
    const [first = '', ...lines] = held.toString('latin1', 0, end).split('\r\n');
    const headers = lines.map(readHeader);
    const bodyBytes = readLength(headers);
    const bodyAt = end + END_OF_HEAD.length;
    if (held.length < bodyAt + bodyBytes) return 0;
    const status = readStatus(first);
    // The camera's own requests, and 1xx answers ("still working"), need no answer.
    if (status !== null && !status.startsWith('1')) {
      const kept = headers.filter(({ name }) => HEADERS_KEPT.has(name)).map(({ line }) => `${line}\r\n`);
      const length = bodyBytes > 0 ? `Content-Length: ${bodyBytes}\r\n` : '';
      const head = Buffer.from(`RTSP/1.0 ${status}\r\n${kept.join('')}${length}\r\n`, 'latin1');
      const body = held.subarray(bodyAt, bodyAt + bodyBytes);
      this.watch?.described(body.toString('latin1'));
      out.push(concatBytes([head, body]));
    }
    return bodyAt + bodyBytes;
  }
}

/** Code and reason of an answer; null for the first line of a request. */
function readStatus(line: string): string | null {
  if (/^[A-Z_]{3,20} [\x21-\x7e]{1,2000} RTSP\/1\.0$/.test(line)) return null;
  const [, code, reason = ''] = /^RTSP\/1\.0 ([1-5]\d\d)((?: [\x20-\x7e]*)?)$/.exec(line) ?? [];
  if (code === undefined) throw new RelayRefusal('it does not speak RTSP 1.0');
  if (code.startsWith('3')) {
    throw new RelayRefusal(
      `it answers with a redirect (${code}), which is not followed; use the camera's real address`,
    );
  }
  return `${code}${reason}`;
}

interface Header {
  name: string;
  line: string;
}

function readHeader(line: string): Header {
  const [, name] = /^([A-Za-z0-9-]{1,60}) *:[\t\x20-\x7e\x80-\xff]*$/.exec(line) ?? [];
  if (name === undefined) throw new RelayRefusal('its answer has a malformed header');
  return { name: name.toLowerCase(), line };
}

function readLength(headers: readonly Header[]): number {
  const [length, ...more] = headers.filter(({ name }) => name === 'content-length');
  if (!length) return 0;
  const digits = /: *(\d{1,7}) *$/.exec(length.line)?.[1];
  const bytes = Number(digits ?? -1);
  if (more.length > 0 || digits === undefined || bytes > BODY_BYTES_MAX) {
    throw new RelayRefusal('its answer has an impossible length');
  }
  return bytes;
}

/** Relays one connection. The caller must end it with `stop`. */
export class RtspRelay {
  private readonly camera: { host: string; port: number };
  private readonly server: Server = createServer({ pauseOnConnect: true });
  private readonly sockets: Socket[] = [];
  private readonly watch: RtpWatch;
  private why: string | null = null;

  /** `host` is an IP address: no name is looked up here. */
  constructor(camera: { host: string; port: number }, clock: Pick<Clock, 'monotonicMs' | 'wallUs'>) {
    this.camera = camera;
    this.watch = new RtpWatch(clock);
  }

  /** Findings about the connection's packets. */
  get packets(): PacketFacts {
    return this.watch;
  }

  /** Why the camera or the network ended the connection, as part of a sentence; else null. */
  get fault(): string | null {
    return this.why;
  }

  /** Listens on loopback for the one connection; resolves with the port. */
  async start(): Promise<number> {
    this.server.once('connection', (client) => {
      // Only one connection is accepted.
      this.server.close();
      this.join(client);
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    // Not null or text: the server is bound, and to a port.
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(client: Socket): void {
    const camera = connect({ ...this.camera, noDelay: true });
    this.sockets.push(client, camera);
    const end = (why: string | null) => {
      this.why ??= why;
      client.destroy();
      camera.destroy();
    };
    const filter = new RtspFilter(this.watch);
    client.on('error', () => end(null));
    client.on('close', () => end(null));
    camera.on('error', (thrown: NodeJS.ErrnoException) => end(`no connection (${thrown.code ?? thrown.message})`));
    camera.on('close', () => client.end());
    client.on('data', (part: Buffer) => void hold(camera.write(part), client, camera));
    camera.on('data', (part: Buffer) => {
      try {
        for (const bytes of filter.push(part)) hold(client.write(bytes), camera, client);
        // Packets from before the jump are still written, and recorded.
        if (this.watch.jumpUs !== null) camera.destroy();
      } catch (thrown) {
        if (!(thrown instanceof RelayRefusal)) throw thrown;
        end(thrown.message);
      }
    });
    client.resume();
  }
}

/** Pauses reading from one side while the other's buffer is full. */
function hold(hasRoom: boolean, from: Socket, to: Socket): void {
  if (hasRoom || from.isPaused()) return;
  from.pause();
  to.once('drain', () => from.resume());
}
