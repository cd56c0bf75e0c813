// The verb `bridge moderate`.

import { resolve } from 'node:path';
import type { Disk } from '@doorsill/base/disk';
import { type Context, openContext } from '@doorsill/device/cli/context';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { type BridgePlace, decideRequest, waitingRequests } from '../officer/bridge-operator.ts';
import { decideAgency, knownAgencies, type RegistryPlace, writeDomainProof } from '../officer/registration.ts';
import type { KnownAgency, WaitingRequest } from '../officer/service-operations.ts';
import { openTestbed, type TestbedOptions, withTestbedOptions } from './running-testbed.ts';

interface ModerateOptions extends TestbedOptions {
  reason?: string;
  scope?: string;
  tokenFile?: string;
  vouch?: boolean;
}

const DECISIONS = ['approve', 'refuse', 'suspend', 'revoke', 'reinstate'] as const;
const NEED_REASON: readonly string[] = ['refuse', 'suspend'];

export function addModerate(bridge: Command): void {
  withTestbedOptions(bridge.command('moderate [decision] [id]'))
    .description('as the testbed’s moderator: list waiting requests and agencies, or decide about one')
    .option('--reason <text>', 'the reason that the agency is told (refuse, suspend)')
    .option('--scope <scope>', 'one part of an agency’s access: community-request, or area-NAME (revoke, reinstate)')
    .option('--vouch', 'with approve: prove the agency’s domain locally, as the registry’s operator can')
    .option('--token-file <file>', 'file with a moderator’s own token, for requests (default: the admin’s)')
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
        const places = await openPlaces(context, options);
        if (decision === undefined) return list(context, places);
        const known = DECISIONS.find((name) => name === decision);
        if (!known || id === undefined)
          throw failure('usage', {
            detail: `bridge moderate takes ${DECISIONS.join(', ')} and the id of a request or agency`,
          });
        if (NEED_REASON.includes(known) && options.reason === undefined)
          throw failure('usage', { detail: 'give the reason with --reason; the agency is told' });
        if (options.vouch) await vouch(context, places, known, id);
        const state = await decide(context, places, known, id, options);
        context.output.result({ id, state }, `${id} is ${state.replaceAll('_', ' ')} now.`);
      },
    );
}

interface Places {
  bridge: BridgePlace;
  registry: RegistryPlace;
}

async function openPlaces({ disk }: Context, options: ModerateOptions): Promise<Places> {
  const { bridge, registry } = await openTestbed(disk, options);
  const token = options.tokenFile === undefined ? {} : { token: await readToken(disk, options.tokenFile) };
  return {
    bridge: { url: bridge.url, folder: bridge.folder, ...token },
    registry: { registryUrl: registry.url, registry: registry.id, folder: registry.folder },
  };
}

const TOKEN_BYTES_MAX = 200;

async function readToken(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readSecret(resolve(file), TOKEN_BYTES_MAX, { isNamed: true });
  const token = new TextDecoder().decode(bytes ?? new Uint8Array()).trim();
  if (!/^[A-Za-z0-9_-]{43}$/.test(token))
    throw failure('usage', { detail: `${file} does not hold a moderator’s token` });
  return token;
}

async function decide(
  { disk }: Context,
  places: Places,
  decision: (typeof DECISIONS)[number],
  id: string,
  { reason, scope }: ModerateOptions,
): Promise<string> {
  const body = { ...(NEED_REASON.includes(decision) ? { reason } : {}), ...(scope === undefined ? {} : { scope }) };
  if (id.startsWith('agency-')) return (await decideAgency(disk, places.registry, id, decision, body)).state;
  if (decision !== 'approve' && decision !== 'refuse')
    throw failure('usage', { detail: `a request is approved or refused; ${decision} is for an agency` });
  return decideRequest(disk, places.bridge, id, decision, body);
}

/** Puts the proof of an agency's domain where the registry of this testbed looks for it. */
async function vouch({ disk }: Context, { registry }: Places, decision: string, id: string): Promise<void> {
  if (decision !== 'approve' || !id.startsWith('agency-'))
    throw failure('usage', { detail: '--vouch goes with approve and the id of an agency' });
  const found = (await knownAgencies(disk, registry)).find(({ agency }) => agency === id);
  if (!found) throw failure('agency_unknown');
  await writeDomainProof(disk, registry.folder, (found.amendment ?? found).domain, id);
}

async function list({ disk, output }: Context, places: Places): Promise<void> {
  const requests = await waitingRequests(disk, places.bridge);
  const agencies = await knownAgencies(disk, places.registry);
  const text = [
    requests.length === 0 ? 'No request waits.' : 'Requests that wait:',
    ...requests.flatMap(requestLines),
    'Agencies:',
    ...agencies.map(agencyLine),
  ];
  output.result({ requests, agencies }, text.join('\n'));
}

function requestLines({ request, agencyName, claims, findings }: WaitingRequest): string[] {
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
  return `\n    applies to become ${name} (${jurisdiction}, ${domain}); refusing that also takes its access\n    ! ${waits}`;
}
