// Owns: the child of the kill test: opens a bridge's file, which brings it forward, and says when it has begun and ended.
// Not here: when it dies (migrations-kill.slow.test.ts).
import { openBridgeDatabase } from '../../support/bridge-database.ts';

const [path = ''] = process.argv.slice(2);
process.stdout.write('begun\n');
const database = await openBridgeDatabase(path);
await database.close();
process.stdout.write('ended\n');
