// Owns: fetching a previewed clip from the doorbell's own server into a file, for `grant --preview`. Not here: which clip
// (consent-verbs.ts), cutting it (the device).
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { failure, type PreviewAsk } from '../../device/exports-without-firmware.ts';
import { printBytes, printFrames, printMoment } from '../terminal/format-units.ts';
import { expectOutputFree, writePrivateFile } from '../terminal/private-output.ts';
import { calledAs } from '../terminal/shell-words.ts';
import type { Context } from './context.ts';
import { type ServerOptions, withOwnServer } from './own-server.ts';

/**
 * Writes the clip exactly as it would leave, and prints the line that grants these very bytes. Nothing is granted. `again`: the words
 * of the command that the line repeats. Throws the device's refusal, `preview_changed` when the bytes are not those it named.
 */
export async function writePreview(
  context: Context,
  options: ServerOptions,
  asked: PreviewAsk,
  { file, again }: { file: string; again: readonly string[] },
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
      `Wrote ${out}: ${printFrames(frames)}, ${printBytes(bytes)}, exactly what would leave. Nothing has left.`,
      'To let these very bytes leave, within a quarter of an hour:',
      `  ${line}`,
    ].join('\n'),
  );
}

/** Writes the bytes to a new file, for its user alone; returns their SHA-256. */
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
