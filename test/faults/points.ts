// Owns: where faults can come: the calls that change what is on a disk, and faults at them. Not here: the stories.
import type { Fault, TracedCall } from '../support/strace.ts';

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

/** A disk that is full from one call on: that call and every later write of data finds no space. */
export function fullFrom(points: readonly TracedCall[], point: TracedCall): Fault[] {
  const at = points.indexOf(point);
  const faults: Fault[] = ['write', 'pwrite64'].map((call) => {
    const before = points.slice(0, at).filter((one) => one.call === call).length;
    return { call, at: before + 1, how: 'ENOSPC', onwards: true };
  });
  const isData = faults.some(({ call }) => call === point.call);
  return isData ? faults : [...faults, { call: point.call, at: point.nth, how: 'ENOSPC' }];
}
