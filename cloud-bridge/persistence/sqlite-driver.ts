// Loads the package that opens SQLite files: one of two versions.
import { createRequire } from 'node:module';
import { failure } from '@doorsill/contract/errors';
import type Sqlite from 'better-sqlite3';

/**
 * The version for this Node. Version 13 needs Node-API 10, which Node has since 22.14, and crashes below; version 12 aborts since Node 24.19
 * when a statement is collected (`RemoveEnvironmentCleanupHook`).
 */
const DRIVER = Number(process.versions['napi']) >= 10 ? 'better-sqlite3' : 'better-sqlite3-v12';

/**
 * The database driver. Throws `database_driver_missing` where the package or its native part is missing, or was built for another Node or
 * processor. Synchronous: a simulation's scheduler would not see that an `import()` is pending.
 */
export function loadDriver(): typeof Sqlite {
  try {
    const Driver: typeof Sqlite = createRequire(import.meta.url)(DRIVER);
    // The first use loads its native part.
    new Driver(':memory:').close();
    return Driver;
  } catch (thrown) {
    const [detail = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n');
    throw failure('database_driver_missing', { detail }, thrown);
  }
}
