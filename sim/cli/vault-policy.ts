// Owns: the verbs under `vault` for a department's policy: its answer to owners' recalls, and how long each category keeps
// evidence. Not here: running a vault (part-verbs.ts), what follows from a policy (the vault).

import { idSchema } from '@doorsill/contract/ids';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import {
  type DepartmentPolicy,
  removeCategory,
  seePolicy,
  setCategory,
  setRecallPolicy,
} from '../officer/evidence-calls.ts';
import { type DeskOptions, openDesk, withDeskOptions } from './evidence.ts';

const ANSWERS = ['erase', 'restrict', 'keep'] as const;
const WHO = '--officer "Lt. Hill" --reason "new department policy"';

interface CategoryOptions extends DeskOptions {
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
  withDeskOptions(vault.command('recall-policy [answer]'))
    .description('see or set what owners hear who take clips back after the hand-over: erase, restrict or keep')
    .option('--because <text>', 'what the owner is told; needed with keep')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill vault recall-policy ${WHO}
  $ doorsill vault recall-policy keep --because "Evidence in a trial." ${WHO}`,
    )
    .action(async (answer: string | undefined, options: DeskOptions & { because?: string }, command: Command) => {
      const known = ANSWERS.find((each) => each === answer);
      if (answer !== undefined && !known)
        throw failure('usage', { detail: `recall-policy takes ${ANSWERS.join(', ')}, not "${answer}"` });
      if (known === 'keep' && options.because === undefined)
        throw failure('usage', { detail: 'keeping needs --because TEXT; the owner is told' });
      if (known === undefined && options.because !== undefined)
        throw failure('usage', { detail: '--because goes with erase, restrict or keep' });
      const { context, desk, who } = await openDesk(options, command);
      const because = options.because === undefined ? {} : { reason: options.because };
      const policy = known
        ? await setRecallPolicy(desk, who, { answer: known, ...because })
        : await seePolicy(desk, who);
      context.output.result(policy, policyText(policy));
    });
}

function addCategory(vault: Command): void {
  withDeskOptions(vault.command('category [category]'))
    .description('see the department’s retention categories, or set how long one keeps evidence')
    .option('--days <n>', 'keep for so many days; what is overdue is deleted at once')
    .option('--forever', 'keep until somebody deletes it')
    .option('--remove', 'end the category')
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
        throw failure('usage', { detail: `"${category}" is no category: lower-case letters, digits, hyphens` });
      const days = options.days === undefined ? null : daysOf(options.days);
      const { context, desk, who } = await openDesk(options, command);
      const policy =
        category === undefined
          ? await seePolicy(desk, who)
          : await (options.remove ? removeCategory(desk, who, category) : setCategory(desk, who, category, days));
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
