// The verb `pair`: registers this machine's owner key with a device, over a socket that only the device's user can open.
import { join, resolve } from 'node:path';
import { tlsFilesRead } from '@doorsill/base/link-failure';
import { readTlsFiles, type TlsFiles } from '@doorsill/base/tls';
import { brokerUserSchema } from '@doorsill/contract/ids';
import { type Command, Option } from 'commander';
import { loadOrCreateOwnerKey } from '../owner/owner-key.ts';
import { listPairedDevices, storePairedDevice } from '../owner/paired-devices.ts';
import { askConsole, confirmPairing, pairWithDevice } from '../owner/pairing-client.ts';
import { failure } from '../terminal/errors.ts';
import { drawPairingCode } from '../terminal/pairing-code.ts';
import { readSecretText } from '../terminal/secret-input.ts';
import { type Context, dataFolder, type OwnerOptions, openContext, ownerFolder, withOwnerOptions } from './context.ts';
import { localSocket } from './own-server.ts';
import { hasDoorbell } from './surroundings.ts';

interface PairOptions extends OwnerOptions {
  socket?: string;
  name: string;
  ca?: string;
  cert?: string;
  key?: string;
  user?: string;
  passwordFile?: string;
  list?: boolean;
  show?: boolean;
  confirm?: string;
}

/** The owner's existing account at the home broker; undefined when the device shall create one. */
async function ownAccount(
  context: Context,
  { user, passwordFile }: PairOptions,
): Promise<{ user: string; password: string } | undefined> {
  if ((user === undefined) !== (passwordFile === undefined))
    throw failure('usage', { detail: '--user and --password-file go together' });
  if (user === undefined || passwordFile === undefined) return undefined;
  if (!brokerUserSchema.safeParse(user).success)
    throw failure('usage', { detail: '--user takes up to 128 printable letters' });
  return { user, password: await readSecretText(context.disk, passwordFile) };
}

/** The owner's TLS files by absolute path, after a check that they exist; null when none are named. */
async function ownTls(context: Context, { ca, cert, key }: PairOptions): Promise<TlsFiles | null> {
  if (!cert !== !key) throw failure('usage', { detail: '--cert and --key go together' });
  if (!ca && !cert) return null;
  const files = {
    ...(ca ? { ca: resolve(ca) } : {}),
    ...(cert && key ? { certificate: resolve(cert), key: resolve(key) } : {}),
  };
  await tlsFilesRead(readTlsFiles(context.disk, resolve(), files));
  return files;
}

async function showConsole(context: Context, socket: string): Promise<void> {
  const address = await askConsole(context, socket);
  if (!address) throw failure('console_off');
  context.output.result({ ...address }, drawPairingCode(address));
}

async function confirmPhone(context: Context, socket: string, typed: string): Promise<void> {
  const code = typed.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(code)) throw failure('usage', { detail: '--confirm takes the six digits that the phone shows' });
  const name = await confirmPairing(context, socket, code);
  context.output.result({ paired: name }, `${name} is an owner of this doorbell now.`);
}

export function addPair(program: Command): void {
  withOwnerOptions(program.command('pair'))
    .description("pair this machine's owner with a device on this machine")
    .option('--socket <path>', "the device's pairing socket, as it prints it (default: that of the doorbell in DATA)")
    .option('--name <name>', 'how the device should call this owner', 'owner')
    .option('--user <name>', "this owner's account at a broker of your own (default: the device makes one)")
    .option('--password-file <file>', 'file with its password')
    .option('--ca <file>', "PEM authority of the broker's certificate (default: what the device names)")
    .option('--cert <file>', 'PEM certificate of this owner, for a broker that asks for one')
    .option('--key <file>', 'its private key')
    .addOption(new Option('--list', 'list the paired devices').conflicts(['show', 'confirm']))
    .addOption(
      new Option('--show', 'draw the code that a phone scans to pair with the doorbell’s own server').conflicts(
        'confirm',
      ),
    )
    .option('--confirm <code>', 'confirm the phone that shows these six digits')
    .addHelpText(
      'after',
      '\nExamples:\n  $ doorsill pair --socket ./porch/run/pairing.sock --owner ./me\n  $ doorsill pair --list\n  $ doorsill pair --show\n  $ doorsill pair --show --data ./porch\n  $ doorsill pair --confirm 123456',
    )
    .action(async (options: PairOptions, command: Command) => {
      const context = openContext(command);
      if (options.name.length < 1 || options.name.length > 60)
        throw failure('usage', { detail: '--name takes 1 to 60 letters' });
      const folder = ownerFolder(options);
      if (options.list) {
        const homes = await listPairedDevices(context.disk, folder);
        const lines = homes.map((home) => `${home.device}  ${home.name}  ${home.account.url}`);
        context.output.result(
          { homes: homes.map(({ account: _, ...home }) => home) },
          lines.join('\n') || 'No paired device.',
        );
        return;
      }
      const socket = options.socket ?? (await localSocket(context, options));
      if (options.show) return showConsole(context, socket);
      if (options.confirm !== undefined) return confirmPhone(context, socket, options.confirm);
      const data = dataFolder(options.data);
      if (!options.owner && (await hasDoorbell(context.disk, data)))
        throw failure('usage', { detail: `${data} is the doorbell’s own folder: name yours with --owner` });
      const key = await loadOrCreateOwnerKey(context.disk, context.random, join(folder, 'owner.key'));
      const tls = await ownTls(context, options);
      const account = await ownAccount(context, options);
      const home = { ...(await pairWithDevice(context, socket, key, options.name, account)), ...(tls ? { tls } : {}) };
      await storePairedDevice(context.disk, folder, home);
      if (!home.trust) context.output.progress('The device is not enrolled with a bridge yet; pair again after it is.');
      context.output.result({ device: home.device, name: home.name }, `Paired with ${home.name} (${home.device}).`);
    });
}
