// The verb `device setup`: serves the page on which a doorbell is set up, then starts the doorbell.
import { join, resolve } from 'node:path';
import { generateSigningKey } from '@doorsill/base/keys';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { isFailure } from '@doorsill/contract/errors';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { unitFrom } from '../board/board-files.ts';
import { HARDWARE_GROUPS } from '../board/device-unit.ts';
import { beginService } from '../board/system-service.ts';
import type { FoundCamera } from '../camera/find-cameras.ts';
import type { CameraSource } from '../camera/source-interfaces.ts';
import { CONSOLE_PORT } from '../console/console-settings.ts';
import { loadDeviceKey } from '../identity.ts';
import { LEDGER_FILE } from '../ledger/ledger.ts';
import { askConsole, type ConsoleAddress } from '../owner/pairing-client.ts';
import { pairingSocketPath } from '../owner/private-socket.ts';
import { unwrittenSettings } from '../setup/first-settings.ts';
import type { SetupOutcome, SetupServer } from '../setup/setup-server.ts';
import { failure } from '../terminal/errors.ts';
import { drawPairingCode } from '../terminal/pairing-code.ts';
import { calledAs, shellWord } from '../terminal/shell-words.ts';
import { aborted, stopSignal } from '../terminal/stop-signal.ts';
import { type Context, openContext } from './context.ts';
import { holdFolder } from './run-part.ts';

const SERVICE = 'doorsill';
const SERVICE_FOLDER = `/var/lib/${SERVICE}`;
/** A slow board's doorbell needs most of it. */
const START_MS_MAX = 90_000;
const START_POLL_MS = 500;

interface SetupOptions {
  data?: string;
  console?: 'this-machine' | 'home-network';
  port: number;
  camera?: string;
}

/** Adds `device setup`. */
export function addDeviceSetup(device: Command): void {
  device
    .command('setup')
    .description('set a doorbell up on a page that a phone opens by a code, then start it')
    .option('--data <dir>', `the device's folder (default: ${SERVICE_FOLDER}, where its service is installed)`)
    .addOption(
      new Option(
        '--console <where>',
        'who can open the page: a browser on this machine, or phones at home (default: home-network for the service, else this-machine)',
      ).choices(['this-machine', 'home-network']),
    )
    .option('--port <number>', 'port of the page, also afterwards (default: 8480)', readPort, CONSOLE_PORT)
    .option(
      '--camera <source>',
      'offer this camera besides those found, such as file:porch.mp4 (default, only in doorsill: synthetic)',
    )
    .addHelpText(
      'after',
      `
The code is valid for 15 minutes, for one browser. Ctrl-C ends the set-up and leaves nothing.

Examples:
  $ sudo doorsill device setup
  $ doorsill device setup --data ./porch`,
    )
    .action(async (options: SetupOptions, command: Command) => {
      const context = openContext(command);
      const { folder, isService } = await placeOf(context, options);
      const outcome = await setUp(context, folder, {
        ...options,
        isService,
        console: options.console ?? (isService ? 'home-network' : 'this-machine'),
      });
      if (isService) return startService(context, folder, outcome);
      context.output.progress(
        `It starts now; later by: ${calledAs()} device --data ${shellWord(options.data ?? folder)}`,
      );
      const { runDevice } = await import('./run-device.ts');
      await runDevice(context, { data: folder });
    });
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('it takes a number to 65535');
  return port;
}

/** The doorbell's folder, and whether the service of this board runs it. Throws `usage`, `settings_exist`, `records_without_settings`. */
async function placeOf({ disk }: Context, { data }: SetupOptions): Promise<{ folder: string; isService: boolean }> {
  const isInstalled = (await unitFrom(disk, '/', SERVICE)) !== null;
  if (data === undefined && !isInstalled)
    throw failure('usage', { detail: 'name the folder of the doorbell with --data' });
  const folder = resolve(data ?? SERVICE_FOLDER);
  const isService = isInstalled && folder === SERVICE_FOLDER;
  if (isService && process.getuid?.() !== 0)
    throw failure('usage', {
      detail: 'only root sets the service up: run it with sudo, or name another folder with --data',
    });
  await unwrittenSettings(disk, folder);
  if ((await disk.sizeOf(join(folder, 'consent', LEDGER_FILE))) !== null)
    throw failure('records_without_settings', { folder });
  return { folder, isService };
}

/** Serves the page until settings are written. Throws `setup_expired`, `setup_guessed`, `interrupted`: then the folder is as before. */
async function setUp(
  context: Context,
  folder: string,
  options: SetupOptions & { isService: boolean; console: 'this-machine' | 'home-network' },
): Promise<SetupOutcome> {
  const { clock, disk, random, output, around } = context;
  const [{ SetupServer }, { findFfmpeg }, { asNobody }] = await Promise.all([
    import('../setup/setup-server.ts'),
    import('../camera/find-ffmpeg.ts'),
    import('../setup/try-camera.ts'),
  ]);
  const cameras = await around.cameras();
  const found = await findFfmpeg();
  // The service is not root either, and a camera of the network may be anybody's.
  const ffmpeg = options.isService ? await asNobody(clock, found, HARDWARE_GROUPS) : found;
  const offered = await offeredBy(context, options.camera);
  const wasThere = (await disk.sizeOf(folder)) !== null;
  const signal = stopSignal();
  const lock = holdFolder(folder);
  let outcome: SetupOutcome | null = null;
  let server: SetupServer | null = null;
  try {
    // Another set-up may have ended since it was looked for.
    await unwrittenSettings(disk, folder);
    const key = (await loadDeviceKey(disk, folder)) ?? generateSigningKey(random);
    server = new SetupServer({
      ...{ clock, random, disk, log: context.log, ffmpeg, programs: new SystemPrograms(), cameras },
      ...{ folder, key, listen: options.console, port: options.port, offered },
    });
    await server.start();
    const { address } = server;
    output.result({ event: 'ready', ...address }, `${drawPairingCode(address)}\n${WAITING}`);
    await Promise.race([server.done, aborted(signal)]);
  } finally {
    outcome = (await server?.stop()) ?? null;
    lock.release();
    if (outcome === null && !wasThere) await disk.remove(folder);
  }
  if (outcome === null) throw signal.reason;
  output.result(
    { event: 'written', ...outcome },
    `${outcome.name}: its settings are written${outcome.paired ? ', and the phone is an owner' : ''}.`,
  );
  // Ctrl-C at the last moment: the settings are written, and the doorbell is not started.
  signal.throwIfAborted();
  return outcome;
}

const WAITING =
  'The page is open for 15 minutes, for the first browser that opens it. Ctrl-C ends it and leaves nothing.';

/** The named camera, or the program's own: it is not found by looking for devices. */
async function offeredBy({ around }: Context, source = around.camera ?? undefined): Promise<FoundCamera[]> {
  if (source === undefined) return [];
  const { parseCameraSource } = await import('../camera/sources.ts');
  return [{ source, label: labelOf(parseCameraSource(source, {}, await around.cameras())), sizes: [] }];
}

function labelOf({ kind, shown }: CameraSource): string {
  return kind === 'synthetic' ? 'A drawn porch, without a camera' : shown.slice(0, 80);
}

/** Starts the service, and waits until its page is served. Throws `board_command_failed`, `service_not_started`. */
async function startService(context: Context, folder: string, { name, listen }: SetupOutcome): Promise<void> {
  const { clock, output } = context;
  beginService(SERVICE);
  const address = await served(context, folder, clock.monotonicMs() + START_MS_MAX);
  if (!address) throw failure('service_not_started', { name: SERVICE, seconds: START_MS_MAX / 1_000 });
  const show = `${calledAs()} pair --show --socket ${pairingSocketPath(folder)}`;
  const open =
    listen === 'home-network' ? `Its page is ${address.url}.` : `A browser on this machine opens ${address.url}.`;
  output.result(
    { event: 'started', console: address.url },
    `${name} runs, now and at each boot. ${open}\nFor another phone or browser: ${show}`,
  );
}

async function served(context: Context, folder: string, untilMs: number): Promise<ConsoleAddress | null> {
  for (;;) {
    try {
      return await askConsole(context, pairingSocketPath(folder));
    } catch (thrown) {
      if (!isFailure(thrown) || thrown.code !== 'unreachable') throw thrown;
      if (context.clock.monotonicMs() > untilMs) return null;
      await context.clock.sleep(START_POLL_MS);
    }
  }
}
