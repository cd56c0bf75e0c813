// Owns: the life of one doorbell that runs in this process: its starts, its ends in order or by a cut of its power, the code that enrols it
// once, its owner's session at its own server. Not here: its camera, clock, disk, network and settings, which whoever runs it passes in.

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

/** For a doorbell without hardware: it runs no program of the machine. */
export const NO_PROGRAMS: Programs = {
  run: () => ({ ended: Promise.resolve({ missing: true, status: null, words: '' }), stop: () => undefined }),
};
const NO_ACCOUNT = { user: 'none', password: 'none' } as const;
/** Settings of a home broker that nobody connects to. */
export const NO_BROKER = { url: 'mqtt://127.0.0.1:1', ...NO_ACCOUNT, user: 'device-none' } as const;
/** Settings of an own server that only this machine reaches. */
export const OWN_SERVER = { listen: 'this-machine', port: 0 } as const;

/** What one start of the doorbell is made of. */
export interface BootParts {
  readonly settings: DeviceConfigInput & { readonly name: string };
  readonly options: Omit<DoorbellOptions, 'config' | 'folder' | 'enrolmentCode'>;
  readonly seams: Omit<DoorbellSeams, 'clock'>;
  /** Called when it has stopped or lost its power. */
  readonly over?: () => void;
}

/** An owner whom the doorbell has paired, with a session at its own server. */
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

/** A doorbell in this process that starts, stops, loses its power and comes back, with whatever a simulation gives it at each start. */
export class VirtualHome {
  /** The doorbell's own. */
  readonly folder: string;
  private readonly clock: Clock;
  private readonly partsOf: (clock: BootClock) => BootParts;
  private code: string | null = null;
  private boot: Boot | null = null;
  /** What is being stopped in order: the power can be cut meanwhile, too. */
  private ending: Boot | null = null;
  private isStarted = false;
  private paired: OwnServerOwner | null = null;

  /** `folder`: absolute. `clock` goes on while the doorbell is off. `partsOf` is called at each start, with the clock of that boot. */
  constructor(folder: string, clock: Clock, partsOf: (clock: BootClock) => BootParts) {
    this.folder = folder;
    this.clock = clock;
    this.partsOf = partsOf;
  }

  /** Whether its doorbell runs or starts. */
  get isUp(): boolean {
    return this.boot !== null;
  }

  /** Whether its doorbell runs, and takes in what it is told. */
  get isReady(): boolean {
    return this.boot !== null && this.isStarted;
  }

  /** The doorbell that runs or starts. Throws `not_running`. */
  get doorbell(): Doorbell {
    return this.up.doorbell;
  }

  private get up(): Boot {
    if (!this.boot) throw failure('not_running', { folder: this.folder });
    return this.boot;
  }

  /** Where it takes new owners. */
  get pairingSocket(): string {
    return pairingSocketPath(this.folder);
  }

  /** A bridge's one-time code, with which the doorbell starts until a start has succeeded. */
  enrolWith(code: string): void {
    this.code = code;
  }

  /** Starts the doorbell. Throws what `Doorbell.start` throws, and `config_invalid`. */
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

  /** Somebody presses its button; nothing happens while it is off or starts. */
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

  /** Takes its power away: nothing that it waited for is called any more. Returns what ran, whose programs and sockets are still open. */
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

  /** Pairs an owner, whose key is kept in the doorbell's folder, and opens their session at its own server. Throws `console_off`. */
  async openSession(ownerName: string): Promise<void> {
    const { clock, disk } = this.up;
    const key = await loadOrCreateOwnerKey(disk, new SystemRandom(), join(this.folder, 'owner.key'));
    await pairWithDevice({ clock }, this.pairingSocket, key, ownerName, NO_ACCOUNT);
    this.paired = { key, session: await this.sessionOf(key) };
  }

  /** A session of a paired owner at its own server; to be closed. Throws `console_off`. */
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
