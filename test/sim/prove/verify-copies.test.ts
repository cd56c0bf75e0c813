// A verification that accepts a changed copy, or fails for another reason, makes the claim false. The real verification is in prove.slow.test.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Programs } from '../../../device/base/system-programs.ts';
import { checkCopies } from '../../../sim/prove/verify-copies.ts';

const folder = mkdtempSync(join(tmpdir(), 'doorsill-copies-'));
const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
beforeAll(() => {
  writeFileSync(join(folder, 'clip.mp4'), Buffer.alloc(101, 7));
  for (const name of ['manifest.jws', 'receipt.jws'])
    writeFileSync(join(folder, name), token({ iat: 1_000, jti: name }));
  writeFileSync(join(folder, 'proof.json'), JSON.stringify({ leaf: 4, path: ['a'] }));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Programs of which every verification ends as `answer` says of its words; a network can be taken away unless `isBound`. */
function programs(answer: (words: readonly string[]) => { status: number; words: string }, isBound = false): Programs {
  return {
    run: (command, output) => {
      const isTry = command.at(-1) === 'true';
      const end = isTry ? { status: isBound ? 1 : 0, words: '' } : answer(command);
      if (end.status === 0 && !isTry) output?.(Buffer.from('Verified.\nmore'));
      return { ended: Promise.resolve({ missing: false, ...end }), stop: () => undefined };
    },
  };
}

const isChanged = (words: readonly string[]) => words.some((word) => word.includes('/changed-'));
const refusing = (words: readonly string[]) =>
  isChanged(words)
    ? { status: 6, words: 'doorsill: Verification failed: x. [verify_failed]' }
    : { status: 0, words: '' };

describe('the verification of copies', () => {
  it('holds when the originals verify and each changed copy is refused', async () => {
    const { checks, isAlone } = await checkCopies(folder, 'key', programs(refusing));
    expect(checks.map(({ holds }) => holds)).toEqual([true, true, true, true, true]);
    expect(isAlone).toBe(true);
    expect(checks[0]?.seen).toBe('Verified.');
    expect((await checkCopies(folder, 'key', programs(refusing, true))).isAlone).toBe(false);
  });

  it('does not hold when a changed copy is accepted, or refused for another reason, or nothing verifies', async () => {
    const holds = async (answer: Parameters<typeof programs>[0]) =>
      (await checkCopies(folder, 'key', programs(answer))).checks.map((check) => check.holds);
    expect(await holds(() => ({ status: 0, words: '' }))).toEqual([true, false, false, false, false]);
    expect(await holds(() => ({ status: 5, words: 'doorsill: no. [file_unusable]' }))).toEqual(Array(5).fill(false));
    const forgetful = (words: readonly string[]) =>
      words.some((word) => word.endsWith('changed-proof.json')) ? { status: 0, words: '' } : refusing(words);
    expect(await holds(forgetful)).toEqual([true, true, true, true, false]);
  });

  it('changes one thing in each copy, and no original', async () => {
    const before = readFileSync(join(folder, 'clip.mp4'));
    await checkCopies(folder, 'key', programs(refusing));
    const changed = readFileSync(join(folder, 'changed-clip.mp4'));
    expect(changed.filter((byte, at) => byte !== before[at])).toHaveLength(1);
    expect(readFileSync(join(folder, 'changed-manifest.jws'), 'utf8')).toBe(token({ iat: 1_060, jti: 'manifest.jws' }));
    expect(JSON.parse(readFileSync(join(folder, 'changed-proof.json'), 'utf8'))).toEqual({ leaf: 5, path: ['a'] });
    expect(readFileSync(join(folder, 'clip.mp4'))).toEqual(before);
  });
});
