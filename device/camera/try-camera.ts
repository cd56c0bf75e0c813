// Owns: trying a camera once, to tell whether it works: a file is looked through, a network camera's port is connected to, a
// wired camera is opened and gives one picture, which is thrown away. A control is looked for, never set.
// Not here: recording (capture.ts).
import { createConnection } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { systemCode } from '../base/disk.ts';
import { type Failure, failure, isFailure } from '../protocol/errors.ts';
import { cameraFault } from './device-faults.ts';
import { lastWords, runFfmpeg } from './ffmpeg-run.ts';
import { MicrophoneUse } from './microphone-use.ts';
import { probeFile } from './probe.ts';
import type { DriverContext } from './source-driver.ts';
import { listCameras } from './source-rpicam.ts';
import { offeredBy } from './source-v4l2.ts';
import type { CameraSource, WiredSource } from './sources.ts';
import { missingControl } from './v4l2-controls.ts';
import { findNode, machineNodes } from './v4l2-node.ts';
import { v4l2Input } from './wired-inputs.ts';
import type { Microphone } from './wired-options.ts';

const RTSP_PORT = 554;
const CONNECT_MS_MAX = 4_000;
const PICTURE_MS_MAX = 30_000;
const SOUND_MS_MAX = 10_000;
const SAID_LETTERS_MAX = 4_096;
const COMPLAINTS_MAX = 6;

/** What a camera gives, for people, and what it lacks. */
export interface Tried {
  readonly gives: string;
  readonly troubles: readonly Failure[];
}

/** Tries a camera of any kind. Throws the coded failure that keeps it from recording, or the signal's reason. */
export async function tryCamera(
  source: CameraSource,
  context: DriverContext,
  signal: AbortSignal = new AbortController().signal,
): Promise<Tried> {
  switch (source.kind) {
    case 'synthetic':
      return { gives: 'a drawn porch', troubles: [] };
    case 'file': {
      const { encodedBecause } = await probeFile(context.ffmpeg, source, { clock: context.clock, signal });
      return {
        gives: encodedBecause === null ? 'a video, copied' : `a video, encoded: ${encodedBecause}`,
        troubles: [],
      };
    }
    case 'rtsp': {
      const { hostname, port } = source.url;
      const detail = await connectFault(context.clock, hostname.replace(/^\[|\]$/g, ''), Number(port) || RTSP_PORT);
      if (detail !== null) throw failure('camera_unreachable', { source: source.shown, detail });
      return { gives: 'its port answers', troubles: [] };
    }
    case 'v4l2':
    case 'rpicam':
      return tryWired(source, context);
  }
}

/** Why a connection cannot be made; null when it can. */
function connectFault(clock: Clock, host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (fault: string | null) => {
      timer.cancel();
      socket.destroy();
      resolve(fault);
    };
    const timer = clock.after(CONNECT_MS_MAX, () => end(`no answer within ${CONNECT_MS_MAX / 1_000} s`));
    socket.once('connect', () => end(null));
    socket.once('error', (thrown) => end(systemCode(thrown) ?? thrown.message));
  });
}

async function tryWired(source: WiredSource, context: DriverContext): Promise<Tried> {
  if (source.kind === 'rpicam') {
    const gives = await listCameras(source, context);
    return { gives, troubles: await microphoneTroubles(source.microphone, context) };
  }
  const found = await findNode(machineNodes, source.device, null);
  if ('gone' in found) throw failure('camera_gone', { source: source.shown, detail: found.gone });
  const format = await offeredBy(source, found.path, context);
  const picture = v4l2Input(found.path, format, source.rate, null);
  const words = await wordsOf(
    context,
    'taking one picture',
    PICTURE_MS_MAX,
    [...[...picture.options, '-i', picture.address, '-map', '0:v:0', '-frames:v', '1', '-f', 'null', '-']],
    () => {},
  );
  if (words !== null) throw cameraFault(source.shown, words);
  const control = await missingControl(source, found.path, context);
  const troubles = [...(control ? [control] : []), ...(await microphoneTroubles(source.microphone, context))];
  return { gives: `${format.name} ${format.width}x${format.height} from ${found.path}`, troubles };
}

async function microphoneTroubles(microphone: Microphone | null, context: DriverContext): Promise<Failure[]> {
  if (microphone === null) return [];
  const use = new MicrophoneUse(microphone);
  for (;;) {
    const sound = use.forRun()?.(null);
    if (!sound) return use.trouble ? [use.trouble] : [];
    const words = await wordsOf(
      context,
      'listening for a moment',
      SOUND_MS_MAX,
      [...sound.options, '-i', sound.address, '-t', '0.1', '-f', 'null', '-'],
      (line) => void use.endedBy(line),
    );
    if (words === null) return [];
    if (use.learn({ barren: true })) continue;
    return [use.ended ?? failure('microphone_unusable', { source: microphone.device, detail: words })];
  }
}

/** Runs ffmpeg; null when it ended well, else what it said. */
async function wordsOf(
  { ffmpeg, clock }: DriverContext,
  doing: string,
  timeoutMs: number,
  args: string[],
  onLine: (line: string) => void,
): Promise<string | null> {
  let said = '';
  try {
    await runFfmpeg(ffmpeg, {
      ...{ doing, args, clock, timeoutMs, stdoutBytesMax: 0 },
      onLine: (line) => {
        onLine(line);
        said = `${said}${line}\n`.slice(-SAID_LETTERS_MAX);
      },
    });
    return null;
  } catch (thrown) {
    if (!isFailure(thrown)) throw thrown;
    return said === '' ? String(thrown.facts['detail'] ?? thrown.message) : lastWords(said, COMPLAINTS_MAX);
  }
}
