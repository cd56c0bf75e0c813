// Owns: where faults can come: the calls that change what is on a disk, and faults at them. Not here: the stories.
import type { Fault, TracedCall } from '../../support/strace.ts';

/** Calls that change what is on the disk, or make it durable. */
export const WRITE_CALLS = [
  ...['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'fsync', 'fdatasync', 'sync_file_range'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink', 'unlinkat', 'rmdir', 'mkdir', 'mkdirat'],
  ...['ftruncate', 'truncate', 'fallocate', 'openat', 'copy_file_range', 'sendfile'],
];

/** Of the calls of a run, those that can change something: opening counts where it makes or empties a file. */
export function writePoints(calls: readonly TracedCall[]): TracedCall[] {
  return calls.filter(({ call, text }) => call !== 'openat' || /O_CREAT|O_TRUNC/.test(text));
}

/** A disk that became read-only before one call: neither it nor any later one changes anything. */
export function readOnlyFrom(points: readonly TracedCall[], point: TracedCall): Fault[] {
  const calls = ['write', 'pwrite64', 'fdatasync', 'fsync', 'rename', 'unlink', 'rmdir', 'mkdir', 'ftruncate'];
  return failingFrom(points, point, calls, 'EROFS');
}

/** One call that meets an input/output error. */
export function failingOnce(_points: readonly TracedCall[], { call, nth }: TracedCall): Fault[] {
  return [{ call, at: nth, how: 'EIO' }];
}

function failingFrom(
  points: readonly TracedCall[],
  point: TracedCall,
  calls: readonly string[],
  how: Fault['how'],
): Fault[] {
  const earlier = points.slice(0, points.indexOf(point));
  return calls.map((call) => {
    const before = earlier.filter((one) => one.call === call).length;
    return { call, at: before + 1, how, onwards: true };
  });
}

/** A disk that is full from one call on: that call and every later write of data finds no space. */
export function fullFrom(points: readonly TracedCall[], point: TracedCall): Fault[] {
  const faults = failingFrom(points, point, ['write', 'pwrite64'], 'ENOSPC');
  const isData = faults.some(({ call }) => call === point.call);
  return isData ? faults : [...faults, { call: point.call, at: point.nth, how: 'ENOSPC' }];
}
