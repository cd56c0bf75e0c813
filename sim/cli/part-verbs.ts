// The verbs that run one service as its own process: bridge, bridge registry, bridge broker, vault. Each loads only its own part, which is
// quicker, and prints a ready line.

import { join, resolve } from 'node:path';
import { tlsFilesRead } from '@doorsill/base/link-failure';
import { readTlsFiles } from '@doorsill/base/tls';
import type { RegistryConfigInput, VaultConfigInput } from '@doorsill/cloud-bridge';
import { idSchema } from '@doorsill/contract/ids';
import { topicPrefixSchema } from '@doorsill/contract/topics';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { issueHomeAssistant, loginLines } from '@doorsill/device/cli/device-init';
import { runPart } from '@doorsill/device/cli/run-part';
import { readSettings } from '@doorsill/device/settings-file';
import type { Command } from 'commander';
import { CONNECTIONS_MAX } from '../broker/broker-limits.ts';
import { failure } from '../errors.ts';
import { zoneCheck } from '../testbed/check-zones.ts';
import { startBridgePart, startBrokerPart } from '../testbed/start-server-part.ts';
import { addBridgeClones, addBridgeCodes, addBridgeEnrol } from './bridge-operator-verbs.ts';
import { addBrokerAcl } from './broker-acl.ts';
import { parsePort, parseWholeNumber } from './read-options.ts';
import { addVaultPolicy } from './vault-policy.ts';

interface PartOptions {
  data: string;
  port?: string;
  host?: string;
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
    .description('run the embedded MQTT broker, on loopback by default; set up another broker')
    .option('--data <dir>', 'its folder (required); accounts are files in accounts/')
    .option('--port <n>', 'port (default: 1883; 0: a free one)')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--prefix <topic>', 'topic prefix', 'doorsill/v1')
    .option(
      '--connections <n>',
      'connections at the same time (default: 4096); a doorbell with its owner takes up to three',
    )
    .option('--tls-cert <file>', 'PEM certificate: accept only TLS 1.3 (default port 8883)')
    .option('--tls-key <file>', 'its private key')
    .option('--client-ca <file>', "accept client certificates of this authority; the CN is the account's user name")
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill bridge broker --data ./broker --port 1883
  $ doorsill bridge broker --data ./broker --host 0.0.0.0 --tls-cert broker.crt --tls-key broker.key`,
    )
    .action(async (options: BrokerCommandOptions, command: Command) => {
      const context = openContext(command);
      if (options.data === undefined) throw failure('usage', { detail: 'name the broker’s folder with --data' });
      const prefix = topicPrefixSchema.safeParse(options.prefix);
      if (!prefix.success) throw failure('usage', { detail: `"${options.prefix}" is not a topic prefix` });
      const folder = resolve(options.data);
      const { connections: count } = options;
      const connections =
        count === undefined ? {} : { connections: parseWholeNumber('--connections', count, 1, CONNECTIONS_MAX) };
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

const DEVICES_MAX = 64;

function addBrokerHomeAssistant(broker: Command): void {
  broker
    .command('home-assistant')
    .description('make an account for Home Assistant, which sees these doorbells and none of their requests')
    .requiredOption('--data <dir>', "the broker's folder, with accounts/ in it")
    .requiredOption('--device <id...>', 'the doorbells, as `device` and `pair --list` print them')
    .addHelpText(
      'after',
      '\nExample:\n  $ doorsill bridge broker home-assistant --data ./broker --device device-5c80...',
    )
    .action(async (options: { data: string; device: string[] }, command: Command) => {
      const context = openContext(command);
      const devices = [...new Set(options.device)].sort();
      const isUsable = devices.length <= DEVICES_MAX && devices.every((id) => idSchema.safeParse(id).success);
      if (!isUsable) throw failure('usage', { detail: `--device takes up to ${DEVICES_MAX} ids of doorbells` });
      const login = await issueHomeAssistant(context, join(resolve(options.data), 'accounts'), devices);
      context.output.result({ outcome: 'issued', devices, ...login }, loginLines(login).join('\n'));
    });
}

export function addRegistry(bridge: Command): void {
  bridge
    .command('registry')
    .description('run the registry of agencies, which has its own key')
    .requiredOption('--data <dir>', 'data folder of the registry (required)')
    .option('--port <n>', 'port (default: a free one)')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge registry --data ./registry --port 8701')
    .action(async (options: PartOptions, command: Command) => {
      const context = openContext(command);
      const folder = resolve(options.data);
      await runPart(context, folder, async () => {
        const file = join(folder, 'registry.json');
        const stored: Partial<RegistryConfigInput> = (await readSettings(context.disk, file)) ?? {};
        const port = options.port === undefined ? {} : { port: parsePort(options.port, 0) };
        const input = { ...stored, dataFolder: folder, http: { ...stored.http, ...port } };
        const { parseConfig, RegistryConfig, startRegistry } = await import('@doorsill/cloud-bridge');
        const part = await startRegistry(parseConfig(RegistryConfig, input, file), context);
        const ready = { url: part.url, id: part.id, key: part.publicKey };
        return { part, ready, text: `The registry ${part.id} listens at ${part.url}.` };
      });
    });
}

export function addVault(program: Command): void {
  const vault = program
    .command('vault')
    .description('run the vault, which keeps the clips that a bridge hands over; set a department’s policy')
    // Not a required option: commander would also require it for the verbs under this one.
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
        const stored: Partial<VaultConfigInput> = (await readSettings(context.disk, file)) ?? {};
        const port = options.port === undefined ? {} : { port: parsePort(options.port, 0) };
        const input = { ...stored, dataFolder: folder, http: { ...stored.http, ...port } };
        const { parseConfig, startVault, VaultConfig } = await import('@doorsill/cloud-bridge');
        const config = parseConfig(VaultConfig, input, file);
        const checkZones = await zoneCheck(context, config.decoderSandbox);
        const part = await startVault(config, { ...context, checkZones });
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
      'run the bridge, which publishes requests and stores granted clips; operate it and the services around it',
    )
    // Not a required option: commander would also require it for the verbs under this one.
    .option('--data <dir>', 'its folder; settings in bridge.json there (required)')
    .option('--port <n>', 'port (default: a free one)')
    .option('--registry <url>', "the registry's address")
    .option('--registry-key <key>', "the registry's public key, pinned")
    .option('--area-url <url>', 'the area broker, as devices reach it')
    .option('--area-accounts <dir>', "the embedded broker's accounts folder, to issue accounts in")
    .option('--vault <url>', 'the vault that gets stored clips (default: they stay here)')
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
