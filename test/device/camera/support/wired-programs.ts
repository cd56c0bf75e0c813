// Substitute programs for a camera and a microphone: an ffmpeg that reads drawn pictures instead of a V4L2 node and a tone instead of a
// sound card, and a Pi's camera program, each with the arguments and messages of the real one. Real devices: `npm run check:camera`.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ffmpeg } from '../../../../device/camera/find-ffmpeg.ts';

/** The list of a camera with Motion JPEG; it has no rates. */
export const USB_LISTING = [
  '[video4linux2,v4l2 @ 0x55d0] [info] Compressed:       mjpeg :          Motion-JPEG : 640x480 320x180 1280x720',
  '[video4linux2,v4l2 @ 0x55d0] [info] Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 320x180',
];

/** Faults of the substitute camera, as ffmpeg's own messages. */
const WORDS = {
  gone: 'Cannot open video device /dev/null: No such file or directory',
  busy: 'Error opening input: Device or resource busy',
  denied: 'Cannot open video device /dev/null: Permission denied',
  metadata: 'Not a video capture device.',
} as const;

/** Execs the real ffmpeg with devices replaced; its state is in files beside it. */
const FFMPEG = `#!/usr/bin/env python3
import os, sys, time
here, real = os.path.dirname(os.path.abspath(__file__)), REAL
args = sys.argv[1:]
def state(name):
    path = os.path.join(here, name)
    return open(path).read() if os.path.exists(path) else None
def say(lines, status):
    sys.stderr.write(lines + "\\n")
    sys.exit(status)
if any(a in ("v4l2", "alsa", "h264") for a in args) and "-i" in args:
    # It may not write a byte into a file; a link's target is none.
    os.makedirs(os.path.join(here, "calls"), exist_ok=True)
    os.symlink("\\x1f".join(args), os.path.join(here, "calls", "%020d" % time.monotonic_ns()))
if "v4l2" in args:
    fault = state("fault")
    if fault: say("[video4linux2,v4l2 @ 0x1] [error] " + fault + "\\n[in#0 @ 0x1] [error] Error opening input: Input/output error\\n[error] Error opening input file /dev/null.\\n[fatal] Error opening input files: Input/output error", 1)
    if "-list_formats" in args: say(state("listing") + "\\n[error] Error opening input: Immediate exit requested", 0)
    asked = args[args.index("-input_format") + 1] + " " + args[args.index("-video_size") + 1]
    ungiven = dict(line.split("=") for line in (state("ungiven") or "").splitlines()).get(asked)
    if ungiven == "full": say("[video4linux2,v4l2 @ 0x1] [error] ioctl(VIDIOC_STREAMON): No space left on device\\n[in#0 @ 0x1] [error] Error opening input: No space left on device\\n[error] Error opening input file /dev/null.\\n[fatal] Error opening input files: No space left on device", 1)
    if ungiven == "silent": time.sleep(3600)
    if ungiven:
        given = ungiven.split(" to ")[1]
        sys.stderr.write("[video4linux2,v4l2 @ 0x1] [info] The V4L2 driver changed the video from %s to %s\\n" % (asked.split(" ")[1], given))
        sys.stderr.flush()
        args[args.index("-video_size") + 1] = given
if "alsa" in args and state("microphone"):
    say("[alsa @ 0x1] [error] " + state("microphone") + "\\n[in#1 @ 0x1] [error] Error opening input: Input/output error\\n[error] Error opening input file hw:1,0.\\n[fatal] Error opening input files: Input/output error", 1)
out, port = [], []
for arg in args:
    port.append(arg)
    if len(port) < 2 or port[-2] != "-i": continue
    kept = [v for k, a in enumerate(port) for v in ([a, port[k + 1]] if a in ("-itsoffset", "-thread_queue_size") else [a] if a == "-copyts" else [])]
    if "v4l2" in port:
        size, rate = port[port.index("-video_size") + 1], port[port.index("-framerate") + 1]
        stamped = "" if state("unstamped") else ",setpts=PTS+%f/TB" % time.monotonic()
        # A process of its own, whose end is what an unplugged camera's is: the end of the stream.
        reads, writes = os.pipe()
        feeder = os.fork()
        if feeder == 0:
            os.dup2(writes, 1)
            os.execv(real, [real, "-nostdin", "-loglevel", "quiet", "-copyts", "-f", "lavfi", "-i", "testsrc2=size=%s:rate=%s,realtime%s" % (size, rate, stamped), "-c:v", "rawvideo", "-pix_fmt", "yuv420p", "-flush_packets", "1", "-f", "nut", "-"])
        os.close(writes)
        os.set_inheritable(reads, True)
        link = os.path.join(here, "feeder")
        if os.path.lexists(link): os.unlink(link)
        os.symlink(str(feeder), link)
        out += kept + ["-f", "nut", "-i", "pipe:%d" % reads]
    elif "alsa" in port:
        rate = port[port.index("-sample_rate") + 1]
        out += kept + ["-f", "lavfi", "-i", "sine=sample_rate=%s:frequency=440,arealtime,asetpts=PTS+%f/TB" % (rate, time.time())]
    else: out += port
    port = []
os.execv(real, [real] + out + port)
`;

/** A camera at /dev/null and a microphone at hw:1,0, for the substitute ffmpeg. */
export class WiredCamera {
  readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-wired-'));
  readonly ffmpeg: Ffmpeg;

  constructor(ffmpeg: Ffmpeg, listing = USB_LISTING) {
    const path = join(this.folder, 'ffmpeg');
    writeFileSync(path, FFMPEG.replace('REAL', JSON.stringify(ffmpeg.path)));
    chmodSync(path, 0o755);
    this.ffmpeg = { ...ffmpeg, path };
    this.state('listing', listing.join('\n'));
  }

  /** Sets the camera's fault; null: none. */
  fault(kind: keyof typeof WORDS | null): void {
    this.state('fault', kind && WORDS[kind]);
  }

  /** Behaviour by listed format, such as `mjpeg 640x480`: `full`, `silent`, `changed to 320x180`. All others work. */
  ungiven(formats: Record<string, string>): void {
    this.state(
      'ungiven',
      Object.entries(formats)
        .map((each) => each.join('='))
        .join('\n'),
    );
  }

  /** Unplugs the camera: its stream ends, and its node is gone. */
  unplug(): void {
    this.fault('gone');
    process.kill(Number(readlinkSync(join(this.folder, 'feeder'))), 'SIGKILL');
  }

  /** The message when the microphone is opened; null: none, it works. */
  microphone(words: string | null): void {
    this.state('microphone', words);
  }

  /** Whether the pictures have the kernel's time. */
  stamped(isStamped: boolean): void {
    this.state('unstamped', isStamped ? null : 'yes');
  }

  /** Arguments of each call about a camera, a microphone or a bare stream, in order. */
  calls(): string[][] {
    const folder = join(this.folder, 'calls');
    const names = existsSync(folder) ? readdirSync(folder).sort() : [];
    return names.map((name) => readlinkSync(join(folder, name)).split('\x1f'));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private state(name: string, text: string | null): void {
    const path = join(this.folder, name);
    if (text === null) rmSync(path, { force: true });
    else writeFileSync(path, text);
  }
}

/** Like rpicam-vid 1.5: a list of cameras, or H.264 with parameter sets before each keyframe on stdout. */
const RPICAM = `#!/bin/sh
printf '%s\\n' "$*" >> "$(dirname "$0")/calls"
if [ -e "$(dirname "$0")/unplugged" ]; then echo 'ERROR: *** no cameras available ***' >&2; exit 0; fi
if [ "$1" = --list-cameras ]; then printf 'Available cameras\\n-----------------\\n0 : imx708 [4608x2592 10-bit RGGB]\\n'; exit 0; fi
while [ $# -gt 0 ]; do
  case $1 in
    --width) w=$2; shift;; --height) h=$2; shift;; --framerate) r=$2; shift;; --intra) g=$2; shift;;
    --camera|--profile|--bitrate) shift;; --timeout) [ "$2" = 0 ] || exit 2; shift;;
    --codec) [ "$2" = h264 ] || exit 2; shift;; --output) [ "$2" = - ] || exit 2; shift;;
    --inline|--flush|--nopreview) ;;
    *) echo "ERROR: *** unrecognised option '$1' ***" >&2; exit 255;;
  esac
  shift
done
echo 'INFO Camera camera_manager.cpp:340 libcamera v0.5.2' >&2
exec REAL -loglevel error -re -f lavfi -i "testsrc2=size=\${w}x$h:rate=$r" -c:v libx264 -preset ultrafast \\
  -tune zerolatency -profile:v baseline -g "$g" -x264-params repeat-headers=1 -flush_packets 1 -f h264 -
`;

/** A camera module whose program is in a folder of its own, for PATH. */
export class CameraModule {
  readonly folder = mkdtempSync(join(tmpdir(), 'doorsill-rpicam-'));
  private readonly ffmpeg: string;

  constructor(ffmpeg: Ffmpeg) {
    this.ffmpeg = ffmpeg.path;
  }

  /** An environment whose PATH has this program and the system's. */
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${this.folder}:${process.env['PATH']}` };
  }

  install(name: 'rpicam-vid' | 'libcamera-vid'): this {
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, name);
    writeFileSync(path, RPICAM.replace('REAL', this.ffmpeg));
    chmodSync(path, 0o755);
    return this;
  }

  plugged(isPlugged: boolean): void {
    const path = join(this.folder, 'unplugged');
    if (isPlugged) rmSync(path, { force: true });
    else writeFileSync(path, '');
  }

  calls(): string[] {
    const path = join(this.folder, 'calls');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
