// An ffmpeg without network, for whoever decodes what a stranger has made. Its other limits: ffmpeg-kernel-limits.ts.
import type { Clock } from '@doorsill/base/clock';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';

/**
 * Programs of util-linux that start another one in a network namespace of its own, in which even loopback is down: as a user without
 * rights, in a user namespace; or as root, where those are forbidden.
 */
const WITHOUT_NETWORK = [
  ['unshare', '--map-current-user', '--net'],
  ['unshare', '--net'],
] as const;

const PROBE_MS_MAX = 60_000;
const PROBE_BYTES_MAX = 65_536;

/** The same ffmpeg, started without network; null where this system has no way to. */
export async function withoutNetwork(ffmpeg: Ffmpeg, clock: Clock): Promise<Ffmpeg | null> {
  if (process.platform !== 'linux') return null;
  for (const before of WITHOUT_NETWORK) {
    const limited = { ...ffmpeg, before };
    if (await starts(limited, clock)) return limited;
  }
  return null;
}

/** Whether an ffmpeg starts at all: when it does not, its failures say nothing about what it was given. */
export async function starts(ffmpeg: Ffmpeg, clock: Clock): Promise<boolean> {
  const job = { doing: 'starting ffmpeg', args: ['-version'], stdoutBytesMax: PROBE_BYTES_MAX };
  return runFfmpeg(ffmpeg, { ...job, timeoutMs: PROBE_MS_MAX, clock }).then(
    () => true,
    () => false,
  );
}
