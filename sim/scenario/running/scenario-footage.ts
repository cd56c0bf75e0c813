import { failure } from '../../errors.ts';
import { parseSyntheticSource } from '../../porch/porch-camera.ts';
import { type FootagePart, sourcesOfFiles } from '../../replay/footage.ts';
import type { CameraPart } from '../language/scenario.ts';

const FPS_DEFAULT = 15;

/**
 * A scenario camera's parts as footage of a replay; none for a doorbell without one. Throws `camera_option_invalid`,
 * `replay_footage_mixed`.
 */
export function footageOf(camera: readonly CameraPart[]): FootagePart[] {
  return camera.flatMap((part): FootagePart[] => {
    if (part.kind === 'none') return [];
    const { fromUs, toUs, loop, atUs } = part;
    const cut = { fromUs, loop, ...(toUs === undefined ? {} : { toUs }), ...(atUs === undefined ? {} : { atUs }) };
    if (part.kind === 'synthetic') {
      const source = parseSyntheticSource(part.source, { pace: 'own' });
      if (!source) throw failure('camera_unsupported', { source: part.source });
      return [{ source: { kind: 'porch', source }, audio: true, ...cut }];
    }
    const sound = part.sound === undefined ? {} : { sound: part.sound };
    const sources = sourcesOfFiles(part.files, part.fps ?? FPS_DEFAULT);
    // Only the first file of a part begins at the part's time.
    return sources.map((source, at) => {
      const { atUs: _at, ...later } = cut;
      return { source, audio: true, ...(at === 0 ? cut : later), ...sound };
    });
  });
}
