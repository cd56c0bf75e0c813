// The options that name a running testbed, its agency, its bridge and an officer, and the parts that they name.

import { resolve } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import type { SigningKey } from '@doorsill/base/keys';
import { accessReasonSchema } from '@doorsill/contract/manifest';
import { type Context, dataFolder } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { agencyId, KEY_NAME, loadAgencyKey } from '../officer/agency-client.ts';
import { adminBearer } from '../officer/registration.ts';
import type { ServiceAccess, Who } from '../officer/service-client.ts';
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
    .option('--url <url>', 'address of a bridge outside a testbed; with --bridge-data')
    .option('--bridge-data <dir>', 'folder of that bridge, for its admin token');
}

/** The bridge that the options name, with its admin token. Throws `not_running`, `usage`. */
export async function openBridge(disk: Disk, options: BridgeOptions): Promise<ServiceAccess> {
  const { url, bridgeData } = options;
  if ((url === undefined) !== (bridgeData === undefined))
    throw failure('usage', { detail: '--url and --bridge-data go together' });
  if (url !== undefined && bridgeData !== undefined)
    return { url: url.replace(/\/+$/, ''), bearer: await adminBearer(disk, resolve(bridgeData)) };
  const { bridge } = await openTestbed(disk, options);
  return { url: bridge.url, bearer: await adminBearer(disk, bridge.folder) };
}

export interface AccessReasonOptions {
  officer?: string;
  reason?: string;
}

/** Adds the options of verbs that show evidence. Neither has a default: a default name would be a false entry in the log. */
export function withAccessReasonOptions(command: Command): Command {
  return command
    .option('--officer <name>', 'the officer’s name or badge, which is logged (required)')
    .option('--reason <text>', 'the reason, which is logged, too (required)');
}

/** The officer and the reason. Throws `usage` when either is missing, or out of limits. */
export function officerOf({ officer, reason }: AccessReasonOptions): Who {
  if (officer === undefined || reason === undefined) {
    throw failure('usage', { detail: 'say who looks and why: --officer NAME --reason TEXT; both are logged' });
  }
  const read = accessReasonSchema.safeParse({ officer, reason });
  if (read.success) return read.data;
  throw failure('usage', {
    detail:
      '--officer takes 2 to 80 characters and --reason 3 to 200, each in one line with at least two letters or digits',
  });
}
