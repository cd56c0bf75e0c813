// @module-tag python
// @module-tag long
// @module-tag strace
// @module-tag pipes
// Files that attack whoever opens them, opened as cameras by the device's own capture in a process of its own, under strace:
// what it and ffmpeg opened, whom they called, how large they grew and how long each file held them.
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

const ffmpegs = await ffmpegsForSlowTests();
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

/** A hostile file holds the device for this long at most, on a slow machine that does much else. */
const HELD_MS_MAX = 60_000;

/** No process grows beyond this: ffmpeg with the largest picture that it may decode, or the largest table. */
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

/** What a program opens beside the file it is given: its libraries, and what tells of the machine. */
const OWN = /^(\/(usr|lib|lib64|proc|sys)\/|\/etc\/(ld\.so\.|ssl\/|localtime$)|\/dev\/(null|urandom)$)/;

/** What Node reads as soon as it loads its resolver. */
const RESOLVER = /^\/etc\/(resolv|nsswitch|netsvc|svc|host)\.conf$/;

/** The arguments of a program that is ffmpeg. */
const IS_FFMPEG = /^"[^"]*ffmpeg"/;

/** Opens that nothing here calls for. */
function foreignOpens({ opens }: Traced): string[] {
  const known = new Set(files.map((file) => file.path));
  return opens
    .filter(({ path, args }) => {
      if (OWN.test(path)) return false;
      // ffmpeg opens the one file it is told to; the device sniffs at each, and loads itself.
      if (IS_FFMPEG.test(args)) return !args.includes(JSON.stringify(`file:${path}`).slice(1, -1));
      return (
        !known.has(path) && !RESOLVER.test(path) && !path.startsWith(join(folder, 'program')) && !path.startsWith(root)
      );
    })
    .map(({ path, args }) => `${path} by ${args.slice(0, 200)}`);
}

it.for(ffmpegs)(
  'hostile files reach nothing through ffmpeg $version, and take little',
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
    // The trace is one: ffmpeg is seen to open what it is given.
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

it('is seen when a program does open what such a file names, and calls whom it names', async () => {
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
