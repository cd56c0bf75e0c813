// The verbs that run everything on this machine: up, demo, story.

import { resolve } from 'node:path';
import { cameraHelp } from '@doorsill/device/camera/sources';
import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import { KeyboardButton } from '@doorsill/device/hardware/keyboard-button';
import { parseSeconds } from '@doorsill/device/terminal/format-units';
import { jsonLine } from '@doorsill/device/terminal/output';
import { aborted, stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';
import { FIRST_PORT_MAX, PORT_USUAL, Up, type UpOptions } from '../story/up.ts';
import { DOORBELLS_MAX } from '../testbed/doorbell-folders.ts';
import { parseDeviceFault } from '../world/device-faults.ts';
import { type FaultOptions, withFaultOptions } from './device-faults.ts';
import { parsePort } from './read-options.ts';

interface UpCommandOptions extends FaultOptions {
  data?: string;
  camera?: string;
  port?: string;
  doorbells?: string;
  separate?: true;
  ask: boolean;
}

function parseFirstPort(text: string): number {
  const port = parsePort(text, 0);
  if (port === 0 || port > FIRST_PORT_MAX)
    throw failure('usage', { detail: `--port takes 1 to ${FIRST_PORT_MAX}, because the next ports are used, too` });
  return port;
}

function parseDoorbells(text: string): number {
  const count = /^[1-9]\d?$/.test(text) ? Number(text) : 0;
  if (count === 0 || count > DOORBELLS_MAX)
    throw failure('usage', {
      detail: `--doorbells takes 1 to ${DOORBELLS_MAX}, not "${text}"; \`doorsill fleet\` runs as many as the machine can`,
    });
  return count;
}

/** The first doorbell's faults; undefined without fault options. Throws `device_fault_unknown`, `device_fault_invalid`. */
function faultsOf({ fault, control }: FaultOptions): UpOptions['faults'] {
  for (const each of fault) parseDeviceFault(each, 0);
  if (fault.length === 0 && control === undefined) return undefined;
  return { fault, ...(control === undefined ? {} : { control: resolve(control) }) };
}

export function addUp(program: Command): void {
  const up = program
    .command('up')
    .description(
      'run broker, registry, vault, bridge and doorbells (at first one); an agency requests footage of each ring',
    )
    .option('--data <dir>', 'folder for all data (default: .doorsill here)')
    .option(
      '--camera <source>',
      'camera of the first doorbell: synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam: (default: synthetic)',
    )
    .option(
      '--doorbells <n>',
      `number of doorbells of one owner, 1 to ${DOORBELLS_MAX} (default: as last time, at first one)`,
    )
    .option(
      '--port <n>',
      `the broker's port; registry, bridge, vault and each doorbell's page take the next ones (default: ${PORT_USUAL} if free)`,
    )
    .option(
      '--separate',
      'run broker and bridge as separate processes, too; by default they run in this one, which is faster',
    )
    .option('--no-ask', 'no automatic requests of an agency');
  withFaultOptions(up, 'the first doorbell’s')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill up
  $ doorsill up --camera file:porch.mp4 --data /tmp/porch
  $ doorsill up --camera rtsp://192.168.1.20/stream1
  $ doorsill up --doorbells 3
  $ doorsill up add Garage --camera rtsp://192.168.1.21/stream1
  $ doorsill up --separate
  $ doorsill up --fault disk-full@30s+10s --fault power-cut=torn@1m
  $ doorsill up --camera '/dev/video0?size=1280x720&rate=15&mic=alsa:plughw:1,0'
${cameraHelp(ALL_CAMERAS)}

While it runs: b rings the first bell, 1 to 9 ring the first to the ninth, Ctrl-C ends it. The data stays for the next run.

Faults of the first doorbell's disk and clock: \`doorsill device faults\` lists them. After a power cut it is restarted without them.

Each doorbell is a process with its own camera, encoder and up to 256 MiB of footage. \`up add\`, \`up list\` and \`up remove\` change them, also
while this runs; a --doorbells below the present number is refused. A page keeps its port between runs; if another program has taken it, the next
free port is used and kept.

Broker and bridge listen only on 127.0.0.1, so they need no TLS: their traffic never leaves this machine. For a broker that others can reach, run
the parts separately; broker, device and pair have options for TLS:
  $ doorsill bridge broker --data ./broker --host 0.0.0.0 --tls-cert broker.crt --tls-key broker.key`,
    )
    .action((options: UpCommandOptions, command: Command) => runUp(options, openContext(command)));
}

async function runUp(options: UpCommandOptions, context: Context): Promise<void> {
  const faults = faultsOf(options);
  const signal = stopSignal();
  const up = new Up(
    {
      folder: dataFolder(options.data),
      agencyAsks: options.ask,
      isSeparate: options.separate === true,
      hasTerminal: process.stdin.isTTY === true,
      isRead: process.stdout.isTTY === true && !context.output.json,
      logLevel: context.logLevel,
      ...(options.camera === undefined ? {} : { camera: options.camera }),
      ...(faults === undefined ? {} : { faults }),
      ...(options.port === undefined ? {} : { port: parseFirstPort(options.port) }),
      ...(options.doorbells === undefined ? {} : { doorbells: parseDoorbells(options.doorbells) }),
    },
    context,
  );
  const stopped = aborted(signal);
  const ring = (nth: number) => void up.ring(nth).catch((thrown: Error) => context.output.progress(thrown.message));
  const keyboard = new KeyboardButton({
    input: process.stdin,
    clock: context.clock,
    button: 'front',
    pressed: () => ring(1),
    numbered: ring,
    interrupted: () => process.kill(process.pid, 'SIGINT'),
  });
  try {
    await Promise.race([up.start(), stopped]);
    if (!signal.aborted) {
      keyboard.start();
      await stopped;
    }
    context.output.progress('Stopping; the data stays.');
  } finally {
    keyboard.stop();
    await up.stop();
    process.stdin.destroy();
  }
}

interface DemoOptions {
  camera: string;
  from: string;
  to: string;
  disclose?: string;
  audio: boolean;
  data?: string;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(
      'request a clip, grant it and upload it, unattended, until exactly that clip is in the vault; ends with one JSON line',
    )
    .option('--camera <source>', 'synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam:', 'synthetic')
    .option('--from <s>', "start of the clip, in seconds on the source's own timeline", '1')
    .option('--to <s>', 'end of the clip, not included', '4')
    .option('--disclose <keys>', 'facts to disclose with the clip: name,address,email,phone (default: none)')
    .option('--audio', 'with sound (default: without)', false)
    .option('--data <dir>', "folder for all data (default: a new folder; a folder that isn't a demo's is refused)")
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill demo
  $ doorsill demo --camera file:porch.mp4 --from 7.2 --to 15.5 --disclose address,email
  $ doorsill demo --camera rtsp://127.0.0.1:8554/porch --from 2 --to 6 --json
${cameraHelp(ALL_CAMERAS)}`,
    )
    .action(async (options: DemoOptions, command: Command) => {
      const context = openContext(command);
      const window = { fromUs: parseSeconds(options.from, '--from'), toUs: parseSeconds(options.to, '--to') };
      if (window.fromUs >= window.toUs) throw failure('usage', { detail: '--to must be later than --from' });
      const { runDemo } = await import('../story/demo.ts');
      const result = await runDemo(
        {
          camera: options.camera,
          ...window,
          disclose: options.disclose ?? '',
          audio: options.audio,
          logLevel: context.logLevel,
          ...(options.data ? { folder: dataFolder(options.data) } : {}),
        },
        context,
        stopSignal(),
      );
      process.stdout.write(jsonLine(result));
      process.stdin.destroy();
    });
}

/** Runs a story to its end or until the signal. `media`: footage for `leak`. */
type Telling = (context: Context, signal: AbortSignal, media: string | null) => Promise<void>;

// Each is loaded when it is told.
const STORIES = {
  leak: async () => (await import('../story/hidden-frames-leak.ts')).runLeakStory,
  sealed: async () => (await import('../story/sealed.ts')).runSealedStory,
  'agency-audit': async () => (await import('../story/agency-audit.ts')).runAgencyAuditStory,
} satisfies Record<string, () => Promise<Telling>>;

export function addStory(program: Command): void {
  program
    .command('story <name>')
    .description('run one demonstration on a temporary testbed of real processes')
    .option('--media <file>', 'for leak: a video file to use (default: generated footage)')
    .addHelpText(
      'after',
      `
Stories:
  leak           the hidden frames of a usual cut, and none in our clips
  sealed         the bridge carries a clip that it cannot read; the vault opens it
  agency-audit   searches of 4,000 agencies, of which 47 misuse them and are revoked

Examples:
  $ doorsill story leak --media porch.mp4
  $ doorsill story sealed --json`,
    )
    .action(async (name: string, options: { media?: string }, command: Command) => {
      const context = openContext(command);
      const names = Object.keys(STORIES).join(', ');
      if (!isStory(name)) throw failure('usage', { detail: `there is no story "${name}"; there are: ${names}` });
      if (options.media && name !== 'leak') throw failure('usage', { detail: `--media is not for story ${name}` });
      const tell: Telling = await STORIES[name]();
      await tell(context, stopSignal(), options.media ? resolve(options.media) : null);
      process.stdin.destroy();
    });
}

function isStory(name: string): name is keyof typeof STORIES {
  return Object.hasOwn(STORIES, name);
}
