// The verbs that send an owner's commands: ring, privacy, forget, settings trust-clock. Each signs one and ends with its receipt.
import type { Receipt } from '@doorsill/contract/home-messages';
import { CommandAction } from '@doorsill/contract/owner-orders';
import type { Command } from 'commander';
import { giveOrder } from '../owner/give-command.ts';
import { failure } from '../terminal/errors.ts';
import { parseMoment } from '../terminal/format-units.ts';
import { RECEIPT_MS_MAX } from '../terminal/owner-requests.ts';
import { type Context, type OwnerOptions, openContext, withOwner, withOwnerOptions } from './context.ts';

/** Throws `usage` for an order that no device would answer. */
export function expectAction(action: CommandAction): void {
  const [issue] = CommandAction.safeParse(action).error?.issues ?? [];
  if (issue) {
    const field = issue.path.join('.');
    const word: unknown = Object(action)[field];
    const detail =
      typeof word === 'string' ? `"${word}" is not a ${field}: write it as listed` : `no device accepts this ${field}`;
    throw failure('usage', { detail });
  }
}

/** Gives an order and resolves with the device's receipt. Throws as `expectAction`, and the device's refusal. */
export async function orderDevice(context: Context, options: OwnerOptions, action: CommandAction): Promise<Receipt> {
  expectAction(action);
  return withOwner(context, options, (session, signer) => giveOrder(session, signer, action, RECEIPT_MS_MAX));
}

/** Adds `ring`. */
export function addRing(program: Command): void {
  withOwnerOptions(program.command('ring'))
    .description('press the button, by a signed command')
    .option('--button <id>', 'which button', 'front')
    .addHelpText('after', '\nExample:\n  $ doorsill ring')
    .action(async (options: OwnerOptions & { button: string }, command: Command) => {
      const context = openContext(command);
      const { device } = await orderDevice(context, options, { action: 'press', button: options.button });
      context.output.result({ device, button: options.button, outcome: 'rang' }, 'Ding-dong.');
    });
}

/** Adds `privacy`. */
export function addPrivacy(program: Command): void {
  withOwnerOptions(program.command('privacy <on|off>'))
    .description('turn privacy on, which stops the camera at its source, or off; the button rings either way')
    .addHelpText('after', '\nExample:\n  $ doorsill privacy on')
    .action(async (word: string, options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      if (word !== 'on' && word !== 'off') throw failure('usage', { detail: `privacy is on or off, not "${word}"` });
      const { device } = await orderDevice(context, options, { action: 'privacy', on: word === 'on' });
      const text = word === 'on' ? 'Privacy is on: nothing is recorded.' : 'Privacy is off: it records again.';
      context.output.result({ device, privacy: word === 'on' }, text);
    });
}

/** Adds `forget`. */
export function addForget(program: Command): void {
  withOwnerOptions(program.command('forget'))
    .description('destroy footage and past events on the device permanently: a window of them, or all')
    .option('--from <time>', 'start of the window')
    .option('--to <time>', 'end of the window')
    .option('--all', 'everything recorded so far')
    .addHelpText('after', '\nExamples:\n  $ doorsill forget --from 10:15:00 --to 10:20:00\n  $ doorsill forget --all')
    .action(async (options: OwnerOptions & { from?: string; to?: string; all?: boolean }, command: Command) => {
      const context = openContext(command);
      const { from, to, all } = options;
      const isWindow = from !== undefined && to !== undefined;
      const isPart = from !== undefined || to !== undefined;
      if (isPart !== isWindow || isPart === (all === true))
        throw failure('usage', {
          detail: 'name either --from and --to, or --all: destroyed footage cannot be restored',
        });
      const nowUs = context.clock.wallUs();
      const window = isWindow ? { startUs: parseMoment(from, nowUs), endUs: parseMoment(to, nowUs) } : null;
      if (window && window.startUs >= window.endUs)
        throw failure('usage', { detail: '--to must be later than --from' });
      const order = { action: 'forget' as const, ...(window ? { window } : {}) };
      const { device, detail } = await orderDevice(context, options, order);
      const kept = detail === undefined ? {} : { detail };
      const text = ['Destroyed: nobody can read that footage any more.', detail].filter(Boolean).join(' ');
      context.output.result({ device, forgot: window ?? 'all', ...kept }, text);
    });
}

/** Adds `settings trust-clock`. */
export function addTrustClock(settings: Command): void {
  withOwnerOptions(settings.command('trust-clock'))
    .description('confirm that the device’s clock is right, when grants are refused because it once ran ahead')
    .addHelpText('after', '\nExample:\n  $ doorsill settings trust-clock')
    .action(async (options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      const { device } = await orderDevice(context, options, { action: 'reset-clock-mark' });
      context.output.result({ device, outcome: 'trusted' }, 'The device trusts its clock again.');
    });
}
