// The verb `settings viewer` (add, remove, list): viewers besides owners, and the views of pictures.
import { wallSeconds } from '@doorsill/base/clock';
import { sha256Hex } from '@doorsill/base/keys';
import { freshId } from '@doorsill/base/random';
import { toBase64url } from '@doorsill/contract/bytes';
import { Viewer, ViewRight } from '@doorsill/contract/console-messages';
import type { Command } from 'commander';
import { askViewers } from '../owner/pairing-client.ts';
import { failure } from '../terminal/errors.ts';
import { parseSeconds, printMoment } from '../terminal/format-units.ts';
import { type Context, chosenHome, type OwnerOptions, openContext, withOwnerOptions } from './context.ts';
import { expectAction, orderDevice } from './doorbell-command-verbs.ts';
import {
  type LocalOptions,
  localSocket,
  type ServerOptions,
  socketOfDevice,
  withLocalOptions,
  withServerOptions,
} from './own-server.ts';

const TOKEN_BYTES = 16;

export function addViewer(settings: Command): void {
  const group = settings
    .command('viewer')
    .description('manage viewers, people or screens besides owners who may see your door: add, remove, list')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill settings viewer add "kitchen tablet" --rights live,stills
  $ doorsill settings viewer add guest --rights live --for 86400
  $ doorsill settings viewer list
  $ doorsill settings viewer remove viewer-3f2a91`,
    );
  addAdd(group);
  addRemove(group);
  addList(group);
}

interface AddOptions extends OwnerOptions {
  rights: string;
  for?: string;
}

function addAdd(group: Command): void {
  withOwnerOptions(group.command('add <name>'))
    .description('add a viewer by a signed order; prints its id and its token, once')
    .option('--rights <list>', `its rights, of ${ViewRight.options.join(', ')}`, 'live,stills')
    .option('--for <seconds>', 'duration of its rights (default: until it is removed)')
    .addHelpText('after', '\nExample:\n  $ doorsill settings viewer add "kitchen tablet" --rights live,stills')
    .action(async (name: string, options: AddOptions, command: Command) => {
      const context = openContext(command);
      const token = toBase64url(context.random.bytes(TOKEN_BYTES));
      const wanted = Viewer.safeParse({
        viewer: freshId(context.random, 'viewer').slice(0, 13),
        name,
        rights: [...new Set(options.rights.split(','))],
        tokenSha256: sha256Hex(token),
        ...(options.for === undefined
          ? {}
          : { expiresS: wallSeconds(context.clock) + Math.round(parseSeconds(options.for, '--for') / 1_000_000) }),
      });
      if (!wanted.success) {
        throw failure('usage', {
          detail: `a name has 1 to 60 letters, and rights are of ${ViewRight.options.join(', ')}`,
        });
      }
      const viewer = wanted.data;
      await orderDevice(context, options, { action: 'add-viewer', ...viewer });
      context.output.result(
        { viewer: viewer.viewer, name, rights: viewer.rights, token, expiresS: viewer.expiresS ?? null },
        [
          `${name} may see: ${viewer.rights.join(', ')}.`,
          `User name ${viewer.viewer}, password ${token} (Basic authentication; it is not shown again).`,
        ].join('\n'),
      );
    });
}

function addRemove(group: Command): void {
  withServerOptions(group.command('remove <viewer>'))
    .description('remove a viewer by its id, which `settings viewer list` shows, and end its streams at once')
    .addHelpText('after', '\nExample:\n  $ doorsill settings viewer remove viewer-3f2a91')
    .action(async (viewer: string, options: ServerOptions, command: Command) => {
      const context = openContext(command);
      const order = { action: 'remove-viewer', viewer } as const;
      expectAction(order);
      const isKnown = await expectViewer(context, options, viewer);
      await orderDevice(context, options, order);
      context.output.result(
        { viewer, outcome: 'removed' },
        isKnown ? `${viewer} is removed.` : `${viewer} is removed, if it was a viewer.`,
      );
    });
}

/**
 * Throws `viewer_unknown` where no viewer of the door has this id: a device accepts the order even then. Returns false where the viewers
 * are unknown, because a device lists them only on its own machine.
 */
async function expectViewer(context: Context, options: ServerOptions, id: string): Promise<boolean> {
  const { device } = await chosenHome(context, options);
  const socket = await socketOfDevice(context, options, device);
  if (socket === null) return false;
  const { viewers } = await askViewers(context, socket);
  if (viewers.some(({ viewer }) => viewer === id)) return true;
  const choices = viewers.map(({ viewer, name }) => `${viewer} (${name})`).join(', ') || 'none';
  throw failure('viewer_unknown', { viewer: id, choices });
}

function addList(group: Command): void {
  withLocalOptions(group.command('list'))
    .description('list the viewers and the views of pictures; asks the device on this machine')
    .addHelpText('after', '\nExample:\n  $ doorsill settings viewer list')
    .action(async (options: LocalOptions, command: Command) => {
      const context = openContext(command);
      const { viewers, looks } = await askViewers(context, await localSocket(context, options));
      const lines = [
        viewers.length === 0 ? 'No viewers: only owners see this door.' : 'Viewers:',
        ...viewers.map(showViewer),
        looks.length === 0 ? 'Nobody has looked yet.' : 'Views, newest first:',
        ...looks.map(({ by, what, atUs }) => `  ${printMoment(atUs)}  ${what.padEnd(7)}  ${nameOf(by, viewers)}`),
      ];
      context.output.result({ viewers, looks }, lines.join('\n'));
    });
}

type Shown = Omit<Viewer, 'tokenSha256'>;

function showViewer({ viewer, name, rights, expiresS }: Shown): string {
  const until = expiresS === undefined ? '' : `, until ${printMoment(expiresS * 1_000_000)}`;
  return `  ${viewer}  ${name}: ${rights.join(', ')}${until}`;
}

function nameOf(by: string, viewers: readonly Shown[]): string {
  const viewer = viewers.find((one) => one.viewer === by);
  return viewer ? viewer.name : by.startsWith('viewer-') ? `${by} (removed)` : `owner ${by.slice(0, 12)}`;
}
