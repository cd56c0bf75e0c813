// The child process of the kill test: opens a bridge's file, which migrates it, and prints when it has begun and ended.
import { openBridgeDatabase } from '../../support/bridge-database.ts';

const [path = ''] = process.argv.slice(2);
process.stdout.write('begun\n');
const database = await openBridgeDatabase(path);
await database.close();
process.stdout.write('ended\n');
