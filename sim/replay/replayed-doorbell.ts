// One doorbell of a simulated world, in this process: a throwaway device on footage.

import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { GAP_US } from '@doorsill/contract/clip-facts';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { DeviceConfig, type DeviceConfigInput } from '@doorsill/device/config';
import type { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { type BootClock, DeviceClock } from '../world/device-clock.ts';
import type { VirtualClock } from '../world/virtual-clock.ts';
import { type BootParts, NO_BROKER, OWN_SERVER, VirtualHome } from '../world/virtual-home.ts';
import type { CameraFaults } from './faulty-footage.ts';
import type { FootagePart } from './footage.ts';
import { ReplayCamera } from './replay-camera.ts';

export interface ReplayedDoorbellDeps {
  world: VirtualClock;
  random: Random;
  disk: Disk;
  log: Log;
  ffmpeg: Ffmpeg;
}

export interface ReplayedDoorbellOptions {
  name: string;
  /** Its own folder, absolute, inside one that only this user can open. */
  folder: string;
  footage: readonly FootagePart[];
  settings: OwnSettings;
  /** Faults of its camera. */
  faults?: CameraFaults;
  /** Whether its owner can request pictures. */
  ownServer: boolean;
  /** Settings of its home broker, bridge and place, read at each start; absent: none. */
  around?: () => Pick<DeviceConfigInput, 'home' | 'place' | 'bridgeUrl' | 'areaUrl'>;
}

/**
 * Settings of device.json that concern the doorbell itself. All others are dropped from any file: they would connect a replay to brokers
 * and bridges, disclose what it shows, or run programs and buttons of this machine.
 */
const OWN_SETTINGS = [
  ...(['name', 'disclosure', 'ring', 'motion', 'events', 'clip'] as const),
  ...(['preRollS', 'postRollS', 'stateAgencies', 'searchParty'] as const),
] satisfies readonly (keyof DeviceConfigInput)[];
export type OwnSettings = Partial<Pick<DeviceConfigInput, (typeof OWN_SETTINGS)[number]>>;

/** Removes known settings that are not in `OWN_SETTINGS`; unknown ones stay, and are refused. */
function ownSettings(settings: OwnSettings): object {
  const own = new Set<string>(OWN_SETTINGS);
  return Object.fromEntries(
    Object.entries(settings).filter(([word]) => own.has(word) || !(word in DeviceConfig.shape)),
  );
}

export class ReplayedDoorbell {
  readonly name: string;
  readonly clock: DeviceClock;
  readonly camera: ReplayCamera;
  private readonly options: ReplayedDoorbellOptions;
  /** `disk` is replaced after a power cut. */
  readonly deps: ReplayedDoorbellDeps;
  /** The recorded spans in its wall time, joined where nothing is missing between them. */
  readonly kept: Window[] = [];
  private readonly listeners = new Set<(event: DeviceEvent) => void>();
  readonly home: VirtualHome;

  constructor(options: ReplayedDoorbellOptions, deps: ReplayedDoorbellDeps) {
    this.name = options.name;
    this.options = options;
    this.deps = deps;
    this.clock = new DeviceClock(deps.world);
    const { name, footage, faults } = options;
    this.camera = new ReplayCamera(name, footage, {
      world: deps.world,
      clock: this.clock,
      ...(faults ? { faults } : {}),
    });
    this.home = new VirtualHome(options.folder, this.clock, (boot) => this.bootParts(boot));
  }

  /** Calls `listener` with every event, as its owner receives it. */
  onEvent(listener: (event: DeviceEvent) => void): void {
    this.listeners.add(listener);
  }

  /** Throws `config_invalid`, and what `Doorbell.start` throws. */
  async start(): Promise<void> {
    await this.home.start();
    if (this.options.ownServer) await this.home.openSession('replay');
  }

  private bootParts(boot: BootClock): BootParts {
    const { name, settings, around, ownServer } = this.options;
    return {
      settings: {
        ring: { kind: 'memory' },
        ...{ name, ...ownSettings(settings) },
        camera: this.camera.source,
        ...(around?.() ?? { home: NO_BROKER }),
        ...(ownServer ? { console: OWN_SERVER } : {}),
      },
      options: {
        cameraKinds: [this.camera.kind],
        ...(around ? {} : { homeBroker: 'none' as const }),
        serverRandom: new SystemRandom(),
        heard: (event) => !boot.isOver && this.onDeviceEvent(event),
        stored: (window) => this.keep(window),
      },
      seams: { ...this.deps, programs: new SystemPrograms() },
    };
  }

  private keep(window: Window): void {
    const last = this.kept.at(-1);
    const follows = last && window.startUs >= last.startUs && window.startUs - last.endUs <= GAP_US;
    if (follows) last.endUs = Math.max(last.endUs, window.endUs);
    else this.kept.push({ ...window });
  }

  /** Cuts its power: nothing goes on. `disk` leaves the files as a disk without power leaves them. */
  async cutPower(disk: { cut(): Promise<void> }): Promise<void> {
    const lost = this.home.cutPower();
    await disk.cut();
    // Ends its programs and sockets; writes that wait for the cut disk never return.
    void lost?.stop().catch(() => undefined);
    this.camera.switchOff();
  }

  stop(): Promise<void> {
    return this.home.stop();
  }

  /** Its owner's session at its own server. */
  get session(): OwnServerClient {
    return this.home.owner.session;
  }

  private onDeviceEvent(event: DeviceEvent): void {
    // A lost camera delivers no more footage, so the world's time must not wait for it.
    const isLost = event.type === 'camera' && (event.state === 'failed' || event.state === 'lost');
    if (isLost && this.camera.isPlugged) this.camera.finish();
    for (const listener of this.listeners) listener(event);
  }
}
