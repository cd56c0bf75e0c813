// Owns: the verb `audit access`: who was shown which clip, when and why, as a testbed's agency or as the bridge's admin.
// Not here: the log and its forms (the bridge's), other audits.

import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ALL_CLIPS } from '@doorsill/contract/agency-calls';
import { idSchema } from '@doorsill/contract/ids';
import { exchangeJson } from '@doorsill/contract/json-client';
import { parseJson } from '@doorsill/contract/parse-json';
import { failureOf } from '@doorsill/contract/problem';
import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import { printMoment } from '@doorsill/device/terminal/format-units';
import { expectOutputFree, writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { loadAgencyKey, signAccess } from '../officer/agency-client.ts';
import { adminBearer } from '../officer/registration.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { expectRunning } from '../testbed/testbed-surroundings.ts';
import { type OfficerOptions, officerOf, withOfficerOptions } from './officer-reason-options.ts';

interface AuditAccessOptions extends OfficerOptions {
  data?: string;
  clip?: string;
  admin?: boolean;
  csv?: boolean;
  html?: boolean;
  out?: string;
}

const pageSchema = z.object({
  accesses: z.array(
    z.object({
      number: z.int(),
      atUs: z.int(),
      agency: z.string(),
      action: z.string(),
      part: z.string(),
      clip: z.string(),
      officer: z.string(),
      reason: z.string(),
      token: z.string(),
      leaf: z.int().nullable(),
    }),
  ),
  next: z.string().nullable(),
});

const PAGE_ROWS = 500;

/** Adds `access` under `audit`. */
export function addAuditAccess(audit: Command): void {
  withOfficerOptions(audit.command('access'))
    .description('who was shown which clip, when and why: as the testbed’s agency its own, as the admin all')
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .option('--clip <id>', 'of one clip')
    .option('--admin', "as the bridge's admin, of all agencies")
    .option('--csv', 'as CSV (RFC 4180)')
    .option('--html', 'as a page to print or save as PDF')
    .option('--out <file>', 'with --csv or --html: where to write it (default: standard output)')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill audit access --officer "Sgt. Hill, badge 12" --reason "yearly review"
  $ doorsill audit access --clip clip-4f1e --officer "Sgt. Hill, badge 12" --reason "complaint 17" --json
  $ doorsill audit access --admin --csv --out accesses.csv

An agency's officer says who looks and why; the bridge's admin need not.`,
    )
    .action(async (options: AuditAccessOptions, command: Command) => {
      const context = openContext(command);
      if (options.csv && options.html) throw failure('usage', { detail: 'choose --csv or --html' });
      if (options.out && !options.csv && !options.html)
        throw failure('usage', { detail: '--out goes with --csv or --html' });
      if (options.clip !== undefined && !idSchema.safeParse(options.clip).success) {
        throw failure('usage', { detail: `"${options.clip}" is no clip's id` });
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
  const folder = dataFolder(options.data);
  const testbed = await readTestbedFile(context.disk, folder);
  if (!testbed?.bridge) throw failure('not_running', { folder });
  await expectRunning(context.disk, folder);
  const { url, id } = testbed.bridge;
  if (who === null) return { url, bearer: () => adminBearer(context.disk, testbedPaths(folder).bridge) };
  const key = await loadAgencyKey(context, testbedPaths(folder).agency);
  return { url, bearer: async () => signAccess(context, key, id, { clip: ALL_CLIPS, ...who }) };
}

async function printPages(context: Context, bridge: OpenBridge, { clip }: AuditAccessOptions): Promise<void> {
  const asked = clip === undefined ? '' : `&clip=${clip}`;
  for (let from: string | null = ''; from !== null; ) {
    const url: string = `${bridge.url}/v1/access-audit?limit=${PAGE_ROWS}${asked}${from}`;
    const page = pageSchema.safeParse(await exchangeJson(url, { method: 'GET', bearer: await bridge.bearer() }));
    if (!page.success) throw unreachable(bridge.url, 'its answer is not an access audit');
    for (const access of page.data.accesses) {
      const { atUs, agency, action, part, clip: of, officer, reason } = access;
      const whole = [printMoment(atUs), agency, action.padEnd(8), part.padEnd(8), of, officer, reason].join('  ');
      context.output.result(access, whole.replaceAll('\n', ' '));
    }
    from = page.data.next === null ? null : `&cursor=${page.data.next}`;
  }
}

async function writeExport(bridge: OpenBridge, { csv, clip, out }: AuditAccessOptions): Promise<void> {
  const asked = clip === undefined ? '' : `?clip=${clip}`;
  const response = await fetch(`${bridge.url}/v1/access-audit.${csv ? 'csv' : 'html'}${asked}`, {
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
