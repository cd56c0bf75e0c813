// Owns: verifying a clip and its documents as a stranger would: by `doorsill verify` in a process of its own that no network reaches, once as
// they are and once for each of them with a change. Not here: the verification (device/clip/verify-clip.ts), where they come from.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Programs } from '@doorsill/base/system-programs';
import { assert } from '@doorsill/contract/assert';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@doorsill/contract/bytes';
import { parseJson } from '@doorsill/contract/parse-json';
import { PROOF_NAME, RECEIPT_NAME } from '@doorsill/device/owner/fetch-custody-proof';
import { z } from 'zod';
import type { Check } from './claim.ts';

export const CLIP_NAME = 'clip.mp4';
export const STATEMENT_NAME = 'manifest.jws';

/** The command line as it was built, seen from the build and from a source. */
const LAUNCHERS = ['../cli/entry.js', '../dist/cli/entry.js'];

/** Without any network: as root, and as a user whom the kernel lets be root in a namespace of their own. */
const ALONE = [
  ['unshare', '--net'],
  ['unshare', '--user', '--map-root-user', '--net'],
];

/** How a copy is changed, and how that is called. */
const CHANGES: readonly { name: string; how: string; change: (bytes: Uint8Array) => Uint8Array }[] = [
  { name: CLIP_NAME, how: 'one bit of the clip is turned', change: turnBit },
  { name: STATEMENT_NAME, how: 'the statement says that it was signed a minute later', change: laterByAMinute },
  { name: RECEIPT_NAME, how: 'the bridge’s receipt says that it was signed a minute later', change: laterByAMinute },
  { name: PROOF_NAME, how: 'the proof names the next place in the bridge’s log', change: nextLeaf },
];

/**
 * Verifies what is in `folder` (`clip.mp4`, `manifest.jws`, `receipt.jws`, `proof.json`), then again with each of them changed; changed
 * copies are left beside them. `isAlone`: whether no network could be reached meanwhile.
 */
export async function checkCopies(
  folder: string,
  bridgeKey: string,
  programs: Programs,
): Promise<{ checks: Check[]; isAlone: boolean }> {
  const alone = await commandAlone(programs);
  const verify = (changed: string | null) => verifyFiles(folder, { bridgeKey, changed, alone: alone ?? [] }, programs);
  const asTheyAre = await verify(null);
  const checks: Check[] = [
    {
      what: 'As they are, clip, statement, receipt and proof verify',
      seen: asTheyAre.said,
      holds: asTheyAre.status === 0,
    },
  ];
  for (const { name, how, change } of CHANGES) {
    await writeFile(join(folder, changedName(name)), change(await readFile(join(folder, name))), { mode: 0o600 });
    const { status, said } = await verify(name);
    const isRefused = status !== 0 && said.includes('[verify_failed]');
    checks.push({ what: `Refused: ${how}`, seen: said, holds: isRefused });
  }
  return { checks, isAlone: alone !== null };
}

const changedName = (name: string) => `changed-${name}`;

/** The command that runs another without a network; null where this user may not. */
async function commandAlone(programs: Programs): Promise<string[] | null> {
  for (const command of ALONE) if ((await programs.run([...command, 'true']).ended).status === 0) return command;
  return null;
}

async function verifyFiles(
  folder: string,
  { bridgeKey, changed, alone }: { bridgeKey: string; changed: string | null; alone: readonly string[] },
  programs: Programs,
): Promise<{ status: number | null; said: string }> {
  const launcher = LAUNCHERS.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync);
  assert(launcher !== undefined, 'the command line was built');
  const path = (name: string) => join(folder, name === changed ? changedName(name) : name);
  const words = [
    ...['verify', path(CLIP_NAME), path(STATEMENT_NAME), '--receipt', path(RECEIPT_NAME)],
    ...['--proof', path(PROOF_NAME), '--bridge-key', bridgeKey],
  ];
  let output = '';
  const running = programs.run([...alone, process.execPath, launcher, ...words], (chunk) => {
    output += new TextDecoder().decode(chunk);
  });
  const { status, words: refusal } = await running.ended;
  const [first = ''] = (status === 0 ? output : refusal.replace(/^doorsill: /, '')).split('\n');
  return { status, said: first };
}

function turnBit(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

const datedSchema = z.looseObject({ iat: z.int() });

/** A signed document (RFC 7515 §7.1) whose claims are changed, and whose signature is not. */
function laterByAMinute(bytes: Uint8Array): Uint8Array {
  const [head = '', claims = '', signature = ''] = (fromUtf8(bytes) ?? '').trim().split('.');
  const dated = datedSchema.parse(parseJson(fromUtf8(fromBase64url(claims) ?? new Uint8Array()) ?? ''));
  return utf8([head, toBase64url(utf8(JSON.stringify({ ...dated, iat: dated.iat + 60 }))), signature].join('.'));
}

const placedSchema = z.looseObject({ leaf: z.int() });

function nextLeaf(bytes: Uint8Array): Uint8Array {
  const placed = placedSchema.parse(parseJson(fromUtf8(bytes) ?? ''));
  return utf8(JSON.stringify({ ...placed, leaf: placed.leaf + 1 }));
}
