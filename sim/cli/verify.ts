// The verb `verify`.

import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { innerClip } from '@doorsill/contract/sealing';
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
import { type Chain, type VerifiedClip, verifyClip } from '@doorsill/device/clip/verify-clip';
import { verifyZones } from '@doorsill/device/clip/verify-zones';
import { walkLedger } from '@doorsill/device/ledger/ledger';
import { readReceipt } from '@doorsill/device/owner/read-receipt';
import { printBytes, printMoment } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import type { Command } from 'commander';
import { failure, isFailure } from '../errors.ts';
import { disclosedWords, isEncrypted, withClipFile } from '../officer/clip-file.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { namedKey, readTokenFile } from './named-key.ts';

interface VerifyOptions extends OwnerOptions {
  ledger?: boolean;
  receipt?: string;
  proof?: string;
  bridgeKey?: string;
  witnessKey: string[];
  opened?: string;
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
    .option('--ledger', "the ledger of the testbed's doorbell instead of a clip")
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill verify clip.mp4 manifest.jws
  $ doorsill verify clip.mp4 manifest.jws --device device-3f2a...
  $ doorsill verify clip.mp4 manifest.jws --receipt receipt.jws --proof proof.json --bridge-key bridge.pub
  $ doorsill verify clip.mp4 manifest.jws --receipt receipt.jws --proof proof.json --witness-key witness.pub
  $ doorsill verify clip.mp4 manifest.jws --opened clip-77ab....opened.json
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
  if (await withClipFile(clip, isEncrypted)) throw failure('clip_encrypted', { file: clip, statement: manifest });
  const isLost = (options.proof && !options.receipt) || (options.witnessKey.length > 0 && !options.proof);
  if (isLost) throw failure('usage', { detail: '--proof goes with --receipt, and --witness-key with --proof' });
  const bridgeKey = await expectedBridge(context, options);
  const witnessKeys = await Promise.all(options.witnessKey.map((named) => namedKey(context, named)));
  const verified = await verifyClip(bytesOf(clip), await readTokenFile(context, manifest), {
    ...(options.device ? { device: options.device } : {}),
    ...(bridgeKey === undefined ? {} : { bridgeKey }),
    ...(options.receipt ? { receipt: await readTokenFile(context, options.receipt) } : {}),
    ...(options.proof ? { proof: await readTokenFile(context, options.proof) } : {}),
    ...(options.opened ? { opened: await readTokenFile(context, options.opened) } : {}),
    witnessKeys,
  });
  const { manifest: facts, chain, device, receipt, custody } = verified;
  const zones = await checkZones(context, clip, verified);
  const unknown = [
    ...(device === null || options.device ? [] : ['  Not checked: whose device this is (--device).']),
    ...(device === null && !receipt
      ? ['  Not checked: that the key belongs to a home, which the bridge’s receipt proves (--receipt).']
      : []),
    ...(receipt && bridgeKey === undefined ? ['  Not checked: whose bridge this is (--bridge-key).'] : []),
    ...(zones === null ? [] : [ZONES_UNKNOWN[zones.seen]]),
  ];
  context.output.result(
    { ok: true, chain, manifest: facts, device, receipt, custody, zones },
    [
      VERIFIED[chain],
      ...(device === null ? [] : [`  device     ${device}`]),
      ...('home' in facts ? [`  home       ${facts.home}, a pseudonym for this one grant`] : []),
      `  window     ${showWindow(facts.window)}`,
      `  frames     ${facts.frames} in ${printBytes(innerClip(facts).clipBytes)}, ${facts.method}`,
      ...(zones?.seen === 'black' ? [`  zones      ${zones.zones} black in each of ${facts.frames} frames`] : []),
      ...facts.gaps.map((gap) => `  gap        ${showWindow(gap)}`),
      `  disclosed  ${disclosedWords(facts)}`,
      ...(receipt ? [`  bridge     stored it, ${printMoment(receipt.iat * 1_000_000)}`] : []),
      ...(custody
        ? [`  custody    leaf ${custody.leaf} of ${custody.size}, witnesses: ${custody.witnesses.length}`]
        : []),
      ...unknown,
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

/** Checks the zones that the grant names; null when there are none. Throws `verify_failed` when one is not black. */
async function checkZones(
  { clock }: Context,
  path: string,
  { grant, manifest }: VerifiedClip,
): Promise<SeenZones | null> {
  if (grant === null) return manifest.redacted ? { seen: 'no grant' } : null;
  const zones = grant.zones.length;
  if (zones === 0) return null;
  const ffmpeg = await findFfmpeg().catch((thrown: unknown) => {
    if (isFailure(thrown) && thrown.code === 'ffmpeg_missing') return null;
    throw thrown;
  });
  if (!ffmpeg) return { seen: 'no ffmpeg', zones };
  await withClipFile(path, (clip) => verifyZones(clip, { ...manifest, zones: grant.zones }, { ffmpeg, clock }));
  return { seen: 'black', zones };
}

/** The text of the result, by the signature chain that verified the clip. */
const VERIFIED = {
  manifest: 'Verified on the chain of owner and bridge: this is the clip that its owner granted.',
  statement: 'Verified on the chain of vault and agency: this is the clip of one grant, under a key made for it.',
  'statement and manifest':
    'Verified on both chains: this is the clip that its owner granted, and its statement is the device’s.',
} as const satisfies Record<Chain, string>;

/** The file's bytes. It is opened on the first read, after the manifest was checked. */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  for await (const part of createReadStream(path)) yield part;
}

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
