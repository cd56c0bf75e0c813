// The small gray pictures of footage, decoded once without a doorbell, for tuning motion detection.

import type { Log } from '@doorsill/base/log';
import { SeededRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { Capture } from '@doorsill/device/camera/capture';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { failure } from '../errors.ts';
import { DeviceClock } from '../world/device-clock.ts';
import { VirtualClock } from '../world/virtual-clock.ts';
import type { FootagePart } from './footage.ts';
import { ReplayCamera } from './replay-camera.ts';

/** 160x90 gray bytes; `atUs` since the first picture. */
interface Picture {
  pixels: Uint8Array;
  atUs: number;
}

/** The world's time stops while this many pictures wait. */
const WAITING_MAX = 256;

/** All gray pictures of some footage, in order. Throws `camera_...`, or the signal's reason. */
export async function* grayFootage(
  footage: readonly FootagePart[],
  { ffmpeg, log }: { ffmpeg: Ffmpeg; log: Log },
  signal: AbortSignal,
): AsyncGenerator<Picture> {
  const world = new VirtualClock({ startUs: 0 });
  const clock = new DeviceClock(world);
  const camera = new ReplayCamera('footage', footage, { world, clock });
  const source = camera.kind.name(camera.source, {});
  if (!source) throw new Error('a camera knows its own name');
  const pictures: Picture[] = [];
  const taken: (() => void)[] = [];
  let wake = () => {};
  const faults: string[] = [];
  const capture = new Capture(
    {
      source,
      ffmpeg,
      clock,
      log,
      programs: new SystemPrograms(),
      random: new SeededRandom(1),
      boot: 'boot-replay',
      clockTrusted: () => true,
    },
    {
      segment: async () => undefined,
      gray: ({ pixels, atUs }) => {
        pictures.push({ pixels, atUs });
        wake();
        if (pictures.length === WAITING_MAX)
          void world.holding(() => new Promise<void>((resolve) => taken.push(resolve)));
      },
      state: ({ state, detail }) => {
        if (state === 'failed' || state === 'lost') {
          faults.push(detail ?? state);
          camera.finish();
        }
      },
    },
  );
  const running = world.run();
  try {
    await camera.probeFirst({ ffmpeg }, signal);
    void capture.start(signal).catch(() => camera.finish());
    let isOver = false;
    void camera.over.then(() => {
      isOver = true;
      wake();
    });
    signal.addEventListener('abort', () => wake(), { once: true });
    while (!isOver || pictures.length > 0) {
      signal.throwIfAborted();
      yield* pictures.splice(0);
      for (const resume of taken.splice(0)) resume();
      if (!isOver && pictures.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    const [fault] = faults;
    if (fault !== undefined) throw failure('replay_footage_broken', { camera: 'the footage', detail: fault });
  } finally {
    await capture.stop();
    world.stop();
    await running;
  }
}
