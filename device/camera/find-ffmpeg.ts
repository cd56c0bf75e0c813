// Finds the ffmpeg to use, and its version.
import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { failure } from '@doorsill/contract/errors';
import { z } from 'zod';
import type { StartFfmpeg } from './ffmpeg-process.ts';

/** A usable ffmpeg. `release` is [major, minor]; builds from its repository have that of the release before them. */
export interface Ffmpeg {
  readonly path: string;
  /** Its own version text, e.g. '7.1.2-0+deb13u1'. */
  readonly version: string;
  readonly release: readonly [number, number];
  readonly origin: 'FFMPEG_PATH' | 'system' | 'bundled';
  /** Threads of each video encoder, for the same bytes on every machine; absent: the encoder's choice. */
  readonly encoderThreads?: number;
  /** A program, with its arguments, that sets further limits and then becomes ffmpeg (ffmpeg-without-network.ts). */
  readonly before?: readonly string[];
  /** Replaces starting a process, for a simulation. `findFfmpeg` never sets it. */
  readonly start?: StartFfmpeg;
}

/** Options that bound a video encoder's threads. */
export function threadArgs({ encoderThreads }: Ffmpeg): string[] {
  return encoderThreads === undefined ? [] : ['-threads', String(encoderThreads)];
}

/** Defaults: this process's own. */
interface FfmpegSearch {
  /** Reads `FFMPEG_PATH` and `PATH`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The path of the bundled binary; null if none is installed for this platform. */
  readonly bundled?: () => string | null;
  /** Timeout of `-version`. */
  readonly answerMsMax?: number;
}

/** The bundled release, and the first with `-fps_mode`. */
const OLDEST_RELEASE = [5, 1] as const;

/** libavutil of 5.1, for builds without a release number. */
const OLDEST_LIBAVUTIL = [57, 28] as const;

/** The first start after a boot reads some 100 libraries from an SD card: on a busy emulated Arm board 15 s were too few. */
const ANSWER_MS_MAX = 60_000;

/**
 * Finds ffmpeg: `FFMPEG_PATH`, else the system's if it is at least as new as the bundled 5.1.1, else the bundled one. An unusable
 * `FFMPEG_PATH` is an error, not skipped. Throws `ffmpeg_missing`.
 */
export async function findFfmpeg(search: FfmpegSearch = {}): Promise<Ffmpeg> {
  const { env = process.env, answerMsMax = ANSWER_MS_MAX } = search;
  const named = env['FFMPEG_PATH'];
  if (named) {
    const found = await ask(named, 'FFMPEG_PATH', answerMsMax);
    if (typeof found === 'string') throw failure('ffmpeg_missing', { detail: `FFMPEG_PATH (${named}) ${found}` });
    return found;
  }
  const faults: string[] = [];
  const system = onPath(env['PATH'] ?? '');
  if (system) {
    const found = await ask(system, 'system', answerMsMax);
    if (typeof found !== 'string') return found;
    faults.push(`the system's (${system}) ${found}`);
  } else faults.push('the system has none on its PATH');
  const bundled = (search.bundled ?? bundledPath)();
  if (bundled) {
    makeExecutable(bundled);
    const found = await ask(bundled, 'bundled', answerMsMax);
    if (typeof found !== 'string') return found;
    faults.push(`the bundled one (${bundled}) ${found}`);
  } else faults.push(`none is bundled for ${process.platform}-${process.arch}`);
  throw failure('ffmpeg_missing', { detail: faults.join('; ') });
}

const installerSchema = z.object({ path: z.string() });

/**
 * The path of the binary that npm installed for this platform; null if there is none. In a checkout it comes from
 * node-ffmpeg-installer: five of its dependencies were never published, so the root package.json overrides them. npm applies overrides
 * of a root package only, so the packed package depends on the one published binary directly.
 */
export function bundledPath(): string | null {
  const require = createRequire(import.meta.url);
  try {
    return installerSchema.parse(require('node-ffmpeg-installer')).path;
  } catch {
    // Not installed, or it knows no binary for this platform.
  }
  try {
    return require.resolve('node-ffmpeg-linux-x64/ffmpeg');
  } catch {
    return null;
  }
}

/** Restores the execute bit, which some archives and file systems lose. If that fails, running the file reports it. */
function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    try {
      chmodSync(path, 0o755);
    } catch {}
  }
}

function onPath(folders: string): string | null {
  for (const folder of folders.split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, 'ffmpeg');
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return null;
}

/** Runs `-version`; returns why it cannot be used, as the rest of a sentence. */
async function ask(path: string, origin: Ffmpeg['origin'], answerMsMax: number): Promise<Ffmpeg | string> {
  const answer = await new Promise<{ fault: string } | { text: string }>((resolve) => {
    execFile(path, ['-version'], { timeout: answerMsMax, maxBuffer: 65_536, windowsHide: true }, (error, stdout) => {
      if (!error) return resolve({ text: stdout });
      resolve({
        fault: error.killed && !error.code ? `did not answer within ${answerMsMax / 1_000} s` : 'does not run',
      });
    });
  });
  if ('fault' in answer) return answer.fault;
  const facts = parseVersion(answer.text);
  if (!facts) return 'is not an ffmpeg';
  if (facts.fault !== null) return `is version ${facts.version} and ${facts.fault}`;
  return { path, version: facts.version, release: facts.release, origin };
}

/** `fault`: why this ffmpeg cannot be used, as the rest of a sentence, or null. */
interface VersionFacts {
  readonly version: string;
  readonly release: readonly [number, number];
  readonly fault: string | null;
}

/** Parses the output of `ffmpeg -version`; null if another program made it. */
export function parseVersion(text: string): VersionFacts | null {
  const version = /^ffmpeg version (\S{1,80})/.exec(text)?.[1];
  if (version === undefined) return null;
  // Some distributions leave the H.264 encoder out.
  const unfit = /--enable-libx264\b/.test(text) ? null : 'lacks libx264';
  const numbers = /^n?(\d{1,3})\.(\d{1,3})/.exec(version);
  if (numbers) {
    const release = [Number(numbers[1]), Number(numbers[2])] as const;
    return { version, release, fault: before(release, OLDEST_RELEASE) ? 'is older than 5.1' : unfit };
  }
  const library = /^libavutil\s+(\d+)\.\s*(\d+)/m.exec(text);
  if (!library) return null;
  const built = [Number(library[1]), Number(library[2])] as const;
  // libavutil 57 belongs to release 5, 58 to 6, and so on.
  return { version, release: [built[0] - 52, 0], fault: before(built, OLDEST_LIBAVUTIL) ? 'is older than 5.1' : unfit };
}

function before(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
