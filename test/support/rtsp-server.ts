// Starting a real RTSP server for tests (rtsp-server.py beside it), where GStreamer's is installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('rtsp-server.py', import.meta.url));
const ELEMENTS = ['x264enc', 'rtph264pay', 'voaacenc', 'rtpmp4gpay', 'alawenc', 'rtppcmapay', 'jpegenc', 'rtpjpegpay'];

/** Whether this machine has GStreamer's RTSP server and the encoders that the tests use. */
export function hasRtspServer(): boolean {
  return spawnSync(PYTHON, [SCRIPT, '--check', ...ELEMENTS], { timeout: 20_000 }).status === 0;
}

const video = (tail: string) =>
  `videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ${tail} name=pay0`;
const h264 = (options: string) =>
  video(`x264enc ${options} ! video/x-h264,profile=main ! h264parse ! rtph264pay config-interval=1`);
const sound = (tail: string) => `audiotestsrc is-live=true wave=sine freq=440 ! ${tail} name=pay1`;

/** Streams as cameras send them. */
export const STREAMS = {
  h264: `( ${h264('speed-preset=ultrafast tune=zerolatency bframes=0 key-int-max=15')} )`,
  h264AndAac: `( ${h264('speed-preset=ultrafast tune=zerolatency bframes=0 key-int-max=15')} ${sound('audioconvert ! audioresample ! audio/x-raw,rate=16000,channels=1 ! voaacenc ! rtpmp4gpay')} )`,
  h264AndG711: `( ${h264('speed-preset=ultrafast tune=zerolatency bframes=0 key-int-max=15')} ${sound('audioconvert ! audioresample ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay')} )`,
  h264Reordered: `( ${h264('bframes=2 b-adapt=false key-int-max=15 rc-lookahead=4')} )`,
  mjpeg: `( ${video('videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay')} )`,
} as const;

/** A running server. */
export interface RtspServer {
  readonly port: number;
  readonly process: ChildProcess;
  /** Ends it at once, as a camera that loses its power. */
  stop(): Promise<void>;
}

/** Starts a server for one stream at `/porch`; `port` 0 takes any free one. */
export async function startRtspServer(
  launch: string,
  options: { port?: number; user?: string; password?: string } = {},
): Promise<RtspServer> {
  const login = options.user === undefined ? [] : [options.user, options.password ?? ''];
  const server = spawn(PYTHON, [SCRIPT, String(options.port ?? 0), launch, ...login], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let text = '';
  server.stdout.setEncoding('utf8');
  for await (const chunk of server.stdout) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  const port = Number(/^PORT (\d+)$/m.exec(text)?.[1]);
  if (!(port > 0)) {
    server.kill('SIGKILL');
    throw new Error(`the RTSP server did not start: ${text}`);
  }
  return {
    port,
    process: server,
    stop: async () => {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const gone = once(server, 'exit');
      server.kill('SIGKILL');
      await gone;
    },
  };
}
