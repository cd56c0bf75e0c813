// The verbs `vault recall-policy` and `vault category`.

import { idSchema } from '@doorsill/contract/ids';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import type { DepartmentPolicy } from '../officer/service-operations.ts';
import { openVaultAsOfficer, type VaultOptions, withVaultOptions } from './evidence.ts';

const ANSWERS = ['erase', 'restrict', 'keep'] as const;
const WHO = '--officer "Lt. Hill" --reason "new department policy"';

interface CategoryOptions extends VaultOptions {
  days?: string;
  forever?: boolean;
  remove?: boolean;
}

/** Adds the verbs under `vault`. */
export function addVaultPolicy(vault: Command): void {
  addRecallPolicy(vault);
  addCategory(vault);
}

function addRecallPolicy(vault: Command): void {
  withVaultOptions(vault.command('recall-policy [answer]'))
    .description('show or set the answer to owners who recall a clip after the hand-over: erase, restrict or keep')
    .option('--because <text>', 'the reason that the owner is told; needed with keep')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill vault recall-policy ${WHO}
  $ doorsill vault recall-policy keep --because "Evidence in a trial." ${WHO}`,
    )
    .action(async (answer: string | undefined, options: VaultOptions & { because?: string }, command: Command) => {
      const known = ANSWERS.find((each) => each === answer);
      if (answer !== undefined && !known)
        throw failure('usage', { detail: `recall-policy takes ${ANSWERS.join(', ')}, not "${answer}"` });
      if (known === 'keep' && options.because === undefined)
        throw failure('usage', { detail: 'keeping needs --because TEXT; the owner is told' });
      if (known === undefined && options.because !== undefined)
        throw failure('usage', { detail: '--because goes with erase, restrict or keep' });
      const { context, vault: client, who } = await openVaultAsOfficer(options, command);
      const because = options.because === undefined ? {} : { reason: options.because };
      const policy = known
        ? await client.call('setPolicy', who, {}, { recall: { answer: known, ...because } })
        : await client.call('readPolicy', who);
      context.output.result(policy, policyText(policy));
    });
}

function addCategory(vault: Command): void {
  withVaultOptions(vault.command('category [category]'))
    .description('show the department’s retention categories, or set how long one keeps evidence')
    .option('--days <n>', 'keep evidence for this many days; overdue items are deleted at once')
    .option('--forever', 'keep evidence until somebody deletes it')
    .option('--remove', 'remove the category')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill vault category ${WHO}
  $ doorsill vault category package-theft --days 30 ${WHO}`,
    )
    .action(async (category: string | undefined, options: CategoryOptions, command: Command) => {
      const chosen = [options.days !== undefined, options.forever === true, options.remove === true];
      const count = chosen.filter(Boolean).length;
      if (count > 1 || (category === undefined) !== (count === 0))
        throw failure('usage', { detail: 'a category takes one of --days N, --forever and --remove' });
      if (category !== undefined && !idSchema.safeParse(category).success)
        throw failure('usage', { detail: `"${category}" is not a category: lower-case letters, digits, hyphens` });
      const days = options.days === undefined ? null : daysOf(options.days);
      const { context, vault: client, who } = await openVaultAsOfficer(options, command);
      const policy =
        category === undefined
          ? await client.call('readPolicy', who)
          : await (options.remove
              ? client.call('removeCategory', who, { category })
              : client.call('setCategory', who, { category }, { days }));
      context.output.result(policy, policyText(policy));
    });
}

function daysOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw failure('usage', { detail: `--days takes a number of days from 1, not "${text}"` });
}

function policyText({ categories, recall, declinedDays }: DepartmentPolicy): string {
  const days = (count: number | null) => (count === null ? 'until somebody deletes it' : `${count} days`);
  return [
    `Recall after the hand-over: ${recall.answer}${recall.reason === null ? '' : ` ("${recall.reason}")`}`,
    'Categories:',
    ...Object.entries(categories).map(([category, count]) => `  ${category.padEnd(24)}  ${days(count)}`),
    `Declined items: ${declinedDays === 'same' ? 'like all others' : days(declinedDays)}`,
  ].join('\n');
}
