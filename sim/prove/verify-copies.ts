// Runs `doorsill verify` on a clip and its documents, without a network if possible: first unchanged, then with one file changed at a time.
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
import { CLIP_NAME, STATEMENT_NAME } from '../testbed/vault-clip.ts';
import type { Check } from './claim.ts';

/** The built command line, relative to this file: when this file is built, and when it runs as source. */
const LAUNCHERS = ['../cli/entry.js', '../dist/cli/entry.js'];

/** Commands that run another command without a network: for root, and for users who may create user namespaces. */
const ALONE = [
  ['unshare', '--net'],
  ['unshare', '--user', '--map-root-user', '--net'],
];

/** The changes, one for each file. */
const CHANGES: readonly { name: string; how: string; change: (bytes: Uint8Array) => Uint8Array }[] = [
  { name: CLIP_NAME, how: 'one bit of the clip is flipped', change: flipBit },
  { name: STATEMENT_NAME, how: 'the signing time of the statement is a minute later', change: laterByAMinute },
  { name: RECEIPT_NAME, how: 'the signing time of the bridge’s receipt is a minute later', change: laterByAMinute },
  { name: PROOF_NAME, how: 'the proof names the next leaf of the bridge’s log', change: nextLeaf },
];

/**
 * Verifies the files in `folder` (`clip.mp4`, `manifest.jws`, `receipt.jws`, `proof.json`), then again with each of them changed; the
 * changed copies stay beside them. `isAlone`: whether the process had no network.
 */
export async function checkCopies(
  folder: string,
  bridgeKey: string,
  programs: Programs,
): Promise<{ checks: Check[]; isAlone: boolean }> {
  const alone = await commandAlone(programs);
  const verify = (changed: string | null) => verifyFiles(folder, { bridgeKey, changed, alone: alone ?? [] }, programs);
  const unchanged = await verify(null);
  const checks: Check[] = [
    {
      what: 'The unchanged clip, statement, receipt and proof verify',
      seen: unchanged.line,
      holds: unchanged.status === 0,
    },
  ];
  for (const { name, how, change } of CHANGES) {
    await writeFile(join(folder, changedName(name)), change(await readFile(join(folder, name))), { mode: 0o600 });
    const { status, line } = await verify(name);
    const isRefused = status !== 0 && line.includes('[verify_failed]');
    checks.push({ what: `Refused: ${how}`, seen: line, holds: isRefused });
  }
  return { checks, isAlone: alone !== null };
}

const changedName = (name: string) => `changed-${name}`;

/** The first command in `ALONE` that this user may run; null if there is none. */
async function commandAlone(programs: Programs): Promise<string[] | null> {
  for (const command of ALONE) if ((await programs.run([...command, 'true']).ended).status === 0) return command;
  return null;
}

async function verifyFiles(
  folder: string,
  { bridgeKey, changed, alone }: { bridgeKey: string; changed: string | null; alone: readonly string[] },
  programs: Programs,
): Promise<{ status: number | null; line: string }> {
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
  return { status, line: first };
}

function flipBit(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

const datedSchema = z.looseObject({ iat: z.int() });

/** Changes the claims of a signed document (RFC 7515 §7.1), but not its signature. */
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
