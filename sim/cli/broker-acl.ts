// The verb `bridge broker acl`.

import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { topicPrefixSchema } from '@doorsill/contract/topics';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { CONNECTIONS_MAX } from '../broker/broker-limits.ts';
import { PID_FILE } from '../broker/mosquitto-files.ts';
import { type NatsClusterWish, natsNodes, natsPidFile } from '../broker/nats-files.ts';
import { OTHER_BROKERS, type OtherBroker, type WrittenFiles, writeBrokerFiles } from '../broker/write-broker-files.ts';
import { failure } from '../errors.ts';
import { addressOf, parseNatsNodes, parsePort, parseWholeNumber } from './read-options.ts';

interface AclOptions {
  data?: string;
  accounts?: string;
  for: string;
  nats?: boolean;
  out?: string;
  host?: string;
  port?: string;
  cluster?: string;
  clusterPort?: string;
  prefix: string;
  connections?: string;
  watch?: boolean;
  pidFile?: string;
}

const WATCH_EVERY_MS = 2_000;
const PID_FILE_BYTES_MAX = 64;
const CLUSTER_PORT = 6222;
/** The names of their processes, which reload the files at SIGHUP. */
const PROCESS_NAMES: Record<OtherBroker, string> = { mosquitto: 'mosquitto', nats: 'nats-server' };

export function addBrokerAcl(broker: Command): void {
  broker
    .command('acl')
    .description('write access list, passwords and configuration for your own mosquitto or NATS')
    .option('--data <dir>', "the broker's folder, with accounts/ in it")
    .option('--accounts <dir>', 'the folder of account files')
    .option('--for <broker>', `${OTHER_BROKERS.join(' or ')}`, 'mosquitto')
    .option('--nats', 'the same as --for nats')
    .option('--out <dir>', 'the folder to write (default: one of the broker’s name beside the accounts)')
    .option('--port <n>', 'port to listen on (default: 1883)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--cluster <nodes>', 'NATS: its nodes with the addresses to listen on: a=10.0.0.1,b=10.0.0.2,c=10.0.0.3')
    .option('--cluster-port <n>', `with --cluster: port for connections between nodes (default: ${CLUSTER_PORT})`)
    .option('--prefix <topic>', 'topic prefix', 'doorsill/v1')
    .option('--connections <n>', 'connections at the same time (default: 4096)')
    .option('--watch', 'keep running, and write again whenever an account is added, changed or removed')
    .option('--pid-file <file>', 'with --watch: pid file of the broker to send SIGHUP to (default: in OUT)')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill bridge broker acl --data .doorsill/broker --out ./mosquitto
  $ mosquitto -c ./mosquitto/mosquitto.conf
  $ doorsill bridge broker acl --nats --data .doorsill/broker --out ./nats
  $ nats-server -c ./nats/nats.conf`,
    )
    .action(async (options: AclOptions, command: Command) => {
      const context = openContext(command);
      const kind = kindOf(options);
      const cluster = clusterOf(kind, options);
      if (options.pidFile !== undefined && !options.watch)
        throw failure('usage', { detail: '--pid-file goes with --watch' });
      const write = writerOf(context, options, kind, cluster);
      const written = await write();
      const folder = dirname(written.files[0] ?? '');
      const pidFiles = options.pidFile ? [resolve(options.pidFile)] : pidFilesIn(folder, kind, cluster);
      context.output.result(
        { event: 'written', for: kind, ...written },
        [...described(written), ...nextSteps(kind, written)].join('\n'),
      );
      if (options.watch) await watch(context, write, pidFiles, PROCESS_NAMES[kind]);
    });
}

function kindOf(options: AclOptions): OtherBroker {
  const kind = options.nats ? 'nats' : OTHER_BROKERS.find((name) => name === options.for);
  if (!kind) throw failure('usage', { detail: `--for takes one of ${OTHER_BROKERS.join(', ')}` });
  return kind;
}

/** The cluster that the options describe; null for a single node. Throws `usage`. */
function clusterOf(kind: OtherBroker, options: AclOptions): NatsClusterWish | null {
  if (options.cluster === undefined) {
    if (options.clusterPort === undefined) return null;
    throw failure('usage', { detail: '--cluster-port goes with --cluster' });
  }
  if (kind !== 'nats' || options.host !== undefined)
    throw failure('usage', { detail: '--cluster is for NATS and contains the addresses, so it excludes --host' });
  return { nodes: parseNatsNodes(options.cluster), port: parsePort(options.clusterPort, CLUSTER_PORT) };
}

function pidFilesIn(folder: string, kind: OtherBroker, cluster: NatsClusterWish | null): string[] {
  if (kind === 'mosquitto') return [join(folder, PID_FILE)];
  return natsNodes(cluster).map((node) => join(folder, natsPidFile(node)));
}

/** A function that writes the files that the options describe. Throws `usage`. */
function writerOf(
  context: Context,
  options: AclOptions,
  kind: OtherBroker,
  cluster: NatsClusterWish | null,
): () => Promise<WrittenFiles> {
  if ((options.data === undefined) === (options.accounts === undefined))
    throw failure('usage', { detail: "name the broker's folder with --data, or its accounts with --accounts" });
  const accounts = options.accounts === undefined ? join(resolve(options.data ?? ''), 'accounts') : options.accounts;
  const prefix = topicPrefixSchema.safeParse(options.prefix);
  if (!prefix.success) throw failure('usage', { detail: `"${options.prefix}" is not a topic prefix` });
  const { connections } = options;
  const access = { disk: context.disk, accounts: resolve(accounts), prefix: prefix.data };
  const wish = {
    host: addressOf(options.host ?? '127.0.0.1', '--host'),
    port: parsePort(options.port, 1883),
    folder: resolve(options.out ?? join(dirname(access.accounts), kind)),
    systemUser: userInfo().username,
    ...(connections === undefined
      ? {}
      : { connections: parseWholeNumber('--connections', connections, 1, CONNECTIONS_MAX) }),
    ...(cluster ? { cluster: { ...cluster, random: context.random } } : {}),
  };
  return () => writeBrokerFiles(kind, access, wish);
}

function described({ files, accounts, leftOut }: WrittenFiles): string[] {
  return [
    `${accounts} account${accounts === 1 ? '' : 's'} in ${files.join(', ')}`,
    ...leftOut.map(({ user, why }) => `left out: ${user}: ${why}`),
  ];
}

function nextSteps(kind: OtherBroker, { files }: WrittenFiles): string[] {
  const starts =
    kind === 'mosquitto' ? [`mosquitto -c ${files.find((path) => path.endsWith('.conf'))}`] : natsStarts(files);
  return [
    `Start it with ${starts.map((command) => `\`${command}\``).join(', ')}.`,
    `After a pairing, an enrolment, a removal or a start of the bridge run this again and send ${PROCESS_NAMES[kind]} SIGHUP, which also`,
    'ends the sessions of removed accounts. With --watch both happen automatically.',
    ...(starts.length > 1
      ? ['Each machine needs a copy of this folder at the same path, cluster.password included, and current accounts.']
      : []),
  ];
}

/** The command for each node. The first file has the accounts, which all nodes read. */
function natsStarts([, ...nodes]: readonly string[]): string[] {
  return nodes.map((path) => `nats-server -c ${path}`);
}

/** Writes the files whenever accounts changed, until stopped. Failures are reported, and retried the next time. */
async function watch(
  context: Context,
  write: () => Promise<WrittenFiles>,
  pidFiles: readonly string[],
  program: string,
): Promise<void> {
  const { clock, output } = context;
  const signal = stopSignal();
  let failed = '';
  // The brokers may not have read the files that were written before this loop.
  const unread = new Set(pidFiles);
  while (!signal.aborted) {
    try {
      const written = await write();
      if (written.changed) for (const pidFile of pidFiles) unread.add(pidFile);
      const told: number[] = [];
      for (const pidFile of unread) {
        const pid = await sendReload(context, pidFile, program);
        // A stopped broker reads them at its start; a starting one gets the signal once its process is found.
        if (pid === null) continue;
        told.push(pid);
        unread.delete(pidFile);
      }
      if (written.changed || told.length > 0)
        output.result(
          { event: 'changed', ...written, told },
          [...described(written), ...told.map((pid) => `${program} (process ${pid}) was told to reload them.`)].join(
            '\n',
          ),
        );
      failed = '';
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : String(thrown);
      if (detail !== failed) output.progress(`The files could not be updated: ${detail}`);
      failed = detail;
    }
    await clock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined);
  }
}

/** Sends SIGHUP to the broker of a pid file; returns its process id, or null when none runs. */
async function sendReload({ disk }: Context, pidFile: string, program: string): Promise<number | null> {
  const bytes = await disk.readFile(pidFile, PID_FILE_BYTES_MAX);
  const pid = Number(new TextDecoder().decode(bytes ?? new Uint8Array()).trim());
  if (!Number.isInteger(pid) || pid <= 1 || !isProgram(pid, program)) return null;
  try {
    process.kill(pid, 'SIGHUP');
    return pid;
  } catch (thrown) {
    if (systemCode(thrown) === 'ESRCH') return null;
    throw thrown;
  }
}

/** A stale pid file may name another process: where /proc shows process names, only the broker gets SIGHUP. */
function isProgram(pid: number, program: string): boolean {
  if (!existsSync('/proc/self/comm')) return true;
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
  } catch {
    return false;
  }
}
