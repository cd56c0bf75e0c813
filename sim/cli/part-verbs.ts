// Owns: the verbs that run one part as a process of its own: device, bridge, bridge registry, bridge broker, vault. Each prints a ready line.
// Not here: what the parts do; how a testbed runs them together (testbed/). Each loads only its own part, which is quicker.

import { join, resolve } from 'node:path';
import { readTlsFiles } from '@doorsill/base/tls';
import type { RegistryConfigInput, VaultConfigInput } from '@doorsill/cloud-bridge';
import { tlsFilesRead } from '@doorsill/contract/link-failure';
import { topicPrefixSchema } from '@doorsill/contract/topics';
import type { DeviceConfigInput } from '@doorsill/device/config';
import type { Doorbell } from '@doorsill/device/doorbell';
import { readSettings } from '@doorsill/device/settings-file';
import type { Command } from 'commander';
import { CONNECTIONS_MAX } from '../broker/broker-limits.ts';
import { failure } from '../errors.ts';
import { drawPairingCode } from '../terminal/pairing-code.ts';
import { readEnrolmentInput } from '../terminal/secret-input.ts';
import { ServiceManager } from '../terminal/service-manager.ts';
import { shellWord } from '../terminal/shell-words.ts';
import { serveUntilStopped } from '../terminal/stop-signal.ts';
import { holdFolder, startBridgePart, startBrokerPart } from '../testbed/start-server-part.ts';
import { addBridgeClones } from './bridge-clones.ts';
import { addBridgeCodes, addBridgeEnrol } from './bridge-enrolment-code.ts';
import { addBrokerAcl } from './broker-acl.ts';
import { addBrokerHomeAssistant } from './broker-home-assistant.ts';
import { type Context, openContext } from './context.ts';
import {
  addDeviceFaultVerbs,
  FAULT_EXAMPLES,
  type FaultOptions,
  openFaults,
  withFaultOptions,
} from './device-faults.ts';
import { addDeviceVerbs } from './device-verbs.ts';
import { parsePort } from './parse-port.ts';
import { readWhole } from './read-figures.ts';
import { addVaultPolicy } from './vault-policy.ts';

interface PartOptions {
  data: string;
  port?: string;
  host?: string;
}

/** Locks the data folder for this process, runs the part, releases the folder. */
async function runPart(
  context: Context,
  folder: string,
  start: () => Promise<{ part: { stop(): Promise<void> }; ready: object; text: string }>,
): Promise<void> {
  const lock = holdFolder(folder);
  try {
    await serveUntilStopped(async () => {
      const { part, ready, text } = await start();
      context.output.result({ event: 'ready', pid: process.pid, ...ready }, `${text}\nCtrl-C ends it.`);
      return part;
    });
  } finally {
    lock.release();
  }
}

/** A part's file of settings; null when it is not there. */
async function storedSettings(context: Context, file: string): Promise<object | null> {
  return readSettings(context.disk, file);
}

interface BrokerCommandOptions extends Partial<PartOptions> {
  host: string;
  prefix: string;
  connections?: string;
  tlsCert?: string;
  tlsKey?: string;
  clientCa?: string;
}

async function listenerTls(context: Context, { tlsCert, tlsKey, clientCa }: BrokerCommandOptions) {
  if (!tlsCert !== !tlsKey || (clientCa !== undefined && !tlsCert)) {
    throw failure('usage', { detail: '--tls-cert and --tls-key go together, and --client-ca needs both' });
  }
  if (!tlsCert) return null;
  const files = { ca: clientCa, certificate: tlsCert, key: tlsKey };
  const { ca, certificate = '', key = '' } = await tlsFilesRead(readTlsFiles(context.disk, resolve(), files));
  return { certificate, key, clientCa: ca };
}

export function addBroker(bridge: Command): void {
  const broker = bridge
    .command('broker')
    .description('the embedded MQTT broker, on loopback unless told otherwise')
    .option('--data <dir>', 'its folder (required); accounts are files under accounts/')
    .option('--port <n>', 'port (default: 1883; 0: a free one)')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--prefix <topic>', 'topic prefix', 'doorsill/v1')
    .option(
      '--connections <n>',
      'how many it holds at once (default: 4096); a doorbell with its owner takes up to three',
    )
    .option('--tls-cert <file>', 'PEM certificate: speak TLS 1.3 and nothing else (default port 8883)')
    .option('--tls-key <file>', 'its private key')
    .option('--client-ca <file>', "let in who has a certificate of this authority; its CN is the account's user name")
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill bridge broker --data ./broker --port 1883
  $ doorsill bridge broker --data ./broker --host 0.0.0.0 --tls-cert broker.crt --tls-key broker.key`,
    )
    .action(async (options: BrokerCommandOptions, command: Command) => {
      const context = openContext(command);
      if (options.data === undefined) throw failure('usage', { detail: 'name its folder: --data DIR' });
      const prefix = topicPrefixSchema.safeParse(options.prefix);
      if (!prefix.success) throw failure('usage', { detail: `"${options.prefix}" is no topic prefix` });
      const folder = resolve(options.data);
      const { connections: most } = options;
      const connections =
        most === undefined ? {} : { connections: readWhole('--connections', most, 1, CONNECTIONS_MAX) };
      await runPart(context, folder, async () => {
        const tls = await listenerTls(context, options);
        const part = await startBrokerPart(context, {
          folder,
          host: options.host,
          port: parsePort(options.port, tls ? 8883 : 1883),
          prefix: prefix.data,
          ...connections,
          ...(tls ? { tls } : {}),
        });
        return { part, ready: part.ready, text: `The broker listens at ${part.ready.url}.` };
      });
    });
  addBrokerAcl(broker);
  addBrokerHomeAssistant(broker);
}

export function addRegistry(bridge: Command): void {
  bridge
    .command('registry')
    .description('the registry of agencies, with its own key')
    .requiredOption('--data <dir>', 'its folder')
    .option('--port <n>', 'port (default: a free one)')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge registry --data ./registry --port 8701')
    .action(async (options: PartOptions, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      await runPart(context, folder, async () => {
        const file = join(folder, 'registry.json');
        const stored: Partial<RegistryConfigInput> = (await storedSettings(context, file)) ?? {};
        const port = options.port === undefined ? {} : { port: parsePort(options.port, 0) };
        const input = { ...stored, dataFolder: folder, http: { ...stored.http, ...port } };
        const { parseConfig, registryConfigSchema, startRegistry } = await import('@doorsill/cloud-bridge');
        const part = await startRegistry(parseConfig(registryConfigSchema, input, file), context);
        const ready = { url: part.url, id: part.id, key: part.publicKey };
        return { part, ready, text: `The registry ${part.id} listens at ${part.url}.` };
      });
    });
}

export function addVault(program: Command): void {
  const vault = program
    .command('vault')
    .description('the vault: keeps what a bridge hands over')
    // Not a required option: commander would ask for it before each verb under this one, too.
    .option('--data <dir>', 'its folder; settings in vault.json there (required)')
    .option('--port <n>', 'port (default: a free one)')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill vault --data ./vault --port 8702
  $ doorsill vault --data ./vault --json`,
    )
    .action(async (options: Partial<PartOptions>, command: Command) => {
      const context = openContext(command);
      if (options.data === undefined) throw failure('usage', { detail: 'name its folder with --data' });
      const folder = resolve(options.data);
      await runPart(context, folder, async () => {
        const file = join(folder, 'vault.json');
        const stored: Partial<VaultConfigInput> = (await storedSettings(context, file)) ?? {};
        const port = options.port === undefined ? {} : { port: parsePort(options.port, 0) };
        const input = { ...stored, dataFolder: folder, http: { ...stored.http, ...port } };
        const { parseConfig, startVault, vaultConfigSchema } = await import('@doorsill/cloud-bridge');
        const part = await startVault(parseConfig(vaultConfigSchema, input, file), context);
        const ready = { url: part.url, id: part.id, key: part.publicKey };
        return { part, ready, text: `The vault ${part.id} listens at ${part.url}; its key is ${part.publicKey}.` };
      });
    });
  addVaultPolicy(vault);
}

interface BridgeOptions extends Partial<PartOptions> {
  registry?: string;
  registryKey?: string;
  areaUrl?: string;
  areaAccounts?: string;
  vault?: string;
  vaultKey?: string;
}

export function addBridge(program: Command): void {
  const bridge = program
    .command('bridge')
    .description(
      'the bridge: publishes requests, verifies and stores granted clips; under it, what its operator does, and the parts around it',
    )
    // Not a required option: commander would ask for it before the verb under this one, too.
    .option('--data <dir>', 'its folder; settings in bridge.json there (required)')
    .option('--port <n>', 'port (default: a free one)')
    .option('--registry <url>', "the registry's address")
    .option('--registry-key <key>', "the registry's public key, pinned")
    .option('--area-url <url>', 'the area broker, as devices reach it')
    .option('--area-accounts <dir>', "the embedded broker's accounts folder, to issue accounts in")
    .option('--vault <url>', 'the vault that stored clips are handed to (default: they stay here)')
    .option('--vault-key <key>', "the vault's public key, pinned")
    .addHelpText(
      'after',
      '\nExample:\n  $ doorsill bridge --data ./bridge --port 8700 --registry http://127.0.0.1:8701 ...',
    )
    .action(async (options: BridgeOptions, command: Command) => {
      const context = openContext(command);
      if (options.data === undefined) throw failure('usage', { detail: 'name its folder with --data' });
      const folder = resolve(options.data);
      await runPart(context, folder, async () => {
        const { port, registry: registryUrl, registryKey, areaUrl, areaAccounts, vault, vaultKey } = options;
        const part = await startBridgePart(context, {
          folder,
          ...(port === undefined ? {} : { port: parsePort(port, 0) }),
          registry: { ...(registryUrl ? { url: registryUrl } : {}), ...(registryKey ? { key: registryKey } : {}) },
          area: {
            ...(areaUrl ? { url: areaUrl } : {}),
            ...(areaAccounts ? { accounts: resolve(areaAccounts) } : {}),
          },
          ...(vault || vaultKey
            ? { vault: { ...(vault ? { url: vault } : {}), ...(vaultKey ? { key: vaultKey } : {}) } }
            : {}),
        });
        const { ready } = part;
        return { part, ready, text: `The bridge ${ready.id} listens at ${ready.url}.` };
      });
    });
  addBridgeEnrol(bridge);
  addBridgeCodes(bridge);
  addBridgeClones(bridge);
}

interface DeviceOptions extends Partial<PartOptions>, FaultOptions {
  camera?: string;
  enrol?: string;
  factoryReset?: boolean;
}

export function addDevice(program: Command): void {
  const device = program
    .command('device')
    .description('one doorbell; b rings on a terminal')
    // Not a required option: commander would ask for it before each verb under this one, too.
    .option('--data <dir>', 'its folder; settings in device.json there (required)')
    .option(
      '--camera <source>',
      'synthetic, file:PATH, rtsp://HOST/PATH, v4l2:/dev/video0 or rpicam: (default: what device.json says)',
    )
    .option('--enrol <file>', "a bridge's one-time enrolment code: a file of mode 0600, or - for standard input")
    .option(
      '--factory-reset',
      'first destroy its keys, footage, owners, ledger and enrolment; only device.json stays, with a new account at a broker whose accounts it makes',
    );
  withFaultOptions(device)
    .addHelpText(
      'after',
      `
Its folder needs a device.json that names its home broker and an account there; \`device init\` writes one.

Examples:
  $ doorsill device init --data ./porch --broker ./broker
  $ doorsill device --data ./porch --camera rtsp://192.168.1.20/stream1
${FAULT_EXAMPLES}`,
    )
    .action(async (options: DeviceOptions, command: Command) => {
      try {
        await runDevice(openContext(command), options);
      } finally {
        // stdin, once read from, keeps the process running while its pipe is open.
        process.stdin.destroy();
      }
    });
  addDeviceVerbs(device);
  addDeviceFaultVerbs(device);
}

/** Where the doorbell's own server is. The code holds a secret: it is drawn for a person at a terminal, never into a log. */
function consoleLines({ console: address, pairingSocket }: Pick<Doorbell, 'console' | 'pairingSocket'>): string[] {
  if (!address) return [];
  if (process.stdout.isTTY) return [drawPairingCode(address)];
  return [
    `Its own server is ${address.url}; \`doorsill pair --show --socket ${pairingSocket}\` draws the code that pairs a phone or a browser.`,
  ];
}

async function runDevice(context: Context, options: DeviceOptions): Promise<void> {
  if (options.data === undefined) throw failure('usage', { detail: 'name its folder with --data' });
  const folder = resolve(options.data);
  const device = await import('@doorsill/device');
  const { ALL_CAMERAS, porchKind } = await import('../porch/porch-camera.ts');
  // Invalid options are reported before missing files in the folder.
  if (options.camera !== undefined) device.parseCameraSource(options.camera, {}, ALL_CAMERAS);
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
    const cameraKind = () => device.parseCameraSource(config.camera, {}, ALL_CAMERAS).kind;
    const faults = await openFaults(context, options, { config, cameraKind, environment: process.env });
    const seams = { ...context, ...faults?.seams };
    const reset = resetByButton(context, folder, device);
    const starting = device.startDevice(
      {
        config,
        folder,
        cameraKinds: [porchKind],
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
  device: Pick<typeof import('@doorsill/device'), 'beginFactoryReset' | 'factoryReset'>,
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
