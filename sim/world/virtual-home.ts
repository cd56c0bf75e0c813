// The life of one doorbell in this process: starts, orderly stops and power cuts, its enrolment, its owner's session at its own server.
// Camera, clock, disk, network and settings are passed in.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { SystemRandom } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import { type DeviceConfigInput, parseDeviceConfig } from '@doorsill/device/config';
import { Doorbell, type DoorbellOptions, type DoorbellSeams } from '@doorsill/device/doorbell';
import type { Press } from '@doorsill/device/hardware/button';
import { OwnServerClient } from '@doorsill/device/owner/own-server-client';
import { loadOrCreateOwnerKey } from '@doorsill/device/owner/owner-key';
import { pairWithDevice } from '@doorsill/device/owner/pairing-client';
import { pairingSocketPath } from '@doorsill/device/owner/private-socket';
import { failure } from '../errors.ts';
import { BootClock } from './device-clock.ts';

/** For a doorbell without hardware, which runs no programs of the machine. */
export const NO_PROGRAMS: Programs = {
  run: () => ({ ended: Promise.resolve({ missing: true, status: null, words: '' }), stop: () => undefined }),
};
const NO_ACCOUNT = { user: 'none', password: 'none' } as const;
/** Settings of a home broker that does not exist. */
export const NO_BROKER = { url: 'mqtt://127.0.0.1:1', ...NO_ACCOUNT, user: 'device-none' } as const;
/** Settings of an own server for this machine only. */
export const OWN_SERVER = { listen: 'this-machine', port: 0 } as const;

/** Settings, options and seams for one start of the doorbell. */
export interface BootParts {
  readonly settings: DeviceConfigInput & { readonly name: string };
  readonly options: Omit<DoorbellOptions, 'config' | 'folder' | 'enrolmentCode'>;
  readonly seams: Omit<DoorbellSeams, 'clock'>;
  /** Called when the doorbell has stopped or lost its power. */
  readonly over?: () => void;
}

/** A paired owner with a session at the doorbell's own server. */
export interface OwnServerOwner {
  readonly key: SigningKey;
  readonly session: OwnServerClient;
}

interface Boot {
  readonly clock: BootClock;
  readonly doorbell: Doorbell;
  readonly disk: Disk;
  readonly over: () => void;
}

/** A doorbell in this process that can start, stop, lose its power and start again; a simulation supplies its parts at each start. */
export class VirtualHome {
  /** The doorbell's folder. */
  readonly folder: string;
  private readonly clock: Clock;
  private readonly partsOf: (clock: BootClock) => BootParts;
  private code: string | null = null;
  private boot: Boot | null = null;
  /** The boot that is being stopped: the power may also be cut during that. */
  private ending: Boot | null = null;
  private isStarted = false;
  private paired: OwnServerOwner | null = null;

  /** `folder`: absolute. `clock` runs on while the doorbell is off. `partsOf` is called at each start, with the clock of that boot. */
  constructor(folder: string, clock: Clock, partsOf: (clock: BootClock) => BootParts) {
    this.folder = folder;
    this.clock = clock;
    this.partsOf = partsOf;
  }

  /** Whether the doorbell runs or is starting. */
  get isUp(): boolean {
    return this.boot !== null;
  }

  /** Whether the doorbell has started. */
  get isReady(): boolean {
    return this.boot !== null && this.isStarted;
  }

  /** The running or starting doorbell. Throws `not_running`. */
  get doorbell(): Doorbell {
    return this.up.doorbell;
  }

  private get up(): Boot {
    if (!this.boot) throw failure('not_running', { folder: this.folder });
    return this.boot;
  }

  /** Path of the socket for pairing owners. */
  get pairingSocket(): string {
    return pairingSocketPath(this.folder);
  }

  /** Sets a bridge's one-time code, for the next starts until one succeeds. */
  enrolWith(code: string): void {
    this.code = code;
  }

  /** Starts the doorbell. Throws as `Doorbell.start`, and `config_invalid`. */
  async start(): Promise<void> {
    const { folder, code } = this;
    const clock = new BootClock(this.clock);
    const { settings, options, seams, over = () => undefined } = this.partsOf(clock);
    const config = parseDeviceConfig(settings, `the settings of ${settings.name}`);
    const enrolment = code === null ? {} : { enrolmentCode: code };
    const doorbell = new Doorbell({ ...options, ...enrolment, config, folder }, { ...seams, clock });
    const boot = { clock, doorbell, disk: seams.disk, over };
    this.boot = boot;
    this.isStarted = false;
    await doorbell.start().catch((thrown: unknown) => {
      clock.end();
      over();
      if (this.boot === boot) this.boot = null;
      throw thrown;
    });
    this.code = null;
    this.isStarted = true;
  }

  /** Presses its button; does nothing while it is off or starting. */
  press(press: Press): void {
    if (this.isReady) this.doorbell.pressed(press);
  }

  /** Stops the doorbell in order; does nothing while it is off. */
  async stop(): Promise<void> {
    const { boot } = this;
    if (!boot) return;
    this.boot = null;
    this.ending = boot;
    await boot.doorbell.stop();
    this.paired = null;
    boot.over();
    if (this.ending === boot) this.ending = null;
  }

  /** Cuts its power: none of its timers fires any more. Returns the doorbell that ran, whose programs and sockets are still open. */
  cutPower(): Doorbell | null {
    const { boot, ending } = this;
    for (const lost of [boot, ending]) {
      lost?.clock.end();
      lost?.over();
    }
    this.boot = null;
    this.ending = null;
    this.paired = null;
    return boot?.doorbell ?? null;
  }

  /** Pairs an owner, whose key is kept in the doorbell's folder, and opens a session at the doorbell's own server. Throws `console_off`. */
  async openSession(ownerName: string): Promise<void> {
    const { clock, disk } = this.up;
    const key = await loadOrCreateOwnerKey(disk, new SystemRandom(), join(this.folder, 'owner.key'));
    await pairWithDevice({ clock }, this.pairingSocket, key, ownerName, NO_ACCOUNT);
    this.paired = { key, session: await this.sessionOf(key) };
  }

  /** A session of a paired owner at its own server; the caller must close it. Throws `console_off`. */
  async sessionOf(key: SigningKey): Promise<OwnServerClient> {
    const { console: address, id } = this.doorbell;
    if (!address) throw failure('console_off');
    return OwnServerClient.open(address, id, key);
  }

  /** The owner that `openSession` paired. Throws `console_off`. */
  get owner(): OwnServerOwner {
    if (!this.paired) throw failure('console_off');
    return this.paired;
  }
}
