// The verb `bridge deploy`.

import { dirname, join, resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { utf8 } from '@doorsill/contract/bytes';
import { launcherPath } from '@doorsill/device/board/launcher-path';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { ownVersion } from '@doorsill/device/cli/own-version';
import type { Command } from 'commander';
import { INSTANCES_MAX } from '../deploy/compose-file.ts';
import { composeLayout } from '../deploy/compose-layout.ts';
import { instancesLayout } from '../deploy/instances-layout.ts';
import { natsLayout } from '../deploy/nats-layout.ts';
import { type LayoutWish, systemdLayout } from '../deploy/systemd-layout.ts';
import { failure } from '../errors.ts';
import { addressOf, parseMachines, parseNatsNodes, parseWholeNumber } from './read-options.ts';

/** RFC 1035 §2.3.1, in lower case. */
const DOMAIN = /^(?=.{3,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/;

export function addDeploy(bridge: Command): void {
  const deploy = bridge
    .command('deploy')
    .description('print or write the files of machines that serve others: systemd, instances, compose, nats')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge deploy systemd --domain doorsill.example --into ./deploy');
  deploy
    .command('systemd')
    .description(
      'write the files for one machine: registry, vault, bridge and broker as systemd units, PostgreSQL, HAProxy; STEPS.md has the steps',
    )
    .requiredOption(
      '--domain <name>',
      'the domain whose names bridge., registry., vault. and broker. lead to the machine',
    )
    .option('--into <dir>', 'write the files into this folder, which must be new or empty (default: print them)')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge deploy systemd --domain doorsill.example --into ./deploy')
    .action(async (options: DeployOptions, command: Command) => {
      const context = openContext(command);
      await printOrWrite(context, options.into, systemdLayout(layoutWish(options)));
    });
  addInstances(deploy);
  addCompose(deploy);
  deploy
    .command('nats')
    .description("a NATS cluster as area broker, in place of systemd's broker; STEPS.md has the steps")
    .requiredOption('--domain <name>', 'the domain whose name broker. leads to HAProxy')
    .requiredOption('--cluster <nodes>', 'its nodes with their addresses: a=10.0.0.1,b=10.0.0.2,c=10.0.0.3')
    .option('--into <dir>', 'write the files into this folder, which must be new or empty (default: print them)')
    .addHelpText(
      'after',
      '\nExample:\n  $ doorsill bridge deploy nats --domain doorsill.example --cluster a=10.0.0.1,b=10.0.0.2,c=10.0.0.3 --into ./broker',
    )
    .action(async (options: DeployOptions & { cluster: string }, command: Command) => {
      const context = openContext(command);
      const nodes = parseNatsNodes(options.cluster);
      await printOrWrite(context, options.into, natsLayout({ ...layoutWish(options), nodes }));
    });
}

function addInstances(deploy: Command): void {
  deploy
    .command('instances')
    .description(
      'write the files for several machines: registry, vault and bridge on each, PostgreSQL with a standby, a bucket, a NATS cluster, HAProxy; STEPS.md has the steps',
    )
    .requiredOption('--domain <name>', 'the domain whose names bridge., registry., vault. and broker. lead to HAProxy')
    .requiredOption('--machines <list>', 'machines with one instance of each part: a=10.0.0.11,b=10.0.0.12')
    .requiredOption('--proxy <address>', 'address of HAProxy')
    .requiredOption('--database <address>', 'address of PostgreSQL')
    .requiredOption('--standby <address>', 'address of its standby')
    .requiredOption('--s3 <url>', 'the server of the buckets')
    .requiredOption('--cluster <nodes>', "the broker's nodes with their addresses: a=10.0.0.1,b=10.0.0.2,c=10.0.0.3")
    .option('--into <dir>', 'write the files into this folder, which must be new or empty (default: print them)')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill bridge deploy instances --domain doorsill.example --machines a=10.0.0.11,b=10.0.0.12 --proxy 10.0.0.1 \\
      --database 10.0.0.21 --standby 10.0.0.22 --s3 https://s3.doorsill.example \\
      --cluster a=10.0.0.31,b=10.0.0.32,c=10.0.0.33 --into ./deploy`,
    )
    .action(async (options: InstancesOptions, command: Command) => {
      const context = openContext(command);
      const wish = {
        ...layoutWish(options),
        machines: parseMachines(options.machines),
        nodes: parseNatsNodes(options.cluster),
        proxy: addressOf(options.proxy, '--proxy'),
        database: addressOf(options.database, '--database'),
        standby: addressOf(options.standby, '--standby'),
        s3: s3Of(options.s3),
      };
      await printOrWrite(context, options.into, instancesLayout(wish));
    });
}

function addCompose(deploy: Command): void {
  deploy
    .command('compose')
    .description(
      'write the files for containers of one machine: compose.yml, image, PostgreSQL with a standby, a NATS cluster, HAProxy; STEPS.md has the steps',
    )
    .requiredOption(
      '--domain <name>',
      'the domain whose names bridge., registry., vault. and broker. lead to the machine',
    )
    .requiredOption('--s3 <url>', 'the server of the buckets')
    .option('--instances <n>', `instances of registry, vault and bridge, 2 to ${INSTANCES_MAX} of each`, '2')
    .option(
      '--network <subnet>',
      'network of the containers: a private /24 that nothing else here uses',
      '172.31.77.0/24',
    )
    .option('--into <dir>', 'write the files into this folder, which must be new or empty (default: print them)')
    .addHelpText(
      'after',
      '\nExample:\n  $ doorsill bridge deploy compose --domain doorsill.example --s3 https://s3.doorsill.example --into ./deploy',
    )
    .action(async (options: ComposeOptions, command: Command) => {
      const context = openContext(command);
      const [, network] = PRIVATE_24.exec(options.network) ?? [];
      if (network === undefined)
        throw failure('usage', { detail: '--network takes a private /24, such as 172.31.77.0/24' });
      const instances = parseWholeNumber('--instances', options.instances, 2, INSTANCES_MAX);
      const wish = { domain: domainOf(options.domain), s3: s3Of(options.s3), instances, network };
      await printOrWrite(context, options.into, composeLayout({ ...wish, version: ownVersion() }));
    });
}

/** RFC 1918 §3. */
const PRIVATE_24 =
  /^((?:10\.(?:25[0-5]|2[0-4]\d|1?\d?\d)|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.(?:25[0-5]|2[0-4]\d|1?\d?\d))\.0\/24$/;

/** Only TLS, because clips and their key go there. Throws `usage`. */
function s3Of(text: string): string {
  if (/^https:\/\/[a-z0-9.-]{1,253}(:\d{1,5})?$/.test(text)) return text;
  throw failure('usage', { detail: '--s3 takes an https:// address without a path' });
}

interface ComposeOptions extends DeployOptions {
  s3: string;
  instances: string;
  network: string;
}

interface InstancesOptions extends DeployOptions {
  machines: string;
  proxy: string;
  database: string;
  standby: string;
  s3: string;
  cluster: string;
}

interface DeployOptions {
  domain: string;
  into?: string;
}

function layoutWish({ domain }: DeployOptions): LayoutWish {
  return { domain: domainOf(domain), node: process.execPath, program: launcherPath() };
}

/** Throws `usage`. */
function domainOf(text: string): string {
  if (!DOMAIN.test(text)) throw failure('usage', { detail: `"${text}" is not a domain name` });
  return text;
}

async function printOrWrite(
  context: Context,
  into: string | undefined,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  if (into !== undefined) return write(context, resolve(into), files);
  const text = [...files].map(([name, content]) => `# ---- ${name}\n${content}`).join('\n');
  context.output.result({ files: Object.fromEntries(files) }, text.trimEnd());
}

async function write({ output }: Context, folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const disk = new SystemDisk('named');
  await disk.makeFolder(folder);
  if ((await disk.list(folder)).length > 0)
    throw failure('usage', { detail: `${folder} is not empty: name a new folder; nothing was overwritten` });
  for (const [name, text] of files) {
    await disk.makeFolder(dirname(join(folder, name)));
    await disk.replaceFile(join(folder, name), utf8(text));
  }
  const written = [...files.keys()].map((name) => join(folder, name));
  output.result({ event: 'written', files: written }, [...written, '', 'Begin with STEPS.md.'].join('\n'));
}
