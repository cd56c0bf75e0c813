// Motion events of a camera's source as the device would examine them: its own motion detector finds them, its own ring's reader returns
// the pictures.
import { SystemClock } from '../../../device/base/clock.ts';
import type { Ffmpeg } from '../../../device/camera/find-ffmpeg.ts';
import { MotionWatch } from '../../../device/events/event-detector.ts';
import { framesOf } from '../../../device/search-party/frames.ts';
import type { SceneView } from '../../../device/search-party/likeness-interfaces.ts';
import { Recorder } from '../camera/support/recorder.ts';

export async function* motionScenes(ffmpeg: Ffmpeg, source: string): AsyncGenerator<SceneView> {
  const { segments, gray } = await new Recorder(ffmpeg, source).whole();
  const starts: number[] = [];
  const watch = new MotionWatch({ sensitivity: 50, zones: [] }, ({ type, atUs }) => {
    if (type === 'motion-start') starts.push(atUs);
  });
  for (const picture of gray) watch.frame(picture);
  const deps = {
    ffmpeg,
    clock: new SystemClock(),
    segments: async function* (window: { startUs: number; endUs: number }) {
      yield* segments.filter(({ startUs, endUs }) => endUs > window.startUs && startUs < window.endUs);
    },
  };
  for (const motionUs of starts) {
    const window = { startUs: motionUs - 2_000_000, endUs: motionUs + 20_000_000 };
    yield { frames: await framesOf(deps, window, new AbortController().signal), motionUs };
  }
}
