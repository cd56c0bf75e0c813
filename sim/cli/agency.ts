// The verbs `agency apply`, `agency status` and `agency rotate`.

import type { SealingKeyPair } from '@doorsill/base/hpke';
import { readBySchema } from '@doorsill/base/schema-fault';
import { keyAmong } from '@doorsill/base/sealing-keys';
import { AgencyAction } from '@doorsill/contract/agency-calls';
import { Jurisdiction } from '@doorsill/contract/request';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { agencyId, loadAgencyKey } from '../officer/agency-client.ts';
import {
  chooseSealing,
  LOSING_THE_KEYS,
  readKeysIn,
  SEALING_CHOICES,
  SEALING_KEYS_NAME,
  type SealingChoice,
  sealingWords,
} from '../officer/agency-sealing.ts';
import { type AgencyStatus, readAgencyStatus, rotateAgencyKey, rotateSealingKey } from '../officer/agency-status.ts';
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
  sealing?: string;
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
    .option(
      '--sealing <who>',
      'who can open clips: vault, recipient (the agency alone), or off (default: the vault if it can, else the agency)',
    )
    .addHelpText(
      'after',
      `
Doorbells encrypt clips before they send them, so that the bridge cannot read them. With --sealing recipient the agency's folder gets a file
${SEALING_KEYS_NAME}. ${LOSING_THE_KEYS}

Police of a city or county whose .gov domain is on the registry's list are admitted at once if the domain publishes their id. All
others wait for a moderator (\`doorsill bridge moderate\`). Federal agencies and their local branches are refused.

Example:
  $ doorsill agency apply --agency ./shelbyville --name "Shelbyville Police" --jurisdiction municipal \\
      --domain shelbyville.example --contact "Records Desk" --email records@shelbyville.example`,
    )
    .action(async (options: ApplyOptions, command: Command) => {
      const context = openContext(command);
      const choice = parseSealing(options.sealing);
      const said = factsOf(options);
      const testbed = await openTestbed(context.disk, options);
      const folder = agencyFolder(options, testbed);
      const key = await loadAgencyKey(context, folder);
      const sealing = await chooseSealing(context, { folder, vault: testbed.vault, choice });
      const facts = { ...said, ...(sealing ? { sealing } : {}) };
      if (sealing?.keeper === 'recipient') context.output.progress(LOSING_THE_KEYS);
      const { state, waits } = await applyToRegistry(context, registryPlace(testbed), key, facts);
      const id = agencyId(key);
      const proof = domainProofLine(id);
      const lines = [
        `${facts.name} is ${id}; its application is ${state}.`,
        ...(waits === undefined ? [] : [`It waits: ${waits}.`]),
        ...(state === 'pending' ? [`${facts.domain} has to publish this line: ${proof}`] : []),
        `Clips for it are ${sealingWords(sealing)}.`,
      ];
      context.output.result(
        { agency: id, state, ...(waits === undefined ? {} : { waits }), proof, folder, sealing },
        lines.join('\n'),
      );
    });
}

function parseSealing(text: string | undefined): SealingChoice | undefined {
  const choice = SEALING_CHOICES.find((one) => one === text);
  if (choice === undefined && text !== undefined)
    throw failure('usage', { detail: `--sealing takes ${SEALING_CHOICES.join(', ')}, not "${text.slice(0, 40)}"` });
  return choice;
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
      const { id, folder } = await openAgency(context, options, testbed);
      const status = await readAgencyStatus(testbed.registry, id);
      const keys = await readKeysIn(context.disk, folder);
      context.output.result(status, statusText(status, keys, folder));
    });
}

function statusText(status: AgencyStatus, keys: readonly SealingKeyPair[], folder: string): string {
  if (status.state !== 'approved') return `${status.agency} is ${status.state}: ${status.detail}`;
  const { name, jurisdiction, domain, profiles = [], retention = [], organisation, sealing, exp } = status.credential;
  const isKeyLost = sealing?.keeper === 'recipient' && keyAmong(keys, sealing.key) === null;
  return [
    `${status.agency} is approved: ${name} (${jurisdiction}, ${domain}).`,
    `  may ask    ${profiles.join(', ')}`,
    `  files as   ${retention.join(', ')}`,
    `  clips are  ${sealingWords(sealing)}`,
    ...(isKeyLost
      ? [
          `  That key is not in ${folder}: nobody can open new clips. Make another with \`doorsill agency rotate --sealing\`.`,
        ]
      : []),
    ...(organisation === undefined ? [] : [`  first key  ${organisation}`]),
    `  credential until ${printMoment(exp * 1_000_000)}`,
  ].join('\n');
}

function addRotate(agency: Command): void {
  withAgencyOptions(agency.command('rotate'))
    .description(
      'replace the agency’s key: the old one and its open requests become invalid; the agency keeps its clips',
    )
    .option('--sealing', 'add a new key that clips are encrypted to from now on; the agency’s signing key stays')
    .addHelpText(
      'after',
      `
In a testbed on one machine this also acts for the registry's moderator and the vault's operator. Running it again completes an
interrupted rotation.

With --sealing, former keys stay in ${SEALING_KEYS_NAME}: they open the clips that were granted to them. ${LOSING_THE_KEYS}

Examples:
  $ doorsill agency rotate
  $ doorsill agency rotate --sealing`,
    )
    .action(async (options: AgencyOptions & { sealing?: boolean }, command: Command) => {
      const context = openContext(command);
      const testbed = await openTestbed(context.disk, options);
      const agency = await openAgency(context, options, testbed);
      const registry = registryPlace(testbed);
      if (options.sealing) {
        context.output.progress(LOSING_THE_KEYS);
        const done = await rotateSealingKey(context, registry, agency);
        context.output.result(
          { agency: agency.id, ...done },
          `New clips for ${agency.id} are encrypted to ${done.key}. Its ${SEALING_KEYS_NAME} has ${done.keys} keys; former ones open clips from before.`,
        );
        return;
      }
      const { folder } = agency;
      const done = await rotateAgencyKey(context, { registry, vault: testbed.vault, folder });
      context.output.result(
        done,
        `${done.from} is now ${done.agency}. The old key is invalid; clips that were granted to it remain the agency's.`,
      );
    });
}

function registryPlace({ registry }: RunningTestbed) {
  return { registryUrl: registry.url, registry: registry.id, folder: registry.folder };
}
