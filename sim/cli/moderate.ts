// Owns: the verb `bridge moderate`: listing what waits for a person in this machine's testbed, and deciding on it. Not here: the rules.

import { resolve } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import {
  decideRequest,
  decideStanding,
  type KnownAgency,
  knownAgencies,
  type Waiting,
  waitingRequests,
} from '../officer/moderator.ts';
import { vouchForDomain } from '../officer/registration.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { expectRunning } from '../testbed/testbed-surroundings.ts';

interface ModerateOptions {
  data?: string;
  reason?: string;
  scope?: string;
  tokenFile?: string;
  vouch?: boolean;
}

const DECISIONS = ['approve', 'refuse', 'suspend', 'revoke', 'reinstate'] as const;
const NEED_REASON: readonly string[] = ['refuse', 'suspend'];

export function addModerate(bridge: Command): void {
  bridge
    .command('moderate [decision] [id]')
    .description('as the testbed’s moderator: list what waits, or decide about a request or an agency')
    .option('--data <dir>', 'data folder of a running `doorsill up` (default: .doorsill)')
    .option('--reason <text>', 'why; the agency is told (refuse, suspend)')
    .option('--scope <scope>', 'what part of an agency’s access: community-request, or area-NAME (revoke, reinstate)')
    .option(
      '--vouch',
      'with approve: say, as the registry’s operator, that the agency’s domain is its own (local proof)',
    )
    .option('--token-file <file>', 'a moderator’s own token, for requests (default: the admin’s)')
    .addHelpText(
      'after',
      `
Decisions: approve, refuse for a request or an application; suspend, revoke, reinstate for an agency.

Examples:
  $ doorsill bridge moderate
  $ doorsill bridge moderate approve request-9b1f...
  $ doorsill bridge moderate refuse request-9b1f... --reason "It is about a lawful protest."
  $ doorsill bridge moderate revoke agency-5c80... --scope area-dp0g`,
    )
    .action(
      async (decision: string | undefined, id: string | undefined, options: ModerateOptions, command: Command) => {
        const context = openContext(command);
        const testbed = await openTestbed(context, dataFolder(options.data), options.tokenFile);
        if (decision === undefined) return list(context, testbed);
        const known = DECISIONS.find((name) => name === decision);
        if (!known || id === undefined)
          throw failure('usage', {
            detail: `bridge moderate takes ${DECISIONS.join(', ')} and the id of a request or agency`,
          });
        if (NEED_REASON.includes(known) && options.reason === undefined)
          throw failure('usage', { detail: `say why with --reason; the agency is told` });
        if (options.vouch) await vouch(context, testbed, known, id);
        const state = await decide(context, testbed, known, id, options);
        context.output.result({ id, state }, `${id} is ${state.replaceAll('_', ' ')} now.`);
      },
    );
}

type Testbed = Awaited<ReturnType<typeof openTestbed>>;

async function openTestbed({ disk }: Context, folder: string, tokenFile?: string) {
  const testbed = await readTestbedFile(disk, folder);
  if (!testbed?.bridge || !testbed.registry) throw failure('not_running', { folder });
  await expectRunning(disk, folder);
  const paths = testbedPaths(folder);
  const token = tokenFile === undefined ? {} : { token: await readToken(disk, tokenFile) };
  return {
    bridge: { url: testbed.bridge.url, folder: paths.bridge, ...token },
    registry: { registryUrl: testbed.registry.url, registry: testbed.registry.id, folder: paths.registry },
  };
}

const TOKEN_BYTES_MAX = 200;

async function readToken(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readSecret(resolve(file), TOKEN_BYTES_MAX, { isNamed: true });
  const token = new TextDecoder().decode(bytes ?? new Uint8Array()).trim();
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) throw failure('usage', { detail: `${file} holds no moderator’s token` });
  return token;
}

async function decide(
  { disk }: Context,
  testbed: Testbed,
  decision: (typeof DECISIONS)[number],
  id: string,
  { reason, scope }: ModerateOptions,
): Promise<string> {
  const body = { ...(NEED_REASON.includes(decision) ? { reason } : {}), ...(scope === undefined ? {} : { scope }) };
  if (id.startsWith('agency-')) return decideStanding(disk, testbed.registry, id, decision, body);
  if (decision !== 'approve' && decision !== 'refuse')
    throw failure('usage', { detail: `a request is approved or refused; ${decision} is for an agency` });
  return decideRequest(disk, testbed.bridge, id, decision, body);
}

/** Puts the proof of an agency's domain where the registry of this testbed looks for it. */
async function vouch({ disk }: Context, testbed: Testbed, decision: string, id: string): Promise<void> {
  if (decision !== 'approve' || !id.startsWith('agency-'))
    throw failure('usage', { detail: '--vouch goes with approve and the id of an agency' });
  const found = (await knownAgencies(disk, testbed.registry)).find(({ agency }) => agency === id);
  if (!found) throw failure('agency_unknown');
  await vouchForDomain(disk, testbed.registry.folder, (found.amendment ?? found).domain, id);
}

async function list({ disk, output }: Context, testbed: Testbed): Promise<void> {
  const requests = await waitingRequests(disk, testbed.bridge);
  const agencies = await knownAgencies(disk, testbed.registry);
  const text = [
    requests.length === 0 ? 'No request waits.' : 'Requests that wait:',
    ...requests.flatMap(requestLines),
    'Agencies:',
    ...agencies.map(agencyLine),
  ];
  output.result({ requests, agencies }, text.join('\n'));
}

function requestLines({ request, agencyName, claims, findings }: Waiting): string[] {
  return [
    `  ${request}  ${agencyName}: ${claims.incidentType}`,
    `      ${claims.text}`,
    ...findings.map(({ field, words, why }) => `    ! ${why} (${field}: "${words}")`),
  ];
}

function agencyLine({ agency, name, jurisdiction, domain, state, waits, amendment }: KnownAgency): string {
  const why = waits === undefined ? '' : `\n    ! ${waits}`;
  return `  ${agency}  ${state.padEnd(9)}  ${name} (${jurisdiction}, ${domain})${why}${amendmentLines(amendment)}`;
}

function amendmentLines(amendment: KnownAgency['amendment']): string {
  if (!amendment) return '';
  const { name, jurisdiction, domain, waits } = amendment;
  return `\n    applies to be ${name} (${jurisdiction}, ${domain}); to refuse that takes its access, too\n    ! ${waits}`;
}
