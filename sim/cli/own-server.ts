// Owns: an owner's session at the own server of a doorbell on this machine, for the verbs that need one. Not here: the session
// (device/owner/own-server-client.ts), what is done in it.
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  askConsole,
  failure,
  loadOrCreateOwnerKey,
  OwnServerClient,
  pairingSocketPath,
  type Signer,
} from '../../device/exports-without-firmware.ts';
import {
  type Context,
  chosenHome,
  doorbellFolder,
  type OwnerOptions,
  ownerFolder,
  withOwnerOptions,
} from './context.ts';

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

/** Runs `work` in a session, which ends with it. Throws `not_running`, `console_off`, what `OwnServerClient.open` throws. */
export async function withOwnServer<Result>(
  context: Context,
  options: ServerOptions,
  work: (at: { server: OwnServerClient; signer: Signer; device: { id: string; key: string } }) => Promise<Result>,
): Promise<Result> {
  const home = await chosenHome(context, options);
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
