// The database driver of this Node, for tests that read or change a database behind the bridge's back.
import { loadDriver } from '../../cloud-bridge/persistence/sqlite-driver.ts';

export const Sqlite = loadDriver();
