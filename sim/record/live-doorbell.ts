// Owns: a throwaway doorbell on a live camera, in this process and in real time: its footage in memory alone, its events, its owner's
// session at its own server. Not here: how long it records (record-camera.ts), what is written of it.

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { SystemRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import type { CameraKind, CameraSource } from '@doorsill/device/camera/source-interfaces';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import { parseDeviceConfig } from '@doorsill/device/config';
import { Doorbell } from '@doorsill/device/doorbell';
import type { Press } from '@doorsill/device/hardware/button';
import { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import { failure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';

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

const NO_ACCOUNT = { user: 'none', password: 'none' } as const;
const NO_BROKER = { url: 'mqtt://127.0.0.1:1', ...NO_ACCOUNT, user: 'device-none' } as const;

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

export class LiveDoorbell {
  private readonly options: LiveDoorbellOptions;
  private readonly deps: LiveDoorbellDeps;
  private doorbell: Doorbell | null = null;
  private owner: OwnServerClient | null = null;

  constructor(options: LiveDoorbellOptions, deps: LiveDoorbellDeps) {
    this.options = options;
    this.deps = deps;
  }

  /** Starts it and pairs its owner. Throws what `Doorbell.start` throws. */
  async start(): Promise<void> {
    const { camera, audio, folder, ringBytes, heard } = this.options;
    const config = parseDeviceConfig(
      {
        name: 'front',
        camera,
        home: NO_BROKER,
        console: { listen: 'this-machine', port: 0 },
        ring: { kind: 'memory', bytes: ringBytes },
      },
      'the settings of this recording',
    );
    await this.deps.disk.makeFolder(folder);
    const random = new SystemRandom();
    const seams = { ...this.deps, random, programs: new SystemPrograms() };
    const doorbell = new Doorbell(
      { config, folder, cameraKinds: recordedKinds(audio), homeBroker: 'none', serverRandom: random, heard },
      seams,
    );
    this.doorbell = doorbell;
    await doorbell.start();
    const address = doorbell.console;
    if (!address) throw failure('console_off');
    const key = await loadOrCreateOwnerKey(seams.disk, random, join(folder, 'owner.key'));
    await pairWithDevice(seams, doorbell.pairingSocket, key, 'record', NO_ACCOUNT);
    this.owner = await OwnServerClient.open(address, doorbell.id, key);
  }

  /** Its owner's session at its own server. */
  get session(): OwnServerClient {
    if (!this.owner) throw failure('console_off');
    return this.owner;
  }

  /** Somebody presses its button; nothing happens before it has started. */
  pressed(press: Press): void {
    if (this.owner) this.doorbell?.pressed(press);
  }

  /** Ends its camera: what it holds stays as it is until it is stopped. */
  async endCamera(): Promise<void> {
    await this.doorbell?.endCamera();
  }

  async stop(): Promise<void> {
    await this.doorbell?.stop();
    this.doorbell = null;
    this.owner = null;
  }
}
