// Owns: broker and bridge inside this process: their folders' locks, their log files, the end of each. An error that neither expects
// ends this process, as it would end one of their own. Not here: how each starts (start-server-part.ts), their ports (testbed.ts).
import { join } from 'node:path';
import { type LogLevel, openLogFile } from '@doorsill/base/log';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { holdFolder } from '@doorsill/device/cli/run-part';
import {
  type BridgeWords,
  type PartSeams,
  type RunningPart,
  startBridgePart,
  startBrokerPart,
} from './start-server-part.ts';

type InsidePart = 'broker' | 'bridge';
type StartPart = (seams: PartSeams, folder: string) => Promise<RunningPart>;

export interface InsidePartsDeps extends Omit<PartSeams, 'log'> {
  logLevel: LogLevel;
  paths: Record<InsidePart | 'logs', string>;
}

export class InsideParts {
  private readonly deps: InsidePartsDeps;
  /** Each part from the moment it begins to start. */
  private readonly parts = new Map<InsidePart, Promise<RunningPart>>();

  constructor(deps: InsidePartsDeps) {
    this.deps = deps;
  }

  /** Starts the broker on loopback and resolves with what its ready line would tell. Throws `data_folder_locked`, `port_in_use`. */
  startBroker(port: number): Promise<unknown> {
    return this.hold('broker', (seams, folder) =>
      startBrokerPart(seams, { folder, port, host: '127.0.0.1', prefix: DEFAULT_PREFIX }),
    );
  }

  /** Starts the bridge and resolves with what its ready line would tell. Throws as `startBroker`, and `config_invalid`. */
  startBridge(words: Omit<BridgeWords, 'folder'>): Promise<unknown> {
    return this.hold('bridge', (seams, folder) => startBridgePart(seams, { folder, ...words }));
  }

  /** Ends a part, one that is still starting once it has; does nothing where it does not run. */
  async stop(name: InsidePart): Promise<void> {
    const part = await this.parts.get(name)?.catch(() => null);
    this.parts.delete(name);
    await part?.stop();
  }

  private async hold(name: InsidePart, start: StartPart): Promise<unknown> {
    const part = this.startAlone(name, start);
    this.parts.set(name, part);
    return (await part).ready;
  }

  /** Starts a part that has its folder for itself until it has stopped. */
  private async startAlone(name: InsidePart, start: StartPart): Promise<RunningPart> {
    const { paths, logLevel, ...seams } = this.deps;
    const lock = holdFolder(paths[name]);
    try {
      const file = join(paths.logs, `${name}.log`);
      await seams.disk.replaceFile(file, new Uint8Array());
      const log = openLogFile(file, logLevel, name);
      const { ready, stop } = await start({ ...seams, log }, paths[name]);
      return { ready, stop: () => stop().finally(() => lock.release()) };
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }
}
