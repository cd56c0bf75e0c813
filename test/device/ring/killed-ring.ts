// The ring file and segments of the kill tests' child process.
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import type { Segment } from '../../../device/camera/segment.ts';
import { RingFile } from '../../../device/ring/ring-file.ts';
import { FileDeviceKey } from '../../../device/ring/wrapped-key-files.ts';
import { NOON_US, segmentOf } from './segments.ts';

export function killedRing(path: string, bytesMax: number): RingFile {
  const disk = new SystemDisk();
  const random = new SystemRandom();
  return new RingFile({
    disk,
    clock: new ManualClock(NOON_US),
    random,
    log: silentLog(),
    wrapper: new FileDeviceKey(disk, random, `${path}.device`),
    path,
    bytesMax,
    retentionS: 1e6,
    cipher: 'aes-256-gcm',
    segmentBytesMax: Math.floor(bytesMax / 4),
  });
}

/** A segment by number, up to 20,000 bytes longer than the shortest. */
export function unevenSegment(number: number, fragmentBytesMin: number): Segment {
  return segmentOf(number, { fragmentBytes: fragmentBytesMin + ((number * 7919) % 20_000) });
}
