// Owns: the verbs `bridge enrol` and `bridge codes`: as a bridge's operator, print a code with which one device enrols, or as many as the
// operator says; see which codes are good, and end one. Not here: what a code permits (the bridge), using it (part-verbs.ts, device/cli).

import { exchangeJson } from '@doorsill/contract/json-client';
import { openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { askForEnrolmentCode, type CodeWish } from '../officer/enrolment-code.ts';
import { adminBearer } from '../officer/registration.ts';
import { type BridgeOptions, openBridge, withBridgeOptions } from './running-testbed.ts';

const DEVICES_MAX = 100_000;
const HOURS_MAX = 7 * 24;
const MINUTE_S = 60;

const knownSchema = z.object({ id: z.string(), devices: z.int(), enrolled: z.int(), expiresS: z.int() });
const listSchema = z.object({ codes: z.array(knownSchema) });

interface EnrolOptions extends BridgeOptions {
  devices?: string;
  hours?: string;
}

export function addBridgeEnrol(bridge: Command): void {
  withBridgeOptions(bridge.command('enrol'))
    .description('print a one-time code with which one device enrols; it is good for an hour')
    .option('--devices <n>', 'how many devices it lets in, each once (default: 1)')
    .option('--hours <n>', 'how long it is good, up to a week (default: as the bridge is set, an hour)')
    .addHelpText(
      'after',
      `
Who has the code can enrol a device, so it goes to standard input or into a file of mode 0600, never into an argument.
\`bridge codes\` shows how many devices a code has let in, and ends one.

Examples:
  $ doorsill bridge enrol | doorsill device --data ./porch --enrol -
  $ (umask 077; doorsill bridge enrol --devices 1000 --hours 2 > fleet.code)`,
    )
    .action(async (options: EnrolOptions, command: Command) => {
      const { disk, output } = openContext(command);
      const wish = wishOf(options);
      const { url, folder } = await openBridge(disk, options);
      const bearer = await adminBearer(disk, folder);
      const printed = await askForEnrolmentCode(url, bearer, wish);
      const { id, devices, expiresS } = printed;
      if (devices > 1)
        output.progress(
          `${id} lets ${devices} devices in until ${printMoment(expiresS * 1_000_000)}; end it when they are.`,
        );
      output.result(printed, printed.code);
    });
}

export function addBridgeCodes(bridge: Command): void {
  withBridgeOptions(bridge.command('codes [end] [id]'))
    .description('which enrolment codes are good, and how many devices each has let in; end one')
    .addHelpText(
      'after',
      `
A code is never shown again. Devices that have enrolled with one that is ended stay enrolled.

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
      const { url, folder } = await openBridge(disk, options);
      const bearer = await adminBearer(disk, folder);
      const codes = `${url}/v1/enrolment-codes`;
      if (id !== undefined) {
        await exchangeJson(`${codes}/${id}`, { method: 'DELETE', bearer });
        output.result({ id, ended: true }, `${id} lets nobody in any more.`);
        return;
      }
      const known = listSchema.parse(await exchangeJson(codes, { method: 'GET', bearer }));
      const lines = known.codes.map(
        (one) =>
          `${one.id}  ${one.enrolled} of ${one.devices} enrolled, until ${printMoment(one.expiresS * 1_000_000)}`,
      );
      output.result(known, lines.length === 0 ? 'No enrolment code is good now.' : lines.join('\n'));
    });
}

/** What the bridge is asked for. Throws `usage`. */
function wishOf({ devices, hours }: EnrolOptions): CodeWish {
  const count = devices === undefined ? undefined : Number(devices);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= DEVICES_MAX))
    throw failure('usage', { detail: `--devices takes a whole number from 1 to ${DEVICES_MAX}, not "${devices}"` });
  const lifeS = hours === undefined ? undefined : Math.round(Number(hours) * 3_600);
  if (lifeS !== undefined && !(lifeS >= MINUTE_S && lifeS <= HOURS_MAX * 3_600))
    throw failure('usage', { detail: `--hours takes a number from 0.02 to ${HOURS_MAX}, not "${hours}"` });
  return { ...(count === undefined ? {} : { devices: count }), ...(lifeS === undefined ? {} : { lifeS }) };
}
