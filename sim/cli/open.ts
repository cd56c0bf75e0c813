// The verb `open`.

import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readSealingKeys, type SealingKeys } from '@doorsill/base/sealing-keys';
import { type Context, dataFolder, openContext } from '@doorsill/device/cli/context';
import { printBytes } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import { writePrivateFile } from '@doorsill/device/terminal/private-output';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { KEY_NAME, loadAgencyKey } from '../officer/agency-client.ts';
import { LOSING_THE_KEYS, SEALING_KEYS_NAME } from '../officer/agency-sealing.ts';
import { disclosedWords, withClipFile } from '../officer/clip-file.ts';
import { type ClipRecipient, clipOf, type OpenedClip, openSealedClip, partsOf } from '../officer/open-sealed-clip.ts';
import { readTestbedFile, testbedPaths } from '../testbed/testbed-folder.ts';
import { readTokenFile } from './named-key.ts';
import { type AgencyOptions, agencyFolder, withAgencyOptions } from './running-testbed.ts';

interface OpenOptions extends AgencyOptions {
  key?: string;
  out?: string;
}

export function addOpen(program: Command): void {
  withAgencyOptions(program.command('open <file> <statement>'))
    .description('open a clip that was encrypted for its recipient, and check it against its statement, offline')
    .option('--key <file>', `the recipient's ${SEALING_KEYS_NAME} (default: the one in the agency's folder)`)
    .option('--out <clip.mp4>', 'new file for the clip (default: it is only checked)')
    .addHelpText(
      'after',
      `
Nothing is shown or written before every check has passed: the statement's signature, the encrypted file, the facts in it, the clip, and with
ffmpeg that the zones its owner blacked out are black in each frame.

${LOSING_THE_KEYS}

Examples:
  $ doorsill open clip-77ab.sealed clip-77ab.statement.jws --out clip.mp4
  $ doorsill open clip-77ab.sealed clip-77ab.statement.jws --key ./shelbyville/${SEALING_KEYS_NAME} --out clip.mp4`,
    )
    .action(async (file: string, statement: string, options: OpenOptions, command: Command) => {
      const context = openContext(command);
      const out = options.out === undefined ? null : resolve(options.out);
      if (out !== null) await expectNothingAt(out);
      const token = await readTokenFile(context, statement);
      const recipient = await recipientOf(context, options);
      await withClipFile(file, async (encrypted) => {
        const opening = await openSealedClip(context, encrypted, token, recipient);
        const opened = clipOf(opening);
        if (out !== null) await writePrivateFile(out, partsOf(opened.clip));
        const { contents, statement: stated } = opened;
        context.output.result(
          { ok: true, statement: stated, ...contents, verdict: opening.verdict, ...(out === null ? {} : { out }) },
          [
            ...openedLines(opened),
            ...(out === null ? [] : [`Wrote ${out} (${printBytes(opened.clip.sizeBytes)}).`]),
          ].join('\n'),
        );
      });
    });
}

/** What is printed of an opened clip. */
export function openedLines({ statement, contents, clip }: OpenedClip): string[] {
  const { window, frames, method, gaps } = statement;
  const zones = contents.zones.length;
  return [
    'Opened and checked: this is the clip of one grant, under a key made for it.',
    `  window     ${showWindow(window)}`,
    `  frames     ${frames} in ${printBytes(clip.sizeBytes)}, ${method}`,
    ...(zones === 0 ? [] : [`  zones      ${zones} black in each of ${frames} frames`]),
    ...gaps.map((gap) => `  gap        ${showWindow(gap)}`),
    `  disclosed  ${disclosedWords(contents)}`,
    '  Not checked: that the key belongs to a home, which the bridge’s receipt proves (`doorsill verify`, --receipt).',
  ];
}

/** An opened clip replaces no file, not even one of this user's. */
async function expectNothingAt(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found) throw failure('usage', { detail: `${path} exists already, and is not replaced: name a new file` });
}

/** The recipient that the options name; it signs a verdict where its key and a testbed's bridge are known. */
async function recipientOf(context: Context, options: OpenOptions): Promise<ClipRecipient> {
  const { disk } = context;
  if (options.key !== undefined) return { keys: await keysIn(context, resolve(options.key)) };
  const data = dataFolder(options.data);
  const folder = agencyFolder(options, testbedPaths(data));
  const keys = await keysIn(context, join(folder, SEALING_KEYS_NAME));
  const bridge = (await readTestbedFile(disk, data))?.bridge?.id;
  if (bridge === undefined || (await disk.sizeOf(join(folder, KEY_NAME))) === null) return { keys };
  return { keys, signer: { key: await loadAgencyKey(context, folder), bridge } };
}

async function keysIn({ disk }: Context, path: string): Promise<SealingKeys> {
  const keys = await readSealingKeys(disk, path);
  if (keys) return keys;
  throw failure('clip_unopened', { outcome: 'key', detail: `there are no keys in ${path}` });
}
