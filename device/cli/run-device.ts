// Owns: the verb that runs one doorbell as this process. Not here: what a doorbell does, the verbs beside it (verbs.ts).

import { join, resolve } from 'node:path';
import type { Clock } from '@doorsill/base/clock';
import type { Disk } from '@doorsill/base/disk';
import type { Command } from 'commander';
import type { DeviceConfig, DeviceConfigInput } from '../config.ts';
import type { Doorbell, SimulatedFaults } from '../doorbell.ts';
import { readSettings } from '../settings-file.ts';
import { failure } from '../terminal/errors.ts';
import { drawPairingCode } from '../terminal/pairing-code.ts';
import { readEnrolmentInput } from '../terminal/secret-input.ts';
import { ServiceManager } from '../terminal/service-manager.ts';
import { shellWord } from '../terminal/shell-words.ts';
import { type Context, openContext } from './context.ts';
import { runPart } from './run-part.ts';

interface DeviceOptions {
  data?: string;
  camera?: string;
  enrol?: string;
  factoryReset?: boolean;
}

/** The disk and the clock of a doorbell that may be made to fail. */
export interface OpenFaults {
  seams: { disk: Disk; clock: Clock };
  simulatedFaults: SimulatedFaults;
  stop(): Promise<void>;
}

/** What decides whether a doorbell may be made to fail. */
export interface DoorbellSetup {
  config: DeviceConfig;
  cameraKind: () => string;
  environment: NodeJS.ProcessEnv;
}

/** How a program makes the disk and the clock of a virtual doorbell fail: options of its verb, examples, and beginning what they ask for. */
export interface FaultMaker {
  withOptions(command: Command): Command;
  examples: string;
  /** Null where none were asked for. Throws for a doorbell that is not virtual. */
  open(context: Context, options: object, about: DoorbellSetup): Promise<OpenFaults | null>;
}

/** Adds the verb that runs a doorbell, under the name that it has in this program; `faults`: where there are any. */
export function addRunDevice(program: Command, name: string, faults?: FaultMaker): Command {
  const device = program
    .command(name)
    .description('one doorbell; b rings on a terminal')
    // Not a required option: commander would ask for it before each verb under this one, too.
    .option('--data <dir>', 'its folder; settings in device.json there (required)')
    .option(
      '--camera <source>',
      'file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0, rpicam: or, of doorsill alone, synthetic (default: what device.json says)',
    )
    .option('--enrol <file>', "a bridge's one-time enrolment code: a file of mode 0600, or - for standard input")
    .option(
      '--factory-reset',
      'first destroy its keys, footage, owners, ledger and enrolment; only device.json stays, with a new account at a broker whose accounts it makes',
    );
  faults?.withOptions(device);
  return device
    .addHelpText(
      'after',
      `
Its folder needs a device.json that names its home broker and an account there; \`device init\` writes one.

Examples:
  $ doorsill device init --data ./porch --home-url mqtts://hub.lan:8883 --user porch --password-file porch.password
  $ doorsill device --data ./porch --camera rtsp://192.168.1.20/stream1
${faults?.examples ?? ''}`,
    )
    .action(async (options: DeviceOptions, command: Command) => {
      try {
        await runDevice(openContext(command), options, faults);
      } finally {
        // stdin, once read from, keeps the process running while its pipe is open.
        process.stdin.destroy();
      }
    });
}

/** Where the doorbell's own server is. The code holds a secret: it is drawn for a person at a terminal, never into a log. */
function consoleLines({ console: address, pairingSocket }: Pick<Doorbell, 'console' | 'pairingSocket'>): string[] {
  if (!address) return [];
  if (process.stdout.isTTY) return [drawPairingCode(address)];
  return [
    `Its own server is ${address.url}; \`doorsill pair --show --socket ${pairingSocket}\` draws the code that pairs a phone or a browser.`,
  ];
}

async function runDevice(context: Context, options: DeviceOptions, faultMaker?: FaultMaker): Promise<void> {
  if (options.data === undefined) throw failure('usage', { detail: 'name its folder with --data' });
  const folder = resolve(options.data);
  const device = await import('../index.ts');
  const cameras = await context.around.cameras();
  // Invalid options are reported before missing files in the folder.
  if (options.camera !== undefined) device.parseCameraSource(options.camera, {}, cameras);
  const code = await readEnrolmentInput(options.enrol, { stdin: process.stdin, environment: process.env });
  await runPart(context, folder, async () => {
    if (options.factoryReset) await device.factoryReset(context.disk, context.random, folder);
    const file = join(folder, 'device.json');
    const stored: Partial<DeviceConfigInput> = (await readSettings(context.disk, file)) ?? {};
    if (!('home' in stored)) {
      const detail = `it names no home broker; \`doorsill device init --data ${options.data}\` writes what is needed`;
      throw failure('config_invalid', { file, detail });
    }
    const config = device.parseDeviceConfig(
      { ...stored, ...(options.camera === undefined ? {} : { camera: options.camera }) },
      file,
    );
    const { output } = context;
    const cameraKind = () => device.parseCameraSource(config.camera, {}, cameras).kind;
    const faults = await faultMaker?.open(context, options, { config, cameraKind, environment: process.env });
    const seams = { ...context, ...faults?.seams };
    const reset = resetByButton(context, folder, device);
    const starting = device.startDevice(
      {
        config,
        folder,
        cameraKinds: cameras,
        otherDoors: device.followOtherDoors(context.disk, file, config.console.others),
        ...(code === undefined ? {} : { enrolmentCode: code }),
        ...(output.json ? { heard: ({ type, ...event }) => output.result({ event: type, ...event }, '') } : {}),
        ...(faults ? { simulatedFaults: faults.simulatedFaults } : {}),
        factoryReset: () => reset.begin(),
      },
      seams,
    );
    starting.catch(() => faults?.stop());
    const part = await starting;
    // Before it is told ready: what cannot say where it is does not go on without its folder's lock.
    const said = await readyOf(part, config.name, folder).catch(async (thrown: unknown) => {
      await part.stop();
      await faults?.stop();
      throw thrown;
    });
    const keyboard = new device.KeyboardButton({
      input: process.stdin,
      clock: seams.clock,
      button: 'front',
      pressed: (press) => part.pressed(press),
      interrupted: () => process.kill(process.pid, 'SIGINT'),
    });
    keyboard.start();
    const manager = new ServiceManager({ ...context, environment: process.env, fault: () => part.fault() });
    manager.ready();
    const stop = async () => {
      manager.stop();
      keyboard.stop();
      await part.stop();
      await faults?.stop();
      await reset.finish();
    };
    return { part: { stop }, ...said };
  });
}

/** A factory reset by the button: noted first, so that no power cut undoes it, done once the doorbell has ended. A service manager starts it anew. */
function resetByButton(
  { disk, random, log }: Context,
  folder: string,
  device: Pick<typeof import('../index.ts'), 'beginFactoryReset' | 'factoryReset'>,
): { begin(): void; finish(): Promise<void> } {
  let begun: Promise<void> | null = null;
  const begin = () => {
    begun ??= device
      .beginFactoryReset(disk, folder)
      .catch((thrown: unknown) => log.error('the reset cannot be noted', { detail: String(thrown) }))
      .then(() => void process.kill(process.pid, 'SIGTERM'));
  };
  const finish = async () => {
    if (!begun) return;
    await device.factoryReset(disk, random, folder);
    log.warn('the doorbell was reset by its button', { folder });
  };
  return { begin, finish };
}

/** What a doorbell that runs says of itself at its start. */
async function readyOf(part: Doorbell, name: string, folder: string): Promise<{ ready: object; text: string }> {
  const { console: address, id: device, pairingSocket: socket, isEnrolled: enrolled } = part;
  return {
    ready: { device, socket, enrolled, ...(address ? { console: address.url } : {}) },
    text: [
      `${name} is ${device}; pair with \`doorsill pair --socket ${socket}\`.`,
      ...consoleLines(part),
      // The log warns of a camera or a broker that stays away, but only after a while.
      `How its camera and its broker are: \`doorsill doctor --data ${shellWord(folder)}\`.`,
    ].join('\n'),
  };
}
