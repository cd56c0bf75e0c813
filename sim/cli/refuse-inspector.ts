// Owns: keeping Node's inspector shut in every doorsill process: it listens on a port of this machine that asks nobody who they
// are, and shows and changes all memory: keys, and on the device footage. Not here: core dumps (the device), other debuggers.
import { url } from 'node:inspector';
import { failure } from '../../device/client.ts';

/**
 * From here on SIGUSR1 does not open the inspector, as it does in every Node process without a listener for it. Throws
 * `inspector_open` when it is open already: by --inspect, or by a signal that came before.
 */
export function refuseInspector(): void {
  // There is no such signal on Windows.
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);
  const open = url();
  if (open !== undefined) throw failure('inspector_open', { url: open });
}
