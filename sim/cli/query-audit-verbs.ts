// The verbs `audit queries` and `audit reinstate`.

import { createReadStream } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { AuditReport, AuditSettings, FlaggedRow, RevocationPlan } from '@doorsill/cloud-bridge';
import { idSchema } from '@doorsill/contract/ids';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { jsonLine } from '@doorsill/device/terminal/output';
import { expectOutputFree, newPrivateFile, writePrivateFile } from '@doorsill/device/terminal/private-output';
import { readSecretText } from '@doorsill/device/terminal/secret-input';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { addAuditAccess } from './access-log-verb.ts';

const SMALL_FILE_BYTES_MAX = 16 * 1024 * 1024;

interface RegistryOptions {
  registry?: string;
  adminToken?: string;
  registryKey?: string;
}

interface QueriesOptions extends RegistryOptions {
  scope?: string;
  html?: string;
  flags?: string;
  agencyNames?: string;
  apply?: boolean;
  yesRevoke?: string;
}

export function addAudit(program: Command): void {
  const audit = program
    .command('audit')
    .description('audit how agencies search and who was shown clips; watch the log of a bridge')
    .addHelpText('after', '\nExample:\n  $ doorsill audit queries export.csv --html report.html');
  addQueries(audit);
  addReinstate(audit);
  addAuditAccess(audit);
}

/** The audit's code, loaded only when needed. */
const auditing = () => import('@doorsill/cloud-bridge');

/** Adds the options for the registry. */
function withRegistry(command: Command): Command {
  return command
    .option('--registry <url>', "the registry's address")
    .option('--admin-token <file>', "file with the registry's admin token (admin.token in its folder)")
    .option('--registry-key <key>', "the registry's public key, pinned (default: the one at its address)");
}

function addQueries(audit: Command): void {
  withRegistry(audit.command('queries <file>'))
    .description('audit a CSV export of agencies’ searches: flag suspicious ones, score agencies, propose revocations')
    .option(
      '--scope <scope>',
      'revoke only this access, such as area-9yzg: homes in map cells whose names begin with 9yzg (default: all access)',
    )
    .option('--html <file>', 'also write the report as a page')
    .option('--flags <file>', 'write every flagged row with its explanation, as JSON lines')
    .option('--agency-names <file>', "JSON file that maps the export's names to the registry's ids, where they differ")
    .option('--apply', 'make the proposed revocations, after confirmation')
    .option('--yes-revoke <n>', 'confirm exactly this number of revocations without a terminal')
    .addHelpText(
      'after',
      `
The file's first line names its columns, of which it needs "Org Name" and "Reason"; "Case #", "Text Prompt" and
"Offense Type" are read, too.

Examples:
  $ doorsill audit queries export.csv --html report.html
  $ doorsill audit queries export.csv --scope area-dp0 --apply --registry http://127.0.0.1:8701 --admin-token registry/admin.token
  $ doorsill audit queries export.csv --apply --yes-revoke 3 --registry http://127.0.0.1:8701 --admin-token registry/admin.token --json`,
    )
    .action(async (file: string, options: QueriesOptions, command: Command) => {
      const context = openContext(command);
      const signal = stopSignal();
      if (options.html) await expectOutputFree(resolve(options.html));
      const { carryOutRevocations, parseAuditSettings, planRevocations, reportHtml, reportText } = await auditing();
      const settings = parseAuditSettings({
        ...(options.scope === undefined ? {} : { scope: options.scope }),
      });
      const registry = options.apply ? await registryClient(await registryOf(context, options), signal) : null;
      const report = await auditFile(file, settings, options.flags, signal);
      if (options.html) {
        await writePrivateFile(resolve(options.html), [reportHtml(report, basename(file))]);
      }
      if (!registry) {
        context.output.result({ ...report }, reportText(report));
        return;
      }
      context.output.say(reportText(report));
      const names = options.agencyNames ? parseNames(await smallFile(context, options.agencyNames)) : {};
      const plan = planRevocations(report.findings, await registry.agencies(), names);
      context.output.say(planText(plan));
      if (plan.planned.length > 0) {
        await confirm(context, plan.planned.length, options.yesRevoke, signal);
        await carryOutRevocations(registry, plan.planned);
      }
      context.output.result(
        { ...report, ...plan, revoked: plan.planned.length },
        `Revoked: ${plan.planned.length}. The registry's signed list contains them.`,
      );
    });
}

/** Audits a file; writes flagged rows to the file `flags`, if given. */
async function auditFile(
  file: string,
  settings: AuditSettings,
  flags: string | undefined,
  signal: AbortSignal,
): Promise<AuditReport> {
  if ((await stat(file)).isDirectory()) throw failure('usage', { detail: `${file} is a folder` });
  const out = flags === undefined ? null : await newPrivateFile(resolve(flags));
  try {
    const writer = out ? new LineWriter(out.handle) : null;
    const { auditQueries } = await auditing();
    const report = await auditQueries(createReadStream(file, { highWaterMark: 128 * 1024 }), settings, {
      signal,
      ...(writer ? { flagged: (row: FlaggedRow) => writer.add(row) } : {}),
    });
    await writer?.flush();
    await out?.keep();
    return report;
  } catch (thrown) {
    await out?.drop();
    throw thrown;
  }
}

/** Writes JSON lines in batches. */
class LineWriter {
  private readonly file: FileHandle;
  private lines: string[] = [];

  constructor(file: FileHandle) {
    this.file = file;
  }

  add(value: object): Promise<void> | undefined {
    this.lines.push(jsonLine(value));
    return this.lines.length >= 500 ? this.flush() : undefined;
  }

  async flush(): Promise<void> {
    const text = this.lines.join('');
    this.lines = [];
    await this.file.writeFile(text);
  }
}

function planText({ planned, unmatched }: RevocationPlan): string {
  return [
    '',
    `Found in the registry by name: ${planned.length} of ${planned.length + unmatched.length}.`,
    ...planned.map(({ name, agency, scope }) => `  revoke ${scope ?? 'everything'} of ${name} (${agency})`),
    ...(unmatched.length > 0 ? [`  not in the registry, nothing to revoke: ${unmatched.join(', ')}`] : []),
  ].join('\n');
}

/** Requires the exact number of revocations as confirmation: at a terminal, or by --yes-revoke. Throws `audit_unconfirmed`. */
async function confirm(context: Context, count: number, given: string | undefined, signal: AbortSignal): Promise<void> {
  let answer = given;
  if (answer === undefined && process.stdin.isTTY && !context.output.json) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      answer = await terminal.question(`Type the number of revocations (${count}) to make them: `, { signal });
    } finally {
      terminal.close();
    }
  }
  if (answer === undefined) throw failure('audit_unconfirmed', { detail: 'there is no terminal to confirm at' });
  if (answer.trim() !== String(count)) {
    throw failure('audit_unconfirmed', { detail: `${count} would be made, and "${answer.trim()}" was confirmed` });
  }
}

function addReinstate(audit: Command): void {
  withRegistry(audit.command('reinstate <agency>'))
    .description('reinstate all access of an agency, by its id or name')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill audit reinstate "Springfield Police Department" --registry http://127.0.0.1:8701 --admin-token registry/admin.token`,
    )
    .action(async (agency: string, options: RegistryOptions, command: Command) => {
      const context = openContext(command);
      const registry = await registryClient(await registryOf(context, options), stopSignal());
      const { reinstateAgency } = await auditing();
      const standing = await reinstateAgency(registry, agency);
      context.output.result(standing, `${standing.name} (${standing.agency}) has all its access again.`);
    });
}

async function registryOf(context: Context, options: RegistryOptions) {
  const { registry, adminToken, registryKey } = options;
  if (!registry || !adminToken)
    throw failure('usage', { detail: 'name the registry: --registry URL --admin-token FILE' });
  if (
    !z
      .url({ protocol: /^https?$/ })
      .max(200)
      .safeParse(registry).success
  ) {
    throw failure('usage', { detail: `"${registry}" is not an http address` });
  }
  const token = (await readSecretText(context.disk, adminToken)).trim();
  if (!/^[\x21-\x7e]{1,200}$/.test(token))
    throw failure('usage', { detail: `${adminToken} does not contain an admin token` });
  return { url: registry, adminToken: token, ...(registryKey ? { key: registryKey } : {}) };
}

async function registryClient(place: Awaited<ReturnType<typeof registryOf>>, signal: AbortSignal) {
  const { httpRegistryAdmin } = await auditing();
  return httpRegistryAdmin({ ...place, signal });
}

async function smallFile(context: Context, path: string): Promise<string> {
  const bytes = await context.disk.readFile(resolve(path), SMALL_FILE_BYTES_MAX);
  if (!bytes) throw failure('usage', { detail: `there is no file ${path}` });
  return new TextDecoder().decode(bytes);
}

function parseNames(text: string): Record<string, string> {
  try {
    return z.record(z.string().max(200), idSchema).parse(JSON.parse(text));
  } catch {
    throw failure('usage', { detail: '--agency-names takes a JSON object of names to agency ids' });
  }
}
