// Starts broker and bridge in the calling process: their own (cli/part-verbs.ts) or that of `up`. Each loads only its own part, which is
// quicker.
import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import { type Log, type LogLevel, openLogFile } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { BridgeConfigInput } from '@doorsill/cloud-bridge';
import { DEFAULT_PREFIX } from '@doorsill/contract/topics';
import { holdFolder } from '@doorsill/device/cli/run-part';
import { readSettings } from '@doorsill/device/settings-file';
import type { BrokerOptions } from '../broker/broker.ts';

/** The seams of a part. */
export interface PartSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
}

/** A part that runs in this process; `ready`: the content of its ready line. */
export interface RunningPart<Ready extends { url: string } = { url: string }> {
  ready: Ready;
  stop(): Promise<void>;
}

/** The bridge's port and the addresses of the other parts; absent values stay as in its bridge.json. */
export interface BridgeOptions {
  folder: string;
  port?: number;
  registry?: { url?: string; key?: string };
  area?: { url?: string; accounts?: string };
  vault?: { url?: string; key?: string };
}

/** Starts the embedded broker on a folder; `connections`: most at the same time, default 4,096. Throws `port_in_use`. */
export async function startBrokerPart(
  seams: PartSeams,
  {
    folder,
    connections,
    ...options
  }: Pick<BrokerOptions, 'host' | 'port' | 'prefix' | 'tls'> & { folder: string; connections?: number },
): Promise<RunningPart> {
  const { Broker } = await import('../broker/broker.ts');
  const limits = connections === undefined ? {} : { limits: { connections } };
  const part = new Broker({ accounts: join(folder, 'accounts'), ...options, ...limits, ...seams });
  await part.start();
  return { ready: { url: part.url }, stop: () => part.stop() };
}

/** Starts a bridge on a folder, with the settings of its bridge.json and these. Throws `config_invalid`, `port_in_use`. */
export async function startBridgePart(
  seams: PartSeams,
  { folder, port, registry, area, vault }: BridgeOptions,
): Promise<RunningPart<{ url: string; id: string; key: string }>> {
  const file = join(folder, 'bridge.json');
  const stored: Partial<BridgeConfigInput> = (await readSettings(seams.disk, file)) ?? {};
  const input = {
    ...stored,
    dataFolder: folder,
    http: { ...stored.http, ...(port === undefined ? {} : { port }) },
    registry: { ...stored.registry, ...registry },
    area: { ...stored.area, ...area },
    ...(stored.vault || vault ? { vault: { ...stored.vault, ...vault } } : {}),
  };
  const { BridgeConfig, parseConfig, startBridge } = await import('@doorsill/cloud-bridge');
  const part = await startBridge(parseConfig(BridgeConfig, input, file), seams);
  return { ready: { url: part.url, id: part.id, key: part.publicKey }, stop: () => part.stop() };
}

type InProcessPart = 'broker' | 'bridge';
type StartPart = (seams: PartSeams, folder: string) => Promise<RunningPart>;

export interface InProcessPartsDeps extends Omit<PartSeams, 'log'> {
  logLevel: LogLevel;
  paths: Record<InProcessPart | 'logs', string>;
}

/**
 * Broker and bridge in this process, with their folders' locks and their log files. An unexpected error of one of them ends this process,
 * as it would end its own.
 */
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
