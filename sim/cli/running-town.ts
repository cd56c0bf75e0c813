// Owns: where the parts of a running town are, for verbs of its agency, moderators and operators. Not here: an owner's session
// (context.ts).
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Disk, failure, type SigningKey } from '../../device/client.ts';
import { agencyId, KEY_NAME, loadAgencyKey } from '../officer/officer.ts';
import { readTownFile, townPaths } from '../supervisor/town-file.ts';
import { type Context, dataFolder, expectRunning } from './context.ts';

export interface TownOptions {
  data?: string;
}

export interface AgencyOptions extends TownOptions {
  agency?: string;
}

/** The parts of a town, each with its address and its folder on this machine. */
export interface RunningTown {
  folder: string;
  agency: string;
  bridge: { id: string; url: string; folder: string };
  registry: { id: string; url: string; key: string; folder: string };
  vault: { url: string; folder: string } | null;
}

export function withTownOptions(command: Command): Command {
  return command.option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)');
}

/** Adds the options of verbs that an agency runs. */
export function withAgencyOptions(command: Command): Command {
  return withTownOptions(command).option(
    '--agency <dir>',
    'folder with the agency’s key (default: DATA/agency, the town’s demo agency)',
  );
}

/** The town that the options name. Throws `not_running`. */
export async function openTown(disk: Disk, options: TownOptions): Promise<RunningTown> {
  const folder = dataFolder(options.data);
  const town = await readTownFile(disk, folder);
  if (!town?.bridge || !town.registry) throw failure('not_running', { folder });
  await expectRunning(disk, folder);
  const paths = townPaths(folder);
  return {
    folder,
    agency: paths.agency,
    bridge: { ...town.bridge, folder: paths.bridge },
    registry: { ...town.registry, folder: paths.registry },
    vault: town.vault ? { url: town.vault.url, folder: paths.vault } : null,
  };
}

/** The folder with the agency's key that the options name. */
export function agencyFolder(options: AgencyOptions, town: Pick<RunningTown, 'agency'>): string {
  return options.agency === undefined ? town.agency : resolve(options.agency);
}

/** The agency whose key lies in the folder that the options name. Throws `usage` when there is none. */
export async function openAgency(
  context: Context,
  options: AgencyOptions,
  town: Pick<RunningTown, 'agency'>,
): Promise<{ key: SigningKey; id: string; folder: string }> {
  const folder = agencyFolder(options, town);
  if ((await context.disk.sizeOf(resolve(folder, KEY_NAME))) === null)
    throw failure('usage', { detail: `no agency's key is in ${folder}; make one with \`doorsill agency apply\`` });
  const key = await loadAgencyKey(context, folder);
  return { key, id: agencyId(key), folder };
}

export interface BridgeOptions extends TownOptions {
  url?: string;
  bridgeData?: string;
}

/** Adds the options of verbs that a bridge's operator runs. */
export function withBridgeOptions(command: Command): Command {
  return withTownOptions(command)
    .option('--url <url>', 'a bridge that is no town’s; with --bridge-data')
    .option('--bridge-data <dir>', 'that bridge’s folder, for its admin token');
}

/** The bridge that the options name: its address, and its folder on this machine. Throws `not_running`, `usage`. */
export async function openBridge(disk: Disk, options: BridgeOptions): Promise<{ url: string; folder: string }> {
  const { url, bridgeData } = options;
  if ((url === undefined) !== (bridgeData === undefined))
    throw failure('usage', { detail: '--url and --bridge-data go together' });
  if (url !== undefined && bridgeData !== undefined)
    return { url: url.replace(/\/+$/, ''), folder: resolve(bridgeData) };
  return (await openTown(disk, options)).bridge;
}
