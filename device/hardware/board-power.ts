// Polls a board's flags of low voltage and throttling, from a Pi's firmware or the kernel's sensor. A temperature is never read.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Programs } from '@doorsill/base/system-programs';
import { type Failure, failure } from '@doorsill/contract/errors';

/** The board's flags, now and since the boot. */
interface PowerSigns {
  lowVoltage: boolean;
  slowed: boolean;
  lowVoltageBefore: boolean;
  slowedBefore: boolean;
}

interface PowerSeams {
  clock: Clock;
  disk: Disk;
  programs: Programs;
  /** Mount point of sysfs, /sys. */
  sysfs: string;
}

const VCGENCMD_MS_MAX = 5_000;
const TEXT_BYTES_MAX = 4_096;
/** Bits of get_throttled: voltage; frequency capped, throttled, soft temperature limit. Since boot: 16 bits higher. */
const BITS = { lowVoltage: 0x1, slowed: 0xe } as const;

/**
 * Reads the flags from a Pi's firmware (`vcgencmd get_throttled`), else from the kernel's sensor `rpi_volt`; null if neither exists, or
 * the signal is aborted.
 */
export async function readPower(
  { clock, disk, programs, sysfs }: PowerSeams,
  signal: AbortSignal = new AbortController().signal,
): Promise<PowerSigns | null> {
  let printed = '';
  const run = programs.run(['vcgencmd', 'get_throttled'], (chunk) => {
    printed = (printed + new TextDecoder().decode(chunk)).slice(0, 200);
  });
  const timer = clock.after(VCGENCMD_MS_MAX, () => run.stop());
  const stop = () => run.stop();
  signal.addEventListener('abort', stop, { once: true });
  const { status } = await run.ended;
  signal.removeEventListener('abort', stop);
  timer.cancel();
  if (signal.aborted) return null;
  const said = status === 0 ? /^throttled=0x([0-9a-f]{1,8})\s*$/i.exec(printed) : null;
  if (said) {
    const bits = Number.parseInt(said[1] ?? '', 16);
    const is = (mask: number) => (bits & mask) !== 0;
    return {
      lowVoltage: is(BITS.lowVoltage),
      slowed: is(BITS.slowed),
      lowVoltageBefore: is(BITS.lowVoltage << 16),
      slowedBefore: is(BITS.slowed << 16),
    };
  }
  const sensors = `${sysfs}/class/hwmon`;
  for (const sensor of await disk.list(sensors).catch(() => [])) {
    if ((await textOf(disk, `${sensors}/${sensor}/name`)) !== 'rpi_volt') continue;
    const lowVoltage = (await textOf(disk, `${sensors}/${sensor}/in0_lcrit_alarm`)) === '1';
    return { lowVoltage, slowed: false, lowVoltageBefore: false, slowedBefore: false };
  }
  return null;
}

const textOf = (disk: Disk, path: string): Promise<string | null> =>
  disk.readFile(path, TEXT_BYTES_MAX).then(
    (bytes) => bytes && new TextDecoder().decode(bytes).trim(),
    () => null,
  );

/** Polling interval. */
const LOOK_MS = 10_000;

/** Polls the board while the doorbell runs, if it has such flags. */
export class BoardPower {
  private readonly seams: PowerSeams;
  private readonly trouble: (why: Failure | null) => void;
  private timer: Timer | null = null;
  private stopping = new AbortController();
  private slowed = false;

  /** `trouble` is called with the current fault of power or heat, or null. */
  constructor(seams: PowerSeams, trouble: (why: Failure | null) => void) {
    this.seams = seams;
    this.trouble = trouble;
  }

  /** Whether the board has throttled its processor. */
  get isSlowed(): boolean {
    return this.slowed;
  }

  start(): void {
    this.stopping = new AbortController();
    void this.begin(this.stopping.signal);
  }

  stop(): void {
    this.stopping.abort();
    this.timer?.cancel();
    this.timer = null;
  }

  /** Only boards have a device tree; on other machines no program is run. */
  private async begin(signal: AbortSignal): Promise<void> {
    const { disk, sysfs } = this.seams;
    if ((await textOf(disk, `${sysfs}/firmware/devicetree/base/model`)) !== null) await this.look(signal);
  }

  private async look(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const signs = await readPower(this.seams, signal);
    if (!signs || signal.aborted) return;
    this.slowed = signs.slowed;
    if (signs.lowVoltage) this.trouble(failure('board_voltage_low'));
    else this.trouble(signs.slowed ? failure('board_slowed') : null);
    this.timer = this.seams.clock.after(LOOK_MS, () => void this.look(signal));
  }
}
