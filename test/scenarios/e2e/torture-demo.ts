// Runs `doorsill demo` on an odd or broken file, and checks the result by the table.
import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { sha256Hex } from '../../../device/base/keys.ts';
import { runCommand } from '../../support/command-line.ts';
import {
  type ExactRow,
  type RefusedRow,
  shownBy,
  strangers,
  strangersOptions,
  torturePath,
} from '../../support/torture.ts';

const resultSchema = z.object({ clip: z.string(), frames: z.int(), sha256: z.string(), method: z.string() });
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

function demo(name: string, [fromS, toS]: readonly [number, number], ffmpeg: string) {
  const camera = ['--camera', `file:${torturePath(name)}?pace=fast`, '--from', String(fromS), '--to', String(toS)];
  return runCommand(['demo', ...camera, '--json'], { seconds: 150, environment: { FFMPEG_PATH: ffmpeg } });
}

/** The clip in the vault has exactly the window's frames, hidden ones included. */
export async function demoExactly(row: ExactRow, ffmpeg: string): Promise<void> {
  const done = await demo(row.name, row.window, ffmpeg);
  expect(done.status, done.stderr).toBe(0);
  const result = resultSchema.parse(done.last);
  try {
    expect(sha256Hex(readFileSync(result.clip))).toBe(result.sha256);
    const source = await shownBy(torturePath(row.name) ?? '', strangersOptions(row.name));
    const clip = await shownBy(result.clip, ['-ignore_editlist', '1']);
    expect([result.frames, clip.times.length]).toEqual([row.frames, row.frames]);
    expect(strangers(source, row.window[0], clip)).toEqual([]);
  } finally {
    rmSync(dirname(result.clip), { recursive: true });
  }
}

/** One line gives the reason with the file's own code, once. */
export async function demoRefused(row: RefusedRow, ffmpeg: string): Promise<void> {
  const done = await demo(row.name, row.window, ffmpeg);
  expect(done.status).not.toBe(0);
  const lines = done.stderr.trim().split('\n');
  const { error } = errorSchema.parse(JSON.parse(lines.at(-1) ?? ''));
  expect(error.code).toBe(row.code);
  expect(error.message).toMatch(row.says);
  expect(error.message.match(/The (camera|file) /g)).toHaveLength(1);
}
