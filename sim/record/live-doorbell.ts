// A throwaway doorbell on a live camera, in this process and in real time, with its footage in memory only.

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
  /** Whether sound is requested from the camera. */
  audio: boolean;
  /** Its own folder, absolute, inside one that only this user can open. */
  folder: string;
  /** Size of its in-memory ring. */
  ringBytes: number;
  heard(event: DeviceEvent): void;
}

/** Camera kinds for a recording: a file is played once, and sound is requested only if wanted. */
function recordedKinds(audio: boolean): CameraKind[] {
  return ALL_CAMERAS.map((kind) => ({
    help: kind.help,
    name: (text, defaults) => kind.name(text, { ...defaults, loop: false, audio }),
  }));
}

/** Parses a camera. Throws `camera_unsupported`, `camera_option_invalid`, `camera_not_found`, and `usage` for `pace=fast`. */
export function recordedCamera(text: string, audio: boolean): CameraSource {
  const source = parseCameraSource(text, {}, recordedKinds(audio));
  if ('pace' in source.settings && source.settings.pace === 'fast')
    throw failure('usage', { detail: 'a recording runs in real time: leave out pace=fast' });
  return source;
}

/** A doorbell with its own server and without a home broker, not yet started. */
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
