// The verb `verify`.

import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readSealingKeys } from '@doorsill/base/sealing-keys';
import { parseToken } from '@doorsill/contract/jws';
import { Manifest, Statement } from '@doorsill/contract/manifest';
import { parseJson } from '@doorsill/contract/parse-json';
import { innerClip, OwnersContentKey } from '@doorsill/contract/sealing';
import { unopened } from '@doorsill/contract/verdict';
import { readEnrolment } from '@doorsill/device/area-link/enrolment';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import {
  type Context,
  chosenHome,
  dataFolder,
  doorbellFolder,
  type OwnerOptions,
  openContext,
  withOwnerOptions,
} from '@doorsill/device/cli/context';
import { type OpenedClip, openWithContentKey, partsOf } from '@doorsill/device/clip/open-with-content-key';
import { type Chain, type VerifiedClip, verifyClip } from '@doorsill/device/clip/verify-clip';
import { verifyZones } from '@doorsill/device/clip/verify-zones';
import { walkLedger } from '@doorsill/device/ledger/ledger';
import { readReceipt } from '@doorsill/device/owner/read-receipt';
import { printBytes, printMoment } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import { writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { failure, isFailure } from '../errors.ts';
import { LOSING_THE_KEYS, SEALING_KEYS_NAME } from '../officer/agency-sealing.ts';
import { type ClipFile, disclosedWords, isEncrypted, withClipFile } from '../officer/clip-file.ts';
import { contentKeyOf } from '../officer/open-sealed-clip.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { namedKey, readTokenFile } from './named-key.ts';

interface VerifyOptions extends OwnerOptions {
  ledger?: boolean;
  receipt?: string;
  proof?: string;
  bridgeKey?: string;
  witnessKey: string[];
  opened?: string;
  key?: string;
  contentKey?: string;
  out?: string;
}

export function addVerify(program: Command): void {
  withOwnerOptions(program.command('verify [clip] [manifest]'))
    .description(
      "check offline that a clip is the one that its manifest or statement names, or that a device's ledger is complete",
    )
    .option('--receipt <file>', "with a clip: the bridge's receipt to check with it; with --ledger: a device's")
    .option('--proof <file>', "with a clip and its receipt: the proof that it is in the bridge's log")
    .option(
      '--bridge-key <key>',
      "the bridge's public key, or a file with it (default with --data: the key that testbed's doorbell pinned)",
    )
    .option(
      '--witness-key <key>',
      'a witness that must have cosigned the log, or a file with its key; may be repeated',
      (key: string, keys: string[]) => [...keys, key],
      [],
    )
    .option(
      '--opened <file>',
      "with a clip's statement: the full manifest that its bridge opened (`bridge dispute`, `left proof --manifest`)",
    )
    .option('--key <file>', `with an encrypted clip and its statement: the recipient's ${SEALING_KEYS_NAME}`)
    .option('--content-key <file>', 'with an encrypted clip: its content key, from its owner (`left key`)')
    .option('--out <clip.mp4>', 'with either key: a new file for the clip (default: it is only checked)')
    .option('--ledger', "the ledger of the testbed's doorbell instead of a clip")
    .addHelpText(
      'after',
      `
An encrypted clip is opened with one of its two keys. It is written only when every check has passed: the document's signature, the encrypted
file, the facts in it, the clip, and with ffmpeg that the zones its owner blacked out are black in each frame.

${LOSING_THE_KEYS}

Examples:
  $ doorsill verify clip.mp4 manifest.jws
  $ doorsill verify clip.mp4 manifest.jws --device device-3f2a...
  $ doorsill verify clip.mp4 manifest.jws --receipt receipt.jws --proof proof.json --bridge-key bridge.pub
  $ doorsill verify clip.mp4 manifest.jws --receipt receipt.jws --proof proof.json --witness-key witness.pub
  $ doorsill verify clip.mp4 manifest.jws --opened clip-77ab....opened.json
  $ doorsill verify clip.sealed statement.jws --key ./shelbyville/${SEALING_KEYS_NAME} --out clip.mp4
  $ doorsill verify --ledger`,
    )
    .action(
      async (clip: string | undefined, manifest: string | undefined, options: VerifyOptions, command: Command) => {
        const context = openContext(command);
        if (options.ledger) return verifyLedger(context, options);
        if (!clip || !manifest) throw failure('usage', { detail: 'name a clip and its manifest, or --ledger' });
        return verifyFiles(context, clip, manifest, options);
      },
    );
}

/** The required key of the bridge: from --bridge-key, or the one that the doorbells of the testbed in --data pinned. */
async function expectedBridge(context: Context, options: VerifyOptions): Promise<string | undefined> {
  if (options.bridgeKey !== undefined) return namedKey(context, options.bridgeKey);
  if (options.data === undefined) return undefined;
  const path = join(testbedPaths(dataFolder(options.data)).doorbell, 'enrolment.json');
  return (await readEnrolment(context.disk, path))?.bridgeKey;
}

async function verifyFiles(context: Context, clip: string, manifest: string, options: VerifyOptions): Promise<void> {
  const isLost = (options.proof && !options.receipt) || (options.witnessKey.length > 0 && !options.proof);
  if (isLost) throw failure('usage', { detail: '--proof goes with --receipt, and --witness-key with --proof' });
  const out = options.out === undefined ? null : resolve(options.out);
  if (out !== null) await expectNothingAt(out);
  const token = await readTokenFile(context, manifest);
  await withClipFile(clip, async (file) => {
    const opening = await openingOf(context, file, { clip, manifest }, options);
    await verifyFile(context, { file, token, opening, out }, options);
  });
}

/** A clip's file and document, how the file is opened if it is encrypted, and the new file for the clip if one is wanted. */
interface ClipAndDocument {
  file: ClipFile;
  token: string;
  opening: Opening | null;
  out: string | null;
}

async function verifyFile(context: Context, { file, token, opening, out }: ClipAndDocument, options: VerifyOptions) {
  const bridgeKey = await expectedBridge(context, options);
  const witnessKeys = await Promise.all(options.witnessKey.map((named) => namedKey(context, named)));
  const found: OpenedClip[] = [];
  /** The clip's bytes. The document's signature has been verified when the first one is asked for. */
  async function* bytes(): AsyncGenerator<Uint8Array> {
    if (opening) found.push(await openWithContentKey(file, opening.stated, opening.key));
    yield* partsOf(found[0]?.clip ?? file);
  }
  const verified = await verifyClip(bytes(), token, {
    ...(options.device ? { device: options.device } : {}),
    ...(bridgeKey === undefined ? {} : { bridgeKey }),
    ...(options.receipt ? { receipt: await readTokenFile(context, options.receipt) } : {}),
    ...(options.proof ? { proof: await readTokenFile(context, options.proof) } : {}),
    ...(options.opened ? { opened: await readTokenFile(context, options.opened) } : {}),
    witnessKeys,
  });
  const { manifest: facts, chain, device, receipt, custody } = verified;
  const [opened] = found;
  const zones = await checkZones(context, opened?.clip ?? file, verified, opened ?? null);
  if (out !== null && opened) await writePrivateFile(out, partsOf(opened.clip));
  const unknown = [
    ...(device === null || options.device ? [] : ['  Not checked: whose device this is (--device).']),
    ...(device === null && !receipt
      ? ['  Not checked: that the key belongs to a home, which the bridge’s receipt proves (--receipt).']
      : []),
    ...(receipt && bridgeKey === undefined ? ['  Not checked: whose bridge this is (--bridge-key).'] : []),
    ...(zones === null ? [] : [ZONES_UNKNOWN[zones.seen]]),
  ];
  context.output.result(
    {
      ...{ ok: true, chain, manifest: facts, device, receipt, custody, zones },
      ...(opened && { disclosed: opened.contents.disclosed }),
      ...(out === null ? {} : { out }),
    },
    [
      VERIFIED[chain],
      ...(device === null ? [] : [`  device     ${device}`]),
      ...('home' in facts ? [`  home       ${facts.home}, a pseudonym for this one grant`] : []),
      `  window     ${showWindow(facts.window)}`,
      `  frames     ${facts.frames} in ${printBytes(innerClip(facts).clipBytes)}, ${facts.method}`,
      ...(zones?.seen === 'black' ? [`  zones      ${zones.zones} black in each of ${facts.frames} frames`] : []),
      ...facts.gaps.map((gap) => `  gap        ${showWindow(gap)}`),
      `  disclosed  ${disclosedWords(opened?.contents ?? facts)}`,
      ...(receipt ? [`  bridge     stored it, ${printMoment(receipt.iat * 1_000_000)}`] : []),
      ...(custody
        ? [`  custody    leaf ${custody.leaf} of ${custody.size}, witnesses: ${custody.witnesses.length}`]
        : []),
      ...unknown,
      ...(out === null ? [] : [`Wrote ${out}.`]),
    ].join('\n'),
  );
}

/** The result of checking the zones that a clip's owner had blacked out. */
type SeenZones = { seen: 'black'; zones: number } | { seen: 'no grant' } | { seen: 'no ffmpeg'; zones: number };

const ZONES_UNKNOWN = {
  black: '  Not checked: the picture outside the zones, which only the device could compare with its footage.',
  'no grant': '  Not checked: the blacked out zones, which a statement does not name (--opened).',
  'no ffmpeg': '  Not checked: whether its zones are black, which needs ffmpeg, and there is none here.',
} as const satisfies Record<SeenZones['seen'], string>;

/**
 * Checks the zones that the grant or the opened clip names; null when there are none. Throws `verify_failed` when one is not black, and
 * `ffmpeg_missing` for an encrypted clip, which is not shown unchecked.
 */
async function checkZones(
  { clock }: Context,
  clip: Pick<ClipFile, 'sizeBytes' | 'read'>,
  { grant, manifest }: VerifiedClip,
  opened: OpenedClip | null,
): Promise<SeenZones | null> {
  const zones = opened?.contents.zones ?? grant?.zones;
  if (!zones) return manifest.redacted ? { seen: 'no grant' } : null;
  if (zones.length === 0) return null;
  const ffmpeg = await findFfmpeg().catch((thrown: unknown) => {
    if (!opened && isFailure(thrown) && thrown.code === 'ffmpeg_missing') return null;
    throw thrown;
  });
  if (!ffmpeg) return { seen: 'no ffmpeg', zones: zones.length };
  await verifyZones(clip, { ...manifest, zones }, { ffmpeg, clock });
  return { seen: 'black', zones: zones.length };
}

/** The claims of a clip's document, not yet verified, and the content key that opens the encrypted file which it names. */
interface Opening {
  stated: Manifest | Statement;
  key: OwnersContentKey;
}

/** How an encrypted file is opened; null for a clip that is not encrypted. Throws `clip_encrypted` without a key, `clip_unopened`, `usage`. */
async function openingOf(
  context: Context,
  file: ClipFile,
  { clip, manifest }: { clip: string; manifest: string },
  { key, contentKey, out }: VerifyOptions,
): Promise<Opening | null> {
  if (key !== undefined && contentKey !== undefined) throw failure('usage', { detail: 'name one of the two keys' });
  const named = key ?? contentKey;
  if (!(await isEncrypted(file))) {
    if (named === undefined && out === undefined) return null;
    throw failure('usage', { detail: `${clip} is not encrypted: leave --key, --content-key and --out out` });
  }
  if (named === undefined) throw failure('clip_encrypted', { file: clip, statement: manifest });
  const claims = parseToken(await readTokenFile(context, manifest))?.claims;
  const stated = Statement.safeParse(claims).data ?? Manifest.safeParse(claims).data;
  if (!stated?.sealed)
    throw failure('verify_failed', { detail: `${manifest} is not the document of an encrypted clip` });
  if (key === undefined) {
    const read = OwnersContentKey.safeParse(parseJson(await readTokenFile(context, named)));
    if (!read.success) throw failure('usage', { detail: `${named} is not a clip's content key` });
    return { stated, key: read.data };
  }
  if (!('home' in stated)) throw failure('usage', { detail: `${manifest} is not a statement, which goes with --key` });
  const keys = await readSealingKeys(context.disk, resolve(key));
  if (!keys) throw unopened('key', `there are no keys in ${key}`);
  return { stated, key: contentKeyOf({ ...stated, sealed: stated.sealed }, keys) };
}

/** An opened clip replaces no file, not even one of this user's. */
async function expectNothingAt(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found) throw failure('usage', { detail: `${path} exists already, and is not replaced: name a new file` });
}

/** The text of the result, by the signature chain that verified the clip. */
const VERIFIED = {
  manifest: 'Verified on the chain of owner and bridge: this is the clip that its owner granted.',
  statement: 'Verified on the chain of vault and agency: this is the clip of one grant, under a key made for it.',
  'statement and manifest':
    'Verified on both chains: this is the clip that its owner granted, and its statement is the device’s.',
} as const satisfies Record<Chain, string>;

/** Verifies the ledger by the device's public key; an owner's kept receipt must name a head of that chain. */
async function verifyLedger(context: Context, options: VerifyOptions): Promise<void> {
  const home = await chosenHome(context, options);
  const device = { id: home.device, key: home.deviceKey };
  const kept = options.receipt ? readReceipt(await readTokenFile(context, options.receipt), device).ledger : null;
  const counts = new Map<string, number>();
  const folder = join(await doorbellFolder(context, options, home.device), 'consent');
  const count = ({ type }: { type: string }) => counts.set(type, (counts.get(type) ?? 0) + 1);
  const { head } = await walkLedger(context.disk, folder, device, count, kept);
  const totals = [...counts].map(([type, count]) => `${type} ${count}`).join(', ');
  context.output.result(
    { ok: true, device: device.id, entries: head.entries, head: head.hash, types: Object.fromEntries(counts) },
    `The ledger of ${device.id} is complete: ${head.entries} entries (${totals || 'empty'}), head ${head.hash}.`,
  );
}
