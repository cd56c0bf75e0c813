// Owns: the verb `verify`: a clip with its manifest, or a device's ledger, checked offline. Not here: the checks.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { failure, readReceipt, verifyClip, walkLedger } from '../../device/index.ts';
import { type Context, chosenHome, dataFolder, type OwnerOptions, openContext, withOwnerOptions } from './context.ts';
import { printBytes } from './moments.ts';
import { oneLine, showWindow } from './owner-notice.ts';

const TOKEN_BYTES_MAX = 65_536;

interface VerifyOptions extends OwnerOptions {
  ledger?: boolean;
  receipt?: string;
  bridgeKey?: string;
}

export function addVerify(program: Command): void {
  withOwnerOptions(program.command('verify [clip] [manifest]'))
    .description("check, offline, that a clip is the granted one; or that a device's ledger is whole")
    .option('--receipt <file>', "with a clip: the bridge's receipt to check with it; with --ledger: a device's")
    .option('--bridge-key <key>', 'the key that must have signed the receipt')
    .option('--ledger', "the ledger of the town's doorbell instead of a clip")
    .addHelpText(
      'after',
      `
Examples:
  $ npx doorsill verify clip.mp4 manifest.jws
  $ npx doorsill verify clip.mp4 manifest.jws --device device-3f2a...
  $ npx doorsill verify --ledger`,
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

async function readToken(context: Context, path: string): Promise<string> {
  const isTokenSized = await stat(path).then(
    (found) => found.isFile() && found.size <= TOKEN_BYTES_MAX,
    () => true,
  );
  if (!isTokenSized) throw failure('usage', { detail: `${path} is no manifest or receipt` });
  const bytes = await context.disk.readFile(resolve(path), TOKEN_BYTES_MAX);
  if (!bytes) throw failure('usage', { detail: `there is no file ${path}` });
  return new TextDecoder().decode(bytes).trim();
}

async function verifyFiles(context: Context, clip: string, manifest: string, options: VerifyOptions): Promise<void> {
  const found = await stat(clip).catch(() => null);
  if (!found?.isFile()) throw failure('usage', { detail: `there is no file ${clip}` });
  const verified = await verifyClip(createReadStream(clip), await readToken(context, manifest), {
    ...(options.device ? { device: options.device } : {}),
    ...(options.bridgeKey ? { bridgeKey: options.bridgeKey } : {}),
    ...(options.receipt ? { receipt: await readToken(context, options.receipt) } : {}),
  });
  const facts = verified.manifest;
  const disclosed = Object.entries(facts.disclosed).map(([key, value]) => `${key} (${oneLine(String(value))})`);
  context.output.result(
    { ok: true, manifest: facts, receipt: verified.receipt },
    [
      'Verified: this is the clip that its owner granted.',
      `  device     ${facts.device}`,
      `  window     ${showWindow(facts.window)}`,
      `  frames     ${facts.frames} in ${printBytes(facts.clipBytes)}, ${facts.method}`,
      ...facts.gaps.map((gap) => `  gap        ${showWindow(gap)}`),
      `  disclosed  ${disclosed.join(', ') || 'nothing'}`,
      ...(options.device ? [] : ['  Whose device that is, you must know from elsewhere (--device).']),
    ].join('\n'),
  );
}

/** Walks the chain with the device's public key alone; a receipt an owner kept must name a head that lies on it. */
async function verifyLedger(context: Context, options: VerifyOptions): Promise<void> {
  const home = await chosenHome(context, options);
  const device = { id: home.device, key: home.deviceKey };
  const kept = options.receipt ? readReceipt(await readToken(context, options.receipt), device).ledger : null;
  const counts = new Map<string, number>();
  const folder = join(dataFolder(options.data), 'doorbell', 'consent');
  const { head } = await walkLedger(context.disk, folder, device, ({ type }) => {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  });
  if (kept && kept.entries > head.entries) {
    throw failure('verify_failed', {
      detail: `the receipt names ${kept.entries} entries, the ledger has ${head.entries}`,
    });
  }
  const said = [...counts].map(([type, count]) => `${type} ${count}`).join(', ');
  context.output.result(
    { ok: true, device: device.id, entries: head.entries, head: head.hash, types: Object.fromEntries(counts) },
    `The ledger of ${device.id} is whole: ${head.entries} entries (${said || 'empty'}), head ${head.hash}.`,
  );
}
