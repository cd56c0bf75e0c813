// Runs `doorsill demo` and checks it as anybody could: hash, documents, and independently decoded frames.
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { z } from 'zod';
import { sha256Hex } from '../../../device/base/keys.ts';
import { runCommand } from '../../support/command-line.ts';
import { framesHeld, framesInside } from '../../support/frame-times.ts';

const resultSchema = z.strictObject({
  clip: z.string(),
  manifest: z.string(),
  window: z.strictObject({ startUs: z.int(), endUs: z.int() }),
  frames: z.int(),
  sha256: z.string(),
  disclosed: z.record(z.string(), z.string()),
  method: z.enum(['copy', 'smart-cut', 're-encode']),
  grantToStoredMs: z.int(),
});

/** Runs it in the folder `data`; everything that it prints about the clip is true. */
export async function demo(data: string, args: string[]) {
  const done = await runCommand(['demo', '--data', data, ...args, '--json'], { seconds: 110 });
  expect(done.status, done.stderr).toBe(0);
  const result = resultSchema.parse(done.last);
  expect(sha256Hex(readFileSync(result.clip))).toBe(result.sha256);
  expect(existsSync(result.manifest)).toBe(true);
  expect((await runCommand(['verify', result.clip, result.manifest])).status).toBe(0);
  expect(await framesHeld(result.clip)).toBe(result.frames);
  return result;
}

/** A footage file, and a window in seconds. */
export interface Footage {
  file: string;
  fromS: number;
  toS: number;
}

/** Runs it on a window of footage; the clip has exactly the window's frames. */
export async function demoOf(data: string, { file, fromS, toS }: Footage): Promise<void> {
  const result = await demo(data, ['--camera', `file:${file}`, '--from', String(fromS), '--to', String(toS)]);
  expect(result.frames).toBe(await framesInside(file, fromS, toS));
  expect(result.disclosed).toEqual({});
}
