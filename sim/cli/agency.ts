// The verbs `agency apply`, `agency status` and `agency rotate`.

import { readBySchema } from '@doorsill/base/schema-fault';
import { AgencyAction } from '@doorsill/contract/agency-calls';
import { Jurisdiction } from '@doorsill/contract/request';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { agencyId, loadAgencyKey } from '../officer/agency-client.ts';
import { type AgencyStatus, readAgencyStatus, rotateAgencyKey } from '../officer/agency-status.ts';
import { type AgencyFacts, applyToRegistry, domainProofLine } from '../officer/registration.ts';
import {
  type AgencyOptions,
  agencyFolder,
  openAgency,
  openTestbed,
  type RunningTestbed,
  withAgencyOptions,
} from './running-testbed.ts';

interface ApplyOptions extends AgencyOptions {
  name: string;
  jurisdiction: string;
  domain: string;
  contact: string;
  email?: string;
  phone?: string;
  profiles: string;
  categories: string;
}

export function addAgency(program: Command): void {
  const agency = program
    .command('agency')
    .description('as an agency: apply to the registry, request footage of residents, keep evidence, get notified')
    .addHelpText('after', '\nExamples:\n  $ doorsill agency status\n  $ doorsill agency request');
  addApply(agency);
  addStatus(agency);
  addRotate(agency);
}

function addApply(agency: Command): void {
  withAgencyOptions(agency.command('apply'))
    .description('apply to the registry; makes a key in the agency’s folder if there is none')
    .requiredOption('--name <name>', 'its name, as residents know it')
    .requiredOption('--jurisdiction <kind>', Jurisdiction.options.filter((kind) => kind !== 'federal').join(', '))
    .requiredOption('--domain <domain>', 'its own domain, which has to publish its id')
    .requiredOption('--contact <name>', 'the person whom residents can ask')
    .option('--email <address>', 'the contact’s email')
    .option('--phone <number>', 'the contact’s phone')
    .option('--profiles <a,b>', 'disclosure profiles that it will ask for', 'nothing')
    .option('--categories <a,b>', 'retention categories of its evidence', 'uncategorized')
    .addHelpText(
      'after',
      `
Police of a city or county whose .gov domain is on the registry's list are admitted at once if the domain publishes their id. All
others wait for a moderator (\`doorsill bridge moderate\`). Federal agencies and their local branches are refused.

Example:
  $ doorsill agency apply --agency ./shelbyville --name "Shelbyville Police" --jurisdiction municipal \\
      --domain shelbyville.example --contact "Records Desk" --email records@shelbyville.example`,
    )
    .action(async (options: ApplyOptions, command: Command) => {
      const context = openContext(command);
      const facts = factsOf(options);
      const testbed = await openTestbed(context.disk, options);
      const folder = agencyFolder(options, testbed);
      const key = await loadAgencyKey(context, folder);
      const { state, waits } = await applyToRegistry(context, registryPlace(testbed), key, facts);
      const id = agencyId(key);
      const proof = domainProofLine(id);
      const lines = [
        `${facts.name} is ${id}; its application is ${state}.`,
        ...(waits === undefined ? [] : [`It waits: ${waits}.`]),
        ...(state === 'pending' ? [`${facts.domain} has to publish this line: ${proof}`] : []),
      ];
      context.output.result(
        { agency: id, state, ...(waits === undefined ? {} : { waits }), proof, folder },
        lines.join('\n'),
      );
    });
}

/** The facts of an agency's application. Throws `usage` for values out of limits. */
function factsOf(options: ApplyOptions): AgencyFacts {
  const { name, jurisdiction, domain, contact, email, phone, profiles, categories } = options;
  const list = (text: string) => text.split(',').map((one) => one.trim());
  const read = readBySchema(AgencyAction, {
    action: 'register',
    name,
    jurisdiction,
    domain,
    contact: { name: contact, ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }) },
    profiles: list(profiles),
    retention: list(categories),
  });
  if (read.ok && read.data.action === 'register') {
    const { action, ...facts } = read.data;
    return facts;
  }
  // The fields are named as the options are.
  const fault = read.ok ? '' : read.fault;
  const detail = fault
    .replaceAll(/(^|; )(?=[a-zA-Z.]+(\[\d+\])?: )/g, '$1--')
    .replace('--contact.name', '--contact')
    .replaceAll('--contact.', '--')
    .replace('--retention', '--categories');
  throw failure('usage', { detail });
}

function addStatus(agency: Command): void {
  withAgencyOptions(agency.command('status'))
    .description('show an agency’s status at the registry, and what it may ask for')
    .addHelpText('after', '\nExample:\n  $ doorsill agency status --json')
    .action(async (options: AgencyOptions, command: Command) => {
      const context = openContext(command);
      const testbed = await openTestbed(context.disk, options);
      const { id } = await openAgency(context, options, testbed);
      const status = await readAgencyStatus(testbed.registry, id);
      context.output.result(status, statusText(status));
    });
}

function statusText(status: AgencyStatus): string {
  if (status.state !== 'approved') return `${status.agency} is ${status.state}: ${status.detail}`;
  const { name, jurisdiction, domain, profiles = [], retention = [], organisation, exp } = status.credential;
  return [
    `${status.agency} is approved: ${name} (${jurisdiction}, ${domain}).`,
    `  may ask    ${profiles.join(', ')}`,
    `  files as   ${retention.join(', ')}`,
    ...(organisation === undefined ? [] : [`  first key  ${organisation}`]),
    `  credential until ${printMoment(exp * 1_000_000)}`,
  ].join('\n');
}

function addRotate(agency: Command): void {
  withAgencyOptions(agency.command('rotate'))
    .description(
      'replace the agency’s key: the old one and its open requests become invalid; the agency keeps its clips',
    )
    .addHelpText(
      'after',
      `
In a testbed on one machine this also acts for the registry's moderator and the vault's operator. Running it again completes an
interrupted rotation.

Example:
  $ doorsill agency rotate`,
    )
    .action(async (options: AgencyOptions, command: Command) => {
      const context = openContext(command);
      const testbed = await openTestbed(context.disk, options);
      const { folder } = await openAgency(context, options, testbed);
      const done = await rotateAgencyKey(context, { registry: registryPlace(testbed), vault: testbed.vault, folder });
      context.output.result(
        done,
        `${done.from} is now ${done.agency}. The old key is invalid; clips that were granted to it remain the agency's.`,
      );
    });
}

function registryPlace({ registry }: RunningTestbed) {
  return { registryUrl: registry.url, registry: registry.id, folder: registry.folder };
}
