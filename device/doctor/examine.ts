// Runs the doctor's checks: the machine (node, ffmpeg and its encoder, the clock, the place for data), the board if it is one, and the
// contents of the folder.
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '@doorsill/base/disk';
import { freshId } from '@doorsill/base/random';
import { chooseEncoder } from '../camera/choose-encoder.ts';
import { runFfmpeg } from '../camera/ffmpeg-run.ts';
import { findFfmpeg } from '../camera/find-ffmpeg.ts';
import { examineBoard } from './board.ts';
import { examineDevice } from './device.ts';
import { type Diagnosis, look, note, ok, type Seams, wrong } from './diagnosis.ts';

const FREE_BYTES_MIN = 1_000_000_000;
const ENCODE_MS_MAX = 20_000;

/**
 * Checks this machine and a data folder, which `testbed` examines if it holds several doorbells. Never throws; each check ends within
 * seconds.
 */
export async function examine(
  seams: Seams,
  folder: string,
  testbed: (seams: Seams, folder: string) => Promise<Diagnosis[] | null>,
): Promise<Diagnosis[]> {
  const found = await Promise.all([
    examineMachine(seams, folder),
    examineBoard(seams, folder, '/'),
    look('data', async () => (await testbed(seams, folder)) ?? examineFolder(seams, folder)),
  ]);
  return found.flat();
}

async function examineFolder(seams: Seams, folder: string): Promise<Diagnosis[]> {
  const names = await seams.disk.list(folder).catch(() => []);
  if (names.some((name) => name === 'device.json' || name === 'device.key')) return examineDevice(seams, folder);
  return [note('data', `${folder} holds no testbed and no doorbell yet`, 'Start a testbed with `npm start`.')];
}

async function examineMachine(seams: Seams, folder: string): Promise<Diagnosis[]> {
  const looks = [look('ffmpeg', () => ffmpeg(seams)), look('disk', () => place(seams, folder))];
  return [node(), ...(await Promise.all(looks)).flat(), clock(seams)];
}

function node(): Diagnosis {
  return ok('node', `${process.versions.node} on ${process.platform} ${process.arch}`);
}

/** Checks that ffmpeg encodes, not only that it runs: without x264 it can neither encode a camera's footage nor cut a clip. */
async function ffmpeg({ clock, log }: Seams): Promise<Diagnosis> {
  const found = await findFfmpeg();
  const args = ['-f', 'lavfi', '-i', 'color=s=64x64:r=5:d=0.4', '-c:v', 'libx264', '-f', 'h264', 'pipe:1'];
  try {
    const bytes = await runFfmpeg(found, {
      doing: 'encoding a test picture',
      args,
      clock,
      timeoutMs: ENCODE_MS_MAX,
      stdoutBytesMax: 1_000_000,
    });
    const encoder = await chooseEncoder(found, { clock, log });
    if (bytes.length > 0) return ok('ffmpeg', `${found.version} at ${found.path}, encodes H.264 with ${encoder}`);
  } catch {
    // Reported below without ffmpeg's error text, which would not help the user.
  }
  return wrong(
    'ffmpeg',
    `${found.version} at ${found.path} does not encode H.264 with libx264`,
    'Install an ffmpeg with x264 (Debian’s has it), or name one in FFMPEG_PATH.',
  );
}

function clock(seams: Seams): Diagnosis {
  const now = new Date(seams.clock.wallUs() / 1000).toISOString();
  if (seams.clock.synchronised()) return ok('clock', now);
  return wrong(
    'clock',
    `this machine’s clock is not set: it shows ${now}`,
    'Set it or turn time synchronisation on (`timedatectl set-ntp true`); until then no grant is accepted.',
  );
}

/** Writes a test file, because only that detects permissions, read-only mounts and quotas alike. */
async function place({ disk, random }: Seams, folder: string): Promise<Diagnosis> {
  let near = folder;
  while ((await disk.sizeOf(near).catch(() => null)) === null && dirname(near) !== near) near = dirname(near);
  const probe = join(near, `.${freshId(random, 'doctor')}`);
  try {
    await writeFile(probe, '', { flag: 'wx', mode: 0o600 });
    await rm(probe);
  } catch (thrown) {
    return wrong(
      'disk',
      `${near} cannot be written (${systemCode(thrown) ?? thrown})`,
      'Make it writable for this user, mount it read-write, or name another folder with --data.',
    );
  }
  const free = await disk.freeBytes(near);
  if (free >= FREE_BYTES_MIN) return ok('disk', `${(free / 1e9).toFixed(1)} GB free for ${folder}`);
  return wrong(
    'disk',
    `only ${(free / 1e6).toFixed(0)} MB free for ${folder}`,
    'Free some space, or make the ring smaller in device.json.',
  );
}
