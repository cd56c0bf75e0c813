// Owns: one doorbell of a simulated world, in this process: a throwaway device on footage, started, stopped and started again, and its
// owner's session at its own server. Not here: its footage (replay-camera.ts), the world's time (sim/world), what is asked of it.
import { join } from 'node:path';
import {
  type DeviceConfigInput,
  type DeviceEvent,
  type Disk,
  Doorbell,
  type Ffmpeg,
  type Log,
  loadOrCreateOwnerKey,
  OwnServerClient,
  pairWithDevice,
  parseDeviceConfig,
  type Random,
  type SigningKey,
  SystemPrograms,
  SystemRandom,
} from '../../device/index.ts';
import { DeviceClock } from '../world/device-clock.ts';
import type { VirtualClock } from '../world/virtual-clock.ts';
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
  /** Its own folder, absolute, in one that only this user can open. */
  folder: string;
  footage: readonly FootagePart[];
  /** What a device.json may say of a doorbell alone. */
  settings: Partial<Omit<DeviceConfigInput, 'home' | 'camera' | 'console'>>;
  /** Whether its owner can ask it for pictures. */
  ownServer: boolean;
}

/** Settings of a home broker that nobody connects to. */
const NO_BROKER = { url: 'mqtt://127.0.0.1:1', user: 'device-none', password: 'none' } as const;

const NO_ACCOUNT = { user: 'none', password: 'none' } as const;

export class ReplayedDoorbell {
  readonly name: string;
  readonly clock: DeviceClock;
  readonly camera: ReplayCamera;
  private readonly options: ReplayedDoorbellOptions;
  private readonly deps: ReplayedDoorbellDeps;
  private readonly listeners = new Set<(event: DeviceEvent) => void>();
  private doorbell: Doorbell | null = null;
  private owner: { key: SigningKey; session: OwnServerClient } | null = null;

  constructor(options: ReplayedDoorbellOptions, deps: ReplayedDoorbellDeps) {
    this.name = options.name;
    this.options = options;
    this.deps = deps;
    this.clock = new DeviceClock(deps.world);
    this.camera = new ReplayCamera(options.name, options.footage, { world: deps.world, clock: this.clock });
  }

  /** Calls `listener` with every event, as its owner would hear it. */
  onEvent(listener: (event: DeviceEvent) => void): void {
    this.listeners.add(listener);
  }

  /** Starts it. Throws what `Doorbell.start` throws, and `config_invalid`. */
  async start(): Promise<void> {
    const { options, deps } = this;
    const { settings, folder } = options;
    const config = parseDeviceConfig(
      {
        name: options.name,
        ring: { kind: 'memory' },
        ...settings,
        camera: this.camera.source,
        home: NO_BROKER,
        ...(options.ownServer ? { console: { listen: 'this-machine', port: 0 } } : {}),
      },
      'the settings of this replay',
    );
    await deps.disk.makeFolder(folder);
    const doorbell = new Doorbell(
      {
        config,
        folder,
        cameraKinds: [this.camera.kind],
        homeBroker: 'none',
        serverRandom: new SystemRandom(),
        heard: (event) => this.heard(event),
      },
      { ...deps, clock: this.clock, programs: new SystemPrograms() },
    );
    this.doorbell = doorbell;
    await doorbell.start();
    if (options.ownServer) await this.openSession(doorbell);
  }

  async stop(): Promise<void> {
    await this.doorbell?.stop();
    this.doorbell = null;
    this.owner = null;
  }

  /** Its owner's session at its own server. */
  get session(): OwnServerClient {
    if (!this.owner) throw new Error('this doorbell has no own server');
    return this.owner.session;
  }

  private async openSession(doorbell: Doorbell): Promise<void> {
    const { disk } = this.deps;
    const { folder } = this.options;
    const address = doorbell.console;
    if (!address) return;
    const seams = { disk, random: new SystemRandom(), clock: this.clock };
    const key = await loadOrCreateOwnerKey(disk, seams.random, join(folder, 'owner.key'));
    await pairWithDevice(seams, doorbell.pairingSocket, key, 'replay', NO_ACCOUNT);
    this.owner = { key, session: await OwnServerClient.open(address, doorbell.id, key) };
  }

  private heard(event: DeviceEvent): void {
    // Where a camera is lost nothing more comes of its footage, and time must not wait for it.
    if (event.type === 'camera' && (event.state === 'failed' || event.state === 'lost')) this.camera.finish();
    for (const listener of this.listeners) listener(event);
  }
}
