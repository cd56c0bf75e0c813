// The verb `settings` (show, set, try, owners, remove-owner): works over the doorbell's own server, where no broker reads the values.
import { readFile } from 'node:fs/promises';
import { readBySchema } from '@doorsill/base/schema-fault';
import type { TrialLine } from '@doorsill/contract/motion-messages';
import {
  motionZonesSchema,
  OwnerSettingPath,
  SettingsChange,
  type SettingsInForce,
} from '@doorsill/contract/owner-settings';
import { DISCLOSED_FACTS, DisclosureKey } from '@doorsill/contract/shared-claims';
import type { Command } from 'commander';
import { failure } from '../terminal/errors.ts';
import { parseMoment, printMoment } from '../terminal/format-units.ts';
import { type Context, type OwnerOptions, openContext, withOwnerOptions } from './context.ts';
import { orderDevice } from './doorbell-command-verbs.ts';
import { type ServerOptions, withOwnServer, withServerOptions } from './own-server.ts';

export function addSettings(program: Command): void {
  const group = program
    .command('settings')
    .description('show and change the settings of a doorbell that owners may change, its owners and viewers')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill settings show
  $ doorsill settings set --sensitivity 80 --retention 604800
  $ doorsill settings set --email home@example.org --phone ''
  $ doorsill settings set --reset motion.sensitivity,disclosure.email
  $ doorsill settings try --from 22:00:00 --to 23:00:00 --sensitivity 50,70,90
  $ doorsill settings remove-owner zq1b...`,
    );
  addShow(group);
  addSet(group);
  addTry(group);
  addOwners(group);
  addRemoveOwner(group);
}

function addShow(group: Command): void {
  withServerOptions(group.command('show'))
    .description('show the settings in force, and which of them an owner set')
    .addHelpText('after', '\nExample:\n  $ doorsill settings show')
    .action(async (options: ServerOptions, command: Command) => {
      const context = openContext(command);
      const settings = await withOwnServer(context, options, ({ server }) => server.settings());
      context.output.result(settings, showSettings(settings));
    });
}

function showSettings({ disclosure, motion, ring, events, byOwners }: SettingsInForce): string {
  const facts = DisclosureKey.options.map((key) => [`disclosure.${key}`, disclosure[key] ?? '(none)']);
  const values: Record<string, string> = {
    ...Object.fromEntries(facts),
    'motion.sensitivity': motion.enabled ? String(motion.sensitivity) : `${motion.sensitivity} (motion is off)`,
    'motion.zones': motion.zones.length === 0 ? 'everywhere' : motion.zones.map(({ name }) => name).join(', '),
    'ring.retentionS': `${ring.retentionS} s`,
    'events.keepDays': events.keepDays === 0 ? '0 (until the device stops)' : `${events.keepDays} days`,
  };
  const lines = OwnerSettingPath.options.map((path) => {
    const from = byOwners.includes(path) ? 'by an owner' : 'device.json';
    return `  ${path.padEnd(20)}  ${from.padEnd(11)}  ${values[path]}`;
  });
  return ['Settings in force:', ...lines].join('\n');
}

interface SetOptions extends ServerOptions, Partial<Record<DisclosureKey, string>> {
  sensitivity?: string;
  zones?: string;
  retention?: string;
  keepDays?: string;
  reset?: string;
}

function addSet(group: Command): void {
  const set = withServerOptions(group.command('set')).description(
    'change settings by one signed order, with effect at once',
  );
  for (const key of DisclosureKey.options)
    set.option(`--${key} <text>`, `${DISCLOSED_FACTS[key].called} that you may disclose with a clip; '' for none`);
  set
    .option('--sensitivity <n>', 'of motion: 1 (only large, lasting motion) to 100')
    .option('--zones <file>', 'zones in which motion counts: a JSON file as `motion.zones` in device.json')
    .option('--retention <seconds>', 'time for which footage is kept; older footage is destroyed at once')
    .option('--keep-days <days>', 'time for which past events are kept; 0: until the device stops')
    .option('--reset <list>', `settings to reset to device.json: of ${OwnerSettingPath.options.join(', ')}`)
    .addHelpText('after', '\nExample:\n  $ doorsill settings set --sensitivity 80 --retention 604800')
    .action(async (options: SetOptions, command: Command) => {
      const context = openContext(command);
      const settings = await changeOf(options);
      const inForce = await withOwnServer(context, options, async ({ server, signer, device }) => {
        await server.order(signer, device, { action: 'change-settings', settings });
        return server.settings();
      });
      context.output.result(inForce, showSettings(inForce));
    });
}

/** The setting of each option. */
const GIVEN_PATHS = [
  ...DisclosureKey.options.map((key) => [key, `disclosure.${key}`] as const),
  ...([
    ['sensitivity', 'motion.sensitivity'],
    ['zones', 'motion.zones'],
    ['retention', 'ring.retentionS'],
  ] as const),
  ['keepDays', 'events.keepDays'] as const,
];

/** The change that the options name. Throws `usage`. */
async function changeOf(options: SetOptions): Promise<SettingsChange> {
  const reset = (options.reset ?? '').split(',').filter((path) => path !== '');
  const unknown = reset.find((path) => !OwnerSettingPath.options.some((one) => one === path));
  if (unknown !== undefined) throw failure('usage', { detail: `--reset does not know ${unknown}` });
  const given = new Set<string>(GIVEN_PATHS.flatMap(([option, path]) => (options[option] === undefined ? [] : [path])));
  const both = reset.find((path) => given.has(path));
  if (both !== undefined) throw failure('usage', { detail: `${both} is set and named by --reset: do one of them` });
  const of = <T>(path: OwnerSettingPath, set: T | undefined): T | null | undefined =>
    set === undefined && reset.includes(path) ? null : set;
  const disclosure = DisclosureKey.options.map((key) => [key, of(`disclosure.${key}`, options[key])] as const);
  const change = {
    disclosure: named(disclosure),
    motion: named([
      ['sensitivity', of('motion.sensitivity', wholeNumber(options.sensitivity))],
      ['zones', of('motion.zones', await zonesFrom(options.zones))],
    ]),
    ring: named([['retentionS', of('ring.retentionS', wholeNumber(options.retention))]]),
    events: named([['keepDays', of('events.keepDays', wholeNumber(options.keepDays))]]),
  };
  const wanted = named(Object.entries(change));
  if (wanted === undefined) throw failure('usage', { detail: 'name a setting to change' });
  const read = readBySchema(SettingsChange, wanted);
  if (read.ok) return read.data;
  throw failure('usage', { detail: read.fault });
}

/** An object of the entries that are not undefined; undefined when there are none. */
function named(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> | undefined {
  const set = entries.filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : Object.fromEntries(set);
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw failure('usage', { detail: `${text} is not a whole number` });
  return Number(text);
}

async function zonesFrom(file: string | undefined): Promise<SettingsInForce['motion']['zones'] | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) throw failure('usage', { detail: `--zones: ${file} cannot be read` });
  try {
    return motionZonesSchema.parse(JSON.parse(text));
  } catch {
    throw failure('usage', { detail: `--zones: ${file} is not a list of zones as in motion.zones of device.json` });
  }
}

interface TryOptions extends ServerOptions {
  from: string;
  to: string;
  sensitivity: string;
  zones?: string;
}

function addTry(group: Command): void {
  withServerOptions(group.command('try'))
    .description('test other motion settings on the doorbell’s recorded footage; changes nothing')
    .requiredOption('--from <time>', 'start of the footage')
    .requiredOption('--to <time>', 'its end, at most 12 hours later')
    .option('--sensitivity <list>', 'up to five sensitivities, separated by commas', '50,70,90')
    .option('--zones <file>', 'other zones: a JSON file as `motion.zones` in device.json')
    .addHelpText('after', '\nExample:\n  $ doorsill settings try --from 22:00:00 --to 23:00:00')
    .action(async (options: TryOptions, command: Command) => {
      const context = openContext(command);
      const nowUs = context.clock.wallUs();
      const window = { startUs: parseMoment(options.from, nowUs), endUs: parseMoment(options.to, nowUs) };
      if (window.startUs >= window.endUs) throw failure('usage', { detail: '--to must be later than --from' });
      const sensitivities = options.sensitivity.split(',').map((text) => wholeNumber(text) ?? 0);
      const zones = await zonesFrom(options.zones);
      const lines = await withOwnServer(context, options, async ({ server }) => {
        const asked = { window, sensitivities, zones: zones ?? (await server.settings()).motion.zones };
        const heard: TrialLine[] = [];
        for await (const line of server.motionTrial(asked)) if (line.line !== 'progress') heard.push(line);
        return heard;
      });
      printTrial(context, lines);
    });
}

function printTrial(context: Context, lines: readonly TrialLine[]): void {
  const failed = lines.find((line) => line.line === 'failed');
  if (failed) throw failure('motion_trial_failed', { detail: failed.detail });
  const done = lines.find((line) => line.line === 'done');
  if (!done) throw failure('motion_trial_failed', { detail: 'the doorbell ended the answer early' });
  const events = lines.flatMap((line) => (line.line === 'event' ? [line] : []));
  const told = done.counts.flatMap(({ by, events: count }) => [
    `${by === 'in-force' ? 'With the settings in force' : `At sensitivity ${by}`}: ${count === 1 ? '1 event' : `${count} events`}`,
    ...events.filter((event) => event.by === by).map(({ startUs }) => `  ${printMoment(startUs)}`),
  ]);
  context.output.result(
    { ...done, line: undefined, found: events.map(({ line: _line, ...event }) => event) },
    told.join('\n'),
  );
}

function addOwners(group: Command): void {
  withServerOptions(group.command('owners'))
    .description('list the owners by name and key')
    .addHelpText('after', '\nExample:\n  $ doorsill settings owners')
    .action(async (options: ServerOptions, command: Command) => {
      const context = openContext(command);
      const { owners, own } = await withOwnServer(context, options, async ({ server, signer }) => ({
        owners: await server.owners(),
        own: signer.key.publicKey,
      }));
      const lines = owners.map(
        ({ key, name, sinceS }) =>
          `  ${key}  ${name}, since ${printMoment(sinceS * 1_000_000)}${key === own ? ' (this key)' : ''}`,
      );
      context.output.result({ owners }, ['Owners:', ...lines].join('\n'));
    });
}

function addRemoveOwner(group: Command): void {
  withOwnerOptions(group.command('remove-owner <key>'))
    .description('remove an owner, and end that owner’s streams, grants and viewers')
    .addHelpText('after', '\nExample:\n  $ doorsill settings remove-owner zq1b...')
    .action(async (key: string, options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      await orderDevice(context, options, { action: 'remove-owner', key });
      context.output.result({ key, outcome: 'removed' }, 'That owner is removed.');
    });
}
