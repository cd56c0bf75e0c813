// A recording with times only, without picture and sound.
import type { Clock } from '../../../../device/base/clock.ts';
import { SystemRandom } from '../../../../device/base/random.ts';
import { bootWallUsOf, Recording } from '../../../../device/camera/fragments-to-segments.ts';
import type { SourceTimeline } from '../../../../device/camera/source-timeline.ts';

/** Ticks in a second: times are microseconds. */
const TIMESCALE = 1_000_000;
export const NOTHING = new Uint8Array(0);
const TRACK = {
  trackId: 1,
  timescale: TIMESCALE,
  codec: 'avc1',
  sampleEntry: NOTHING,
  width: 320,
  height: 180,
  avc: null,
  defaults: { duration: 0, size: 0, flags: 0 },
};

export function bareRecording(clock: Clock, timeline: SourceTimeline, clockTrusted = () => true): Recording {
  const context = { clock, random: new SystemRandom(), boot: 'boot', clockTrusted };
  const init = { video: TRACK, audio: null };
  return new Recording(context, timeline, { init, initBytes: NOTHING, bootWallUs: bootWallUsOf(clock) });
}
