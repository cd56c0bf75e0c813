// The system calls that change a disk, and faults at them.
import type { Fault, TracedCall } from '../../support/strace.ts';

/** Calls that change the disk or make changes durable. */
export const WRITE_CALLS = [
  ...['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'fsync', 'fdatasync', 'sync_file_range'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink', 'unlinkat', 'rmdir', 'mkdir', 'mkdirat'],
  ...['ftruncate', 'truncate', 'fallocate', 'openat', 'copy_file_range', 'sendfile'],
];

/** The calls of a run that may change something; opening a file counts if it creates or truncates it. */
export function writePoints(calls: readonly TracedCall[]): TracedCall[] {
  return calls.filter(({ call, text }) => call !== 'openat' || /O_CREAT|O_TRUNC/.test(text));
}

/** The disk is read-only from one call on. */
export function readOnlyFrom(points: readonly TracedCall[], point: TracedCall): Fault[] {
  const calls = ['write', 'pwrite64', 'fdatasync', 'fsync', 'rename', 'unlink', 'rmdir', 'mkdir', 'ftruncate'];
  return failingFrom(points, point, calls, 'EROFS');
}

/** One call fails with an I/O error. */
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

/** The disk is full from one call on: that call and every later data write fail. */
export function fullFrom(points: readonly TracedCall[], point: TracedCall): Fault[] {
  const faults = failingFrom(points, point, ['write', 'pwrite64'], 'ENOSPC');
  const isData = faults.some(({ call }) => call === point.call);
  return isData ? faults : [...faults, { call: point.call, at: point.nth, how: 'ENOSPC' }];
}
