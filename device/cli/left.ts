// The verbs `left`, which lists the clips that have left a doorbell and checks one clip's receipts and proofs; `left proof`, which fetches
// the bridge's receipt of a granted clip and its proof in the bridge's log; and `left key`, which fetches an encrypted clip's content key.
import { dirname, join, resolve } from 'node:path';
import { SystemDisk } from '@doorsill/base/disk';
import { sha256, sha256Hex, verifySignature } from '@doorsill/base/keys';
import { checkSentClip, type SentClipCheck, type SentClipFinding } from '@doorsill/contract/check-sent-clip';
import { oneLine } from '@doorsill/contract/outside-text';
import { clipReaders } from '@doorsill/contract/sealing';
import { outcomeOf, type SentClip, type SentClipOutcome } from '@doorsill/contract/sent-clips';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import type { Refusal } from '@doorsill/contract/verdict';
import type { VerifiedLeaf } from '@doorsill/contract/verify-custody';
import type { Command } from 'commander';
import { readEnrolment } from '../area-link/enrolment.ts';
import { fetchOpened, fetchProof, keepOpened, keepProof } from '../owner/fetch-custody-proof.ts';
import { loadOrCreateOwnerKey } from '../owner/owner-key.ts';
import { askCustody, askSentClips } from '../owner/pairing-client.ts';
import { makeContentKeyCall } from '../owner/sign-owner-messages.ts';
import { failure } from '../terminal/errors.ts';
import { printMoment } from '../terminal/format-units.ts';
import { showWindow } from '../terminal/owner-requests.ts';
import { writePrivateFile } from '../terminal/private-output.ts';
import { READERS, showClip } from '../terminal/who-can-read.ts';
import {
  type Context,
  chosenHome,
  dataFolder,
  doorbellFolder,
  type OwnerOptions,
  openContext,
  ownerFolder,
  withOwnerOptions,
} from './context.ts';
import { homeOfKeptGrant } from './home-of-request.ts';
import { keptGrants } from './kept-grants.ts';
import {
  type LocalOptions,
  localSocket,
  type ServerOptions,
  socketOfDevice,
  withLocalOptions,
  withOwnServer,
  withServerOptions,
} from './own-server.ts';

/** The file with an encrypted clip's content key. */
const KEY_NAME = 'content-key.json';

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
      const sentClips = await fetchSentClips(context, socket);
      if (options.check !== undefined) return check(context, socket, sentClips, options.check);
      const text =
        sentClips.length === 0
          ? 'Nothing has ever left this device.'
          : sentClips.map((sentClip) => showSentClip(sentClip).join('\n')).join('\n\n');
      const departures = sentClips.map((sentClip) => ({ ...sentClip, outcome: outcomeOf(sentClip) }));
      context.output.result({ total: sentClips.length, departures }, text);
    });
}

/** All sent clips, newest first. */
async function fetchSentClips(context: Context, socket: string): Promise<SentClip[]> {
  const all: SentClip[] = [];
  for (let before: number | null = null; ; ) {
    const { departures, next } = await askSentClips(context, socket, before);
    all.push(...departures);
    if (next === null) return all;
    before = next;
  }
}

async function check(context: Context, socket: string, sentClips: readonly SentClip[], id: string): Promise<void> {
  const sentClip = sentClipNamed(sentClips, id);
  const { shown, device, bridgeKey } = await askCustody(context, socket, sentClip.grant);
  const found = checkSentClip(sentClip, shown, { device, bridgeKey }, crypto);
  const lines = [...showSentClip(sentClip, found), ...found.findings.map(showFinding)];
  if (!found.isWhole) lines.push('  This bridge shows only the latest entry of its log.');
  lines.push(found.holds ? 'Everything that the bridge shows verifies.' : 'NOT everything verifies.');
  const outcome = outcomeOf(sentClip, found.last);
  context.output.result({ ok: found.holds, ...sentClip, outcome, findings: found.findings }, lines.join('\n'));
  if (!found.holds) throw failure('verify_failed', { detail: whyNot(found) });
}

/** The clip of a grant, or the newest of a request. Throws `departure_unknown`. */
function sentClipNamed(sentClips: readonly SentClip[], id: string): SentClip {
  const sentClip = sentClips.find(({ grant, request }) => grant === id || request === id);
  if (!sentClip) throw failure('departure_unknown');
  return sentClip;
}

function whyNot({ findings }: SentClipCheck): string {
  const bad = findings.flatMap((finding) => (finding.ok ? [] : [finding.why]));
  return bad.join('; ') || 'there is nothing to check';
}

function showSentClip(sentClip: SentClip, found?: SentClipCheck): string[] {
  const { recipient, clip, disclosed, audio, zones, grant, request, sentUs } = sentClip;
  const who =
    recipient.kind === 'agency'
      ? `${oneLine(recipient.name)} (${recipient.domain}, ${recipient.jurisdiction})`
      : `a neighbour who searches for a pet (${recipient.id})`;
  const values = DisclosureKey.options.flatMap((key) =>
    disclosed?.[key] === undefined ? [] : [`${key} (${oneLine(disclosed[key])})`],
  );
  const facts = disclosed === null ? clip.disclosed.map((key) => `${key} (its value was not stored)`) : values;
  const blacked = zones === 0 ? '' : `, ${zones} blacked out`;
  return [
    `${printMoment(sentUs)}  ${who}`,
    `  ${OUTCOME_TEXTS[outcomeOf(sentClip, found?.last ?? null).is]}${reasonOf(outcomeOf(sentClip))}`,
    `  window     ${showWindow(clip.window)}, ${audio ? 'with' : 'without'} sound${blacked}`,
    `  clip       ${showClip(clip)}`,
    `  can read   ${READERS[clipReaders(recipient.kind, clip.sealed?.keeper)]}`,
    `  disclosed  ${facts.join(', ') || 'nothing'}`,
    `  grant      ${grant}, of ${request}`,
  ];
}

const OUTCOME_TEXTS: Record<SentClipOutcome['is'], string> = {
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

function reasonOf(outcome: SentClipOutcome): string {
  return 'reason' in outcome && outcome.reason !== null ? ` (${oneLine(outcome.reason)})` : '';
}

function showFinding(finding: SentClipFinding): string {
  if (!finding.ok) return `  NOT OK     ${finding.of === 'leaf' ? 'log' : 'receipt'}: ${oneLine(finding.why)}`;
  if (finding.of !== 'leaf') {
    const of = finding.of === 'stored' ? 'receipt' : 'answer to the revocation';
    return `  ok         ${of}, signed ${printMoment(finding.receipt.iat * 1_000_000)}`;
  }
  const { atS, leaf, size, witnesses } = finding.leaf;
  return `  ok         log: ${whatIn(finding.leaf)}, ${printMoment(atS * 1_000_000)}, leaf ${leaf} of ${size}, witnesses: ${witnesses.length}`;
}

function whatIn(leaf: VerifiedLeaf): string {
  if (leaf.kind !== 'opening') return leaf.kind;
  const { by, outcome } = leaf.facts;
  const who = by === 'vault' ? 'the vault' : 'the recipient';
  return outcome === 'as-granted' ? `opened by ${who}, as granted` : `refused by ${who}: ${REFUSAL_TEXTS[outcome]}`;
}

const REFUSAL_TEXTS: Record<Refusal, string> = {
  key: 'its key does not open',
  file: 'its encrypted file does not open',
  contents: 'the facts or zones in it are not those that were stated',
  clip: 'it is not the clip that was stated',
  recording: 'it is not a plain recording of the stated frames and times',
  zones: 'a frame does not decode, or shows what was to be blacked out',
};

export function addProof(left: Command): void {
  withOwnerOptions(left.command('proof <grant-or-request>'))
    .description("fetch the bridge's receipt of a clip you granted, and the proof that it is in the bridge's log")
    .option('--out <dir>', 'folder for receipt.jws and proof.json (default: DATA/owner/papers/GRANT)')
    .option(
      '--manifest',
      'also fetch the full manifest, as opened.json: it names your home, and the bridge’s log records the opening',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill left proof request-1f0c
  $ doorsill left proof grant-77ab --out ./kept
  $ doorsill verify clip.mp4 manifest.jws --receipt kept/receipt.jws --proof kept/proof.json --data .doorsill`,
    )
    .action(async (id: string, options: OwnerOptions & { out?: string; manifest?: boolean }, command: Command) => {
      const context = openContext(command);
      const { device } = await homeOfKeptGrant(context, options, id);
      const folder = ownerFolder(options);
      const kept = (await keptGrants(context.disk, folder)).findLast(
        ({ claims }) => claims.aud === device && (claims.jti === id || claims.request === id),
      );
      if (!kept) throw failure('usage', { detail: `${id} is not a grant or an answered request of yours` });
      const doorbell = await doorbellFolder(context, options, device);
      const enrolment = await readEnrolment(context.disk, join(doorbell, 'enrolment.json'));
      if (!enrolment) throw failure('not_running', { folder: dataFolder(options.data) });
      const key = await loadOrCreateOwnerKey(context.disk, context.random, join(folder, 'owner.key'));
      const grant = kept.claims.jti;
      const { bridgeUrl, bridgeKey } = enrolment;
      const of = { device, grant, bridgeUrl, bridgeKey };
      const bundle = await fetchProof({ ...context, key }, of);
      const target = resolve(options.out ?? join(folder, 'papers', grant));
      const disk = new SystemDisk('named');
      const paths = await keepProof(disk, target, bundle);
      const opened = options.manifest
        ? { opened: await keepOpened(disk, target, await fetchOpened({ ...context, key }, of)) }
        : {};
      const { leaf, cosignatures } = bundle.proof;
      context.output.result(
        { grant, leaf, cosignatures: cosignatures.length, bridgeKey, ...paths, ...opened },
        `Wrote ${paths.receipt} and ${paths.proof}: leaf ${leaf} of the bridge's log, cosigned by ${cosignatures.length}.`,
      );
    });
}

export function addKey(left: Command): void {
  withServerOptions(left.command('key <grant-or-request>'))
    .description(
      'fetch the content key of an encrypted clip you granted, which opens the file that was sent; for a dispute',
    )
    .option('--out <file>', 'a new file (default: DATA/owner/papers/GRANT/content-key.json)')
    .addHelpText('after', '\nExample:\n  $ doorsill left key request-1f0c')
    .action(async (id: string, options: ServerOptions & { out?: string }, command: Command) => {
      const context = openContext(command);
      const { device: doorbell } = await chosenHome(context, options);
      const socket = await socketOfDevice(context, options, doorbell);
      if (socket === null) throw failure('not_running', { folder: dataFolder(options.data) });
      const { grant } = sentClipNamed(await fetchSentClips(context, socket), id);
      const out = resolve(options.out ?? join(ownerFolder(options), 'papers', grant, KEY_NAME));
      if ((await context.disk.sizeOf(out)) !== null)
        throw failure('usage', { detail: `${out} exists, and is not replaced; name a new file with --out` });
      const key = await withOwnServer(context, options, ({ server, signer, device }) =>
        server.contentKey(grant, makeContentKeyCall(signer, device.id, grant).token),
      );
      await new SystemDisk('named').makeFolder(dirname(out));
      await writePrivateFile(out, [`${JSON.stringify(key, null, 2)}\n`]);
      context.output.result(
        { grant, file: out, clipSha256: key.clipSha256 },
        `Wrote ${out}. It opens the encrypted file with the SHA-256 ${key.clipSha256}: whoever has both can see the clip.`,
      );
    });
}
