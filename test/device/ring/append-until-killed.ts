// Owns: the child of the kill tests: appends segments to a ring file and prints each number once it is acknowledged.
// Not here: when it dies (ring-file-kill.test.ts).
import { ManualClock } from '../../../device/base/clock.ts';
import { SystemDisk } from '../../../device/base/disk.ts';
import { silentLog } from '../../../device/base/log.ts';
import { SystemRandom } from '../../../device/base/random.ts';
import { RingFile } from '../../../device/ring/ring-file.ts';
import { FileDeviceKey } from '../../../device/ring/wrapped-keys.ts';
import { NOON_US, segmentOf } from './segments.ts';

const [path = '', first = '0', fragmentBytes = '9000', bytesMax = '262144'] = process.argv.slice(2);
const random = new SystemRandom();
const disk = new SystemDisk();
const ring = new RingFile({
  disk,
  clock: new ManualClock(NOON_US),
  random,
  log: silentLog(),
  wrapper: new FileDeviceKey(disk, random, `${path}.device`),
  path,
  bytesMax: Number(bytesMax),
  retentionS: 1e6,
  cipher: 'aes-256-gcm',
  segmentBytesMax: Math.floor(Number(bytesMax) / 4),
});
await ring.start();
for (let number = Number(first); ; number += 1) {
  await ring.append(segmentOf(number, { fragmentBytes: Number(fragmentBytes) + ((number * 7919) % 20_000) }));
  process.stdout.write(`${number}\n`);
}
