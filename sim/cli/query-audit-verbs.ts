// The verbs `audit queries`, `audit reinstate` and `audit generate`.

import { createReadStream } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { AuditReport, AuditSettings, FlaggedRow, RevocationPlan } from '@doorsill/cloud-bridge';
import { utf8 } from '@doorsill/contract/bytes';
import { idSchema } from '@doorsill/contract/ids';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { jsonLine } from '@doorsill/device/terminal/output';
import { expectOutputFree, newPrivateFile, writePrivateFile } from '@doorsill/device/terminal/private-output';
import { readSecretText } from '@doorsill/device/terminal/secret-input';
import { stopSignal } from '@doorsill/device/terminal/stop-signal';
import type { Command } from 'commander';
import { z } from 'zod';
import { failure } from '../errors.ts';
import { parseLabels, scoreFindings, scoreText } from '../query-export/score.ts';
import { addAuditAccess } from './access-log-verb.ts';

const SMALL_FILE_BYTES_MAX = 16 * 1024 * 1024;

interface RegistryOptions {
  registry?: string;
  adminToken?: string;
  registryKey?: string;
}

interface QueriesOptions extends RegistryOptions {
  timeZone?: string;
  offHours?: string;
  scope?: string;
  falseDiscoveries?: string;
  html?: string;
  flags?: string;
  labels?: string;
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
  addGenerate(audit);
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
    .description(
      'audit a CSV export of agencies’ searches: flag suspicious ones, score each agency, propose revocations and reviews',
    )
    .option('--time-zone <name>', 'time zone of the agencies, for off-hours (default: UTC)')
    .option('--off-hours <from-until>', 'hours that count as night (default: 22-6)')
    .option(
      '--scope <scope>',
      'revoke only this access, such as area-9yzg: homes in map cells whose names begin with 9yzg (default: all access)',
    )
    .option(
      '--false-discoveries <share>',
      'allowed share of honest agencies among those proposed for review (default: 0.2)',
    )
    .option('--html <file>', 'also write the report as a page')
    .option('--flags <file>', 'write every flagged row with its explanation, as JSON lines')
    .option('--labels <file>', 'true answers for a synthetic export, to print precision and recall')
    .option('--agency-names <file>', "JSON file that maps the export's names to the registry's ids, where they differ")
    .option('--apply', 'make the proposed revocations, after confirmation')
    .option('--yes-revoke <n>', 'confirm exactly this number of revocations without a terminal')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill audit queries export.csv --time-zone America/Chicago --html report.html
  $ doorsill audit queries export.csv --scope area-dp0 --apply --registry http://127.0.0.1:8701 --admin-token registry/admin.token
  $ doorsill audit queries export.csv --apply --yes-revoke 3 --registry http://127.0.0.1:8701 --admin-token registry/admin.token --json`,
    )
    .action(async (file: string, options: QueriesOptions, command: Command) => {
      const context = openContext(command);
      const signal = stopSignal();
      if (options.html) await expectOutputFree(resolve(options.html));
      const { carryOutRevocations, parseAuditSettings, planRevocations, reportHtml, reportText } = await auditing();
      const settings = parseAuditSettings({
        ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
        ...(options.offHours === undefined ? {} : { offHours: parseHours(options.offHours) }),
        ...(options.scope === undefined ? {} : { scope: options.scope }),
        ...(options.falseDiscoveries === undefined ? {} : { falseDiscoveries: parseShare(options.falseDiscoveries) }),
      });
      const registry = options.apply ? await registryClient(await registryOf(context, options), signal) : null;
      const report = await auditFile(file, settings, options.flags, signal);
      if (options.html) {
        await writePrivateFile(resolve(options.html), [reportHtml(report, basename(file))]);
      }
      const score = options.labels
        ? scoreFindings(report.findings, parseLabels(await smallFile(context, options.labels)))
        : null;
      if (!registry) {
        context.output.result(
          { ...report, ...(score ? { score } : {}) },
          [reportText(report), ...(score ? ['', ...scoreText(score)] : [])].join('\n'),
        );
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

interface GenerateOptions {
  seed: string;
  agencies: string;
  rows?: string;
  out: string;
  labels?: string;
}

function addGenerate(audit: Command): void {
  audit
    .command('generate')
    .description('write a synthetic export in which exactly 47 agencies misuse their searches, and its labels')
    .option('--seed <n>', 'seed: the same seed writes the same bytes', '1')
    .option('--agencies <n>', 'number of agencies', '4000')
    .option('--rows <n>', 'approximate number of searches (default: 50 per agency)')
    .requiredOption('--out <file>', 'file for the export')
    .option('--labels <file>', 'file for the labels: who misuses searches, and how')
    .addHelpText(
      'after',
      `
Example:
  $ doorsill audit generate --seed 7 --agencies 4000 --out export.csv --labels labels.json
  $ doorsill audit queries export.csv --labels labels.json`,
    )
    .action(async (options: GenerateOptions, command: Command) => {
      const context = openContext(command);
      const agencies = parseCount(options.agencies, '--agencies', 100, 20_000);
      const plan = {
        seed: parseCount(options.seed, '--seed', 0, 4_294_967_295),
        agencies,
        rows: options.rows === undefined ? 50 * agencies : parseCount(options.rows, '--rows', 1_000, 20_000_000),
        vocabulary: 'held-out' as const,
        isWide: false,
      };
      const { writeExport } = await import('../query-export/write.ts');
      const labels = await writeExport(plan, resolve(options.out), stopSignal());
      if (options.labels)
        await context.disk.replaceFile(resolve(options.labels), utf8(`${JSON.stringify(labels, null, 1)}\n`));
      const open = labels.misusing.filter(({ how }) => how === 'open').length;
      context.output.result(
        { ...plan, out: resolve(options.out), queries: labels.queries, misusing: labels.misusing.length, open },
        `${labels.queries} searches of ${agencies} agencies, of which ${labels.misusing.length} misuse them (${open} openly), seed ${plan.seed}, vocabulary ${plan.vocabulary}.`,
      );
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

function parseHours(text: string): { from: number; until: number } {
  const match = /^(\d{1,2})-(\d{1,2})$/.exec(text);
  if (!match) throw failure('usage', { detail: '--off-hours takes hours such as 22-6' });
  return { from: Number(match[1]), until: Number(match[2]) };
}

/** A share between 0 and 1; its setting has narrower limits. Throws `usage`. */
function parseShare(text: string): number {
  if (!/^(?:0|1|0?\.\d{1,6})$/.test(text))
    throw failure('usage', { detail: '--false-discoveries takes a share such as 0.2' });
  return Number(text);
}

function parseCount(text: string, what: string, least: number, most: number): number {
  const count = Number(text);
  if (!/^\d{1,10}$/.test(text) || count < least || count > most) {
    throw failure('usage', { detail: `${what} takes a number from ${least} to ${most}` });
  }
  return count;
}
