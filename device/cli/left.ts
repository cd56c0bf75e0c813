// The verb `left`: lists the clips that have left a doorbell, and checks one clip's receipts and proofs.
import { sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { checkDeparture, type DepartureCheck, type DepartureFinding } from '@doorsill/contract/check-departure';
import { type DepartureOutcome, outcomeOf } from '@doorsill/contract/departure-outcome';
import type { Departure } from '@doorsill/contract/departures';
import { oneLine } from '@doorsill/contract/outside-text';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import type { Command } from 'commander';
import { askCustody, askDepartures } from '../owner/pairing-client.ts';
import { failure } from '../terminal/errors.ts';
import { printBytes, printFrames, printMoment } from '../terminal/format-units.ts';
import { showWindow } from '../terminal/owner-requests.ts';
import { type Context, openContext } from './context.ts';
import { type LocalOptions, localSocket, withLocalOptions } from './own-server.ts';

interface LeftOptions extends LocalOptions {
  check?: string;
}

const crypto = { sha256, sha256Hex, verify: verifySignature };

export function addLeft(program: Command): void {
  withLocalOptions(program.command('left'))
    .description(
      'list every clip that has left a doorbell on this machine: its recipient, its disclosed facts, and its state now',
    )
    .option('--check <grant-or-request>', 'check the bridge’s log entries of one clip, which the device asks it for')
    .addHelpText('after', '\nExamples:\n  $ doorsill left\n  $ doorsill left --check request-1f0c')
    .action(async (options: LeftOptions, command: Command) => {
      const context = openContext(command);
      const socket = await localSocket(context, options);
      const departures = await allDepartures(context, socket);
      if (options.check !== undefined) return check(context, socket, departures, options.check);
      const said =
        departures.length === 0
          ? 'Nothing has ever left this device.'
          : departures.map((departure) => showDeparture(departure).join('\n')).join('\n\n');
      const told = departures.map((departure) => ({ ...departure, outcome: outcomeOf(departure) }));
      context.output.result({ total: departures.length, departures: told }, said);
    });
}

/** All sent clips, newest first. */
async function allDepartures(context: Context, socket: string): Promise<Departure[]> {
  const all: Departure[] = [];
  for (let before: number | null = null; ; ) {
    const { departures, next } = await askDepartures(context, socket, before);
    all.push(...departures);
    if (next === null) return all;
    before = next;
  }
}

async function check(context: Context, socket: string, departures: readonly Departure[], id: string): Promise<void> {
  const departure = departures.find(({ grant, request }) => grant === id || request === id);
  if (!departure) throw failure('departure_unknown');
  const { shown, device, bridgeKey } = await askCustody(context, socket, departure.grant);
  const found = checkDeparture(departure, shown, { device, bridgeKey }, crypto);
  const lines = [...showDeparture(departure, found), ...found.findings.map(showFinding)];
  if (!found.isWhole) lines.push('  This bridge shows only the latest entry of its log.');
  lines.push(found.holds ? 'Everything that the bridge shows verifies.' : 'NOT everything verifies.');
  const outcome = outcomeOf(departure, found.last);
  context.output.result({ ok: found.holds, ...departure, outcome, findings: found.findings }, lines.join('\n'));
  if (!found.holds) throw failure('verify_failed', { detail: whyNot(found) });
}

function whyNot({ findings }: DepartureCheck): string {
  const bad = findings.flatMap((finding) => (finding.ok ? [] : [finding.why]));
  return bad.join('; ') || 'there is nothing to check';
}

function showDeparture(departure: Departure, found?: DepartureCheck): string[] {
  const { recipient, clip, disclosed, audio, zones, grant, request, sentUs } = departure;
  const who =
    recipient.kind === 'agency'
      ? `${oneLine(recipient.name)} (${recipient.domain}, ${recipient.jurisdiction})`
      : `a neighbour who searches for a pet (${recipient.id})`;
  const values = DisclosureKey.options.flatMap((key) =>
    disclosed?.[key] === undefined ? [] : [`${key} (${oneLine(disclosed[key])})`],
  );
  const told = disclosed === null ? clip.disclosed.map((key) => `${key} (its value was not stored)`) : values;
  const blacked = zones === 0 ? '' : `, ${zones} blacked out`;
  return [
    `${printMoment(sentUs)}  ${who}`,
    `  ${SAID[outcomeOf(departure, found?.last ?? null).is]}${reasonOf(outcomeOf(departure))}`,
    `  window     ${showWindow(clip.window)}, ${audio ? 'with' : 'without'} sound${blacked}`,
    `  clip       ${printFrames(clip.frames)}, ${printBytes(clip.bytes)}, ${clip.method}, sha256 ${clip.sha256}`,
    `  disclosed  ${told.join(', ') || 'nothing'}`,
    `  grant      ${grant}, of ${request}`,
  ];
}

const SAID: Record<DepartureOutcome['is'], string> = {
  sending: 'It is being sent: a part of it may have left.',
  stopped: 'Sending ended before the bridge confirmed it: it may have a part. `doorsill revoke` erases that.',
  stored: 'The bridge has it, or has handed it to a vault since (--check tells which).',
  'in-vault': 'The bridge has handed it to the agency’s vault.',
  revoking: 'Revoked; the bridge has not answered yet.',
  'nothing-arrived': 'Revoked before any of it had arrived, as the bridge has signed.',
  'erased-at-bridge': 'Revoked and erased, as the bridge has signed.',
  'erased-at-vault': 'Revoked when the vault had it, and erased there, as the vault has signed.',
  restricted: 'Revoked when the vault had it: restricted, as the vault has signed.',
  kept: 'Revoked when the vault had it: kept, as the vault has signed.',
};

function reasonOf(outcome: DepartureOutcome): string {
  return 'reason' in outcome && outcome.reason !== null ? ` (${oneLine(outcome.reason)})` : '';
}

function showFinding(finding: DepartureFinding): string {
  if (!finding.ok) return `  NOT OK     ${finding.of === 'leaf' ? 'log' : 'receipt'}: ${oneLine(finding.why)}`;
  if (finding.of !== 'leaf') {
    const of = finding.of === 'stored' ? 'receipt' : 'answer to the revocation';
    return `  ok         ${of}, signed ${printMoment(finding.receipt.iat * 1_000_000)}`;
  }
  const { kind, atS, leaf, size, witnesses } = finding.leaf;
  return `  ok         log: ${kind}, ${printMoment(atS * 1_000_000)}, leaf ${leaf} of ${size}, witnesses: ${witnesses.length}`;
}
