// The verb `device init`: writes a doorbell's first settings, with an account at its home broker.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { issueAccount } from '@doorsill/base/mqtt-account-files';
import { type Command, Option } from 'commander';
import type { DeviceConfigInput } from '../config.ts';
import { deviceIdOf, loadOrCreateDeviceKey } from '../identity.ts';
import { unwrittenSettings, writeFirstSettings } from '../setup/first-settings.ts';
import { failure } from '../terminal/errors.ts';
import { readSecretText } from '../terminal/secret-input.ts';
import { calledAs } from '../terminal/shell-words.ts';
import { type Context, openContext } from './context.ts';
import { holdFolder } from './run-part.ts';

interface InitOptions {
  data: string;
  broker?: string;
  homeUrl: string;
  user?: string;
  passwordFile?: string;
  camera?: string;
  name?: string;
  place?: string;
  homeAssistant?: boolean;
  console?: string;
  announce?: boolean;
}

/** Adds `device init`. */
export function addDeviceInit(device: Command): void {
  device
    .command('init')
    .description('write the first device.json of a doorbell by options; `device setup` has a page for it')
    .requiredOption('--data <dir>', "the device's folder")
    .option(
      '--broker <dir>',
      'folder of a `doorsill bridge broker` on this machine, in which to make the account; name its address if its port is not 1883',
    )
    .option('--home-url <url>', "the home broker's address", 'mqtt://127.0.0.1:1883')
    .option('--user <name>', 'the account at a broker of your own (default, with --console: no broker)')
    .option('--password-file <file>', 'file with its password')
    .option(
      '--camera <source>',
      'its camera, such as v4l2:/dev/video0 or rpicam: (default, only in doorsill: synthetic)',
    )
    .option('--name <name>', 'its name for its owners (default: Front door)')
    .option(
      '--place <lon,lat>',
      'its location in degrees, which never leaves the device; without it no request concerns the doorbell',
    )
    .addOption(
      new Option('--console <where>', 'serve its owners a page with the live picture').choices([
        'this-machine',
        'home-network',
      ]),
    )
    .option(
      '--announce',
      'with --console home-network: announce that page to phones at home by a name (multicast DNS), such as front-door.local',
    )
    .option('--home-assistant', 'let Home Assistant find it at its home broker')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill bridge broker --data ./broker &
  $ doorsill device init --data ./porch --broker ./broker --place -89.644,39.799
  $ doorsill device --data ./porch

  $ doorsill device init --data ./porch --camera v4l2:/dev/video0 --console this-machine

  $ doorsill device init --data ./porch --home-url mqtts://hub.lan:8883 --user porch --password-file porch.password`,
    )
    .action(async (options: InitOptions, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      expectReachable(options, command.getOptionValueSource('homeUrl') === 'cli');
      await unwrittenSettings(context.disk, folder);
      const chosen = await chosenSettings(context, options);
      const isBrokerMade = options.broker === undefined || existsSync(options.broker);
      const lock = holdFolder(folder);
      try {
        const home = await homeOf(context, folder, options);
        const settings = { ...chosen, ...(home ? { home } : {}) };
        const { file, device: id } = await writeFirstSettings(context, folder, settings);
        const login =
          options.homeAssistant && home?.accounts ? await issueHomeAssistant(context, home.accounts, [id]) : null;
        context.output.result(
          {
            outcome: 'written',
            file,
            device: id,
            ...(home ? { home: { url: home.url, user: home.user } } : {}),
            ...(login ? { homeAssistant: login } : {}),
          },
          [
            `${file}: written, for ${id}${home ? ` at ${home.url}` : ''}.`,
            '',
            ...nextLines(options, isBrokerMade, login),
          ].join('\n'),
        );
      } finally {
        lock.release();
      }
    });
}

/** The settings of device.json by the options, without the home broker. Throws `usage`, and the failures of `parseCameraSource`. */
async function chosenSettings(context: Context, options: InitOptions): Promise<Omit<DeviceConfigInput, 'home'>> {
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    camera: await cameraOf(context, options),
    ...(options.place === undefined ? {} : { place: parsePlace(options.place) }),
    ...(options.homeAssistant ? { homeAssistant: { enabled: true } } : {}),
    ...consoleOf(options),
  };
}

/** The named camera, or the program's default. Throws `usage` where it has none, and the failures of `parseCameraSource`. */
async function cameraOf(
  { around }: Context,
  { camera: named = around.camera ?? undefined }: InitOptions,
): Promise<string> {
  if (named === undefined)
    throw failure('usage', {
      detail: 'name the camera, such as --camera v4l2:/dev/video0, rpicam: or rtsp://HOST/PATH',
    });
  const { parseCameraSource } = await loadFirmware();
  parseCameraSource(named, {}, await around.cameras());
  return named;
}

/** Throws `usage` where the options name two brokers, half of one, or no way for owners to reach the doorbell. */
function expectReachable(
  { broker, user, passwordFile, console: page, homeAssistant }: InitOptions,
  hasUrl: boolean,
): void {
  const names = '--broker, or --user and --password-file for a broker of your own';
  if (broker !== undefined && user !== undefined) throw failure('usage', { detail: `name ${names}, not both` });
  if (broker !== undefined || user !== undefined) return;
  if (hasUrl || passwordFile !== undefined || homeAssistant) throw failure('usage', { detail: `name ${names}` });
  if (page === undefined)
    throw failure('usage', { detail: `name ${names}; or --console, for a doorbell without a broker` });
}

/** A user name and its password, which is shown once. */
interface Login {
  user: string;
  password: string;
}

/** Makes Home Assistant's account for these doorbells in a broker's folder of accounts, or gives it a new password. */
export function issueHomeAssistant(context: Context, accounts: string, devices: readonly string[]): Promise<Login> {
  const wish = { role: 'home-assistant', id: 'home-assistant', homes: devices };
  return issueAccount(context.disk, context.random, accounts, wish);
}

/** Home Assistant's login as text. */
export function loginLines({ user, password }: Login): string[] {
  return ['Home Assistant logs in at this broker as', '', `    user      ${user}`, `    password  ${password}`];
}

/** The next commands, and missing settings. */
function nextLines({ data, broker, place }: InitOptions, isBrokerMade: boolean, login: Login | null): string[] {
  return [
    ...(isBrokerMade ? [] : [`    ${calledAs()} bridge broker --data ${broker}     # none has run in that folder yet`]),
    `    ${calledAs()} device --data ${data}`,
    ...(login ? ['', ...loginLines(login)] : []),
    ...(place === undefined ? ['', 'No request will concern it until `place` is in that file.'] : []),
  ];
}

/** Loaded only here, so that the other verbs under `device` start faster. */
const loadFirmware = () => import('../index.ts');

/** The home broker and an account there: a new one in the broker's folder, or an existing one; null without a broker. */
async function homeOf(
  context: Context,
  folder: string,
  options: InitOptions,
): Promise<DeviceConfigInput['home'] | null> {
  const { broker, homeUrl: url, user, passwordFile } = options;
  if (broker === undefined && user === undefined) return null;
  if (user !== undefined) {
    if (passwordFile === undefined) throw failure('usage', { detail: '--user needs --password-file' });
    return { url, user, password: await readSecretText(context.disk, passwordFile) };
  }
  if (/^\w+:\/\//.test(broker ?? ''))
    throw failure('usage', {
      detail:
        '--broker takes a folder of `doorsill bridge broker`; an address goes with --home-url, --user and --password-file',
    });
  const accounts = join(resolve(broker ?? ''), 'accounts');
  const key = await loadOrCreateDeviceKey(context.disk, context.random, folder);
  const wish = { role: 'device-home', id: deviceIdOf(key) };
  return { url, ...(await issueAccount(context.disk, context.random, accounts, wish)), accounts };
}

function parsePlace(text: string): { longitude: number; latitude: number } {
  const [longitude = Number.NaN, latitude = Number.NaN, ...rest] = text
    .split(',')
    .map((part) => Number(part.trim() || 'x'));
  if (rest.length > 0 || !(Math.abs(longitude) <= 180) || !(Math.abs(latitude) <= 90))
    throw failure('usage', { detail: '--place takes longitude,latitude in degrees, for example -89.644,39.799' });
  return { longitude, latitude };
}

/** The console's settings. Throws `usage` for the announcement of a page that nobody on the network can open. */
function consoleOf({ console: listen, announce }: InitOptions): Pick<DeviceConfigInput, 'console'> {
  if (announce && listen !== 'home-network')
    throw failure('usage', { detail: '--announce goes with --console home-network' });
  if (listen !== 'this-machine' && listen !== 'home-network') return {};
  return { console: { listen, ...(announce ? { announce: { enabled: true } } : {}) } };
}
