// How a vault's process decodes clips to see that their zones are black: with the device's own check, by an ffmpeg that the kernel limits.
import type { Clock } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';
import type { CheckZones, VaultConfig } from '@doorsill/cloud-bridge';
import { failure, isFailure } from '@doorsill/contract/errors';
import { MEMORY_BYTES_MAX } from '@doorsill/device/camera/ffmpeg-kernel-limits';
import { starts, withoutNetwork } from '@doorsill/device/camera/ffmpeg-without-network';
import { type Ffmpeg, findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { verifyZones } from '@doorsill/device/clip/verify-zones';

interface Seams {
  clock: Clock;
  log: Log;
}

/** The vault's check of zones; undefined, with a warning, where there is no ffmpeg, or none under the limits that are required. */
export async function zoneCheck(seams: Seams, sandbox: VaultConfig['decoderSandbox']): Promise<CheckZones | undefined> {
  const { clock, log } = seams;
  const stay = 'encrypted clips with blacked-out zones stay at the bridge';
  const found = await findFfmpeg().catch((thrown: unknown) => {
    if (!isFailure(thrown) || thrown.code !== 'ffmpeg_missing') throw thrown;
    log.warn(`${stay}: this vault has no ffmpeg to check them with`, { detail: String(thrown.facts['detail']) });
    return null;
  });
  if (!found) return undefined;
  const isolated = await withoutNetwork(found, clock);
  if (!isolated && sandbox === 'required') {
    log.warn(`${stay}: this system does not let \`unshare --net\` start ffmpeg without network, which is required`);
    return undefined;
  }
  const network = isolated ? 'none' : 'that of the vault: `unshare --net` does not work here';
  log.info('clips with blacked-out zones are decoded under limits', {
    network,
    memoryMiB: MEMORY_BYTES_MAX / 1024 ** 2,
    files: 'none',
  });
  return (clip, due, signal) => check(clip, due, signal, { clock, ffmpeg: isolated ?? found });
}

async function check(
  ...[clip, due, signal, decoder]: [...Parameters<CheckZones>, { clock: Clock; ffmpeg: Ffmpeg }]
): Promise<void> {
  try {
    await verifyZones(clip, due, decoder, signal);
  } catch (thrown) {
    const cause = isFailure(thrown) && thrown.code === 'verify_failed' ? thrown.cause : undefined;
    if (!isFailure(cause) || cause.code !== 'ffmpeg_failed') throw thrown;
    // A clip is refused for good, so it must not be blamed for a machine without memory or processes.
    const isKilled = cause.facts['detail'] === 'SIGKILL';
    if (!isKilled && (await starts(decoder.ffmpeg, decoder.clock))) throw thrown;
    throw failure('vault_unreachable', { detail: 'its ffmpeg does not run at the moment' }, cause);
  }
}
