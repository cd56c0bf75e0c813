import type { Clock } from '@doorsill/base/clock';
import { SystemPrograms } from '@doorsill/base/system-programs';
import { findFfmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { parseCameraSource } from '@doorsill/device/camera/sources';
import { isFailure } from '../errors.ts';
import { ALL_CAMERAS } from '../porch/porch-camera.ts';

/** Tries a camera once. Throws its coded failure; with `mayComeBack`, a camera that is only away is reported by `say` instead. */
export async function tryCamera(
  { clock, say }: { clock: Clock; say: (text: string) => void },
  camera: string,
  mayComeBack: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const source = parseCameraSource(camera, { loop: true }, ALL_CAMERAS);
  try {
    const context = { clock, programs: new SystemPrograms(), ffmpeg: await findFfmpeg() };
    const { troubles } = await source.tryOnce(context, signal);
    for (const trouble of troubles) say(`${trouble.message} ${trouble.advice}`);
  } catch (thrown) {
    const isAway = isFailure(thrown) && ['camera_unreachable', 'camera_gone'].includes(thrown.code);
    if (!mayComeBack || !isAway) throw thrown;
    say(`${thrown.message} ${thrown.advice} The doorbell goes on trying.`);
  }
}
