// Child process of the kill tests: appends segments to a ring file and prints each number once it is acknowledged.
import { killedRing, unevenSegment } from './killed-ring.ts';

const [path = '', first = '0', fragmentBytes = '9000', bytesMax = '262144'] = process.argv.slice(2);
const ring = killedRing(path, Number(bytesMax));
await ring.start();
for (let number = Number(first); ; number += 1) {
  await ring.append(unevenSegment(number, Number(fragmentBytes)));
  process.stdout.write(`${number}\n`);
}
