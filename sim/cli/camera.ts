// The verb `camera`.

import { basename, resolve } from 'node:path';
import { SeededRandom } from '@doorsill/base/random';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { type Context, openContext, repeated } from '@doorsill/device/cli/context';
import { ownVersion } from '@doorsill/device/cli/own-version';
import { printTimeOfDay } from '@doorsill/device/terminal/format-units';
import { readSecretText } from '@doorsill/device/terminal/secret-input';
import { calledAs, shellWord } from '@doorsill/device/terminal/shell-words';
import { aborted, stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { type ControlState, orderCamera } from '../camera-server/camera-control-socket.ts';
import type { Login } from '../camera-server/digest-login.ts';
import { FAULTS, faultRow, isFaultName, takesWords } from '../camera-server/fault-table.ts';
import { OnvifServer, parseOnvifAddress } from '../camera-server/onvif/onvif-server.ts';
import { type CameraEvent, ServedCamera } from '../camera-server/served-camera.ts';
import { failure } from '../errors.ts';

interface CameraOptions {
  serve: string[];
  fault: string[];
  user?: string;
  passwordFile?: string;
  /** False: everybody may watch. */
  login: boolean;
  control?: string;
  copy?: boolean;
  seed?: string;
  onvif?: string;
  discovery?: string | true;
}

export function addCamera(program: Command): void {
  const camera = program
    .command('camera [source]')
    .description('serve a camera that any software can use, with faults on command')
    .option(
      '--serve <url>',
      'rtsp://127.0.0.1:8554/porch, http://... ending with .mjpeg, .mp4 or .jpg, or v4l2:/dev/video9; may be repeated',
      repeated,
      [],
    )
    .option('--fault <fault>', 'NAME[=VALUE][@START][+LENGTH], such as frozen@10s+5s; may be repeated', repeated, [])
    .option('--user <name>', 'user name for viewers; needed beyond this machine')
    .option('--password-file <file>', 'file with the password for viewers')
    .option('--no-login', 'let everybody watch who reaches it, also from other machines')
    .option('--control <path>', 'a socket for `camera fault`, for this user only')
    .option('--onvif <url>', 'serve ONVIF there, such as http://127.0.0.1:8000; needs an rtsp:// address')
    .option(
      '--discovery [address]',
      'answer ONVIF discovery: on this machine, or on the interface of this IPv4 address',
    )
    .option('--copy', 'send the H.264 of the file bit for bit; excludes faults that change pictures')
    .option('--seed <n>', 'seed of everything random')
    .addHelpText(
      'after',
      `
Source: synthetic?size=640x360 (a drawn porch), or a video file, which is repeated unless its name ends with ?once.

Examples:
  $ doorsill camera synthetic --serve rtsp://127.0.0.1:8554/porch
  $ doorsill camera porch.mp4 --serve rtsp://127.0.0.1:8554/porch --serve http://127.0.0.1:8080/porch.mjpeg
  $ doorsill camera synthetic --serve rtsp://127.0.0.1:8554/porch --fault frozen@10s+5s --fault lost-packets=2%
  $ doorsill camera synthetic --serve rtsp://127.0.0.1:8554/porch --control ./porch.sock
  $ doorsill camera fault --control ./porch.sock black+5s
  $ doorsill camera synthetic --serve v4l2:/dev/video9      # after: sudo modprobe v4l2loopback video_nr=9
  $ doorsill camera faults
  $ doorsill camera synthetic --serve rtsp://127.0.0.1:8554/porch --onvif http://127.0.0.1:8000 --discovery

A START counts from the first picture. While it runs, a fault without START begins at once. For the drawn porch it prints when the visitor
comes, presses the button and leaves: motion-start, press, motion-end. It listens at the URL's address: 127.0.0.1 is only this machine.
Exit status: 0 stopped, or the footage is over; 2 wrong usage; 5 this machine; 6 unusable footage.`,
    )
    .action(async (source: string | undefined, options: CameraOptions, command: Command) => {
      if (source === undefined) throw failure('usage', { detail: 'name a source: synthetic, or a video file' });
      if (options.serve.length === 0)
        throw failure('usage', { detail: 'name an address with --serve, such as rtsp://127.0.0.1:8554/porch' });
      try {
        await serve(source, options, openContext(command));
      } finally {
        process.stdin.destroy();
      }
    });
  camera
    .command('fault [faults...]')
    .description('add and clear faults of a running camera, and list its faults')
    .requiredOption('--control <path>', 'its control socket')
    .option('--clear <name>', 'clear a fault, or all; may be repeated', repeated, [])
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill camera fault --control ./porch.sock lost-packets=5%+10s
  $ doorsill camera fault --control ./porch.sock --clear all
  $ doorsill camera fault --control ./porch.sock`,
    )
    .action(async (faults: string[], options: { control: string; clear: string[] }, command: Command) => {
      await switchFaults(faults, options, openContext(command));
    });
  camera
    .command('faults')
    .description('list the faults of a camera, and what our device does with each')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill camera faults

Our device is "exact" where it keeps every picture as the camera sent it, "encoded" where it encodes them again, "reported" where pictures are
missing, damaged or without a date and a code reports it, "refused" where it records nothing and a code reports it, and "unnoticed" where
nothing reports it.`,
    )
    .action((_options: object, command: Command) => listFaults(openContext(command)));
}

async function loginOf({ user, passwordFile, login }: CameraOptions, { disk }: Context): Promise<Login | null> {
  if ((user === undefined) !== (passwordFile === undefined))
    throw failure('usage', { detail: '--user and --password-file go together' });
  if (user === undefined || passwordFile === undefined) return null;
  if (!login) throw failure('usage', { detail: 'either --user and --password-file, or --no-login' });
  if (!/^[\x21\x23-\x39\x3b-\x7e]{1,64}$/.test(user))
    throw failure('usage', { detail: '--user takes 1 to 64 characters without space, colon and quotation mark' });
  return { user, password: await readSecretText(disk, passwordFile) };
}

function seedOf(text: string): SeededRandom {
  if (!/^\d{1,10}$/.test(text)) throw failure('usage', { detail: `--seed takes a number, not "${text}"` });
  return new SeededRandom(Number(text));
}

/** The address to listen on for ONVIF; null without --onvif. Throws `usage`. */
function onvifAddress({ onvif, discovery, serve: urls }: CameraOptions): ReturnType<typeof parseOnvifAddress> | null {
  if (onvif === undefined) {
    if (discovery === undefined) return null;
    throw failure('usage', { detail: '--discovery goes with --onvif' });
  }
  if (!urls.some((url) => url.startsWith('rtsp://')))
    throw failure('usage', { detail: '--onvif needs an rtsp:// address in --serve' });
  return parseOnvifAddress(onvif);
}

/** Serves ONVIF for a running camera. Throws `onvif_...`, `camera_open_to_all`, `camera_address_unserved`, `port_in_use`. */
async function startOnvif(
  camera: ServedCamera,
  { source, login, options }: { source: string; login: Login | null; options: CameraOptions },
  address: ReturnType<typeof parseOnvifAddress>,
  context: Context,
): Promise<{ address: string; server: OnvifServer }> {
  const facts = await camera.facts();
  const described = {
    facts: {
      name: source.split(/[?/]/).at(0) === 'synthetic' ? 'porch' : basename(source),
      codec: 'H264' as const,
      ...facts,
    },
    streamUri: camera.urls.find((url) => url.startsWith('rtsp://')) ?? '',
    snapshot: () => camera.snapshot(),
    onEvent: (listener: (event: CameraEvent) => void) => camera.onEvent(listener),
  };
  const { discovery } = options;
  const account = login && { user: login.user, password: login.password };
  const server = new OnvifServer(
    described,
    {
      ...address,
      account,
      isOpenToAll: !options.login,
      version: ownVersion(),
      ...(discovery === undefined ? {} : { discovery: discovery === true ? {} : { interfaceAddress: discovery } }),
    },
    context,
  );
  return { address: await server.start(), server };
}

async function serve(source: string, options: CameraOptions, context: Context): Promise<void> {
  const onvifAt = onvifAddress(options);
  const login = await loginOf(options, context);
  const { output, clock, disk, log } = context;
  const random = options.seed === undefined ? context.random : seedOf(options.seed);
  const camera = new ServedCamera(
    {
      source,
      serve: options.serve,
      faults: options.fault,
      isCopied: options.copy === true,
      isOpenToAll: !options.login,
      ...(login ? { login } : {}),
      ...(options.control === undefined ? {} : { control: options.control }),
    },
    { clock, random, disk, log, ffmpeg: await findFfmpeg() },
  );
  const signal = stopSignal();
  await camera.start();
  const { control } = options;
  output.result(
    { event: 'serving', urls: camera.urls, ...(control === undefined ? {} : { control }) },
    [
      ...camera.urls.map((url) => `Serving ${url}`),
      ...(options.login ? [] : ['Everybody who reaches this machine can watch.']),
      ...(control === undefined
        ? []
        : [`To change faults: ${calledAs()} camera fault --control ${shellWord(control)} frozen+5s`]),
      'Ctrl-C ends it.',
    ].join('\n'),
  );
  let onvif: { address: string; server: OnvifServer } | null = null;
  camera.onEvent(({ type, atUs }) => output.result({ event: type, atUs }, `${printTimeOfDay(atUs)}  ${type}`));
  try {
    if (onvifAt) {
      onvif = await startOnvif(camera, { source, login, options }, onvifAt, context);
      output.result({ event: 'onvif', url: onvif.address }, `ONVIF at ${onvif.address}`);
    }
    await Promise.race([camera.over, aborted(signal)]);
    if (!signal.aborted) output.result({ event: 'over' }, 'Its footage is over.');
  } finally {
    await onvif?.server.stop();
    await camera.stop();
  }
}

async function switchFaults(
  faults: readonly string[],
  options: { control: string; clear: readonly string[] },
  { clock, output }: Context,
): Promise<void> {
  const { clear } = options;
  // An absolute path like the camera's: a bare number would be taken for a port.
  const control = resolve(options.control);
  let state: ControlState = await orderCamera(control, { do: 'list' }, clock);
  for (const name of clear) state = await orderCamera(control, { do: 'clear', name }, clock);
  for (const fault of faults) state = await orderCamera(control, { do: 'add', fault }, clock);
  const lines = state.faults.map(({ fault, fromS, untilS }) => {
    const end = untilS === null ? 'until it is cleared' : `until ${untilS.toFixed(1)} s`;
    return `  ${fault}: from ${fromS.toFixed(1)} s ${end}`;
  });
  const viewers = state.viewers === 1 ? '1 viewer' : `${state.viewers} viewers`;
  const head = `${state.nowS.toFixed(1)} s since the first picture, ${viewers}, ${lines.length === 0 ? 'no fault' : 'faults:'}`;
  output.result({ event: 'camera', ...state }, [head, ...lines].join('\n'));
}

function listFaults({ output }: Context): void {
  for (const name of Object.keys(FAULTS).filter(isFaultName)) {
    const row = faultRow(name);
    const { layer, does, device } = row;
    const takes = takesWords(row);
    output.result(
      { fault: name, layer, takes, does, device: device.verdict, says: device.says },
      `${name}${takes === '' ? '' : `=${takes}`}\n  ${does}\n  our device: ${device.verdict}. ${device.says}`,
    );
  }
}
