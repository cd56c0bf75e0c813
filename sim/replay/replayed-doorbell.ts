// Owns: one doorbell of a simulated world, in this process: a throwaway device on footage, started, stopped and started again, and its
// owner's session at its own server. Not here: its footage (replay-camera.ts), the world's time (sim/world), what is asked of it.

import { join } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import type { Log } from '@doorsill/base/log';
import { type Random, SystemRandom } from '@doorsill/base/random';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { GAP_US } from '@doorsill/contract/clip-facts';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window } from '@doorsill/contract/shared-claims';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type DeviceConfigInput, deviceConfigSchema, parseDeviceConfig } from '@doorsill/device/config';
import { Doorbell } from '@doorsill/device/doorbell';
import { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import { failure } from '../errors.ts';
import { BootClock, DeviceClock } from '../world/device-clock.ts';
import type { VirtualClock } from '../world/virtual-clock.ts';
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
  /** Its own folder, absolute, in one that only this user can open. */
  folder: string;
  footage: readonly FootagePart[];
  settings: OwnSettings;
  /** What its camera does wrong. */
  faults?: CameraFaults;
  /** Whether its owner can ask it for pictures. */
  ownServer: boolean;
  /** Its home broker and bridge; absent: it has neither. */
  surroundings?: Surroundings;
}

/**
 * Settings of device.json that concern the doorbell itself. All others are left out, whatever a file says: they would connect a replay to
 * brokers and bridges, tell somebody of what it shows, or run programs and buttons of this machine.
 */
const OWN_SETTINGS = [
  ...(['name', 'disclosure', 'ring', 'motion', 'events', 'clip'] as const),
  ...(['preRollS', 'postRollS', 'stateAgencies', 'searchParty'] as const),
] satisfies readonly (keyof DeviceConfigInput)[];
export type OwnSettings = Partial<Pick<DeviceConfigInput, (typeof OWN_SETTINGS)[number]>>;

/** Without known settings that are not its own; unknown words stay, to be refused. */
function ownSettings(settings: OwnSettings): object {
  const own = new Set<string>(OWN_SETTINGS);
  return Object.fromEntries(
    Object.entries(settings).filter(([word]) => own.has(word) || !(word in deviceConfigSchema.shape)),
  );
}

/** What is around a doorbell in a world that has more than it. */
export interface Surroundings {
  home: DeviceConfigInput['home'];
  place: { longitude: number; latitude: number };
  /** Absent: it is in no area, and nobody asks it. */
  bridge?: { bridgeUrl: string; areaUrl: string; enrolmentCode: string };
}

/** Settings of a home broker that nobody connects to. */
const NO_BROKER = { url: 'mqtt://127.0.0.1:1', user: 'device-none', password: 'none' } as const;

const NO_ACCOUNT = { user: 'none', password: 'none' } as const;

export class ReplayedDoorbell {
  readonly name: string;
  readonly clock: DeviceClock;
  readonly camera: ReplayCamera;
  private readonly options: ReplayedDoorbellOptions;
  /** `disk` is another one after the power was cut. */
  readonly deps: ReplayedDoorbellDeps;
  /** What its ring took, in its wall time, joined where nothing was lost between. */
  readonly kept: Window[] = [];
  private readonly listeners = new Set<(event: DeviceEvent) => void>();
  private doorbell: Doorbell | null = null;
  private boot: BootClock | null = null;
  private isEnrolled = false;
  private owner: { key: SigningKey; session: OwnServerClient } | null = null;

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
        ...ownSettings(settings),
        camera: this.camera.source,
        ...this.placed(),
        ...(options.ownServer ? { console: { listen: 'this-machine', port: 0 } } : {}),
      },
      'the settings of this replay',
    );
    await deps.disk.makeFolder(folder);
    const boot = new BootClock(this.clock);
    this.boot = boot;
    const doorbell = new Doorbell(
      {
        config,
        folder,
        cameraKinds: [this.camera.kind],
        ...(options.surroundings ? {} : { homeBroker: 'none' as const }),
        ...this.enrolment(),
        serverRandom: new SystemRandom(),
        heard: (event) => this.boot === boot && this.heard(event),
        stored: (window) => this.keep(window),
      },
      { ...deps, clock: boot, programs: new SystemPrograms() },
    );
    this.doorbell = doorbell;
    await doorbell.start();
    if (options.ownServer) await this.openSession(doorbell);
  }

  private keep(window: Window): void {
    const last = this.kept.at(-1);
    const follows = last && window.startUs >= last.startUs && window.startUs - last.endUs <= GAP_US;
    if (follows) last.endUs = Math.max(last.endUs, window.endUs);
    else this.kept.push({ ...window });
  }

  /** Its own folder. */
  get folder(): string {
    return this.options.folder;
  }

  /** Its id; once it has started. */
  get id(): string {
    return this.running.id;
  }

  /** Where it takes new owners. */
  get pairingSocket(): string {
    return this.running.pairingSocket;
  }

  private get running(): Doorbell {
    if (!this.doorbell) throw failure('not_running', { folder: this.options.folder });
    return this.doorbell;
  }

  /** Settings of what is around it. */
  private placed(): Pick<DeviceConfigInput, 'home' | 'place' | 'bridgeUrl' | 'areaUrl'> {
    const { surroundings } = this.options;
    if (!surroundings) return { home: NO_BROKER };
    const { home, place, bridge } = surroundings;
    return { home, place, ...(bridge ? { bridgeUrl: bridge.bridgeUrl, areaUrl: bridge.areaUrl } : {}) };
  }

  /** A code is for the first start alone. */
  private enrolment(): { enrolmentCode?: string } {
    const code = this.options.surroundings?.bridge?.enrolmentCode;
    if (code === undefined || this.isEnrolled) return {};
    this.isEnrolled = true;
    return { enrolmentCode: code };
  }

  /** Takes its power away: nothing that it was doing goes on. `disk`: what makes its files as a disk without power leaves them. */
  async cutPower(disk: { cut(): Promise<void> }): Promise<void> {
    const { doorbell } = this;
    this.boot?.end();
    this.boot = null;
    await disk.cut();
    // Ends its programs and sockets; what waits for its disk waits for ever, as nothing of it is left to wait.
    void doorbell?.stop().catch(() => undefined);
    this.camera.rest();
    this.doorbell = null;
    this.owner = null;
  }

  async stop(): Promise<void> {
    await this.doorbell?.stop();
    this.doorbell = null;
    this.owner = null;
  }

  /** Its owner's session at its own server. */
  get session(): OwnServerClient {
    if (!this.owner) throw failure('console_off');
    return this.owner.session;
  }

  /** A session of another owner at its own server; to be closed. */
  sessionOf(key: SigningKey): Promise<OwnServerClient> {
    const { console: address, id } = this.running;
    if (!address) throw failure('console_off');
    return OwnServerClient.open(address, id, key);
  }

  /** The owner whose session `session` is. */
  get ownerKey(): SigningKey {
    if (!this.owner) throw failure('console_off');
    return this.owner.key;
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
    const isLost = event.type === 'camera' && (event.state === 'failed' || event.state === 'lost');
    if (isLost && this.camera.isPlugged) this.camera.finish();
    for (const listener of this.listeners) listener(event);
  }
}
