// Owns: the verb `agency`: applying to the testbed's registry, showing the agency's status, rotating its key. Not here: deciding on
// applications (moderate.ts), asking residents (request.ts).

import { readBySchema } from '@doorsill/base/schema-fault';
import { AgencyAction } from '@doorsill/contract/agency-calls';
import { Jurisdiction } from '@doorsill/contract/request';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { agencyId, loadAgencyKey } from '../officer/agency-client.ts';
import { type AgencyStatus, rotateAgencyKey, standingOf } from '../officer/agency-status.ts';
import { type AgencyFacts, applyAs, domainLine } from '../officer/registration.ts';
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
    .description('as an agency: apply to the registry, ask residents for footage, keep the evidence, be told of it')
    .addHelpText('after', '\nExamples:\n  $ doorsill agency status\n  $ doorsill agency request')
    .action(() => {
      throw failure('usage', { detail: 'say what: agency apply, status, rotate, request, evidence or webhook' });
    });
  addApply(agency);
  addStatus(agency);
  addRotate(agency);
}

function addApply(agency: Command): void {
  withAgencyOptions(agency.command('apply'))
    .description('apply to the registry; a key is made in the agency’s folder when it has none')
    .requiredOption('--name <name>', 'its name, as residents know it')
    .requiredOption('--jurisdiction <kind>', Jurisdiction.options.filter((kind) => kind !== 'federal').join(', '))
    .requiredOption('--domain <domain>', 'its own domain, which has to show its id')
    .requiredOption('--contact <name>', 'whom residents can ask')
    .option('--email <address>', 'the contact’s email')
    .option('--phone <number>', 'the contact’s phone')
    .option('--profiles <a,b>', 'what it will ask about homes', 'nothing')
    .option('--categories <a,b>', 'retention categories of what it gets', 'uncategorized')
    .addHelpText(
      'after',
      `
Police of a city or county whose .gov domain is on the registry's list are admitted at once if the domain shows their id. All
others wait for a person (\`doorsill bridge moderate\`). Federal agencies and their local branches are refused.

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
      const where = {
        registryUrl: testbed.registry.url,
        registry: testbed.registry.id,
        folder: testbed.registry.folder,
      };
      const { state, waits } = await applyAs(context, where, key, facts);
      const id = agencyId(key);
      const proof = domainLine(id);
      const said = [
        `${facts.name} is ${id}; its application is ${state}.`,
        ...(waits === undefined ? [] : [`It waits: ${waits}.`]),
        ...(state === 'pending' ? [`${facts.domain} has to show this line: ${proof}`] : []),
      ];
      context.output.result(
        { agency: id, state, ...(waits === undefined ? {} : { waits }), proof, folder },
        said.join('\n'),
      );
    });
}

/** The facts in an agency's application. Throws `usage` for values out of limits. */
function factsOf(options: ApplyOptions): AgencyFacts {
  const { name, jurisdiction, domain, contact, email, phone, profiles, categories } = options;
  const list = (text: string) => text.split(',').map((one) => one.trim());
  const said = readBySchema(AgencyAction, {
    action: 'register',
    name,
    jurisdiction,
    domain,
    contact: { name: contact, ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }) },
    profiles: list(profiles),
    retention: list(categories),
  });
  if (said.ok && said.data.action === 'register') {
    const { action, ...facts } = said.data;
    return facts;
  }
  // Named as the options are.
  const fault = said.ok ? '' : said.fault;
  const detail = fault
    .replaceAll(/(^|; )(?=[a-zA-Z.]+(\[\d+\])?: )/g, '$1--')
    .replace('--contact.name', '--contact')
    .replaceAll('--contact.', '--')
    .replace('--retention', '--categories');
  throw failure('usage', { detail });
}

function addStatus(agency: Command): void {
  withAgencyOptions(agency.command('status'))
    .description('see how an agency stands with the registry, and what it may ask for')
    .addHelpText('after', '\nExample:\n  $ doorsill agency status --json')
    .action(async (options: AgencyOptions, command: Command) => {
      const context = openContext(command);
      const testbed = await openTestbed(context.disk, options);
      const { id } = await openAgency(context, options, testbed);
      const standing = await standingOf(testbed.registry, id);
      context.output.result(standing, standingText(standing));
    });
}

function standingText(standing: AgencyStatus): string {
  if (standing.state !== 'approved') return `${standing.agency} is ${standing.state}: ${standing.detail}`;
  const { name, jurisdiction, domain, profiles = [], retention = [], organisation, exp } = standing.credential;
  return [
    `${standing.agency} is approved: ${name} (${jurisdiction}, ${domain}).`,
    `  may ask    ${profiles.join(', ')}`,
    `  files as   ${retention.join(', ')}`,
    ...(organisation === undefined ? [] : [`  first key  ${organisation}`]),
    `  credential until ${printMoment(exp * 1_000_000)}`,
  ].join('\n');
}

function addRotate(agency: Command): void {
  withAgencyOptions(agency.command('rotate'))
    .description('take another key: the old one is dead, and so are its open requests; clips stay the agency’s')
    .addHelpText(
      'after',
      `
In a testbed on one machine, the registry's moderator and the vault's operator are here, too: they are told in the same step. What
was interrupted goes on when it is said again.

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
        `${done.from} is ${done.agency} now. The old key opens nothing any more; what it was granted is still the agency's.`,
      );
    });
}

function registryPlace({ registry }: RunningTestbed) {
  return { registryUrl: registry.url, registry: registry.id, folder: registry.folder };
}
