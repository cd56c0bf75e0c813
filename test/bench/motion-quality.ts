// `npm run bench -- motion-quality`: whom our detector and Debian's `motion` see in the same footage, by day, at dusk and by night.
import { findFfmpeg } from '../../device/camera/find-ffmpeg.ts';
import { initialMotion, nextMotion } from '../../device/motion/detector.ts';
import { motionSchema } from '../../device/motion/motion-settings.ts';
import type { ReplayedEvent } from '../../sim/truth/match-events.ts';
import type { Row, Run } from './measure.ts';
import { motionEvents, motionVersion } from './motion-quality/debian-motion.ts';
import { type DetectionScore, medianText, scoreOf, shareText, sumOf } from './motion-quality/detection-score.ts';
import {
  GRAY_FPS,
  grayPictures,
  inLight,
  type LabelledClip,
  LIGHTS,
  labelledClips,
} from './motion-quality/labelled-clips.ts';

/** Files that motion plays at once, each in real time. */
const AT_ONCE = 4;
/** A median later by less than that is no later: our camera makes a picture each 0.2 s. */
const LATER_S = 0.5;

interface Compared {
  clip: LabelledClip;
  light: number;
  ours: DetectionScore;
  /** Null: the machine was too busy for it. */
  motion: DetectionScore | null;
}

/** One row for each clip and light, and the sums of each half; none, and what is missing on standard error, where something is. */
export async function motionQualityRows({ folder }: Run): Promise<Row[]> {
  const { clips, missing } = await labelledClips();
  const version = await motionVersion();
  if (version === null) missing.push("Debian's motion is not installed (apt-get install motion)");
  for (const one of missing) console.error(`bench: motion-quality: ${one}`);
  if (version === null || clips.length === 0) return [];
  const ffmpeg = (await findFfmpeg()).path;
  // The longest first, so that none is left to run alone.
  const jobs = LIGHTS.flatMap((light) => clips.map((clip) => ({ clip, light })));
  jobs.sort((a, b) => b.clip.truth.durationUs - a.clip.truth.durationUs);
  const compared: Compared[] = [];
  const work = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { clip, light } = job;
      const path = await inLight(clip, light, ffmpeg, folder);
      const ours = scoreOf(clip.truth, ourEvents(clip, await grayPictures(path, ffmpeg)));
      const events = await motionEvents(clip, path, folder);
      compared.push({ clip, light, ours, motion: events && scoreOf(clip.truth, events) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const order = (one: Compared) => clips.indexOf(one.clip) * LIGHTS.length + LIGHTS.indexOf(one.light as 100);
  compared.sort((a, b) => order(a) - order(b));
  return [...compared.map(rowOf), ...(['chosen', 'reported'] as const).flatMap((half) => sumRows(half, compared))];
}

/** What our detector makes of pictures by default, in the clip's zone; timed when it tells of it. */
function ourEvents({ zone }: LabelledClip, pictures: readonly Uint8Array[]): ReplayedEvent[] {
  const { sensitivity } = motionSchema.parse({});
  let state = initialMotion({ sensitivity, zones: zone === undefined ? [] : [{ name: 'labelled', zone }] });
  const events: ReplayedEvent[] = [];
  // Times start at a second: a clock at 0 is of another scene.
  const startUs = 1_000_000;
  for (const [number, pixels] of pictures.entries()) {
    const toldUs = (number * 1_000_000) / GRAY_FPS;
    const { state: next, effects } = nextMotion(state, { type: 'frame', pixels, atUs: startUs + toldUs });
    state = next;
    for (const effect of effects) {
      if (effect.type === 'motion-start') events.push({ event: 'motion', startUs: toldUs, endUs: null });
      else events.push({ ...(events.pop() as ReplayedEvent), endUs: effect.atUs - startUs });
    }
  }
  return events;
}

function rowOf({ clip, light, ours, motion }: Compared): Row {
  const text = ({ spans, found, announced, wrong, delaysS }: DetectionScore) =>
    [
      spans === 0 ? 'nothing to find' : `${found} of ${spans} found, ${announced} told`,
      ...(wrong > 0 ? [`${wrong} false`] : []),
      ...(delaysS.length > 0 ? [medianOf(delaysS)] : []),
    ].join(', ');
  return {
    group: 'motion-quality',
    what: `${clip.what}, ${light} % of the light`,
    ours: text(ours),
    baseline: motion === null ? 'did not keep up' : text(motion),
    figure: motion === null ? Number.NaN : worseIn(ours, motion),
    unit: 'worse',
    target: motion === null ? null : { most: 0 },
  };
}

const medianOf = (delaysS: readonly number[]) =>
  `${[...delaysS].sort((a, b) => a - b)[delaysS.length >> 1]?.toFixed(1)} s`;

/** In how many respects the first is worse: missed, not told of, false, later. */
function worseIn(ours: DetectionScore, motion: DetectionScore): number {
  const later =
    Math.min(ours.delaysS.length, motion.delaysS.length) > 0 &&
    Number.parseFloat(medianOf(ours.delaysS)) > Number.parseFloat(medianOf(motion.delaysS)) + LATER_S;
  const respects = [ours.found < motion.found, ours.announced < motion.announced, ours.wrong > motion.wrong, later];
  return respects.filter(Boolean).length;
}

function sumRows(half: LabelledClip['half'], compared: readonly Compared[]): Row[] {
  // Both on the same clips.
  const those = compared.filter(({ clip, motion }) => clip.half === half && motion !== null);
  const ours = sumOf(those.map((one) => one.ours));
  const motion = sumOf(those.flatMap((one) => one.motion ?? []));
  const where = half === 'chosen' ? 'clips on which defaults were chosen' : 'other clips';
  const row = (what: string, text: (score: DetectionScore) => string, figure: number): Row => ({
    ...{ group: 'motion-quality', what: `${where}: ${what}`, ours: text(ours), baseline: text(motion) },
    ...{ figure, unit: '', target: null },
  });
  const right = (one: DetectionScore) => one.events - one.wrong;
  return [
    row('recall', (one) => shareText(one.found, one.spans), ours.found / ours.spans),
    row('recall, told', (one) => shareText(one.announced, one.spans), ours.announced / ours.spans),
    row('precision', (one) => shareText(right(one), one.events), right(ours) / ours.events),
    row('precision by time', (one) => (one.rightS / one.eventsS).toFixed(2), ours.rightS / ours.eventsS),
    row('median delay', (one) => medianText(one.delaysS), Number.parseFloat(medianText(ours.delaysS))),
  ];
}
