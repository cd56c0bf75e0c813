// Owns: the verb `broker acl`: writes another broker's access list, passwords and configuration, once or until stopped.
// Not here: what is in the files (sim/broker/).
import { existsSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { failure, systemCode, topicPrefixSchema } from '../../device/exports-without-firmware.ts';
import { PID_FILE } from '../broker/mosquitto-files.ts';
import { OTHER_BROKERS, type OtherBroker, type WrittenFiles, writeBrokerFiles } from '../broker/write-broker-files.ts';
import { stopSignal } from '../terminal/stop-signal.ts';
import { type Context, openContext } from './context.ts';
import { parsePort } from './parse-port.ts';

interface AclOptions {
  data?: string;
  accounts?: string;
  for: string;
  out?: string;
  host: string;
  port?: string;
  prefix: string;
  watch?: boolean;
  pidFile?: string;
}

const WATCH_EVERY_MS = 2_000;
const PID_FILE_BYTES_MAX = 64;

export function addBrokerAcl(broker: Command): void {
  broker
    .command('acl')
    .description('write access list, passwords and configuration for a mosquitto or RabbitMQ of your own')
    .option('--data <dir>', "the broker's folder, with accounts/ in it")
    .option('--accounts <dir>', 'the folder of account files itself')
    .option('--for <broker>', `${OTHER_BROKERS.join(' or ')}`, 'mosquitto')
    .option('--out <dir>', 'where to write (default: a folder of that name beside the accounts)')
    .option('--port <n>', 'port it shall listen on (default: 1883)')
    .option('--host <address>', 'address it shall listen on', '127.0.0.1')
    .option('--prefix <topic>', 'topic prefix', 'doorsill/v1')
    .option('--watch', 'go on and write again whenever an account comes, changes or goes')
    .option('--pid-file <file>', 'with --watch: whom to tell by SIGHUP to read them again (default: OUT/mosquitto.pid)')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx doorsill broker acl --data .doorsill/broker --out ./mosquitto\n  $ mosquitto -c ./mosquitto/mosquitto.conf',
    )
    .action(async (options: AclOptions, command: Command) => {
      const context = openContext(command);
      const write = writerOf(context, options);
      const kind = kindOf(options.for);
      if (options.pidFile !== undefined && (!options.watch || kind !== 'mosquitto'))
        throw failure('usage', { detail: '--pid-file goes with --watch, for mosquitto' });
      const written = await write();
      const [first = ''] = written.files;
      const pidFile = kind === 'mosquitto' ? resolve(options.pidFile ?? join(dirname(first), PID_FILE)) : null;
      context.output.result(
        { event: 'written', for: kind, ...written },
        [...described(written), ...nextSteps(kind, written)].join('\n'),
      );
      if (options.watch) await watch(context, write, pidFile);
    });
}

function kindOf(text: string): OtherBroker {
  const kind = OTHER_BROKERS.find((name) => name === text);
  if (!kind) throw failure('usage', { detail: `--for takes one of ${OTHER_BROKERS.join(', ')}` });
  return kind;
}

/** Returns the function that writes the files that the options describe. Throws `usage`. */
function writerOf(context: Context, options: AclOptions): () => Promise<WrittenFiles> {
  const kind = kindOf(options.for);
  if ((options.data === undefined) === (options.accounts === undefined))
    throw failure('usage', { detail: "name the broker's folder with --data, or its accounts with --accounts" });
  const accounts = options.accounts === undefined ? join(resolve(options.data ?? ''), 'accounts') : options.accounts;
  const prefix = topicPrefixSchema.safeParse(options.prefix);
  if (!prefix.success) throw failure('usage', { detail: `"${options.prefix}" is no topic prefix` });
  if (!/^[A-Za-z0-9.:-]{1,253}$/.test(options.host)) throw failure('usage', { detail: '--host takes an address' });
  const access = { disk: context.disk, accounts: resolve(accounts), prefix: prefix.data };
  const wish = {
    host: options.host,
    port: parsePort(options.port, 1883),
    folder: resolve(options.out ?? join(dirname(access.accounts), kind)),
    systemUser: userInfo().username,
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
  const file = (name: string) => files.find((path) => path.endsWith(name)) ?? '';
  if (kind === 'mosquitto') {
    return [
      `Start it with \`mosquitto -c ${file('.conf')}\`.`,
      'After a pairing, an enrolment, a removal or a start of the bridge run this again and send mosquitto SIGHUP, which also',
      'ends the sessions of removed accounts. With --watch both happen by themselves.',
    ];
  }
  return [
    `Start it with RABBITMQ_CONFIG_FILE=${file('.conf')} RABBITMQ_ENABLED_PLUGINS_FILE=${file('plugins')}.`,
    `After a pairing, an enrolment or a start of the bridge run this again and \`rabbitmqctl import_definitions ${file('.json')}\`;`,
    'after a removal also `rabbitmqctl delete_user USER`: an import takes nobody away.',
  ];
}

/** Writes again whenever something changed, until stopped. Failures are reported, and retried the next time. */
async function watch(context: Context, write: () => Promise<WrittenFiles>, pidFile: string | null): Promise<void> {
  const { clock, output } = context;
  const signal = stopSignal();
  let failed = '';
  // mosquitto may not have read yet what was written before this watch began.
  let isUnread = pidFile !== null;
  while (!signal.aborted) {
    try {
      const written = await write();
      isUnread ||= written.changed;
      const told = isUnread && pidFile !== null ? await tellToReload(context, pidFile) : null;
      if (written.changed || told !== null)
        output.result({ event: 'changed', ...written, told }, [...described(written), ...toldLine(told)].join('\n'));
      // A stopped mosquitto reads them when it starts; one that is just starting gets the signal once its process is found.
      isUnread &&= pidFile !== null && told === null;
      failed = '';
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : String(thrown);
      if (detail !== failed) output.progress(`The files could not be brought up to date: ${detail}`);
      failed = detail;
    }
    await clock.sleep(WATCH_EVERY_MS, signal).catch(() => undefined);
  }
}

function toldLine(told: number | null): string[] {
  return told === null ? [] : [`mosquitto (process ${told}) was told to read them again.`];
}

/** Sends SIGHUP to the mosquitto of a pid file; returns its process id, or null when none runs. */
async function tellToReload({ disk }: Context, pidFile: string): Promise<number | null> {
  const bytes = await disk.readFile(pidFile, PID_FILE_BYTES_MAX);
  const pid = Number(new TextDecoder().decode(bytes ?? new Uint8Array()).trim());
  if (!Number.isInteger(pid) || pid <= 1 || !isMosquitto(pid)) return null;
  try {
    process.kill(pid, 'SIGHUP');
    return pid;
  } catch (thrown) {
    if (systemCode(thrown) === 'ESRCH') return null;
    throw thrown;
  }
}

/** A stale pid file may name another process: where /proc tells process names, only a mosquitto gets SIGHUP. */
function isMosquitto(pid: number): boolean {
  if (!existsSync('/proc/self/comm')) return true;
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'mosquitto';
  } catch {
    return false;
  }
}
