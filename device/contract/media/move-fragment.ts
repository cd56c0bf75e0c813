// Moves a fragment in time by its tracks' decode times alone (`tfdt`, ISO/IEC 14496-12 §8.8.12).
import type { InitInfo } from './init-segment.ts';
import { boxesIn, contentOf, findBox, malformed, needBox } from './read-boxes.ts';

/**
 * A copy whose decode times are later by `byUs` microseconds (earlier when negative), but not before 0. Throws `fragment_malformed` for a
 * fragment of other tracks than those of `init`.
 */
export function moveFragment(init: InitInfo, fragment: Uint8Array, byUs: number): Uint8Array {
  const moved = Uint8Array.from(fragment);
  const view = new DataView(moved.buffer);
  for (const moof of boxesIn(moved)) {
    if (moof.type !== 'moof') continue;
    for (const traf of boxesIn(moved, moof.contentStart, moof.end)) {
      if (traf.type !== 'traf') continue;
      const header = contentOf(moved, needBox(moved, ['tfhd'], traf));
      header.u32();
      const trackId = header.u32();
      const track = [init.video, init.audio].find((known) => known?.trackId === trackId);
      if (!track) throw malformed('a fragment of an unknown track');
      const box = findBox(moved, 'tfdt', traf);
      // Version 1 has 64 bits; ffmpeg writes no other.
      if (!box || moved[box.contentStart] !== 1) throw malformed('a fragment without a 64-bit decode time');
      const at = box.contentStart + 4;
      const time = Number(view.getBigInt64(at)) + Math.round((byUs * track.timescale) / 1_000_000);
      view.setBigInt64(at, BigInt(Math.max(0, time)));
    }
  }
  return moved;
}
