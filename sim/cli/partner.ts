// The verb `bridge partner`.

import { idSchema } from '@doorsill/contract/ids';
import { openContext } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { addPartner, listPartners, renewPartner, setPartnerStatus } from '../officer/bridge-operator.ts';
import type { PartnerFacts } from '../officer/service-operations.ts';
import { openTestbed, type TestbedOptions, withTestbedOptions } from './running-testbed.ts';

export function addPartnerVerbs(bridge: Command): void {
  const partner = bridge
    .command('partner')
    .description(
      'as the bridge’s admin: list, add, renew, suspend, resume and end partners, who pass on agencies’ requests',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ doorsill bridge partner list\n  $ doorsill bridge partner end plate-watch --yes',
    );
  addList(partner);
  addAdd(partner);
  addRenew(partner);
  addStatus(
    partner,
    'suspend',
    'suspended',
    'close a partner’s channel until it is resumed; its open requests are cancelled for good',
  );
  addStatus(partner, 'resume', 'active', 'open a partner’s channel again, for new requests');
  addEnd(partner);
}

function lineOf({ partner, name, status, since }: PartnerFacts): string {
  return `${partner.padEnd(20)}  ${status.padEnd(9)}  since ${since}  ${name}`;
}

function addList(partner: Command): void {
  withTestbedOptions(partner.command('list'))
    .description('list all partners, ended ones included')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge partner list')
    .action(async (options: TestbedOptions, command: Command) => {
      const context = openContext(command);
      const partners = await listPartners((await openTestbed(context.disk, options)).bridge);
      context.output.result({ partners }, partners.map(lineOf).join('\n'));
    });
}

function addAdd(partner: Command): void {
  withTestbedOptions(partner.command('add <id>'))
    .description('add a partner; its secrets are printed once')
    .requiredOption('--name <name>', 'the partner’s name')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge partner add plate-watch --name "Plate Watch"')
    .action(async (id: string, options: TestbedOptions & { name: string }, command: Command) => {
      const context = openContext(command);
      const { bridge } = await openTestbed(context.disk, options);
      const added = await addPartner(context.disk, bridge, partnerId(id), options.name);
      context.output.result(added, `${added.partner} is active. Shown once:\n${secretLines(added)}`);
    });
}

function addRenew(partner: Command): void {
  withTestbedOptions(partner.command('renew <id>'))
    .description('replace a partner’s secrets; the old ones become invalid')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge partner renew plate-watch')
    .action(async (id: string, options: TestbedOptions, command: Command) => {
      const context = openContext(command);
      const { bridge } = await openTestbed(context.disk, options);
      const renewed = await renewPartner(context.disk, bridge, partnerId(id));
      context.output.result(renewed, `Its old secrets are invalid. Shown once:\n${secretLines(renewed)}`);
    });
}

function secretLines({ token, webhookSecret }: { token: string; webhookSecret: string }): string {
  return `  token           ${token}\n  webhook secret  ${webhookSecret}`;
}

function addStatus(partner: Command, verb: string, status: 'active' | 'suspended', about: string): void {
  withTestbedOptions(partner.command(`${verb} <id>`))
    .description(about)
    .addHelpText('after', `\nExample:\n  $ doorsill bridge partner ${verb} plate-watch`)
    .action(async (id: string, options: TestbedOptions, command: Command) => {
      const context = openContext(command);
      const { bridge } = await openTestbed(context.disk, options);
      const changed = await setPartnerStatus(context.disk, bridge, partnerId(id), status);
      const many = changed.cancelled === 0 ? '' : `; ${cancelledText(changed.cancelled)}`;
      context.output.result(changed, `${changed.partner} is ${changed.status} since ${changed.since}${many}.`);
    });
}

function addEnd(partner: Command): void {
  withTestbedOptions(partner.command('end <id>'))
    .description('end a partnership for good: its secrets become invalid, its open requests are cancelled')
    .option('--yes', 'confirm: an ended partner cannot come back')
    .addHelpText('after', '\nExample:\n  $ doorsill bridge partner end plate-watch --yes')
    .action(async (id: string, options: TestbedOptions & { yes?: boolean }, command: Command) => {
      const context = openContext(command);
      const known = partnerId(id);
      if (!options.yes) throw failure('usage', { detail: `ending ${known} is final; confirm it with --yes` });
      const { bridge } = await openTestbed(context.disk, options);
      const ended = await setPartnerStatus(context.disk, bridge, known, 'ended');
      context.output.result(ended, `${ended.partner} has ended for good; ${cancelledText(ended.cancelled)}.`);
    });
}

function cancelledText(count: number): string {
  return `${count === 1 ? '1 request is' : `${count} requests are`} cancelled`;
}

function partnerId(text: string): string {
  if (idSchema.safeParse(text).success) return text;
  throw failure('usage', { detail: `"${text}" is not a partner's id: lower-case letters, digits, hyphens` });
}
