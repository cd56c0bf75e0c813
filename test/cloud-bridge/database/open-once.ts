// Owns: the child of the kill test: opens a bridge's file, which brings it forward, and says when it has begun and ended.
// Not here: when it dies (migrations-kill.slow.test.ts).
import { openDatabase } from '../../../cloud-bridge/database/database.ts';
import { SystemClock } from '../../../device/base/clock.ts';
import { SystemRandom } from '../../../device/base/random.ts';

const [path = ''] = process.argv.slice(2);
process.stdout.write('begun\n');
const database = await openDatabase({ file: path }, { clock: new SystemClock(), random: new SystemRandom() });
await database.close();
process.stdout.write('ended\n');
