// The verb `audit access`.

import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ALL_CLIPS } from '@doorsill/contract/agency-calls';
import { idSchema } from '@doorsill/contract/ids';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { loadAgencyKey, signAccess } from '../officer/agency-client.ts';
import { adminBearer } from '../officer/registration.ts';
import { call, operationUrl, pages } from '../officer/service-client.ts';
import {
  type AccessReasonOptions,
  officerOf,
  openTestbed,
  type TestbedOptions,
  withAccessReasonOptions,
  withTestbedOptions,
} from './running-testbed.ts';

interface AuditAccessOptions extends TestbedOptions, AccessReasonOptions {
  clip?: string;
  admin?: boolean;
  csv?: boolean;
  html?: boolean;
  out?: string;
}

const PAGE_ROWS = '500';

/** Adds `access` under `audit`. */
export function addAuditAccess(audit: Command): void {
  withAccessReasonOptions(withTestbedOptions(audit.command('access')))
    .description('list who was shown which clip, when and why: as the testbed’s agency its own, as the admin all')
    .option('--clip <id>', 'only this clip')
    .option('--admin', "as the bridge's admin, for all agencies")
    .option('--csv', 'as CSV (RFC 4180)')
    .option('--html', 'as a page to print or save as PDF')
    .option('--out <file>', 'with --csv or --html: the file to write (default: standard output)')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill audit access --officer "Sgt. Hill, badge 12" --reason "yearly review"
  $ doorsill audit access --clip clip-4f1e --officer "Sgt. Hill, badge 12" --reason "complaint 17" --json
  $ doorsill audit access --admin --csv --out accesses.csv

An agency's officer has to give a name and a reason; the bridge's admin does not.`,
    )
    .action(async (options: AuditAccessOptions, command: Command) => {
      const context = openContext(command);
      if (options.csv && options.html) throw failure('usage', { detail: 'choose --csv or --html' });
      if (options.out && !options.csv && !options.html)
        throw failure('usage', { detail: '--out goes with --csv or --html' });
      if (options.clip !== undefined && !idSchema.safeParse(options.clip).success) {
        throw failure('usage', { detail: `"${options.clip}" is not a clip's id` });
      }
      if (options.out !== undefined) await expectOutputFree(resolve(options.out));
      const bridge = await openBridge(context, options);
      if (options.csv || options.html) return writeExport(bridge, options);
      await printPages(context, bridge, options);
    });
}

interface OpenBridge {
  url: string;
  bearer: () => Promise<string>;
}

async function openBridge(context: Context, options: AuditAccessOptions): Promise<OpenBridge> {
  // Checked first: without an officer's name there is no access.
  const who = options.admin ? null : officerOf(options);
  const { bridge, agency } = await openTestbed(context.disk, options);
  const { url, id, folder } = bridge;
  if (who === null) return { url, bearer: () => adminBearer(context.disk, folder) };
  const key = await loadAgencyKey(context, agency);
  return { url, bearer: async () => signAccess(context, key, id, { clip: ALL_CLIPS, ...who }) };
}

async function printPages(context: Context, bridge: OpenBridge, { clip }: AuditAccessOptions): Promise<void> {
  const { url } = bridge;
  const read = async (cursor?: string) =>
    call({ url, bearer: await bridge.bearer() }, 'listAccesses', { limit: PAGE_ROWS, clip, cursor }).catch(
      (thrown: unknown) => {
        throw thrown instanceof z.ZodError ? unreachable(url, 'its answer is not an access audit') : thrown;
      },
    );
  for await (const { accesses } of pages(read)) {
    for (const access of accesses) {
      const { atUs, agency, action, part, clip: of, officer, reason } = access;
      const line = [printMoment(atUs), agency, action.padEnd(8), part.padEnd(8), of, officer, reason].join('  ');
      context.output.result(access, line.replaceAll('\n', ' '));
    }
  }
}

async function writeExport(bridge: OpenBridge, { csv, clip, out }: AuditAccessOptions): Promise<void> {
  const name = csv ? 'exportAccessesAsCsv' : 'exportAccessesAsHtml';
  const response = await fetch(operationUrl(bridge.url, name, { clip }), {
    redirect: 'error',
    headers: { authorization: `Bearer ${await bridge.bearer()}` },
  }).catch((thrown: Error) => {
    throw unreachable(bridge.url, thrown.message);
  });
  if (!response.ok || !response.body) {
    throw failureOf(parseJson(await response.text())) ?? unreachable(bridge.url, `status ${response.status}`);
  }
  const body = Readable.fromWeb(response.body);
  // Streamed at the reader's speed: the export may be long.
  if (out === undefined) await pipeline(body, process.stdout, { end: false });
  else await writePrivateFile(resolve(out), body);
}

function unreachable(where: string, detail: string) {
  return failure('unreachable', { what: 'the bridge', where, detail });
}
