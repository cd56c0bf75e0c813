// Writes a camera's raw pictures into a v4l2loopback node, which root has made (modprobe v4l2loopback).

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

/** The kernel's major number of video nodes (Documentation/admin-guide/devices.txt). */
const VIDEO_MAJOR = 81;
/** Where the kernel lists nodes without hardware. */
const VIRTUAL = '/sys/devices/virtual/video4linux';
/** Bytes buffered for a slow ffmpeg; beyond it, pictures are skipped up to the next keyframe. */
const BACKLOG_BYTES_MAX = 4 * 1024 * 1024;

/** Every USB camera can deliver this pixel format. */
const PIXELS = 'yuyv422';

export class V4l2Output {
  private readonly path: string;
  private readonly deps: V4l2OutputDeps;
  /** A node keeps its first size: programs that read it expect no change. */
  private size: { width: number; height: number } | null = null;
  private running: FfmpegProcess | null = null;
  private file: LiveMp4 | null = null;
  private isStopped = false;

  constructor(path: string, deps: V4l2OutputDeps) {
    this.path = path;
    this.deps = deps;
  }

  /** Checks that pictures can be written there. Throws `camera_address_unserved`. */
  async start(): Promise<void> {
    const refused = (detail: string) => failure('camera_address_unserved', { url: `v4l2:${this.path}`, detail });
    const node = await lstat(this.path).catch(() => null);
    if (!node) throw refused('there is no such node; `sudo modprobe v4l2loopback video_nr=9` makes /dev/video9');
    if (!node.isCharacterDevice() || majorOf(node.rdev) !== VIDEO_MAJOR) throw refused('it is not a video node');
    const shown = await lstat(`${VIRTUAL}/${basename(this.path)}`).catch(() => null);
    if (!shown) throw refused('it is not a v4l2loopback node, so no pictures can be written to it');
    void this.deps.stream.ready.then(() => this.begin());
  }

  /** A node has no count of its readers. */
  get viewers(): number {
    return 0;
  }

  unit(unit: AccessUnit): void {
    const { stream } = this.deps;
    const stdin = this.running?.child.stdin;
    if (unit.track !== 'video' || !stdin?.writable || stream.faults.at('half-open', stream.nowUs()) !== null) return;
    if (stdin.writableLength > BACKLOG_BYTES_MAX) return;
    const bytes = this.file ? this.file.push(unit) : jpegOf(unit);
    if (bytes && bytes.length > 0) stdin.write(bytes);
  }

  /** The format has changed: starts a new ffmpeg. */
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
    const running = startFfmpeg(ffmpeg, args, { onLine: (line) => log.debug('ffmpeg wrote a line', { line }) });
    this.running = running;
    void running.ended.then(({ words }) => {
      if (this.running !== running || this.isStopped) return;
      log.warn('no pictures are written to the video device any more: ffmpeg has ended', {
        node: this.path,
        detail: words,
      });
    });
  }
}

function inputOf(format: StreamFormat): string[] {
  const atOnce = ['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'];
  return format.codec === 'h264'
    ? [...atOnce, '-f', 'mov', '-i', 'pipe:0']
    : ['-f', 'image2pipe', '-c:v', 'mjpeg', '-i', 'pipe:0'];
}

/** The major number of a device (makedev(3)). */
function majorOf(rdev: number): number {
  return (rdev >> 8) & 0xfff;
}
