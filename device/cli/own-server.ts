// Access to a doorbell on this machine: an owner's session at its own server, and its pairing socket.
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { OwnServerClient } from '../owner/own-server-client.ts';
import { loadOrCreateOwnerKey } from '../owner/owner-key.ts';
import { askConsole } from '../owner/pairing-client.ts';
import { pairingSocketPath } from '../owner/private-socket.ts';
import type { Signer } from '../owner/sign-owner-messages.ts';
import { failure } from '../terminal/errors.ts';
import {
  type Context,
  chosenHome,
  dataFolder,
  doorbellFolder,
  doorbellsIn,
  type OwnerOptions,
  ownerFolder,
  withOwnerOptions,
} from './context.ts';
import { deviceOf, doorbellCalled, hasDoorbell } from './surroundings.ts';

export interface ServerOptions extends OwnerOptions {
  deviceData?: string;
}

/** Adds the options of verbs that use a doorbell's own server. */
export function withServerOptions(command: Command): Command {
  return withOwnerOptions(command).option(
    '--device-data <dir>',
    "the device's data folder on this machine (default: that of the testbed's doorbell)",
  );
}

/** Runs `work` in a session, then ends it. Throws `not_running`, `console_off`, and as `OwnServerClient.open`. */
export async function withOwnServer<Result>(
  context: Context,
  options: ServerOptions,
  work: (at: { server: OwnServerClient; signer: Signer; device: { id: string; key: string } }) => Promise<Result>,
): Promise<Result> {
  const home = await chosenHome(context, options);
  if (!options.owner && !options.deviceData) await context.around.expectRunning(context.disk, dataFolder(options.data));
  const folder = resolve(options.deviceData ?? (await doorbellFolder(context, options, home.device)));
  const address = await askConsole(context, pairingSocketPath(folder));
  if (!address) throw failure('console_off');
  const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
  const server = await OwnServerClient.open(address, home.device, key);
  try {
    const signer = { key, clock: context.clock, random: context.random };
    return await work({ server, signer, device: { id: home.device, key: home.deviceKey } });
  } finally {
    await server.close();
  }
}

/** Options that name a doorbell on this machine, without an owner's key. */
export interface LocalOptions {
  data?: string;
  device?: string;
  deviceData?: string;
}

/** Adds the options of verbs that ask a doorbell on this machine without an owner's key. */
export function withLocalOptions(command: Command): Command {
  return command
    .option('--data <dir>', "the testbed's folder, or the doorbell's own (default: $DOORSILL_DATA, else .doorsill)")
    .option('--device <doorbell>', 'id or name of the testbed’s doorbell, when there are several')
    .option(
      '--device-data <dir>',
      "the device's data folder on this machine (default: that of the testbed's doorbell)",
    );
}

/** The pairing socket of the doorbell that the options name. Throws `not_running`, `doorbell_not_named`, `doorbell_unknown`. */
export async function localSocket(context: Context, { data, device, deviceData }: LocalOptions): Promise<string> {
  if (deviceData !== undefined) return pairingSocketPath(resolve(deviceData));
  const { disk, around } = context;
  const folder = dataFolder(data);
  if (await hasDoorbell(disk, folder)) return pairingSocketPath(folder);
  const there = await doorbellsIn(context, folder);
  await around.expectRunning(disk, folder);
  return pairingSocketPath((await doorbellCalled(disk, there, device)).path);
}

/**
 * The pairing socket of a paired device in the folder that the options name, or in the testbed; null if it is not there. Throws
 * `not_running` for a testbed that does not run.
 */
export async function socketOfDevice(
  { disk, around }: Context,
  options: ServerOptions,
  device: string,
): Promise<string | null> {
  if (options.deviceData !== undefined) return pairingSocketPath(resolve(options.deviceData));
  const folder = dataFolder(options.data);
  for (const doorbell of await around.doorbells(disk, folder)) {
    if ((await deviceOf(disk, doorbell)) !== device) continue;
    await around.expectRunning(disk, folder);
    return pairingSocketPath(doorbell.path);
  }
  return null;
}
