// The status lamps at the door, on the kernel's LEDs or GPIO lines.

import { Backoff } from '@doorsill/base/backoff';
import type { Clock } from '@doorsill/base/clock';
import { type Disk, systemCode } from '@doorsill/base/disk';
import type { Random } from '@doorsill/base/random';
import type { Programs } from '@doorsill/base/system-programs';
import { utf8 } from '@doorsill/contract/bytes';
import { type Failure, failure, isFailure } from '@doorsill/contract/errors';
import { z } from 'zod';
import { gpioLineSchema, HeldLine } from './gpio.ts';

const lampSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('led'),
    /** Its name in /sys/class/leds. */
    led: z.string().regex(/^(?!\.)[\w.:-]{1,64}$/, 'a name of /sys/class/leds'),
  }),
  gpioLineSchema,
]);
type LampSettings = z.infer<typeof lampSchema>;

const LIGHTS = ['recording', 'privacy', 'watched'] as const;
type Light = (typeof LIGHTS)[number];

const placeOf = (lamp: LampSettings) => (lamp.kind === 'led' ? lamp.led : `${lamp.chip} ${lamp.line}`);

export const lightsSchema = z
  .strictObject({
    /** Lit while the camera films. */
    recording: lampSchema.optional(),
    /** Lit while privacy is on, the camera has ended and nobody watches. */
    privacy: lampSchema.optional(),
    /** Lit while somebody watches pictures of this door, live or recorded. */
    watched: lampSchema.optional(),
  })
  .refine((lights) => {
    const places = Object.values(lights).flatMap((lamp) => (lamp ? [placeOf(lamp)] : []));
    return new Set(places).size === places.length;
  }, 'one lamp cannot have two meanings');
type LightsSettings = z.infer<typeof lightsSchema>;

/** The states that the lamps show. */
export interface DoorSigns {
  /** The camera may be filming: its program runs, or is about to. */
  isFilming: boolean;
  /** Privacy was ordered. */
  privacy: boolean;
  /** Somebody watches this door's pictures. */
  watched: boolean;
}

/** Which lamps are lit. Ordered privacy is shown only once nothing is filmed and nobody watches. */
export function lightsOf({ isFilming, privacy, watched }: DoorSigns): Record<Light, boolean> {
  return { recording: isFilming, privacy: privacy && !isFilming && !watched, watched };
}

export interface LightsDeps {
  clock: Clock;
  random: Random;
  programs: Programs;
  disk: Disk;
  /** Mount point of sysfs, /sys. */
  sysfs: string;
  /** Called with the failure when a lamp cannot be switched, and with null once it can. */
  trouble(light: string, failure: Failure | null): void;
}

export class StatusLights {
  private readonly lamps: Map<Light, Lamp>;
  private signs: DoorSigns = { isFilming: false, privacy: false, watched: false };

  constructor(settings: LightsSettings, deps: LightsDeps) {
    this.lamps = new Map(
      LIGHTS.flatMap((light) => {
        const lamp = settings[light];
        return lamp ? [[light, new Lamp(light, lamp, deps)] as const] : [];
      }),
    );
  }

  /** Updates the lamps. */
  show(change: Partial<DoorSigns>): void {
    this.signs = { ...this.signs, ...change };
    const lights = lightsOf(this.signs);
    for (const [light, lamp] of this.lamps) lamp.set(lights[light]);
  }

  /** Switches every lamp off, and restores its former state. */
  async stop(): Promise<void> {
    await Promise.all([...this.lamps.values()].map((lamp) => lamp.stop()));
  }
}

interface LampDriver {
  /** Rejects with a coded failure. */
  set(isLit: boolean): Promise<void>;
  /** Switches it off and releases it; never rejects with a coded failure. */
  stop(): Promise<void>;
}

const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 30_000;

/** Retries until the lamp has the last requested state. */
class Lamp {
  private readonly light: Light;
  private readonly deps: LightsDeps;
  private readonly driver: LampDriver;
  private readonly backoff: Backoff;
  private readonly stopping = new AbortController();
  private wanted = false;
  /** Its current state; null if unknown. */
  private shown: boolean | null = null;
  private turning: Promise<void> | null = null;

  constructor(light: Light, settings: LampSettings, deps: LightsDeps) {
    this.light = light;
    this.deps = deps;
    this.backoff = new Backoff(deps.random, RETRY_FIRST_MS, RETRY_MOST_MS);
    const lost = (why: Failure) => {
      deps.trouble(light, why);
      this.shown = null;
      this.set(this.wanted);
    };
    const what = `light ${light}`;
    this.driver = settings.kind === 'led' ? new Led(what, settings.led, deps) : gpioLamp(what, settings, deps, lost);
  }

  set(isLit: boolean): void {
    this.wanted = isLit;
    if (this.shown !== isLit) this.turning ??= this.turn();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.turning;
    await this.driver.stop();
  }

  private async turn(): Promise<void> {
    const { clock, trouble } = this.deps;
    const { signal } = this.stopping;
    while (!signal.aborted && this.shown !== this.wanted) {
      const { wanted } = this;
      try {
        await this.driver.set(wanted);
        this.shown = wanted;
        this.backoff.reset();
        trouble(this.light, null);
      } catch (thrown) {
        if (!isFailure(thrown)) throw thrown;
        this.shown = null;
        trouble(this.light, thrown);
        await clock.sleep(this.backoff.nextMs(), signal).catch(() => undefined);
      }
    }
    this.turning = null;
  }
}

function gpioLamp(
  what: string,
  settings: z.infer<typeof gpioLineSchema>,
  deps: LightsDeps,
  lost: (why: Failure) => void,
): LampDriver {
  const line = new HeldLine(what, settings, { ...deps, lost });
  // The level of a released line is undefined, but most drivers keep it, so the lamp is switched off first.
  const stop = () =>
    line
      .set(false)
      .catch(() => undefined)
      .finally(() => line.release());
  return { set: (isLit) => line.set(isLit), stop };
}

const FILE_BYTES_MAX = 4_096;

/** A kernel LED (Documentation/leds/leds-class.rst), with the files `brightness` and `trigger`. */
class Led implements LampDriver {
  private readonly what: string;
  private readonly name: string;
  private readonly disk: Disk;
  private readonly folder: string;
  /** Its trigger before the first `set`. */
  private trigger: string | null = null;

  constructor(what: string, name: string, { disk, sysfs }: LightsDeps) {
    this.what = what;
    this.name = name;
    this.disk = disk;
    this.folder = `${sysfs}/class/leds/${name}`;
  }

  async set(isLit: boolean): Promise<void> {
    try {
      if (this.trigger === null) {
        // `none [mmc0] timer`: the active trigger is in brackets.
        this.trigger = /\[([\w-]+)\]/.exec(await this.read('trigger'))?.[1] ?? 'none';
        await this.write('trigger', 'none');
      }
      await this.write('brightness', isLit ? (await this.read('max_brightness')).trim() : '0');
    } catch (thrown) {
      const code = systemCode(thrown);
      if (code === null) throw thrown;
      const detail =
        code === 'ENOENT'
          ? `there is no LED ${this.name}; \`ls /sys/class/leds\` lists them`
          : `the LED ${this.name} cannot be written (${code}); \`doorsill device install\` sets the rights`;
      throw failure('hardware_unavailable', { what: this.what, detail }, thrown);
    }
  }

  async stop(): Promise<void> {
    const { trigger } = this;
    if (trigger === null) return;
    await this.set(false).catch(() => undefined);
    if (trigger !== 'none') await this.write('trigger', trigger).catch(() => undefined);
  }

  private async read(file: string): Promise<string> {
    const bytes = await this.disk.readFile(`${this.folder}/${file}`, FILE_BYTES_MAX);
    if (!bytes) throw Object.assign(new Error(`${file} is missing`), { code: 'ENOENT' });
    return new TextDecoder().decode(bytes);
  }

  private async write(file: string, text: string): Promise<void> {
    const opened = await this.disk.open(`${this.folder}/${file}`, { create: false });
    try {
      await opened.write(0, utf8(`${text}\n`));
    } finally {
      await opened.close();
    }
  }
}
