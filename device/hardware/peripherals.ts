// The doorbell's buttons, chime, shutter, lights and power sensor, made from the settings, and the current faults of each.

import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import type { DeviceState } from '@doorsill/contract/home-messages';
import { BoardPower } from './board-power.ts';
import type { Button, Press } from './button.ts';
import { type Chime, CommandChime, VirtualChime } from './chime.ts';
import { evdevButton } from './evdev-button.ts';
import { gpioButton } from './gpio.ts';
import { type HardwareSettings, VIRTUAL_BUTTON } from './hardware-settings.ts';
import { makeShutter, type Shutter } from './shutter.ts';
import { type DoorSigns, StatusLights } from './status-lights.ts';
import { WatchedButton } from './watched-button.ts';

export type HardwareTrouble = NonNullable<DeviceState['hardware']>[number];

export interface PeripheralsDeps {
  clock: Clock;
  random: Random;
  log: Log;
  programs: Programs;
  disk: Disk;
  /** Mount point of sysfs; absent: /sys. */
  sysfs?: string;
  settings: HardwareSettings;
  pressed(press: Press): void;
  /** A reset button was held for ten seconds. */
  resetHeld(button: string): void;
  /** A part has failed (`detail` is set) or works again. */
  changed(change: { part: HardwareTrouble['part']; name: string; detail?: string }): void;
}

export class Peripherals {
  private readonly deps: PeripheralsDeps;
  private readonly buttons: Button[];
  private readonly chime: Chime;
  private readonly shutter: Shutter;
  private readonly lights: StatusLights;
  private readonly power: BoardPower;
  private readonly troubles = new Map<string, HardwareTrouble>();

  constructor(deps: PeripheralsDeps) {
    const { clock, random, programs, settings, pressed, log } = deps;
    this.deps = deps;
    this.buttons = settings.buttons.map((each) => {
      const driver = each.kind === 'gpio' ? gpioButton(each) : evdevButton(each);
      const trouble = (why: Failure | null) => this.noted('button', each.name, why);
      const held = each.holdToReset ? { held: () => deps.resetHeld(each.name) } : {};
      return new WatchedButton({ clock, random, programs, button: each.name, driver, pressed, trouble, ...held });
    });
    const trouble = (why: Failure | null) => this.noted('chime', 'chime', why);
    this.chime = settings.chime
      ? new CommandChime({ settings: settings.chime, clock, programs, trouble })
      : new VirtualChime(clock, () => log.debug('the virtual chime sounds'));
    const lost = (why: Failure) => this.noted('shutter', 'shutter', why);
    this.shutter = makeShutter(settings.shutter, { clock, programs, lost });
    const dark = (light: string, why: Failure | null) => this.noted('light', light, why);
    const { sysfs = '/sys' } = deps;
    this.lights = new StatusLights(settings.lights, { ...deps, sysfs, trouble: dark });
    this.power = new BoardPower({ ...deps, sysfs }, (why) => this.noted('board', 'power', why));
  }

  /** Every button name that a press may have. */
  get buttonNames(): string[] {
    return [...new Set([VIRTUAL_BUTTON, ...this.deps.settings.buttons.map(({ name }) => name)])];
  }

  /** The current faults, for the state. */
  get trouble(): HardwareTrouble[] {
    return [...this.troubles.values()];
  }

  start(): void {
    for (const button of this.buttons) button.start();
    this.power.start();
  }

  /** Whether the board has throttled its processor. */
  get isSlowed(): boolean {
    return this.power.isSlowed;
  }

  async stop(): Promise<void> {
    this.power.stop();
    for (const button of this.buttons) button.stop();
    this.chime.stop();
    this.shutter.stop();
    await this.lights.stop();
  }

  /** Updates the lights. */
  show(change: Partial<DoorSigns>): void {
    this.lights.show(change);
  }

  /** Sounds the chime; returns at once. */
  ring(): void {
    this.chime.ring();
  }

  /** Closes or opens the shutter. Never rejects: a shutter that does not move is reported as a fault. */
  async shut(closed: boolean): Promise<void> {
    try {
      await this.shutter.set(closed);
      this.noted('shutter', 'shutter', null);
    } catch (thrown) {
      const why = isFailure(thrown)
        ? thrown
        : failure('hardware_unavailable', { what: 'shutter', detail: 'it failed' });
      this.noted('shutter', 'shutter', why);
    }
  }

  private noted(part: HardwareTrouble['part'], name: string, why: Failure | null): void {
    const key = `${part} ${name}`;
    const before = this.troubles.get(key)?.detail;
    if (before === why?.message) return;
    if (why) {
      this.deps.log.warn(why.message, { code: why.code });
      this.troubles.set(key, { part, name, code: why.code, detail: why.message });
      this.deps.changed({ part, name, detail: why.message });
    } else {
      this.troubles.delete(key);
      this.deps.changed({ part, name });
    }
  }
}
