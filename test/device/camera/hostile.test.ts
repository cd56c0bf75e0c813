// @module-tag python
// @module-tag long
// @module-tag strace
// @module-tag pipes
// Hostile files, opened as cameras by the device's own capture in a process of its own, under strace: which files it and ffmpeg opened,
// where they connected, how much memory they took, and how long each file held them.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { root } from '../../layout/source-tree.ts';
import { compileProgram } from '../../support/child-program.ts';
import { proved } from '../../support/proved.ts';
import { type HostileFile, makeHostileFiles } from './support/hostile-media.ts';
import { ffmpegsForSlowTests } from './support/recorder.ts';
import { type Traced, traced } from './support/traced.ts';

const ffmpegs = ffmpegsForSlowTests;
const slow = process.env['DOORSILL_SLOW'] === '1';
const folder = mkdtempSync(join(tmpdir(), 'doorsill-hostile-'));
const secret = join(folder, 'secret.mp4');
let connections = 0;
const server = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
let files: HostileFile[] = [];
let program = '';

/** Longest time that a hostile file may hold the device, on a slow and busy machine. */
const HELD_MS_MAX = 60_000;

/** Largest memory of a process: ffmpeg with the largest allowed picture or table. */
const PEAK_KIB_MAX = 900 * 1024;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const made = join(folder, 'made');
  files = makeHostileFiles(ffmpegs[0]?.path ?? 'ffmpeg', made, { secret, port }, slow);
  program = await compileProgram('test/device/camera/support/capture-each.ts', join(folder, 'program'));
}, 240_000);
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const lineSchema = z.object({ path: z.string(), outcome: z.string(), ms: z.number() });

/** Files that a program opens besides its input: libraries, and facts about the machine. */
const OWN = /^(\/(usr|lib|lib64|proc|sys)\/|\/etc\/(ld\.so\.|ssl\/|localtime$)|\/dev\/(null|urandom)$)/;

/** Files that Node reads when it loads its resolver. */
const RESOLVER = /^\/etc\/(resolv|nsswitch|netsvc|svc|host)\.conf$/;

/** Arguments of an ffmpeg process. */
const IS_FFMPEG = /^"[^"]*ffmpeg"/;

/** Unexpected opens. */
function foreignOpens({ opens }: Traced): string[] {
  const known = new Set(files.map((file) => file.path));
  return opens
    .filter(({ path, args }) => {
      if (OWN.test(path)) return false;
      // ffmpeg opens its one input; the device sniffs each file, and loads its own code.
      if (IS_FFMPEG.test(args)) return !args.includes(JSON.stringify(`file:${path}`).slice(1, -1));
      return (
        !known.has(path) && !RESOLVER.test(path) && !path.startsWith(join(folder, 'program')) && !path.startsWith(root)
      );
    })
    .map(({ path, args }) => `${path} by ${args.slice(0, 200)}`);
}

it.for(ffmpegs)(
  'hostile files reach nothing through ffmpeg $version, within limits of memory and time',
  { timeout: 590_000 },
  async (ffmpeg, test) => {
    const paths = files.map((file) => file.path);
    const log = join(folder, `trace-${ffmpeg.origin}`);
    const run = await traced([process.execPath, program, ...paths], log, { FFMPEG_PATH: ffmpeg.path });
    expect(run.status, run.stderr).toBe(0);
    const told = run.stdout.split('\n').filter((line) => line !== '');
    const outcomes = new Map(told.map((line) => lineSchema.parse(JSON.parse(line))).map((line) => [line.path, line]));
    const wrong = files.filter(({ path, outcomes: allowed }) => {
      const outcome = outcomes.get(path)?.outcome;
      return !allowed.some((one) => one === outcome);
    });
    expect(wrong.map(({ path, name }) => `${name}: ${outcomes.get(path)?.outcome}`)).toEqual([]);
    // The trace works: ffmpeg is seen to open its input.
    expect(run.opens.filter(({ args, path }) => IS_FFMPEG.test(args) && path.endsWith('.mp4')).length).toBeGreaterThan(
      50,
    );
    expect(foreignOpens(run)).toEqual([]);
    expect([connections, run.calls]).toEqual([0, []]);
    const longest = [...outcomes.values()].sort((a, b) => b.ms - a.ms)[0];
    expect(longest?.ms, longest?.path).toBeLessThan(HELD_MS_MAX);
    expect(run.peakKib).toBeLessThan(PEAK_KIB_MAX);
    proved(
      test,
      `hostile files opened with ffmpeg ${ffmpeg.version}: connections, foreign files; largest process, longest hold`,
      `${files.length}: ${connections + run.calls.length}, 0; ${Math.round(run.peakKib / 1024)} MiB, ${((longest?.ms ?? 0) / 1000).toFixed(1)} s`,
    );
  },
);

it('detects a program that does open the files and connect to the hosts that such a file names', async () => {
  const [ffmpeg] = ffmpegs;
  const made = (name: string) => files.find((file) => file.name === name)?.path ?? '';
  const trusting = (name: string, ...options: string[]) =>
    traced([ffmpeg?.path ?? '', '-nostdin', ...options, '-i', made(name), '-f', 'null', '-'], join(folder, name), {});
  const script = await trusting('ffconcat.mp4', '-safe', '0');
  expect(foreignOpens(script).some((line) => line.startsWith(secret))).toBe(true);
  const before = connections;
  const manifest = await trusting('dash.mp4', '-protocol_whitelist', 'file,http,tcp', '-f', 'dash');
  expect(manifest.calls.length).toBeGreaterThan(0);
  expect(connections).toBeGreaterThan(before);
}, 120_000);
