// Owns: the verb `agency evidence`: what an officer of the testbed's agency does with what the vault keeps for it. Not here: what the vault
// allows, the department's policy (vault-policy.ts).

import { idSchema } from '@doorsill/contract/ids';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { listEvidence, makeLink, readTrail, type TrailEntry } from '../officer/evidence-calls.ts';
import { type EvidenceDesk, type ItemView, openEvidenceDesk, type Who } from '../officer/evidence-desk.ts';
import { type OfficerOptions, officerOf, withOfficerOptions } from './officer-reason-options.ts';
import { type AgencyOptions, openAgency, openTestbed, withAgencyOptions } from './running-testbed.ts';

export interface DeskOptions extends AgencyOptions, OfficerOptions {}

/** What a verb at the vault needs. */
interface AtDesk {
  context: Context;
  desk: EvidenceDesk;
  who: Who;
}

/** Adds the options of verbs that an officer runs at the vault. */
export function withDeskOptions(command: Command): Command {
  return withOfficerOptions(withAgencyOptions(command));
}

/** The agency's desk at the testbed's vault; checks first that the options say who looks and why. Throws `usage`, `not_running`. */
export async function openDesk(options: DeskOptions, command: Command): Promise<AtDesk> {
  const context = openContext(command);
  const who = officerOf(options);
  const testbed = await openTestbed(context.disk, options);
  if (!testbed.vault) throw failure('not_running', { folder: testbed.folder });
  const agency = await openAgency(context, options, testbed);
  return { context, who, desk: await openEvidenceDesk(context, testbed.vault, agency) };
}

export function addEvidence(agency: Command): void {
  const evidence = agency
    .command('evidence')
    .description('as an officer: list, see, triage, file, link, delete and restore what the vault keeps for the agency')
    .addHelpText(
      'after',
      `
Each verb says who looks and why; both are in the trail before anything is shown.

Examples:
  $ doorsill agency evidence list --officer "Det. Rivera" --reason "case SPD-2026-0117"
  $ doorsill agency evidence triage item-4f1e accept --officer "Det. Rivera" --reason "shows the car"
  $ doorsill agency evidence case item-4f1e SPD-2026-0117 --officer "Det. Rivera" --reason "goes to trial"`,
    )
    .action(() => {
      throw failure('usage', {
        detail: 'say what: agency evidence list, show, triage, category, case, class, link, delete, restore or trail',
      });
    });
  addList(evidence);
  addShow(evidence);
  addTriage(evidence);
  addCategory(evidence);
  addCase(evidence);
  addClass(evidence);
  addLink(evidence);
  addDeletion(evidence);
  addTrail(evidence);
}

/** The end of each example: who and why. */
const WHO = '--officer "Det. Rivera" --reason "case SPD-2026-0117"';

function addList(evidence: Command): void {
  withDeskOptions(evidence.command('list'))
    .description('the agency’s items, newest first')
    .option('--state <state>', 'active or deleted')
    .option('--triage <triage>', 'pending, accepted or declined')
    .option('--category <category>', 'of this category')
    .option('--case <case>', 'of this case')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence list --triage pending ${WHO}`)
    .action(
      async (
        options: DeskOptions & { state?: string; triage?: string; category?: string; case?: string },
        command: Command,
      ) => {
        const { context, desk, who } = await openDesk(options, command);
        const { state, triage, category, case: caseId } = options;
        const wanted = {
          ...(state === undefined ? {} : { state }),
          ...(triage === undefined ? {} : { triage }),
          ...(category === undefined ? {} : { category }),
          ...(caseId === undefined ? {} : { case: caseId }),
        };
        let count = 0;
        for await (const item of listEvidence(desk, who, wanted)) {
          count += 1;
          context.output.result(item, lineOf(item));
        }
        if (count === 0) context.output.say('No such evidence.');
      },
    );
}

function addShow(evidence: Command): void {
  withDeskOptions(evidence.command('show <item>'))
    .description('one item')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence show item-4f1e ${WHO}`)
    .action(async (item: string, options: DeskOptions, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      show(context, await desk.item(itemOf(item), who));
    });
}

function addTriage(evidence: Command): void {
  withDeskOptions(evidence.command('triage <item> <accept|decline>'))
    .description('accept or decline an item; declined ones may be kept for a shorter time')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence triage item-4f1e decline ${WHO}`)
    .action(async (item: string, decision: string, options: DeskOptions, command: Command) => {
      if (decision !== 'accept' && decision !== 'decline')
        throw failure('usage', { detail: `triage is accept or decline, not "${decision}"` });
      const { context, desk, who } = await openDesk(options, command);
      show(context, await desk.item(itemOf(item), who, { method: 'POST', path: '/triage', body: { decision } }));
    });
}

function addCategory(evidence: Command): void {
  withDeskOptions(evidence.command('category <item> [category...]'))
    .description('set what an item is filed under, in place of what it was; none: uncategorized')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence category item-4f1e robbery package-theft ${WHO}`)
    .action(async (item: string, categories: string[], options: DeskOptions, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      const body = { categories };
      show(context, await desk.item(itemOf(item), who, { method: 'PUT', path: '/categories', body }));
    });
}

function addCase(evidence: Command): void {
  withDeskOptions(evidence.command('case <item> <case>'))
    .description('put an item into a case, which suspends its deletion')
    .option('--remove', 'take it out instead')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence case item-4f1e SPD-2026-0117 ${WHO}`)
    .action(async (item: string, caseId: string, options: DeskOptions & { remove?: boolean }, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      const method = options.remove ? 'DELETE' : 'PUT';
      show(context, await desk.item(itemOf(item), who, { method, path: `/cases/${encodeURIComponent(caseId)}` }));
    });
}

function addClass(evidence: Command): void {
  withDeskOptions(evidence.command('class <item> <none|restricted|confidential>'))
    .description('set who may read an item: classed ones need a scope of their own')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence class item-4f1e restricted ${WHO}`)
    .action(async (item: string, accessClass: string, options: DeskOptions, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      const body = { accessClass };
      show(context, await desk.item(itemOf(item), who, { method: 'PUT', path: '/access-class', body }));
    });
}

function addLink(evidence: Command): void {
  withDeskOptions(evidence.command('link <item>'))
    .description('a link from which anyone who has it can download the clip, once, for a while')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence link item-4f1e ${WHO}`)
    .action(async (item: string, options: DeskOptions, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      const link = await makeLink(desk, who, itemOf(item));
      context.output.progress(`Works once, until ${printMoment(link.expiresS * 1_000_000)}:`);
      context.output.result({ item, ...link }, link.url);
    });
}

function addDeletion(evidence: Command): void {
  for (const [verb, about, act] of [
    ['delete', 'mark an item for deletion; it can be restored for seven days', { method: 'DELETE', path: '' }],
    ['restore', 'take a deletion back', { method: 'POST', path: '/restoration' }],
  ] as const) {
    withDeskOptions(evidence.command(`${verb} <item>`))
      .description(about)
      .addHelpText('after', `\nExample:\n  $ doorsill agency evidence ${verb} item-4f1e ${WHO}`)
      .action(async (item: string, options: DeskOptions, command: Command) => {
        const { context, desk, who } = await openDesk(options, command);
        show(context, await desk.item(itemOf(item), who, act));
      });
  }
}

function addTrail(evidence: Command): void {
  withDeskOptions(evidence.command('trail [item]'))
    .description('who did what with an item, or with all of the agency’s evidence, newest first')
    .addHelpText('after', `\nExample:\n  $ doorsill agency evidence trail item-4f1e ${WHO}`)
    .action(async (item: string | undefined, options: DeskOptions, command: Command) => {
      const { context, desk, who } = await openDesk(options, command);
      for await (const entry of readTrail(desk, who, item === undefined ? undefined : itemOf(item))) {
        context.output.result(entry, trailLine(entry));
      }
    });
}

function itemOf(text: string): string {
  if (idSchema.safeParse(text).success) return text;
  throw failure('usage', { detail: `"${text}" is no item's id; see \`doorsill agency evidence list\`` });
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
      ...(deletesS === null ? [] : [`  deleted at ${printMoment(deletesS * 1_000_000)} by its category`]),
      ...(erasesS === null ? [] : [`  destroyed at ${printMoment(erasesS * 1_000_000)} unless it is restored`]),
      ...(recall === null ? [] : ['  its owner took it back after the hand-over']),
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
