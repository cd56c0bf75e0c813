// Broker and bridge in this process, with their folders' locks and their log files. An unexpected error of one of them ends this process,
// as it would end its own.
import { join } from 'node:path';
import { type LogLevel, openLogFile } from '@doorsill/base/log';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { holdFolder } from '@doorsill/device/cli/run-part';
import {
  type BridgeOptions,
  type PartSeams,
  type RunningPart,
  startBridgePart,
  startBrokerPart,
} from './start-server-part.ts';

type InProcessPart = 'broker' | 'bridge';
type StartPart = (seams: PartSeams, folder: string) => Promise<RunningPart>;

export interface InProcessPartsDeps extends Omit<PartSeams, 'log'> {
  logLevel: LogLevel;
  paths: Record<InProcessPart | 'logs', string>;
}

export class InProcessParts {
  private readonly deps: InProcessPartsDeps;
  /** Each part from the moment it begins to start. */
  private readonly parts = new Map<InProcessPart, Promise<RunningPart>>();

  constructor(deps: InProcessPartsDeps) {
    this.deps = deps;
  }

  /** Starts the broker on loopback; resolves with the content of its ready line. Throws `data_folder_locked`, `port_in_use`. */
  startBroker(port: number): Promise<unknown> {
    return this.hold('broker', (seams, folder) =>
      startBrokerPart(seams, { folder, port, host: '127.0.0.1', prefix: DEFAULT_PREFIX }),
    );
  }

  /** Starts the bridge; resolves with the content of its ready line. Throws as `startBroker`, and `config_invalid`. */
  startBridge(options: Omit<BridgeOptions, 'folder'>): Promise<unknown> {
    return this.hold('bridge', (seams, folder) => startBridgePart(seams, { folder, ...options }));
  }

  /** Ends a part, after its start if it is still starting; does nothing if it does not run. */
  async stop(name: InProcessPart): Promise<void> {
    const part = await this.parts.get(name)?.catch(() => null);
    this.parts.delete(name);
    await part?.stop();
  }

  private async hold(name: InProcessPart, start: StartPart): Promise<unknown> {
    const part = this.startAlone(name, start);
    this.parts.set(name, part);
    return (await part).ready;
  }

  /** Starts a part under its folder's lock, which is released when the part has stopped. */
  private async startAlone(name: InProcessPart, start: StartPart): Promise<RunningPart> {
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
