// A camera over HTTP: Motion JPEG (multipart/x-mixed-replace), fragmented MP4, and JPEG stills.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '@doorsill/base/clock';
import { type ConnectionLimit, keepForTransfer } from '@doorsill/base/http/connection-limit';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import { joinAnnexB } from '@doorsill/contract/media/nal';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { COMMON_ARGS, runFfmpeg, startFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type AccessUnit, type H264Format, jpegOf } from './access-units.ts';
import { DigestLogin, type Login } from './digest-login.ts';
import type { FaultName } from './fault-table.ts';
import { LiveMp4 } from './live-mp4.ts';
import type { ServedStream } from './rtsp-session.ts';
import { answering, type HttpKind, limitConnections, listenAt } from './served-address.ts';

export interface HttpStreamDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ffmpeg: Ffmpeg;
  readonly stream: ServedStream;
  /** Null before the first keyframe. */
  lastKey(): AccessUnit | null;
}

/** Bytes buffered for a slow viewer; beyond it, Motion JPEG skips pictures and an MP4 connection is closed. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
const JPEG_BYTES_MAX = 16 * 1024 * 1024;
const STILL_MS_MAX = 10_000;
const BOUNDARY = 'doorsill';
const HEADERS_MS_MAX = 10_000;

interface Mp4Viewer {
  readonly response: ServerResponse;
  readonly file: LiveMp4;
}

/** The streams of one port, by path. */
export class HttpStreams {
  private readonly address: { host: string; port: number };
  private readonly kinds: ReadonlyMap<string, HttpKind>;
  private readonly login: Login | null;
  private readonly digest: DigestLogin;
  private readonly deps: HttpStreamDeps;
  private readonly mp4Viewers = new Set<Mp4Viewer>();
  private readonly jpegViewers = new Set<ServerResponse>();
  private encoder: JpegEncoder | null = null;
  private server: Server | null = null;
  private connectionLimit: ConnectionLimit | null = null;

  constructor(
    address: { host: string; port: number },
    kinds: ReadonlyMap<string, HttpKind>,
    login: Login | null,
    deps: HttpStreamDeps,
  ) {
    this.address = address;
    this.kinds = kinds;
    this.login = login;
    this.digest = new DigestLogin(login ?? { user: '', password: '' }, deps);
    this.deps = deps;
  }

  /** Listens; returns its port. Throws `port_in_use`, `camera_address_unserved`. */
  async start(): Promise<number> {
    const { log } = this.deps;
    const server = createServer(
      { headersTimeout: HEADERS_MS_MAX },
      answering((request, response) => this.answer(request, response), log),
    );
    this.connectionLimit = limitConnections(server);
    const port = await listenAt(server, this.address, log);
    this.server = server;
    return port;
  }

  get viewers(): number {
    return this.mp4Viewers.size + this.jpegViewers.size;
  }

  unit(unit: AccessUnit): void {
    const { stream } = this.deps;
    if (stream.faults.at('half-open', stream.nowUs()) !== null) return;
    for (const viewer of this.mp4Viewers) {
      const { response, file } = viewer;
      const bytes = file.push(unit);
      if (bytes.length > 0) response.write(bytes);
      // MP4 cannot skip data: a client that is too slow is dropped.
      if (response.writableLength > BACKLOG_BYTES_MAX) response.destroy();
    }
    const jpeg = jpegOf(unit);
    if (jpeg) this.sendJpeg(jpeg);
    else this.encoder?.push(unit);
  }

  /** An MP4 file cannot change its format: its viewers are disconnected. */
  formatChanged(): void {
    for (const { response } of this.mp4Viewers) response.end();
    this.mp4Viewers.clear();
    const { encoder } = this;
    this.encoder = null;
    void encoder?.stop();
    if (this.jpegViewers.size > 0) this.startEncoder();
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    const { encoder } = this;
    this.encoder = null;
    await encoder?.stop();
    for (const response of [...this.jpegViewers, ...[...this.mp4Viewers].map((viewer) => viewer.response)])
      response.end();
    const closed = server && new Promise<void>((resolve) => server.close(() => resolve()));
    await this.deps.clock.sleep(20);
    server?.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const { stream } = this.deps;
    await stream.ready;
    // The client is gone: a stream started now would never see its `close` event.
    if (response.destroyed) return;
    const isActive = (name: FaultName) => stream.faults.at(name, stream.nowUs()) !== null;
    // `half-open`: accepts the connection, never answers.
    if (isActive('half-open')) return;
    const respond = (status: number, headers: Record<string, string> = {}) =>
      void response.writeHead(status, headers).end();
    const kind = this.kinds.get(url.split('?')[0] ?? '');
    if (method !== 'GET' && method !== 'HEAD') return respond(405, { Allow: 'GET, HEAD' });
    if (!kind || isActive('not-found')) return respond(404);
    if (isActive('busy')) return respond(503, { 'Retry-After': '10' });
    const isRefused = isActive('wrong-password');
    if (this.login || isRefused) {
      const { authorization } = request.headers;
      const isAsked = (uri: string) => targetOf(uri) === targetOf(url);
      const verdict = isRefused ? 'no' : this.digest.accepts(method, authorization, isAsked);
      if (verdict === 'elsewhere') return respond(400);
      if (verdict !== 'yes') return respond(401, { 'WWW-Authenticate': this.digest.challenge(verdict === 'stale') });
    }
    const { socket } = request;
    this.connectionLimit?.work(socket);
    response.once('close', () => this.connectionLimit?.wait(socket));
    response.setHeader('Cache-Control', 'no-store');
    if (kind === 'jpg') return this.serveStill(method, response);
    const format = stream.format();
    // Motion JPEG cannot be served as MP4.
    if (kind === 'mp4' && format.codec !== 'h264') return respond(503, { 'Retry-After': '10' });
    const type = kind === 'mp4' ? 'video/mp4' : `multipart/x-mixed-replace; boundary=${BOUNDARY}`;
    response.writeHead(200, { 'Content-Type': type });
    if (method === 'HEAD') return void response.end();
    response.flushHeaders();
    keepForTransfer(socket);
    if (kind === 'mp4' && format.codec === 'h264') this.serveMp4(response, format);
    else this.serveMotionJpeg(response);
  }

  private serveMp4(response: ServerResponse, format: H264Format): void {
    const viewer = { response, file: new LiveMp4(format) };
    this.mp4Viewers.add(viewer);
    response.on('error', () => undefined);
    response.on('close', () => void this.mp4Viewers.delete(viewer));
  }

  private serveMotionJpeg(response: ServerResponse): void {
    this.jpegViewers.add(response);
    this.startEncoder();
    response.on('error', () => undefined);
    response.on('close', () => {
      this.jpegViewers.delete(response);
      if (this.jpegViewers.size > 0) return;
      const { encoder } = this;
      this.encoder = null;
      void encoder?.stop();
    });
  }

  /** Sends a JPEG to all viewers of Motion JPEG. */
  private sendJpeg(picture: Uint8Array): void {
    const head = `--${BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`;
    for (const response of this.jpegViewers) {
      if (response.writableLength > BACKLOG_BYTES_MAX) continue;
      response.write(head);
      response.write(picture);
      response.write('\r\n');
    }
  }

  /** Starts to encode JPEGs, unless the camera's own format is JPEG. */
  private startEncoder(): void {
    const format = this.deps.stream.format();
    if (this.encoder || format.codec !== 'h264') return;
    const encoder: JpegEncoder = new JpegEncoder(this.deps, format, (picture) => this.sendJpeg(picture));
    this.encoder = encoder;
    // If ffmpeg ends while somebody watches, their streams end, too.
    void encoder.ended.then(() => {
      if (this.encoder !== encoder) return;
      this.encoder = null;
      for (const response of this.jpegViewers) response.end();
    });
  }

  private async serveStill(method: string, response: ServerResponse): Promise<void> {
    const picture = await stillOf(this.deps).catch(() => null);
    if (!picture) return void response.writeHead(503, { 'Retry-After': '1' }).end();
    response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': String(picture.length) });
    response.end(method === 'HEAD' ? undefined : picture);
  }
}

/** The request target, with or without scheme and authority (RFC 9112 §3.2). */
function targetOf(text: string): string {
  return text.replace(/^http:\/\/[^/]*/i, '');
}

/** The still of each keyframe, made once. */
const stills = new WeakMap<AccessUnit, Promise<Uint8Array>>();

/** The last keyframe as a JPEG; null before the first one. Throws `ffmpeg_failed`. */
export async function stillOf(deps: HttpStreamDeps): Promise<Uint8Array | null> {
  const key = deps.lastKey();
  if (!key) return null;
  const still = stills.get(key) ?? makeStill(key, deps);
  stills.set(key, still);
  return still;
}

async function makeStill(key: AccessUnit, { clock, ffmpeg }: HttpStreamDeps): Promise<Uint8Array> {
  const jpeg = jpegOf(key);
  if (jpeg) return jpeg;
  return runFfmpeg(ffmpeg, {
    doing: 'making a still',
    args: ['-f', 'h264', '-i', 'pipe:0', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'],
    stdin: joinAnnexB(key.parts),
    stdoutBytesMax: JPEG_BYTES_MAX,
    timeoutMs: STILL_MS_MAX,
    clock,
  });
}

/** An ffmpeg that encodes JPEGs while somebody watches. */
class JpegEncoder {
  private readonly running: FfmpegProcess;
  private readonly file: LiveMp4;
  private buffered: Buffer = Buffer.alloc(0);

  constructor({ ffmpeg, log }: HttpStreamDeps, format: H264Format, each: (picture: Buffer) => void) {
    this.file = new LiveMp4({ ...format, sound: null });
    const input = ['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0', '-f', 'mov', '-i', 'pipe:0'];
    const output = [
      '-c:v',
      'mjpeg',
      '-q:v',
      '4',
      '-pix_fmt',
      'yuvj420p',
      '-fps_mode',
      'passthrough',
      '-flush_packets',
      '1',
    ];
    const args = [...COMMON_ARGS, '-loglevel', 'level+warning', ...input, ...output, '-f', 'mpjpeg', 'pipe:1'];
    this.running = startFfmpeg(ffmpeg, args, { onLine: (line) => log.debug('ffmpeg wrote a line', { line }) });
    this.running.child.stdout?.on('data', (chunk: Buffer) => {
      this.buffered = Buffer.concat([this.buffered, chunk]);
      for (let picture = this.next(); picture; picture = this.next()) each(picture);
    });
  }

  get ended(): Promise<unknown> {
    return this.running.ended;
  }

  push(unit: AccessUnit): void {
    const { stdin } = this.running.child;
    if (unit.track !== 'video' || !stdin?.writable) return;
    const bytes = this.file.push(unit);
    if (bytes.length > 0) stdin.write(bytes);
    if (stdin.writableLength > BACKLOG_BYTES_MAX) this.running.kill();
  }

  async stop(): Promise<void> {
    this.running.kill();
    await this.running.ended;
  }

  /** The next whole picture of ffmpeg's multipart stream, whose parts have a Content-Length. */
  private next(): Buffer | null {
    const end = this.buffered.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const length = Number(
      /content-length: *(\d{1,9})/i.exec(this.buffered.toString('latin1', 0, end))?.[1] ?? Number.NaN,
    );
    if (!(length <= JPEG_BYTES_MAX)) {
      this.running.kill();
      return null;
    }
    const from = end + 4;
    if (this.buffered.length < from + length) return null;
    const picture = Buffer.from(this.buffered.subarray(from, from + length));
    this.buffered = this.buffered.subarray(from + length);
    return picture;
  }
}
