// The verb `agency evidence`: what an officer does with the evidence that the vault keeps for the agency.

import { resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { idSchema } from '@doorsill/contract/ids';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { verdictReport } from '../officer/agency-client.ts';
import { readKeysIn } from '../officer/agency-sealing.ts';
import { disclosedWords } from '../officer/clip-file.ts';
import { type EvidenceClient, openEvidenceClient } from '../officer/evidence-client.ts';
import { saveEvidence } from '../officer/save-evidence.ts';
import type { Parameters, Who } from '../officer/service-client.ts';
import type { ItemView, TrailEntry } from '../officer/service-operations.ts';
import {
  type AccessReasonOptions,
  type AgencyOptions,
  officerOf,
  openAgency,
  openTestbed,
  withAccessReasonOptions,
  withAgencyOptions,
} from './running-testbed.ts';

/** The options of a verb that an officer runs at the vault. */
export interface VaultOptions extends AgencyOptions, AccessReasonOptions {}

/** What a verb at the vault needs. */
interface AtVault {
  context: Context;
  vault: EvidenceClient;
  who: Who;
  agency: Awaited<ReturnType<typeof openAgency>>;
  /** Of the testbed. */
  bridge: { id: string; url: string };
}

/** Adds the options of verbs that an officer runs at the vault. */
export function withVaultOptions(command: Command): Command {
  return withAccessReasonOptions(withAgencyOptions(command));
}

/** The agency's client at the testbed's vault; checks first that the options name an officer and a reason. Throws `usage`, `not_running`. */
export async function openVaultAsOfficer(options: VaultOptions, command: Command): Promise<AtVault> {
  const context = openContext(command);
  const who = officerOf(options);
  const testbed = await openTestbed(context.disk, options);
  if (!testbed.vault) throw failure('not_running', { folder: testbed.folder });
  const agency = await openAgency(context, options, testbed);
  const vault = await openEvidenceClient(context, testbed.vault, agency);
  return { context, who, vault, agency, bridge: testbed.bridge };
}

/** A verb about one item, which it prints afterwards. */
interface ItemVerb {
  /** The verb and its arguments, the item's id first. */
  words: string;
  about: string;
  /** The arguments of its example, behind the item. */
  example?: string;
  option?: [flags: string, about: string];
  /** Which operation of the vault to call, given the arguments behind the item's id. Throws `usage`. */
  operation: (words: string[], options: { remove?: boolean }) => ItemCall;
}

interface ItemCall {
  name:
    | 'readItem'
    | 'triageItem'
    | 'setItemCategories'
    | 'addToCase'
    | 'removeFromCase'
    | 'setAccessClass'
    | 'deleteItem'
    | 'restoreItem';
  parameters?: Parameters;
  body?: object;
}

const ITEM_VERBS: readonly ItemVerb[] = [
  { words: 'show <item>', about: 'show one item', operation: () => ({ name: 'readItem' }) },
  {
    words: 'triage <item> <accept|decline>',
    about: 'accept or decline an item; declined ones may be kept for a shorter time',
    example: 'decline',
    operation: ([decision]) => {
      if (decision !== 'accept' && decision !== 'decline')
        throw failure('usage', { detail: `triage is accept or decline, not "${decision}"` });
      return { name: 'triageItem', body: { decision } };
    },
  },
  {
    words: 'category <item> [category...]',
    about: 'replace the categories of an item; without any it is uncategorized',
    example: 'robbery package-theft',
    operation: (categories) => ({ name: 'setItemCategories', body: { categories } }),
  },
  {
    words: 'case <item> <case>',
    about: 'put an item into a case, which suspends its deletion',
    example: 'SPD-2026-0117',
    option: ['--remove', 'take the item out of the case instead'],
    operation: ([id], { remove }) => ({ name: remove ? 'removeFromCase' : 'addToCase', parameters: { case: id } }),
  },
  {
    words: 'class <item> <none|restricted|confidential>',
    about: 'set who may read an item: restricted and confidential each need a further scope',
    example: 'restricted',
    operation: ([accessClass]) => ({ name: 'setAccessClass', body: { accessClass } }),
  },
  {
    words: 'delete <item>',
    about: 'mark an item for deletion; it can be restored for seven days',
    operation: () => ({ name: 'deleteItem' }),
  },
  { words: 'restore <item>', about: 'restore a deleted item', operation: () => ({ name: 'restoreItem' }) },
];

export function addEvidence(agency: Command): void {
  const evidence = agency
    .command('evidence')
    .description(
      'as an officer: list, show, triage, file, download, link, delete and restore the agency’s evidence at the vault',
    )
    .addHelpText(
      'after',
      `
Each verb takes the officer's name and a reason; both are in the trail before anything is shown.

Examples:
  $ doorsill agency evidence list --officer "Det. Rivera" --reason "case SPD-2026-0117"
  $ doorsill agency evidence triage item-4f1e accept --officer "Det. Rivera" --reason "shows the car"
  $ doorsill agency evidence case item-4f1e SPD-2026-0117 --officer "Det. Rivera" --reason "goes to trial"`,
    );
  addList(evidence);
  for (const verb of ITEM_VERBS) addItemVerb(evidence, verb);
  addDownload(evidence);
  addLink(evidence);
  addTrail(evidence);
}

/** The end of each example. */
const WHO = '--officer "Det. Rivera" --reason "case SPD-2026-0117"';

function addList(evidence: Command): void {
  withVaultOptions(evidence.command('list'))
    .description('list the agency’s items, newest first')
    .option('--state <state>', 'active or deleted')
    .option('--triage <triage>', 'pending, accepted or declined')
    .option('--category <category>', 'of this category')
    .option('--case <case>', 'of this case')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence list --triage pending ${WHO}`)
    .action(
      async (
        options: VaultOptions & { state?: string; triage?: string; category?: string; case?: string },
        command: Command,
      ) => {
        const { context, vault, who } = await openVaultAsOfficer(options, command);
        const { state, triage, category, case: caseId } = options;
        let count = 0;
        for await (const item of vault.list(who, { state, triage, category, case: caseId })) {
          count += 1;
          context.output.result(item, lineOf(item));
        }
        if (count === 0) context.output.say('No such evidence.');
      },
    );
}

function addItemVerb(evidence: Command, { words, about, example, option, operation }: ItemVerb): void {
  const command = withVaultOptions(evidence.command(words)).description(about);
  if (option) command.option(...option);
  const line = [command.name(), 'item-4f1e', ...(example === undefined ? [] : [example]), WHO].join(' ');
  command.addHelpText('after', `\nExample:\n  $ doorsill agency evidence ${line}`).action(async () => {
    const [item = '', ...rest] = command.args;
    const options = command.opts<VaultOptions & { remove?: boolean }>();
    const { name, parameters, body } = operation(rest, options);
    const { context, vault, who } = await openVaultAsOfficer(options, command);
    show(context, await vault.call(name, who, { item: itemOf(item), ...parameters }, body));
  });
}

function addDownload(evidence: Command): void {
  withVaultOptions(evidence.command('download <item>'))
    .description(
      'download an item’s clip and statement, which are checked first; a clip that only the agency can open is opened',
    )
    .requiredOption('--out <dir>', 'folder to write them into')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence download item-4f1e --out ./case ${WHO}`)
    .action(async (named: string, options: VaultOptions & { out: string }, command: Command) => {
      const item = itemOf(named);
      const { context, vault, who, agency, bridge } = await openVaultAsOfficer(options, command);
      const folder = resolve(options.out);
      await new SystemDisk('named').makeFolder(folder);
      const keys = await readKeysIn(context.disk, agency.folder);
      const recipient = { keys, report: verdictReport(context, agency.key, bridge, who) };
      const saved = await saveEvidence(context, vault, { item, who, folder, recipient });
      const { contents, clip, statement } = saved;
      context.output.result(
        { item, ...saved },
        [
          `Checked ${item} against its statement, and wrote ${clip} and ${statement}.`,
          ...(contents ? [`  disclosed  ${disclosedWords(contents)}`] : []),
          ...(contents && !saved.isReported ? ['  The bridge could not be told that the clip is as granted.'] : []),
          ...(contents?.zones.length ? [`  zones      ${contents.zones.length} black in each frame`] : []),
        ].join('\n'),
      );
    });
}

function addLink(evidence: Command): void {
  withVaultOptions(evidence.command('link <item>'))
    .description('make a link from which anyone who has it can download the clip, once, for a limited time')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence link item-4f1e ${WHO}`)
    .action(async (item: string, options: VaultOptions, command: Command) => {
      const { context, vault, who } = await openVaultAsOfficer(options, command);
      const link = await vault.call('createLink', who, { item: itemOf(item) });
      context.output.progress(`Works once, until ${printMoment(link.expiresS * 1_000_000)}:`);
      context.output.result({ item, ...link }, link.url);
    });
}

function addTrail(evidence: Command): void {
  withVaultOptions(evidence.command('trail [item]'))
    .description('show who did what with an item, or with all of the agency’s evidence, newest first')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence trail item-4f1e ${WHO}`)
    .action(async (item: string | undefined, options: VaultOptions, command: Command) => {
      const { context, vault, who } = await openVaultAsOfficer(options, command);
      for await (const entry of vault.trail(who, item === undefined ? undefined : itemOf(item))) {
        context.output.result(entry, trailLine(entry));
      }
    });
}

function itemOf(text: string): string {
  if (idSchema.safeParse(text).success) return text;
  throw failure('usage', { detail: `"${text}" is not an item's id; see \`doorsill agency evidence list\`` });
}

function show({ output }: Context, item: ItemView): void {
  const { recordedS, deletesS, erasesS, recall } = item;
  output.result(
    item,
    [
      lineOf(item),
      `  request    ${item.request}, investigation ${item.investigation}`,
      `  filed as   ${item.categories.join(', ')}; ${item.cases.length === 0 ? 'in no case' : `case ${item.cases.join(', ')}`}`,
      `  recorded   ${printMoment(recordedS * 1_000_000)}`,
      `  sha256     ${item.sha256}`,
      ...(deletesS === null ? [] : [`  its category deletes it at ${printMoment(deletesS * 1_000_000)}`]),
      ...(erasesS === null ? [] : [`  destroyed at ${printMoment(erasesS * 1_000_000)} unless it is restored`]),
      ...(recall === null ? [] : ['  its owner recalled it after the hand-over']),
    ].join('\n'),
  );
}

function lineOf({ item, state, triage, accessClass, uploadedS }: ItemView): string {
  const kind = accessClass === 'none' ? '' : `  ${accessClass}`;
  return `${item}  ${printMoment(uploadedS * 1_000_000)}  ${state}  ${triage}${kind}`;
}

function trailLine({ atUs, item, event, detail, by, officer, reason }: TrailEntry): string {
  return [printMoment(atUs), event.padEnd(18), item, detail, officer === '' ? by : officer, reason]
    .filter((part) => part !== '')
    .join('  ');
}
