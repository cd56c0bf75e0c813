// A camera's footage into a ring with motion on, by the device's own parts; alone it is a process for `capture.ts`, which says in JSON what
// it cost.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { silentLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { fittingCipher } from '../../device/base/seal.ts';
import { SystemPrograms } from '../../device/base/system-programs.ts';
import { Capture } from '../../device/camera/capture.ts';
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import type { CameraSource, SourceDriver } from '../../device/camera/source-interfaces.ts';
import { parseCameraSource } from '../../device/camera/sources.ts';
import { MotionWatch } from '../../device/events/event-detector.ts';
import { RingFile } from '../../device/ring/ring-file.ts';
import type { Ring } from '../../device/ring/ring-interface.ts';
import { FileDeviceKey } from '../../device/ring/wrapped-key-files.ts';
import { ALL_CAMERAS } from '../../sim/porch/porch-camera.ts';
import { processorMs } from './measure.ts';

/** What a recording cost and gave. */
export interface Recorded {
  processorMs: number;
  segments: number;
  pictures: number;
}

export function openRing(folder: string, bytesMax = 256 * 1024 * 1024): RingFile {
  const [clock, disk, random] = [new SystemClock(), new SystemDisk(), new SystemRandom()];
  const wrapper = new FileDeviceKey(disk, random, join(folder, 'device.key'));
  const options = { disk, clock, random, log: silentLog(), wrapper, cipher: fittingCipher(clock), retentionS: 86_400 };
  return new RingFile({ ...options, path: join(folder, 'ring'), bytesMax });
}

/** The same camera, with live pictures or without, however fast it is read. */
function withLive(source: CameraSource, isLive: boolean): CameraSource {
  return {
    ...source,
    open: (context) => {
      const driver = source.open(context);
      const open: SourceDriver['open'] = async (...run) => ({ ...(await driver.open(...run)), isReadFast: !isLive });
      return new Proxy(driver, {
        get: (target, name) => (name === 'open' ? open : Reflect.get(target, name, target)),
      });
    },
  };
}

/**
 * Records a camera that ends, into a started ring. What it cost: this process, and ffmpeg, from the camera's start on. `isLive`: whether
 * it gives live pictures; absent, as the product does.
 */
export async function record(
  camera: string,
  ring: Pick<Ring, 'append' | 'stats'>,
  isLive?: boolean,
): Promise<Recorded> {
  const named = parseCameraSource(camera, {}, ALL_CAMERAS);
  const [clock, random, log, ffmpeg] = [new SystemClock(), new SystemRandom(), silentLog(), await findFfmpeg()];
  let pictures = 0;
  const motion = new MotionWatch({ sensitivity: 50, zones: [] }, () => undefined);
  const before = processorMs();
  let ended = () => {};
  let failed = (_: Error) => {};
  const end = new Promise<void>((resolve, reject) => {
    [ended, failed] = [resolve, reject];
  });
  const capture = new Capture(
    {
      source: isLive === undefined ? named : withLive(named, isLive),
      ffmpeg,
      clock,
      random,
      log,
      boot: 'bench',
      programs: new SystemPrograms(),
      clockTrusted: () => true,
    },
    {
      segment: (segment) => ring.append(segment),
      gray: (frame) => {
        pictures += 1;
        motion.frame(frame);
      },
      state: ({ state, detail }) => {
        if (state === 'ended') ended();
        if (state === 'failed') failed(new Error(detail));
      },
    },
  );
  await capture.start(new AbortController().signal);
  await end;
  await capture.stop();
  return { processorMs: processorMs() - before, segments: ring.stats().segments, pictures };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [camera = '', folder = '', live] = process.argv.slice(2);
  const ring = openRing(folder);
  await ring.start();
  console.log(JSON.stringify(await record(camera, ring, live === undefined ? undefined : live === 'live')));
  await ring.stop();
}
