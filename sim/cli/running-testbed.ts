// Owns: finding the parts of a running testbed, for verbs of its agency, moderators and operators. Not here: an owner's session
// (context.ts).

import { resolve } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { type Context, dataFolder } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { agencyId, KEY_NAME, loadAgencyKey } from '../officer/agency-client.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { expectRunning } from '../testbed/testbed-surroundings.ts';

export interface TestbedOptions {
  data?: string;
}

export interface AgencyOptions extends TestbedOptions {
  agency?: string;
}

/** The parts of a testbed, each with its address and its folder on this machine. */
export interface RunningTestbed {
  folder: string;
  agency: string;
  bridge: { id: string; url: string; folder: string };
  registry: { id: string; url: string; key: string; folder: string };
  vault: { url: string; folder: string } | null;
}

export function withTestbedOptions(command: Command): Command {
  return command.option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)');
}

/** Adds the options of verbs that an agency runs. */
export function withAgencyOptions(command: Command): Command {
  return withTestbedOptions(command).option(
    '--agency <dir>',
    'folder with the agency’s key (default: DATA/agency, the testbed’s demo agency)',
  );
}

/** The testbed that the options name. Throws `not_running`. */
export async function openTestbed(disk: Disk, options: TestbedOptions): Promise<RunningTestbed> {
  const folder = dataFolder(options.data);
  const testbed = await readTestbedFile(disk, folder);
  if (!testbed?.bridge || !testbed.registry) throw failure('not_running', { folder });
  await expectRunning(disk, folder);
  const paths = testbedPaths(folder);
  return {
    folder,
    agency: paths.agency,
    bridge: { ...testbed.bridge, folder: paths.bridge },
    registry: { ...testbed.registry, folder: paths.registry },
    vault: testbed.vault ? { url: testbed.vault.url, folder: paths.vault } : null,
  };
}

/** The folder with the agency's key that the options name. */
export function agencyFolder(options: AgencyOptions, testbed: Pick<RunningTestbed, 'agency'>): string {
  return options.agency === undefined ? testbed.agency : resolve(options.agency);
}

/** The agency whose key lies in the folder that the options name. Throws `usage` when there is none. */
export async function openAgency(
  context: Context,
  options: AgencyOptions,
  testbed: Pick<RunningTestbed, 'agency'>,
): Promise<{ key: SigningKey; id: string; folder: string }> {
  const folder = agencyFolder(options, testbed);
  if ((await context.disk.sizeOf(resolve(folder, KEY_NAME))) === null)
    throw failure('usage', { detail: `no agency's key is in ${folder}; make one with \`doorsill agency apply\`` });
  const key = await loadAgencyKey(context, folder);
  return { key, id: agencyId(key), folder };
}

export interface BridgeOptions extends TestbedOptions {
  url?: string;
  bridgeData?: string;
}

/** Adds the options of verbs that a bridge's operator runs. */
export function withBridgeOptions(command: Command): Command {
  return withTestbedOptions(command)
    .option('--url <url>', 'a bridge that is no testbed’s; with --bridge-data')
    .option('--bridge-data <dir>', 'that bridge’s folder, for its admin token');
}

/** The bridge that the options name: its address, and its folder on this machine. Throws `not_running`, `usage`. */
export async function openBridge(disk: Disk, options: BridgeOptions): Promise<{ url: string; folder: string }> {
  const { url, bridgeData } = options;
  if ((url === undefined) !== (bridgeData === undefined))
    throw failure('usage', { detail: '--url and --bridge-data go together' });
  if (url !== undefined && bridgeData !== undefined)
    return { url: url.replace(/\/+$/, ''), folder: resolve(bridgeData) };
  return (await openTestbed(disk, options)).bridge;
}
