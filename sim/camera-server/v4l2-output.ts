// Owns: a camera as a device of this machine: its pictures, raw, written into a node of v4l2loopback by an ffmpeg. Not here: the node itself,
// which root makes (modprobe v4l2loopback), what is filmed.

import { lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Log } from '@doorsill/base/log';
import type { FfmpegProcess } from '@doorsill/device/camera/ffmpeg-process';
import { COMMON_ARGS, startFfmpeg } from '@doorsill/device/camera/ffmpeg-run';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from '../errors.ts';
import { type AccessUnit, jpegOf, type StreamFormat, sizeOf } from './access-units.ts';
import { LiveMp4 } from './live-mp4.ts';
import type { ServedStream } from './rtsp-session.ts';

export interface V4l2OutputDeps {
  readonly ffmpeg: Ffmpeg;
  readonly log: Log;
  readonly stream: ServedStream;
}

/** The kernel's number of all video nodes (Documentation/admin-guide/devices.txt). */
const VIDEO_MAJOR = 81;
/** Where the kernel shows nodes that no hardware stands behind. */
const VIRTUAL = '/sys/devices/virtual/video4linux';
/** Bytes that may wait for a slow ffmpeg; then pictures are left out up to the next keyframe. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;

/** What every USB camera can give. */
const PIXELS = 'yuyv422';

/** One node. */
export class V4l2Output {
  private readonly path: string;
  private readonly deps: V4l2OutputDeps;
  /** A node keeps the size that it began with, as programs that watch it do. */
  private size: { width: number; height: number } | null = null;
  private running: FfmpegProcess | null = null;
  private file: LiveMp4 | null = null;
  private isStopped = false;

  constructor(path: string, deps: V4l2OutputDeps) {
    this.path = path;
    this.deps = deps;
  }

  /** Looks whether pictures can be written there. Throws `camera_address_unserved`. */
  async start(): Promise<void> {
    const refused = (detail: string) => failure('camera_address_unserved', { url: `v4l2:${this.path}`, detail });
    const node = await lstat(this.path).catch(() => null);
    if (!node) throw refused('there is no such node; `sudo modprobe v4l2loopback video_nr=9` makes /dev/video9');
    if (!node.isCharacterDevice() || majorOf(node.rdev) !== VIDEO_MAJOR) throw refused('it is no video node');
    const shown = await lstat(`${VIRTUAL}/${basename(this.path)}`).catch(() => null);
    if (!shown) throw refused('a real camera stands behind it, or none; v4l2loopback makes nodes that take pictures');
    void this.deps.stream.ready.then(() => this.begin());
  }

  /** Nobody tells who watches a node. */
  get viewers(): number {
    return 0;
  }

  /** A unit leaves the camera. */
  unit(unit: AccessUnit): void {
    const { stream } = this.deps;
    const stdin = this.running?.child.stdin;
    if (unit.track !== 'video' || !stdin?.writable || stream.faults.at('half-open', stream.nowUs()) !== null) return;
    if (stdin.writableLength > BACKLOG_BYTES_MAX) return;
    const bytes = this.file ? this.file.push(unit) : jpegOf(unit);
    if (bytes && bytes.length > 0) stdin.write(bytes);
  }

  /** The pictures have another format: another ffmpeg reads them. */
  formatChanged(): void {
    this.running?.kill();
    void (this.running?.ended ?? Promise.resolve()).then(() => this.begin());
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    const { running } = this;
    this.running = null;
    running?.kill();
    await running?.ended;
  }

  private begin(): void {
    if (this.isStopped) return;
    const { ffmpeg, log, stream } = this.deps;
    const format = stream.format();
    this.size ??= sizeOf(format);
    const { width, height } = this.size;
    this.file = format.codec === 'h264' ? new LiveMp4({ ...format, sound: null }) : null;
    const output = ['-an', '-vf', `scale=${width}:${height}`, '-c:v', 'rawvideo', '-pix_fmt', PIXELS];
    const args = [
      ...[...COMMON_ARGS, '-loglevel', 'level+warning', ...inputOf(format)],
      ...[...output, '-fps_mode', 'passthrough', '-f', 'v4l2', this.path],
    ];
    const running = startFfmpeg(ffmpeg, args, { onLine: (line) => log.debug('ffmpeg', { line }) });
    this.running = running;
    void running.ended.then(({ words }) => {
      if (this.running !== running || this.isStopped) return;
      log.warn('no pictures can be written to the node any more', { node: this.path, detail: words });
    });
  }
}

function inputOf(format: StreamFormat): string[] {
  const atOnce = ['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'];
  return format.codec === 'h264'
    ? [...atOnce, '-f', 'mov', '-i', 'pipe:0']
    : ['-f', 'image2pipe', '-c:v', 'mjpeg', '-i', 'pipe:0'];
}

/** The kind of a node, as the C library takes it out of its number (makedev(3)). */
function majorOf(rdev: number): number {
  return (rdev >> 8) & 0xfff;
}
