// Owns: fetching a previewed clip from the doorbell's own server into a file, for `grant --preview`. Not here: which clip
// (consent-verbs.ts), cutting it (the device).
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  askConsole,
  failure,
  loadOrCreateOwnerKey,
  OwnServerClient,
  type PreviewAsk,
  pairingSocketPath,
} from '../../device/exports-without-firmware.ts';
import { printBytes, printFrames, printMoment } from '../terminal/format-units.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { type Context, chosenHome, dataFolder, type OwnerOptions, ownerFolder } from './context.ts';

/**
 * Writes the clip exactly as it would leave, and prints the line that grants these very bytes. Nothing is granted. `again`: the words
 * of the command that the line repeats. Throws the device's refusal, `preview_changed` when the bytes are not those it named.
 */
export async function writePreview(
  context: Context,
  options: OwnerOptions & { deviceData?: string },
  asked: PreviewAsk,
  { file, again }: { file: string; again: readonly string[] },
): Promise<void> {
  const device = resolve(options.deviceData ?? testbedPaths(dataFolder(options.data)).doorbell);
  const address = await askConsole(context, pairingSocketPath(device));
  if (!address) throw failure('console_off');
  const home = await chosenHome(context, options);
  const key = await loadOrCreateOwnerKey(context.disk, context.random, join(ownerFolder(options), 'owner.key'));
  const server = await OwnServerClient.open(address, home.device, key);
  const out = resolve(file);
  const preview = await server.preview(asked);
  const sha256 = await written(await server.clip(preview.preview), out);
  await server.close();
  if (sha256 !== preview.sha256) throw failure('preview_changed');
  const { startUs, endUs } = asked.window;
  const span = ['--from', printMoment(startUs), '--to', printMoment(endUs)];
  const line = ['npx doorsill grant', asked.request, ...span, ...again, '--clip', sha256].join(' ');
  const { frames, bytes, method, coverage, gaps } = preview;
  context.output.result(
    { ...asked, preview: preview.preview, file: out, sha256, frames, bytes, method, coverage, gaps },
    [
      `Wrote ${out}: ${printFrames(frames)}, ${printBytes(bytes)}, exactly what would leave. Nothing has left.`,
      'To let these very bytes leave, within a quarter of an hour:',
      `  ${line}`,
    ].join('\n'),
  );
}

/** Writes the bytes to a file that its owner alone can read; returns their SHA-256. */
async function written(bytes: AsyncIterable<Uint8Array>, path: string): Promise<string> {
  const hash = createHash('sha256');
  const hashed = async function* () {
    for await (const part of bytes) {
      hash.update(part);
      yield part;
    }
  };
  await pipeline(hashed(), createWriteStream(path, { mode: 0o600 }));
  return hash.digest('hex');
}
