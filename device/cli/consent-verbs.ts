// The verbs of an owner's decisions: grant, deny, revoke. Each signs, sends, and ends with a receipt. And the list of open requests.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { sha256Hex } from '@doorsill/base/keys';
import type { PreviewAsk } from '@doorsill/contract/console-messages';
import { recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { Receipt } from '@doorsill/contract/home-messages';
import { oneLine } from '@doorsill/contract/outside-text';
import { CLIP_BYTES_DEFAULT, type Revoke } from '@doorsill/contract/owner-orders';
import type { VerifiedSighting } from '@doorsill/contract/read-sighting';
import { clipReaders } from '@doorsill/contract/sealing';
import { DisclosureKey, type Window } from '@doorsill/contract/shared-claims';
import { type Command, Option } from 'commander';
import type { OwnerSession } from '../owner/owner-session.ts';
import { makeDenial, makeGrant, makeRevoke, type Signer } from '../owner/sign-owner-messages.ts';
import { failure, isFailure } from '../terminal/errors.ts';
import { parseMoment, parseSeconds, printBytes, printFrames, printMoment } from '../terminal/format-units.ts';
import {
  answered,
  elapsedMs,
  fetchNotice,
  fetchNotices,
  RECEIPT_MS_MAX,
  receiptsAbout,
  showNotice,
  showSighting,
  showUpload,
  showWindow,
} from '../terminal/owner-requests.ts';
import { expectOutputFree, writePrivateFile } from '../terminal/private-output.ts';
import { calledAs } from '../terminal/shell-words.ts';
import { READERS, readersOf, showClip } from '../terminal/who-can-read.ts';
import {
  type Context,
  type OwnerOptions,
  openContext,
  ownerFolder,
  repeated,
  withOwner,
  withOwnerOptions,
} from './context.ts';
import { askDoorbells, homeOfGrant, homeOfRequest } from './home-of-request.ts';
import { forgetGrant, type KeptGrant, keepGrant, keptGrants } from './kept-grants.ts';
import { type ServerOptions, withOwnServer } from './own-server.ts';
import { parseZone } from './parse-zone.ts';

/**
 * Writes the clip exactly as it would leave, and prints the command that grants exactly these bytes. Grants nothing. `again`: the
 * arguments that this command repeats; `readers`: who could read the granted clip. Throws the device's refusal, `preview_changed` when the
 * bytes lack the hash that it named.
 */
async function writePreview(
  context: Context,
  options: ServerOptions,
  asked: PreviewAsk,
  { file, again, readers }: { file: string; again: readonly string[]; readers: string },
): Promise<void> {
  const out = resolve(file);
  await expectOutputFree(out);
  const { preview, sha256 } = await withOwnServer(context, options, async ({ server }) => {
    const made = await server.preview(asked);
    return { preview: made, sha256: await written(await server.clip(made.preview), out) };
  });
  if (sha256 !== preview.sha256) throw failure('preview_changed');
  const { startUs, endUs } = asked.window;
  const span = ['--from', printMoment(startUs), '--to', printMoment(endUs)];
  const line = [`${calledAs()} grant`, asked.request, ...span, ...again, '--clip', sha256].join(' ');
  const { frames, bytes, method, coverage, gaps } = preview;
  context.output.result(
    { ...asked, preview: preview.preview, file: out, sha256, frames, bytes, method, coverage, gaps },
    [
      `Wrote ${out}: ${printFrames(frames)}, ${printBytes(bytes)}, exactly the clip that would leave. Nothing has left.`,
      `Who can read it once it has left: ${readers}.`,
      'To grant exactly these bytes, within a quarter of an hour:',
      `  ${line}`,
    ].join('\n'),
  );
}

/** Writes the bytes to a new file that only its user can read; returns their SHA-256. */
async function written(bytes: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const part of bytes) {
      hash.update(part);
      yield part;
    }
  };
  await writePrivateFile(path, hashed());
  return hash.digest('hex');
}

/** Maximum wait for the bridge's confirmation that it has erased a clip. */
const ERASED_MS_MAX = 15_000;
const ERASED_POLL_MS = 100;
/** Length of a window for one frame: no camera's frame is shorter. */
const STILL_US = 1_000;

interface GrantOptions extends OwnerOptions {
  list?: boolean;
  from?: string;
  to?: string;
  disclose?: string;
  audio: boolean;
  redact?: string[];
  maxBytes?: string;
  preview?: string;
  clip?: string;
  deviceData?: string;
  still?: boolean;
  wait: boolean;
  timeout: string;
}

export function addGrant(program: Command): void {
  withOwnerOptions(program.command('grant [request]'))
    .description('send one clip to the agency or pet owner that asked: exactly this window and these facts')
    .option('--list', 'only list the open requests of each doorbell')
    .option('--from <time>', 'start of the window (default: start of the requested one)')
    .option('--to <time>', 'end of the window, not included (default: end of the requested one)')
    .option('--disclose <keys>', `facts to send with it: ${DisclosureKey.options.join(',')} (default: none)`)
    .option('--audio', 'with sound (default: without)', false)
    .option('--redact <l,t,w,h>', 'black out a rectangle, in percent of the picture; may be repeated', repeated)
    .option('--still', 'of a sighting: send only the frame that is most like the pet')
    .option('--max-bytes <n>', 'send nothing if the clip is larger')
    .addOption(
      new Option(
        '--preview <file>',
        'only write the clip to a file, exactly as it would leave, to look at it first',
      ).conflicts('clip'),
    )
    .option('--clip <sha256>', 'grant the clip of that preview: send exactly its bytes, or none')
    .option('--device-data <dir>', "for --preview: the device's data folder on this machine (default: DATA/doorbell)")
    .option('--no-wait', 'end when the device has accepted the grant, before the clip is sent')
    .option('--timeout <s>', 'maximum wait for the clip to arrive', '600')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill grant --list
  $ doorsill grant request-1f0c --from 2026-11-25T10:15:30Z --to 2026-11-25T10:15:40Z
  $ doorsill grant request-1f0c --from 10:15:30 --to 10:15:40 --disclose address,email --audio
  $ doorsill grant request-1f0c --from 10:15:30 --to 10:15:40 --preview look.mp4
  $ doorsill grant search-77ab --still`,
    )
    .action(async (request: string | undefined, options: GrantOptions, command: Command) => {
      const context = openContext(command);
      if (options.list) {
        if (request !== undefined) throw failure('usage', { detail: '--list takes no request: it lists them all' });
        return listRequests(context, options);
      }
      if (request === undefined)
        throw failure('usage', { detail: 'name the request to grant; `doorsill grant --list` lists the open ones' });
      const withinMs = options.wait ? parseSeconds(options.timeout, '--timeout') / 1000 : RECEIPT_MS_MAX;
      const home = await homeOfRequest(context, options, request);
      if (options.preview !== undefined)
        return previewFor(context, request, { ...options, device: home.device }, options.preview);
      const give = async (session: OwnerSession, signer: Signer) => {
        const grant = await grantFor(context, session, signer, request, options);
        const startMs = context.clock.monotonicMs();
        const { claims } = grant;
        context.output.progress(`Granting ${showWindow(claims.window)}, ${claims.audio ? 'with' : 'without'} sound,`);
        context.output.progress(`  disclosing ${claims.disclose.join(', ') || 'nothing about you'}.`);
        const { kind, sealing } = claims.recipient;
        context.output.progress(`  Who can read the clip: ${READERS[clipReaders(kind, sealing?.keeper)]}.`);
        const { receipt, token } = await answered(
          session,
          { jti: claims.jti, request, send: () => session.answer(request, 'grant', grant.token) },
          withinMs,
          (heard) => heard.outcome === 'sent' || (!options.wait && heard.outcome !== 'revoked'),
          (heard) => context.output.progress(`  ${heard.outcome}`),
          (progress) => context.output.progress(showUpload(progress)),
        ).catch(async (thrown: unknown) => {
          // The same command must sign another grant, for the recipient's new key.
          const isOver = isFailure(thrown) && thrown.code === 'consent_sealing_changed';
          if (isOver) await forgetGrant(context.disk, ownerFolder(options), claims.jti);
          throw thrown;
        });
        const clip = receipt.clip;
        const done = clip ? `Delivered: ${showClip(clip)}` : `Accepted: ${receipt.outcome}.`;
        context.output.result(
          {
            request,
            grant: claims.jti,
            outcome: receipt.outcome,
            clip,
            receipt: token,
            elapsedMs: elapsedMs(context.clock, startMs),
          },
          done,
        );
      };
      await withOwner(context, options, give, home);
    });
}

/** Lists the open requests of each of the owner's doorbells. */
async function listRequests(context: Context, options: OwnerOptions): Promise<void> {
  const found = await askDoorbells(context, options, fetchNotices);
  const isSeveral = found.length > 1;
  const lines = found.flatMap(({ home, answer }) =>
    answer.flatMap((notice) => [...(isSeveral ? [`${home.name}:`] : []), ...showNotice(notice)]),
  );
  const requests = found.flatMap(({ home: { name: doorbell, device }, answer }) =>
    answer.map(({ request, coverage }) => ({ ...request, coverage, doorbell, device })),
  );
  context.output.result({ requests }, lines.join('\n') || 'No open request.');
}

/** Returns the same grant, byte for byte, for the same choice: repeating a command can never make a second clip. */
async function grantFor(
  context: Context,
  session: OwnerSession,
  signer: Signer,
  request: string,
  options: GrantOptions,
): Promise<KeptGrant> {
  const { disk, clock, output } = context;
  const folder = ownerFolder(options);
  const { audio } = options;
  const choice = {
    audio,
    zones: (options.redact ?? []).map((zone) => parseZone(zone, '--redact')),
    disclose: parseDisclosure(options.disclose),
    byteLimit: options.maxBytes ? parseCount(options.maxBytes) : CLIP_BYTES_DEFAULT,
    ...(options.clip === undefined ? {} : { clipSha256: parseSha256(options.clip) }),
  };
  const startUs = options.from ? parseMoment(options.from, clock.wallUs()) : null;
  const endUs = options.to ? parseMoment(options.to, clock.wallUs()) : null;
  const kept = await keptGrants(disk, folder);
  const sameAs = (window: Window) =>
    kept.findLast(({ claims }) => {
      const { audio, zones, disclose, byteLimit, clipSha256 } = claims;
      const isAlive = claims.exp * 1_000_000 > clock.wallUs();
      const isHere = claims.aud === session.home.device && claims.request === request;
      return (
        isAlive &&
        isHere &&
        isDeepStrictEqual(
          { audio, zones, disclose, byteLimit, ...(clipSha256 ? { clipSha256 } : {}), ...claims.window },
          { ...choice, ...window },
        )
      );
    });
  // The device sends no notice of a granted request, but the same grant may be sent again.
  const again = startUs === null || endUs === null ? undefined : sameAs({ startUs, endUs });
  if (again) return again;
  const notice = await fetchNotice(session, signer, request);
  const isSighting = 'sighted' in notice;
  for (const line of isSighting ? showSighting(notice) : showNotice(notice)) output.progress(line);
  if (options.still && !isSighting) throw failure('usage', { detail: '--still is for a sighting of Search Party' });
  const asked = isSighting ? seenWindow(notice, options.still) : notice.request.window;
  const window = { startUs: startUs ?? asked.startUs, endUs: endUs ?? asked.endUs };
  if (window.startUs >= window.endUs) throw failure('usage', { detail: '--to must be later than --from' });
  const fresh = makeGrant(signer, notice, { ...choice, window });
  await keepGrant(disk, folder, fresh.token);
  return { token: fresh.token, claims: fresh.claims };
}

function parseSha256(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text))
    throw failure('usage', { detail: '--clip takes the SHA-256 that --preview printed' });
  return text;
}

/** Previews the clip that the same arguments would grant; grants nothing. */
async function previewFor(context: Context, request: string, options: GrantOptions, file: string): Promise<void> {
  const { clock } = context;
  const notice = await withOwner(context, options, (session, signer) => fetchNotice(session, signer, request));
  const whole = 'sighted' in notice ? seenWindow(notice, options.still) : notice.request.window;
  const window = {
    startUs: options.from ? parseMoment(options.from, clock.wallUs()) : whole.startUs,
    endUs: options.to ? parseMoment(options.to, clock.wallUs()) : whole.endUs,
  };
  if (window.startUs >= window.endUs) throw failure('usage', { detail: '--to must be later than --from' });
  const zones = (options.redact ?? []).map((zone) => parseZone(zone, '--redact'));
  const again = [
    ...[options.data && ['--data', options.data], options.owner && ['--owner', options.owner]],
    ...[options.device && ['--device', options.device], options.disclose && ['--disclose', options.disclose]],
    ...[options.audio && ['--audio'], ...(options.redact ?? []).map((zone) => ['--redact', zone])],
  ].flatMap((words) => words || []);
  const asked = { request, window, audio: options.audio, zones };
  await writePreview(context, options, asked, { file, again, readers: readersOf(notice) });
}

/** The window to grant for a sighting when no times are given: the pet's presence, or its best frame alone. */
function seenWindow({ sighted: [best] }: VerifiedSighting, still: boolean | undefined): Window {
  return still ? { startUs: best.stillUs, endUs: best.stillUs + STILL_US } : best.window;
}

function parseDisclosure(text: string | undefined): DisclosureKey[] {
  if (!text || text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !DisclosureKey.options.some((key) => key === name));
  if (unknown !== undefined)
    throw failure('usage', { detail: `--disclose knows ${DisclosureKey.options.join(', ')}, not "${unknown}"` });
  return DisclosureKey.options.filter((key) => names.includes(key));
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,12}$/.test(text)) throw failure('usage', { detail: `"${text}" is not a number of bytes` });
  return Number(text);
}

export function addDeny(program: Command): void {
  withOwnerOptions(program.command('deny <request>'))
    .description('deny a request; the denial stays on the device, nobody else learns of it')
    .addHelpText('after', '\nExample:\n  $ doorsill deny request-1f0c')
    .action(async (request: string, options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      const home = await homeOfRequest(context, options, request);
      const deny = async (session: OwnerSession, signer: Signer) => {
        const denial = makeDenial(signer, await fetchNotice(session, signer, request));
        const send = () => session.answer(request, 'deny', denial.token);
        const { receipt } = await answered(
          session,
          { jti: denial.jti, request, send },
          RECEIPT_MS_MAX,
          (heard) => heard.outcome === 'denied',
        );
        context.output.result({ request, outcome: receipt.outcome }, `Denied ${request}. Only the device knows.`);
      };
      await withOwner(context, options, deny, home);
    });
}

export function addRevoke(program: Command): void {
  withOwnerOptions(program.command('revoke <grant-or-request>'))
    .description('revoke a grant: stop sending, and delete what was sent unless it was handed over')
    .addHelpText('after', '\nExample:\n  $ doorsill revoke request-1f0c')
    .action(async (id: string, options: OwnerOptions, command: Command) => {
      const context = openContext(command);
      const folder = ownerFolder(options);
      const home = await homeOfGrant(context, options, id);
      const revokeAt = async (session: OwnerSession, signer: Signer) => {
        const kept = await keptGrant(context, folder, home.device, id);
        const named = kept ?? grantNamedBy(await receiptsAbout(session, signer, id));
        const revoke = makeRevoke(signer, session.home.device, named);
        const order = {
          jti: revoke.jti,
          request: named.request,
          send: () => session.answer(named.request, 'revoke', revoke.token),
        };
        const ends = ({ outcome }: Receipt) => outcome === 'revoked' || isErased(outcome);
        const first = await answered(session, order, RECEIPT_MS_MAX, ends);
        await forgetGrant(context.disk, folder, named.grant);
        const receipt = await lastReceipt(session, signer, first.receipt, named.grant);
        const erased = erasedBy(receipt);
        context.output.result(
          { grant: named.grant, request: named.request, outcome: receipt.outcome, ...erased.facts },
          `Revoked ${named.grant}. ${erased.text}`,
        );
      };
      await withOwner(context, options, revokeAt, home);
    });
}

const isErased = (outcome: string) => outcome === 'recalled' || outcome === 'deleted';

/**
 * The last receipt about a revoked grant. A clip that was offered to the bridge is erased there, after which the device forwards the
 * bridge's signed statement; until then the device's receipt names the clip.
 */
async function lastReceipt(session: OwnerSession, signer: Signer, first: Receipt, grant: string): Promise<Receipt> {
  let last = first;
  const isNews = (receipt: Receipt) =>
    receipt.grant === grant && !isErased(last.outcome) && receipt.outcome !== 'refused';
  const stop = session.listen({
    receipt: (receipt) => {
      if (isNews(receipt)) last = receipt;
    },
  });
  try {
    await fetchNotices(session, signer);
    const endMs = signer.clock.monotonicMs() + ERASED_MS_MAX;
    while (last.outcome === 'revoked' && last.clip && signer.clock.monotonicMs() < endMs)
      await signer.clock.sleep(ERASED_POLL_MS);
    return last;
  } finally {
    stop();
  }
}

/** The parties that have erased the clip, by the revocation's last receipt. */
function erasedBy(receipt: Receipt): { facts: object; text: string } {
  const answer = recallAnswerOf(receipt);
  if (answer) {
    const { decision, reason } = answer;
    return {
      facts: { vault: { decision, ...(reason ? { reason } : {}) } },
      text: `The vault had the clip already and answered: ${decision}${reason ? ` (${oneLine(reason)})` : ''}.`,
    };
  }
  if (receipt.outcome === 'deleted') {
    const text = 'The clip is erased on the device and, as the bridge has signed, at the bridge.';
    return { facts: { erased: ['device', 'bridge'] }, text };
  }
  if (!receipt.clip)
    return { facts: { erased: ['device'] }, text: 'Nothing had left the device, and the clip is erased there.' };
  return {
    facts: { erased: ['device'], pending: ['bridge'] },
    text: 'Nothing more is sent. The bridge has not yet confirmed that it erased its part; `doorsill watch` shows when it does.',
  };
}

type NamedGrant = Pick<Revoke, 'request' | 'grant' | 'grantSha256'>;

async function keptGrant(context: Context, folder: string, device: string, id: string): Promise<NamedGrant | null> {
  const kept = (await keptGrants(context.disk, folder)).findLast(
    ({ claims }) => claims.aud === device && (claims.jti === id || claims.request === id),
  );
  return kept ? { request: kept.claims.request, grant: kept.claims.jti, grantSha256: sha256Hex(kept.token) } : null;
}

/** The grant named in receipts, which another owner may have signed. Throws `consent_nothing_to_revoke`. */
function grantNamedBy(receipts: readonly Receipt[]): NamedGrant {
  const named = receipts.flatMap(({ request, grant, grantSha256 }) =>
    request && grant && grantSha256 ? [{ request, grant, grantSha256 }] : [],
  );
  const last = named.at(-1);
  if (!last) throw failure('consent_nothing_to_revoke');
  return last;
}
