// Owns: the registry as a process: settings in, running until told to stop. Not here: command-line parsing (sim/cli).
import { SystemClock } from '../../device/base/clock.ts';
import { SystemDisk } from '../../device/base/disk.ts';
import { lockFolder } from '../../device/base/folder-lock.ts';
import { type LogLevel, openLog } from '../../device/base/log.ts';
import { SystemRandom } from '../../device/base/random.ts';
import { failure } from '../../device/protocol/errors.ts';
import { parseConfig } from '../config.ts';
import { registryConfigSchema } from './config.ts';
import { Registry } from './registry.ts';

/** What the caller can tell its user. */
export interface RunningRegistry {
  registry: Registry;
  stop(): Promise<void>;
}

/** Starts a registry on its data folder. Throws `config_invalid`, `data_folder_locked`, `state_damaged`, `port_in_use`. */
export async function runRegistry(settings: unknown, logLevel: LogLevel): Promise<RunningRegistry> {
  const config = parseConfig(registryConfigSchema, settings, 'registry');
  const lock = lockFolder(config.dataFolder);
  if ('heldBy' in lock) throw failure('data_folder_locked', { folder: config.dataFolder, pid: lock.heldBy });
  const registry = new Registry({
    clock: new SystemClock(),
    random: new SystemRandom(),
    disk: new SystemDisk(),
    log: openLog(logLevel, 'registry'),
    config,
  });
  try {
    await registry.start();
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
  const stop = async () => {
    await registry.stop();
    lock.release();
  };
  return { registry, stop };
}
