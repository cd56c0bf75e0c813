import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SystemClock } from '../../../device/base/clock.ts';
import { didNotStart, limited, MEMORY_BYTES_MAX, OPEN_FILES_MAX } from '../../../device/camera/ffmpeg-kernel-limits.ts';
import { lastFaults, runFfmpeg, withoutCredentials } from '../../../device/camera/ffmpeg-run.ts';
import { findFfmpeg, parseVersion } from '../../../device/camera/find-ffmpeg.ts';
import { describeWithEachFfmpeg } from '../../support/each-ffmpeg.ts';
import { ffmpegChildren } from './support/recorder.ts';

const clock = new SystemClock();
const folder = mkdtempSync(join(tmpdir(), 'doorsill-ffmpeg-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that answers `-version` with a text, in a folder of its own. */
function pretend(name: string, text: string, mode = 0o755): { folder: string; path: string } {
  const own = mkdtempSync(join(folder, `${name}-`));
  const path = join(own, 'ffmpeg');
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' '${text}'\n`);
  chmodSync(path, mode);
  return { folder: own, path };
}

const NEW =
  'ffmpeg version 7.0.1 Copyright (c)\nconfiguration: --enable-gpl --enable-libx264\nlibavutil      59. 8.100';
const OLD =
  'ffmpeg version 4.4.2 Copyright (c)\nconfiguration: --enable-gpl --enable-libx264\nlibavutil      56. 70.100';
const BARE = 'ffmpeg version 7.0.1 Copyright (c)\nconfiguration: --disable-gpl\nlibavutil      59. 8.100';

describe('finding ffmpeg', () => {
  const none = () => null;

  it('takes FFMPEG_PATH before all others', async () => {
    const named = pretend('named', NEW);
    const found = await findFfmpeg({
      env: { FFMPEG_PATH: named.path, PATH: pretend('system', NEW).folder },
      bundled: none,
    });
    expect(found).toEqual({ path: named.path, version: '7.0.1', release: [7, 0], origin: 'FFMPEG_PATH' });
  });

  it('refuses an unusable FFMPEG_PATH instead of falling back silently', async () => {
    const env = { FFMPEG_PATH: join(folder, 'nothing'), PATH: pretend('system', NEW).folder };
    await expect(findFfmpeg({ env })).rejects.toMatchObject({ code: 'ffmpeg_missing' });
  });

  it('reports an ffmpeg that does not print its version in time', async () => {
    const sleeper = join(folder, 'sleeper');
    writeFileSync(sleeper, `#!${process.execPath}\nsetTimeout(() => undefined, 60_000);\n`, { mode: 0o755 });
    await expect(findFfmpeg({ env: { FFMPEG_PATH: sleeper }, answerMsMax: 100 })).rejects.toMatchObject({
      code: 'ffmpeg_missing',
      message: expect.stringContaining('did not answer within 0.1 s'),
    });
  });

  it("takes the system's if it is new enough, else the bundled one", async () => {
    const bundled = pretend('bundled', NEW);
    const options = { bundled: () => bundled.path };
    const system = pretend('system', NEW);
    expect(await findFfmpeg({ env: { PATH: `/nowhere:${system.folder}` }, ...options })).toMatchObject({
      path: system.path,
    });
    for (const unfit of [OLD, BARE, 'something else']) {
      const found = await findFfmpeg({ env: { PATH: pretend('unfit', unfit).folder }, ...options });
      expect(found).toMatchObject({ path: bundled.path, origin: 'bundled' });
    }
  });

  it('restores the execute bit of the bundled one', async () => {
    const bundled = pretend('bundled', NEW, 0o644);
    expect(await findFfmpeg({ env: {}, bundled: () => bundled.path })).toMatchObject({ origin: 'bundled' });
    expect(statSync(bundled.path).mode & 0o111).toBe(0o111);
  });

  it('names both if neither is usable', async () => {
    const env = { PATH: pretend('old', OLD).folder };
    await expect(findFfmpeg({ env, bundled: none })).rejects.toThrow(
      /the system's .* is version 4\.4\.2 and is older than 5\.1; none is bundled for/,
    );
  });

  it("determines the age of builds from ffmpeg's repository by their libraries", () => {
    const built = (libavutil: string) =>
      parseVersion(`ffmpeg version N-109000-g1234567\nlibavutil      ${libavutil} / x`);
    expect(built('57. 28.100')?.fault).toBe('lacks libx264');
    expect(built('57. 17.100')?.fault).toBe('is older than 5.1');
    expect(parseVersion('ffmpeg version n6.1.1\nconfiguration: --enable-libx264')).toMatchObject({
      release: [6, 1],
      fault: null,
    });
    expect(parseVersion('mplayer 1.0')).toBeNull();
  });
});

describeWithEachFfmpeg('a short job of ffmpeg $version', (ffmpeg) => {
  const job = { doing: 'testing', stdoutBytesMax: 50_000_000, timeoutMs: 20_000, clock };
  const endless = ['-f', 'lavfi', '-i', 'testsrc2', '-f', 'rawvideo', 'pipe:1'];

  it('takes input from a pipe, whole or in pieces, and returns its output', { tags: ['long'] }, async () => {
    const args = ['-f', 's16le', '-ar', '8000', '-ac', '1', '-i', 'pipe:0', '-f', 's16le', 'pipe:1'];
    const sound = Uint8Array.from({ length: 400_000 }, (_, n) => (n % 2 === 0 ? n % 251 : 0));
    expect(await runFfmpeg(ffmpeg, { ...job, args, stdin: sound })).toEqual(sound);
    async function* pieces() {
      for (let at = 0; at < sound.length; at += 70_001) yield sound.subarray(at, at + 70_001);
    }
    expect(await runFfmpeg(ffmpeg, { ...job, args, stdin: pieces() })).toEqual(sound);
  });

  it('reports ffmpeg’s complaint without credentials', async () => {
    const args = ['-rtsp_transport', 'tcp', '-i', 'rtsp://anna:geheim@127.0.0.1:1/x', '-f', 'null', '-'];
    const failed = runFfmpeg(ffmpeg, { ...job, args });
    await expect(failed).rejects.toMatchObject({ code: 'ffmpeg_failed' });
    await expect(failed).rejects.toThrow(/testing.*(refused|rtsp:\/\/\*\*\*@127)/i);
    await expect(failed).rejects.not.toThrow(/geheim|anna/);
  });

  it('is killed when it is aborted, and rejects with the reason', async () => {
    const stop = new AbortController();
    const running = runFfmpeg(ffmpeg, {
      ...job,
      args: endless,
      stdoutBytesMax: 1e12,
      signal: stop.signal,
      onStdout: () => stop.abort(new Error('enough')),
    });
    await expect(running).rejects.toThrow('enough');
    expect(ffmpegChildren()).toEqual([]);
  });

  it('is killed when it writes more than allowed or takes too long', async () => {
    await expect(runFfmpeg(ffmpeg, { ...job, args: endless, stdoutBytesMax: 1_000_000 })).rejects.toThrow(
      'more than 1000000 bytes',
    );
    const waiting = ['-f', 's16le', '-i', 'pipe:0', '-f', 'null', '-'];
    async function* never(): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
      yield new Uint8Array(0);
    }
    await expect(runFfmpeg(ffmpeg, { ...job, args: waiting, stdin: never(), timeoutMs: 300 })).rejects.toThrow(
      'took too long',
    );
    expect(ffmpegChildren()).toEqual([]);
  });

  it.runIf(process.platform === 'linux')('is held to limits by the kernel', async () => {
    const stop = new AbortController();
    let limits = '';
    const running = runFfmpeg(ffmpeg, {
      ...job,
      args: endless,
      stdoutBytesMax: 1e12,
      signal: stop.signal,
      onStdout: () => {
        limits = readFileSync(`/proc/${ffmpegChildren()[0]}/limits`, 'utf8');
        stop.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    const limit = (name: string) => new RegExp(`^Max ${name} +(\\S+) +(\\S+)`, 'm').exec(limits)?.slice(1);
    expect(limit('core file size')).toEqual(['0', '0']);
    expect(limit('file size')).toEqual(['0', '0']);
    expect(limit('open files')).toEqual([String(OPEN_FILES_MAX), String(OPEN_FILES_MAX)]);
    const memory = String(Math.floor(MEMORY_BYTES_MAX / 1024) * 1024);
    expect(limit('data size')).toEqual([memory, memory]);
  });

  it.runIf(process.platform === 'linux')('cannot write a file', async () => {
    const file = join(folder, 'written.raw');
    const picture = ['-f', 'lavfi', '-i', 'color=s=640x480:d=1', '-f', 'rawvideo'];
    await expect(runFfmpeg(ffmpeg, { ...job, args: [...picture, '-y', `file:${file}`] })).rejects.toMatchObject({
      code: 'ffmpeg_failed',
    });
    expect(statSync(file).size).toBe(0);
  });

  it('rethrows the error of its input', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('the disk is gone');
    }
    const args = ['-f', 's16le', '-i', 'pipe:0', '-f', 'null', '-'];
    await expect(runFfmpeg(ffmpeg, { ...job, args, stdin: broken() })).rejects.toThrow('the disk is gone');
  });

  it('works with an ffmpeg that reads only the beginning of its input', async () => {
    const args = [
      '-f',
      'rawvideo',
      '-pixel_format',
      'gray',
      '-video_size',
      '64x64',
      '-i',
      'pipe:0',
      '-frames:v',
      '1',
      '-f',
      'rawvideo',
      'pipe:1',
    ];
    const out = await runFfmpeg(ffmpeg, { ...job, args, stdin: new Uint8Array(20_000_000).fill(9) });
    expect(out).toEqual(new Uint8Array(64 * 64).fill(9));
  });
});

describe('the limits of a process', () => {
  /** Runs a program under the limits that allocates this much memory without touching it. */
  function asks(bytes: number): number | null {
    const { path, args } = limited(process.execPath, ['-e', `Buffer.allocUnsafeSlow(${bytes})`]);
    return spawnSync(path, args).status;
  }

  it.runIf(process.platform === 'linux')('refuse memory beyond the limit, not below it', () => {
    expect(asks(MEMORY_BYTES_MAX)).toBe(1);
    expect(asks(MEMORY_BYTES_MAX / 4)).toBe(0);
  });

  it.runIf(process.platform === 'linux')('make the kernel kill it first when memory runs out', () => {
    const print = "process.stdout.write(require('fs').readFileSync('/proc/self/oom_score_adj', 'utf8'))";
    const { path, args } = limited(process.execPath, ['-e', print]);
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    const score = Number(spawnSync(path, args, { encoding: 'utf8' }).stdout);
    expect([score, score > own]).toEqual([800, true]);
  });

  it('distinguish a missing program from one that failed', () => {
    const start = (program: string, ...words: string[]) => {
      const { path, args } = limited(program, words);
      return spawnSync(path, args).status;
    };
    expect(didNotStart(start(join(folder, 'nothing')))).toBe(true);
    expect(didNotStart(start(folder))).toBe(true);
    expect(didNotStart(start(process.execPath, '-e', 'process.exit(3)'))).toBe(false);
  });
});

describe('the messages of a process', () => {
  it('lose credentials anywhere in the text', () => {
    expect(withoutCredentials('at rtsp://host/live?token=abc: no')).toBe('at rtsp://host/live?*** no');
    expect(withoutCredentials('open rtsp://a:p@ss@host/x and http://u@h')).toBe(
      'open rtsp://***@host/x and http://***@h',
    );
  });

  it('are cut to the last faults, without memory addresses', () => {
    const text = '[info] x\n[h264 @ 0x55d0] [error] first\n[in#0 @ 0x1] [error] second\n[info] bye';
    expect(lastFaults(text)).toBe('first; second');
    expect(lastFaults('')).toBe('it printed no error');
  });

  it('report a program that is missing', async () => {
    const missing = { path: join(folder, 'nothing'), version: '9', release: [9, 0], origin: 'system' } as const;
    const job = { doing: 'testing', args: [], stdoutBytesMax: 10, timeoutMs: 1_000, clock };
    await expect(runFfmpeg(missing, job)).rejects.toMatchObject({ code: 'ffmpeg_failed' });
  });
});
