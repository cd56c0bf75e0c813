// Owns: starting broker and bridge from what their verbs are told: the same way in a process of their own (cli/part-verbs.ts) and in
// that of `up` (testbed.ts). Not here: what they do, the options as text. Each loads only its own part, which is quicker.

import { join } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Log } from '@doorsill/base/log';
import type { Random } from '@doorsill/base/random';
import type { BridgeConfigInput } from '@doorsill/cloud-bridge';
import { readSettings } from '@doorsill/device/settings-file';
import type { BrokerOptions } from '../broker/broker.ts';

/** The seams that a part stands on. */
export interface PartSeams {
  clock: Clock;
  random: Random;
  disk: Disk;
  log: Log;
}

/** A part that runs in this process; `ready`: what its ready line tells. */
export interface RunningPart<Ready extends { url: string } = { url: string }> {
  ready: Ready;
  stop(): Promise<void>;
}

/** Where the bridge finds the others; what is absent stays as its bridge.json has it. */
export interface BridgeWords {
  folder: string;
  port?: number;
  registry?: { url?: string; key?: string };
  area?: { url?: string; accounts?: string };
  vault?: { url?: string; key?: string };
}

/** Starts the embedded broker on a folder; `connections`: how many at once, default 4,096. Throws `port_in_use`. */
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
  { folder, port, registry, area, vault }: BridgeWords,
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
