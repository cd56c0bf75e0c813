// Films with a camera for some seconds, as a doorbell with it would: a picture of it, and how much its footage takes. Nothing is stored.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import { freshId, type Random } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import { failure } from '@doorsill/contract/errors';
import { parseInit } from '@doorsill/contract/media/fragment';
import { groupNames } from '../board/board-signs.ts';
import { Capture, type CaptureChange } from '../camera/capture.ts';
import { starts } from '../camera/ffmpeg-without-network.ts';
import type { Ffmpeg } from '../camera/find-ffmpeg.ts';
import type { Segment } from '../camera/segment.ts';
import type { CameraSource } from '../camera/source-interfaces.ts';
import { stillPicture } from '../console/still-picture.ts';

/** What trying needs of the machine. */
export interface TrySeams {
  clock: Clock;
  random: Random;
  log: Log;
  programs: Programs;
  ffmpeg: Ffmpeg;
}

/** What a camera gave. */
export interface TriedCamera {
  jpeg: Uint8Array;
  width: number;
  height: number;
  /** Of its footage as recorded, sound included. */
  bitsPerSecond: number;
  hasSound: boolean;
  /** A shortcoming with which it records all the same, such as a microphone that cannot be used; null without one. */
  trouble: string | null;
}

/** Footage from which the rate is measured. */
const MEASURED_US = 3_000_000;
/** A slow board may take this long until the first picture is encoded. */
const TRY_MS_MAX = 30_000;
const WIDTH_MAX = 960;

/**
 * Films until there is enough to measure, and ends the camera. Throws the camera's coded failure, `timed_out`, or the signal's reason.
 */
export async function tryCamera(seams: TrySeams, source: CameraSource, signal: AbortSignal): Promise<TriedCamera> {
  const { clock, random } = seams;
  const filmed: Segment[] = [];
  const found: { trouble: string | null } = { trouble: null };
  let enough: () => void = () => undefined;
  let fail: (why: unknown) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    enough = resolve;
    fail = reject;
  });
  const state = ({ state: name, failure: why, detail }: CaptureChange) => {
    if (name === 'recording' && why) found.trouble = why.message;
    if (name === 'lost' || name === 'failed' || name === 'stalled')
      fail(causeOf(why) ?? failure('camera_unreachable', { source: source.shown, detail: detail ?? name }));
    // A short file has no more.
    if (name === 'ended') enough();
  };
  const segment = async (one: Segment) => {
    filmed.push(one);
    if (lengthUs(filmed) >= MEASURED_US) enough();
  };
  const boot = freshId(random, 'boot');
  const capture = new Capture(
    { ...seams, source, boot, clockTrusted: () => false },
    { state, segment, gray: () => undefined },
  );
  const timer = clock.after(TRY_MS_MAX, () =>
    fail(failure('timed_out', { what: source.shown, seconds: TRY_MS_MAX / 1_000 })),
  );
  const onAbort = () => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.all([capture.start(signal), done]);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    await capture.stop();
  }
  return readFilmed(seams, source, filmed, found.trouble, signal);
}

/** What a failed capture was caused by, rather than that it was given up. */
function causeOf(why: CaptureChange['failure']): unknown {
  return why?.code === 'camera_failed' ? (why.cause ?? why) : why;
}

function lengthUs(filmed: readonly Segment[]): number {
  return filmed.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0);
}

async function readFilmed(
  { ffmpeg, clock }: TrySeams,
  { shown }: CameraSource,
  filmed: readonly Segment[],
  trouble: string | null,
  signal: AbortSignal,
): Promise<TriedCamera> {
  const last = filmed.at(-1);
  const us = lengthUs(filmed);
  if (!last || us === 0) throw failure('camera_no_video', { source: shown, detail: 'it gave no picture' });
  async function* segments() {
    yield last as Segment;
  }
  // The newest picture: a camera's first ones may be dark.
  const asked = { atUs: last.startUs, precision: 'key', widthMax: WIDTH_MAX } as const;
  const { jpeg } = await stillPicture({ ffmpeg, clock, segments }, asked, signal);
  const { video, audio } = parseInit(last.init);
  const bytes = filmed.reduce((sum, { fragment }) => sum + fragment.length, 0);
  const { width, height } = video;
  return { jpeg, width, height, bitsPerSecond: Math.round((bytes * 8e6) / us), hasSound: audio !== null, trouble };
}

/** Debian's user and group without rights: nobody and nogroup (base-passwd). */
const NOBODY = '65534';

/**
 * The same ffmpeg as the user nobody, in those of the `groups` that this system has; for a process of root. Throws `ffmpeg_missing` where it does
 * not start so.
 */
export async function asNobody(clock: Clock, ffmpeg: Ffmpeg, groups: readonly string[]): Promise<Ffmpeg> {
  const ids = [...(await groupNames('/'))].filter(([, name]) => groups.includes(name)).map(([id]) => id);
  const member = ids.length === 0 ? '--clear-groups' : `--groups=${ids.join(',')}`;
  const without = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];
  const before = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, member, ...without];
  const confined = { ...ffmpeg, before };
  if (!(await starts(confined, clock)))
    throw failure('ffmpeg_missing', { detail: `setpriv of util-linux cannot start ${ffmpeg.path} as nobody.` });
  return confined;
}
