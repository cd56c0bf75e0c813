// Plants bugs into a copy of the sources, one at a time; the simulation must find each within 2,000 seeds. That the compiler accepts them is
// held by planted-bugs.test.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { copyCheckout } from '../../support/copy-checkout.ts';
import { BUGS } from './planted-bugs.ts';

const SEEDS_MAX = 2_000;
const MINUTES_MS = 60_000;
const root = fileURLToPath(new URL('../../..', import.meta.url));

const found: string[] = [];
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doorsill-planted-'));
  copyCheckout(root, folder);
  compile();
}, 5 * MINUTES_MS);
afterAll(() => {
  process.stdout.write(
    `Planted bugs, the first seed that shows each, and the promise that it breaks:\n${found.join('\n')}\n`,
  );
  rmSync(folder, { recursive: true });
});

/** Builds the copy; types are not checked again for each bug. Throws the compiler's output. */
function compile(): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const asked = [tsc, '-b', 'sim', 'test/proofs', '--noCheck'];
  const { status, stdout } = spawnSync(process.execPath, asked, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the compiler refuses it:\n${stdout}`);
}

const foundSchema = z.object({
  event: z.literal('found'),
  seed: z.int(),
  breaches: z.array(z.object({ rule: z.string() })),
});

/** The first failing seed and its broken promises, or null. */
function simulate(seeds: number): z.infer<typeof foundSchema> | null {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(folder, 'test/proofs/dist/simulate/main.js'), '--seeds', String(seeds), '--no-shrink', '--json'],
    { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  );
  const lines = stdout.split('\n').filter((line) => line !== '');
  if (status !== 0 && status !== 1) throw new Error(`ended with ${status}: ${stderr.slice(-2_000)}`);
  for (const line of lines) {
    const event = foundSchema.safeParse(JSON.parse(line));
    if (event.success) return event.data;
  }
  return null;
}

it(
  'finds nothing where nothing was planted',
  () => {
    expect(simulate(100)).toBeNull();
  },
  10 * MINUTES_MS,
);

it.each(BUGS)(
  'finds $name',
  ({ name, edits }) => {
    const files = [...new Set(edits.map(({ file }) => file))];
    const sources = files.map((file) => ({ path: join(folder, file), text: readFileSync(join(folder, file), 'utf8') }));
    try {
      for (const { file, from, to } of edits) {
        const parts = readFileSync(join(folder, file), 'utf8').split(from);
        expect(parts, `${from} stands in ${file} once`).toHaveLength(2);
        writeFileSync(join(folder, file), parts.join(to));
      }
      compile();
      const finding = simulate(SEEDS_MAX);
      const promises = [...new Set(finding?.breaches.map(({ rule }) => rule))];
      const where = finding ? `seed ${finding.seed}`.padStart(10) : ' not found';
      found.push(`${where}  ${name}; broken: ${promises.join(', ') || 'nothing'}`);
      expect(finding?.seed).toBeLessThanOrEqual(SEEDS_MAX);
    } finally {
      for (const { path, text } of sources) writeFileSync(path, text);
    }
  },
  20 * MINUTES_MS,
);
