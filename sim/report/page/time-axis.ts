// Ticks and labels of a timeline's axis.
const SECOND_US = 1_000_000;
const STEPS_S = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800],
  ...[3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800],
];

export interface Tick {
  /** Since the timeline's start. */
  offsetUs: number;
  text: string;
}

/** Ticks at round times from `fromUs` after the timeline's start on, at most `ticksMax` (at least one). */
export function ticksOf(fromUs: number, lengthUs: number, ticksMax: number): Tick[] {
  const stepUs = stepFor(lengthUs, ticksMax);
  const first = Math.ceil(fromUs / stepUs);
  const amount = Math.floor((fromUs + lengthUs) / stepUs) - first + 1;
  return Array.from({ length: amount }, (_, at) => ({
    offsetUs: (first + at) * stepUs,
    text: offsetText((first + at) * stepUs, stepUs),
  }));
}

function stepFor(lengthUs: number, ticksMax: number): number {
  const fits = (stepUs: number) => lengthUs / stepUs < Math.max(1, ticksMax);
  const longest = 604_800 * SECOND_US;
  const step = STEPS_S.map((s) => s * SECOND_US).find(fits);
  return step ?? longest * Math.ceil(lengthUs / longest / Math.max(1, ticksMax) + 1);
}

/**
 * A time since the start: `7.2 s`, `2:05`, `1:02:05`, `1 d 02:05`. The precision follows the step between ticks; without one it is a
 * hundredth of a second below two minutes.
 */
export function offsetText(offsetUs: number, stepUs = 10_000): string {
  if (Math.abs(offsetUs) < 120 * SECOND_US) {
    const digits = stepUs >= SECOND_US ? 0 : stepUs >= 100_000 ? 1 : 2;
    return `${Number((offsetUs / SECOND_US).toFixed(digits))} s`;
  }
  const seconds = Math.round(offsetUs / SECOND_US);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const two = (value: number) => String(value).padStart(2, '0');
  if (days > 0) return `${days} d ${two(hours)}:${two(minutes)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Wall time to the millisecond with the zone's name; in UTC if the browser does not know the zone. */
export function wallText(atUs: number, zone = 'UTC'): string {
  const at = new Date(atUs / 1000);
  const format = (timeZone: string) =>
    new Intl.DateTimeFormat('en-GB', {
      timeZone,
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
      timeZoneName: 'short',
    }).format(at);
  try {
    return format(zone);
  } catch {
    return format('UTC');
  }
}
