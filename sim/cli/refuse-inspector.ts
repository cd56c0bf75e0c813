// Owns: keeping Node's inspector closed in every doorsill process: it listens on a local port without authentication,
// and can read and change all memory: keys, and on the device footage. Not here: core dumps (the device), other debuggers.
import { url } from 'node:inspector';
import { failure } from '../../device/exports-without-firmware.ts';

/**
 * From here on SIGUSR1 no longer opens the inspector, as it does in every Node process without a listener for it. Throws
 * `inspector_open` when it is open already: by --inspect, or by an earlier signal.
 */
export function refuseInspector(): void {
  // There is no such signal on Windows.
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);
  const open = url();
  if (open !== undefined) throw failure('inspector_open', { url: open });
}
