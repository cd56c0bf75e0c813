// How long footage lasts in a space, and the spaces and times to choose from.

const GB = 1_000_000_000;
const MB = 1_000_000;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** Times after which footage is destroyed, in seconds. */
export const KEPT_S = [6 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 3 * DAY_S, 7 * DAY_S, 14 * DAY_S, 30 * DAY_S];
export const KEPT_S_DEFAULT = DAY_S;

const SPACES = [256 * MB, ...[1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((size) => size * GB)];
/** Part of the free space that footage may take: the system and other files need some, too. */
const SHARE_MAX = 0.8;
const SPARE_BYTES = 500 * MB;
/** Without room on the disk footage is in memory. */
export const MEMORY_BYTES = 64 * MB;

/** Assumed where a camera could not be measured: what a doorbell encodes at 1280x720. */
export const BITS_PER_SECOND_ASSUMED = 2_000_000;

/** The spaces that fit on the disk, smallest first; none on a disk that is nearly full. */
export function spacesOn(freeBytes: number): number[] {
  const most = Math.min(freeBytes * SHARE_MAX, freeBytes - SPARE_BYTES);
  return SPACES.filter((bytes) => bytes <= most);
}

/** The smallest space in which footage lasts for the time, else the largest; null where none fits. */
export function spaceFor(keptS: number, bitsPerSecond: number, spaces: readonly number[]): number | null {
  return spaces.find((bytes) => lastsS(bytes, bitsPerSecond) >= keptS) ?? spaces.at(-1) ?? null;
}

/** Seconds of footage that a space holds. */
export function lastsS(bytes: number, bitsPerSecond: number): number {
  return (bytes * 8) / bitsPerSecond;
}
