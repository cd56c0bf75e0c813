// The verb that runs one doorbell in this process.
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
  codeInLog?: boolean;
}

/** A doorbell's disk and clock that can be made to fail. */
export interface OpenFaults {
  seams: { disk: Disk; clock: Clock };
  simulatedFaults: SimulatedFaults;
  stop(): Promise<void>;
}

/** The facts that decide whether a doorbell's disk and clock may be made to fail. */
export interface DoorbellSetup {
  config: DeviceConfig;
  cameraKind: () => string;
  environment: NodeJS.ProcessEnv;
}

/** Makes the disk and the clock of a virtual doorbell fail: the options of its verb, examples, and the start of the faults asked for. */
interface FaultMaker {
  withOptions(command: Command): Command;
  examples: string;
  /** Null if no faults were asked for. Throws for a doorbell that is not virtual. */
  open(context: Context, options: object, about: DoorbellSetup): Promise<OpenFaults | null>;
}

/** Adds the verb that runs a doorbell under this name. `faults`: absent where a program cannot make it fail. */
export function addRunDevice(program: Command, name: string, faults?: FaultMaker): Command {
  const device = program
    .command(name)
    .description('run one doorbell; on a terminal the key b rings')
    // Not a required option: commander would require it for each sub-verb, too.
    .option('--data <dir>', 'its folder, with its settings in device.json (required)')
    .option(
      '--camera <source>',
      'file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0, rpicam: or, only in doorsill, synthetic (default: as in device.json)',
    )
    .option('--enrol <file>', "a bridge's one-time enrolment code: a file of mode 0600, or - for standard input")
    .option(
      '--factory-reset',
      'first destroy its keys, footage, owners, ledger and enrolment; device.json stays, with a new account if its broker’s accounts are made here',
    );
  device.option(
    '--code-in-log',
    'while nobody is paired, draw the code that pairs a phone at each start, also where no terminal is: whoever can read the log can pair',
  );
  faults?.withOptions(device);
  return device
    .addHelpText(
      'after',
      `
Its folder needs a device.json; \`device setup\` or \`device init\` writes one.

Examples:
  $ doorsill device init --data ./porch --home-url mqtts://hub.lan:8883 --user porch --password-file porch.password
  $ doorsill device --data ./porch --camera rtsp://192.168.1.20/stream1
${faults?.examples ?? ''}`,
    )
    .action(async (options: DeviceOptions, command: Command) => {
      try {
        await runDevice(openContext(command), options, faults);
      } finally {
        // After a read, stdin keeps the process running while its pipe is open.
        process.stdin.destroy();
      }
    });
}

/** The address of the doorbell's own server. The QR code holds a secret: it is drawn only on a terminal, unless somebody wants it in the log. */
function consoleLines(
  { console: address, pairingSocket, isPaired }: Pick<Doorbell, 'console' | 'pairingSocket' | 'isPaired'>,
  codeInLog: boolean,
): string[] {
  if (!address) return [];
  if (process.stdout.isTTY || (codeInLog && !isPaired)) return [drawPairingCode(address)];
  return [
    `Its own server is ${address.url}; \`doorsill pair --show --socket ${pairingSocket}\` draws the code that pairs a phone or a browser.`,
  ];
}

/** Runs a doorbell until it is stopped. */
export async function runDevice(context: Context, options: DeviceOptions, faultMaker?: FaultMaker): Promise<void> {
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
    const stored: Partial<DeviceConfigInput> | null = await readSettings(context.disk, file);
    if (stored === null) {
      const ways = ['setup', 'init'].map((verb) => `\`doorsill device ${verb} --data ${options.data}\``);
      throw failure('config_invalid', { file, detail: `it does not exist; ${ways.join(' or ')} writes it` });
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
    // Read before `ready` is reported: if it fails, the doorbell must stop before its folder's lock is released.
    const report = await readyOf(part, config, folder, options.codeInLog === true).catch(async (thrown: unknown) => {
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
    return { part: { stop }, ...report };
  });
}

/** A factory reset by the button: recorded first, so that no power cut undoes it, done after the end; a service manager restarts it. */
function resetByButton(
  { disk, random, log }: Context,
  folder: string,
  device: Pick<typeof import('../index.ts'), 'beginFactoryReset' | 'factoryReset'>,
): { begin(): void; finish(): Promise<void> } {
  let begun: Promise<void> | null = null;
  const begin = () => {
    begun ??= device
      .beginFactoryReset(disk, folder)
      .catch((thrown: unknown) =>
        log.error(
          'the factory reset could not be recorded; it is tried again as the doorbell stops now (check the disk)',
          { detail: String(thrown) },
        ),
      )
      .then(() => void process.kill(process.pid, 'SIGTERM'));
  };
  const finish = async () => {
    if (!begun) return;
    await device.factoryReset(disk, random, folder);
    log.warn('the doorbell was reset to its factory state by its button', { folder });
  };
  return { begin, finish };
}

/** The `ready` report of a started doorbell. */
async function readyOf(
  part: Doorbell,
  { name, home }: DeviceConfig,
  folder: string,
  codeInLog: boolean,
): Promise<{ ready: object; text: string }> {
  // Without a broker no command line can be paired.
  const pairing = home.url === undefined ? '.' : `; pair with \`doorsill pair --socket ${part.pairingSocket}\`.`;
  const { console: address, id: device, pairingSocket: socket, isEnrolled: enrolled } = part;
  return {
    ready: { device, socket, enrolled, ...(address ? { console: address.url } : {}) },
    text: [
      `${name} is ${device}${pairing}`,
      ...consoleLines(part, codeInLog),
      // The log warns of an unreachable camera or broker only after a while.
      `To check its camera and broker: \`doorsill doctor --data ${shellWord(folder)}\`.`,
    ].join('\n'),
  };
}
