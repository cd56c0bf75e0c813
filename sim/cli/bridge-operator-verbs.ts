// The verbs under `bridge` by which its operator makes enrolment codes, opens manifests, and manages moderators.

import { resolve } from 'node:path';
import { idSchema } from '@doorsill/contract/ids';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { failure, isErrorCode } from '../errors.ts';
import { type CodeWish, createEnrolmentCode } from '../officer/bridge-operator.ts';
import { adminBearer } from '../officer/registration.ts';
import { call, pages } from '../officer/service-client.ts';
import type { CloneSign } from '../officer/service-operations.ts';
import {
  type BridgeOptions,
  openBridge,
  openTestbed,
  type TestbedOptions,
  withBridgeOptions,
  withTestbedOptions,
} from './running-testbed.ts';

const DEVICES_MAX = 100_000;
const HOURS_MAX = 7 * 24;
const MINUTE_S = 60;

interface EnrolOptions extends BridgeOptions {
  devices?: string;
  hours?: string;
}

export function addBridgeEnrol(bridge: Command): void {
  withBridgeOptions(bridge.command('enrol'))
    .description(
      'print a code with which a device, or with --devices several, can enrol once each; it is valid for an hour',
    )
    .option('--devices <n>', 'how many devices it lets in, each once (default: 1)')
    .option('--hours <n>', 'how long it is valid, up to a week (default: as the bridge is set, an hour)')
    .addHelpText(
      'after',
      `
Whoever has the code can enrol a device, so pass it on standard input or in a file of mode 0600, never in an argument.
\`bridge codes\` shows how many devices a code has let in, and ends one.

Examples:
  $ doorsill bridge enrol | doorsill device --data ./porch --enrol -
  $ (umask 077; doorsill bridge enrol --devices 1000 --hours 2 > fleet.code)`,
    )
    .action(async (options: EnrolOptions, command: Command) => {
      const { disk, output } = openContext(command);
      const wish = wishOf(options);
      const { url, bearer = '' } = await openBridge(disk, options);
      const created = await createEnrolmentCode(url, bearer, wish);
      const { id, devices, expiresS } = created;
      if (devices > 1)
        output.progress(
          `${id} lets ${devices} devices in until ${printMoment(expiresS * 1_000_000)}; end it once they are enrolled.`,
        );
      output.result(created, created.code);
    });
}

export function addBridgeCodes(bridge: Command): void {
  withBridgeOptions(bridge.command('codes [end] [id]'))
    .description('list valid enrolment codes with how many devices each has let in; end one')
    .addHelpText(
      'after',
      `
A code is never shown again. Devices that enrolled with an ended code stay enrolled.

Examples:
  $ doorsill bridge codes
  $ doorsill bridge codes end code-5f0c7b2a9d3e4816a7b05c1d2e3f4051`,
    )
    .action(async (verb: string | undefined, id: string | undefined, options: BridgeOptions, command: Command) => {
      if (verb !== undefined && verb !== 'end')
        throw failure('usage', { detail: `bridge codes takes end and an id, not "${verb}"` });
      if (verb === 'end' && (id === undefined || !/^code-[0-9a-f]{32}$/.test(id)))
        throw failure('usage', { detail: 'bridge codes end takes the id of a code, as `bridge codes` shows it' });
      const { disk, output } = openContext(command);
      const service = await openBridge(disk, options);
      if (id !== undefined) {
        await call(service, 'endEnrolmentCode', { code: id });
        output.result({ id, ended: true }, `${id} lets no more devices in.`);
        return;
      }
      const known = await call(service, 'listEnrolmentCodes');
      const lines = known.codes.map(
        (one) =>
          `${one.id}  ${one.enrolled} of ${one.devices} enrolled, until ${printMoment(one.expiresS * 1_000_000)}`,
      );
      output.result(known, lines.length === 0 ? 'No enrolment code is valid now.' : lines.join('\n'));
    });
}

/** The code that the options describe. Throws `usage`. */
function wishOf({ devices, hours }: EnrolOptions): CodeWish {
  const count = devices === undefined ? undefined : Number(devices);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= DEVICES_MAX))
    throw failure('usage', { detail: `--devices takes a whole number from 1 to ${DEVICES_MAX}, not "${devices}"` });
  const lifeS = hours === undefined ? undefined : Math.round(Number(hours) * 3_600);
  if (lifeS !== undefined && !(lifeS >= MINUTE_S && lifeS <= HOURS_MAX * 3_600))
    throw failure('usage', { detail: `--hours takes a number from 0.02 to ${HOURS_MAX}, not "${hours}"` });
  return { ...(count === undefined ? {} : { devices: count }), ...(lifeS === undefined ? {} : { lifeS }) };
}

export function addBridgeClones(bridge: Command): void {
  withBridgeOptions(bridge.command('clones'))
    .description(
      'list devices that seem to exist twice, such as a copied card or a backup that runs beside its original',
    )
    .addHelpText(
      'after',
      `
The bridge finds a copy by the signed messages of devices, so it misses a copy that grants nothing; doorbells themselves report when two log in
with one account. The bridge refuses nothing because of a copy. Entries stay: the time of the last sighting shows whether a copy still runs.

Example:
  $ doorsill bridge clones`,
    )
    .action(async (options: BridgeOptions, command: Command) => {
      const { disk, output } = openContext(command);
      const service = await openBridge(disk, options);
      const signs: CloneSign[] = [];
      for await (const page of pages((cursor) => call(service, 'listCloneSigns', { cursor })))
        signs.push(...page.signs);
      output.result({ signs }, signs.length === 0 ? 'No device was seen twice.' : signs.map(cloneLine).join('\n'));
    });
}

function cloneLine({ device, code, firstS, lastS, times }: CloneSign): string {
  const [first, last] = [firstS, lastS].map((s) => printMoment(s * 1_000_000));
  const known = isErrorCode(code) ? failure(code, { device }) : null;
  const seen = `seen ${times === 1 ? 'once' : `${times} times`}, first ${first}, last ${last}`;
  return known ? `${known.message} (${code}; ${seen})\n    ${known.advice}` : `${device}: ${code}; ${seen}`;
}

interface DisputeOptions extends BridgeOptions {
  reason?: string;
  out?: string;
}

export function addDispute(bridge: Command): void {
  withBridgeOptions(bridge.command('dispute <clip>'))
    .description('as a bridge’s operator: open the full manifest of a clip, which identifies the home, for a reason')
    .option('--reason <text>', 'the reason (required); the bridge’s log of custody records the opening and its reason')
    .option('--out <file>', 'the file to write (default: CLIP.opened.json)')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill bridge dispute clip-77ab... --reason "court order 2026-311"
  $ doorsill verify clip.mp4 manifest.jws --opened clip-77ab....opened.json`,
    )
    .action(async (clip: string, options: DisputeOptions, command: Command) => {
      const context = openContext(command);
      const { reason } = options;
      if (reason === undefined) throw failure('usage', { detail: 'give the reason with --reason' });
      const path = resolve(options.out ?? `${clip}.opened.json`);
      // Checked before the opening, which the log records for ever.
      await expectOutputFree(path);
      const service = await openBridge(context.disk, options);
      const { grant, leaf, manifest, certificate } = await call(service, 'openManifest', {}, { clip, reason });
      await writePrivateFile(path, [`${JSON.stringify({ manifest, certificate }, null, 2)}\n`]);
      context.output.result(
        { clip, grant, leaf, opened: path },
        `Opened ${path}; leaf ${leaf} of the bridge's log records it. Check it with verify CLIP STATEMENT --opened.`,
      );
    });
}

interface ModeratorsOptions extends TestbedOptions {
  name?: string;
}

export function addModerators(bridge: Command): void {
  withTestbedOptions(bridge.command('moderators [add|remove] [id]'))
    .description('as the bridge’s admin: list, add or remove moderators, who decide on waiting requests')
    .option('--name <name>', 'with add: the moderator’s name (default: the id)')
    .addHelpText(
      'after',
      `
\`add\` prints the moderator's token, once. With it in a file, \`doorsill bridge moderate --token-file FILE\` decides in that name.

Examples:
  $ doorsill bridge moderators
  $ doorsill bridge moderators add kim --name "Kim Doe" > kim.token
  $ doorsill bridge moderators remove kim`,
    )
    .action(async (verb: string | undefined, id = '', options: ModeratorsOptions, command: Command) => {
      const { disk, output } = openContext(command);
      if (verb !== undefined && verb !== 'add' && verb !== 'remove')
        throw failure('usage', { detail: `bridge moderators takes add or remove, not "${verb}"` });
      if (verb !== undefined && !idSchema.safeParse(id).success)
        throw failure('usage', {
          detail: `bridge moderators ${verb} takes an id: lower-case letters, digits, hyphens`,
        });
      const { url, folder } = (await openTestbed(disk, options)).bridge;
      const service = { url, bearer: await adminBearer(disk, folder) };
      if (verb === 'add') {
        const added = await call(service, 'addModerator', {}, { moderator: id, name: options.name ?? id });
        // The token alone goes to standard output, so that it can be written into a file.
        output.progress(`${added.moderator} may decide on requests; this is shown once:`);
        output.result(added, added.token);
      } else if (verb === 'remove') {
        await call(service, 'removeModerator', { moderator: id });
        output.result({ moderator: id, removed: true }, `${id} can no longer decide.`);
      } else {
        const { moderators } = await call(service, 'listModerators');
        const lines = moderators.map(({ moderator, name }) => `${moderator}  ${name}`);
        output.result({ moderators }, lines.length === 0 ? 'The admin is the only moderator.' : lines.join('\n'));
      }
    });
}
