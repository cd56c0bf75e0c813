// Owns: a throwaway doorbell on a live camera, in this process and in real time: its camera's kinds, its settings, its footage in memory alone.
// Not here: its start and end (sim/world/virtual-home.ts), how long it records (record-camera.ts), what is written of it.

import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { CameraKind, CameraSource } from '@doorsill/device/camera/source-interfaces';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import { failure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import { NO_BROKER, OWN_SERVER, VirtualHome } from '../world/virtual-home.ts';

export interface LiveDoorbellDeps {
  ffmpeg: Ffmpeg;
  clock: Clock;
  disk: Disk;
  log: Log;
}

export interface LiveDoorbellOptions {
  /** As `doorsill up --camera` takes it. */
  camera: string;
  /** Whether the camera is asked for sound at all. */
  audio: boolean;
  /** Its own folder, absolute, in one that only this user can open. */
  folder: string;
  /** How much footage it holds, in memory. */
  ringBytes: number;
  /** Called with every event. */
  heard(event: DeviceEvent): void;
}

/** Cameras as a recording opens them: a file is shown once, and sound is not asked for unless it is wanted. */
function recordedKinds(audio: boolean): CameraKind[] {
  return ALL_CAMERAS.map((kind) => ({
    help: kind.help,
    name: (text, defaults) => kind.name(text, { ...defaults, loop: false, audio }),
  }));
}

/** The camera that a text names. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`, `usage` for one read fast. */
export function recordedCamera(text: string, audio: boolean): CameraSource {
  const source = parseCameraSource(text, {}, recordedKinds(audio));
  if ('pace' in source.settings && source.settings.pace === 'fast')
    throw failure('usage', { detail: 'a recording takes time as it passes: leave pace=fast out' });
  return source;
}

/** The doorbell, with an own server and without a home broker; it is to be started. */
export function liveDoorbell(options: LiveDoorbellOptions, deps: LiveDoorbellDeps): VirtualHome {
  const { camera, audio, folder, ringBytes, heard } = options;
  const random = new SystemRandom();
  const ring = { kind: 'memory', bytes: ringBytes } as const;
  return new VirtualHome(folder, deps.clock, () => ({
    settings: { name: 'front', camera, home: NO_BROKER, console: OWN_SERVER, ring },
    options: { cameraKinds: recordedKinds(audio), homeBroker: 'none', serverRandom: random, heard },
    seams: { ...deps, random, programs: new SystemPrograms() },
  }));
}
