// An ffmpeg that does nothing and does not end by itself, so that a test can look while it runs. It needs no program but Node.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ffmpeg } from '../../device/camera/find-ffmpeg.ts';
import { npmFfmpeg } from './each-ffmpeg.ts';

/** One in `folder`, which says that it is of the release of the real one. */
export async function slowFfmpeg(folder: string): Promise<Ffmpeg> {
  const path = join(folder, 'ffmpeg');
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' -e 'setTimeout(() => {}, 30_000)'\n`);
  await chmod(path, 0o755);
  return { ...npmFfmpeg, path };
}
