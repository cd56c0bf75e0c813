// What motion detection costs a picture, over a bare loop that reads each of its pixels twice.
import { SeededRandom } from '../../device/base/random.ts';
import { initialMotion, nextMotion } from '../../device/motion/detector.ts';
import { PICTURE_HEIGHT, PICTURE_WIDTH } from '../../device/motion/gray-picture-size.ts';
import { compare, type Row, type Run } from './measure.ts';

const PICTURES = 200;

/** A picture of an empty scene, and of one with a visitor. */
export async function motionRows({ pairs }: Run): Promise<Row[]> {
  return [await row('empty porch', 0, 1.6, pairs), await row('visitor', 24, 2.4, pairs)];
}

async function row(scene: string, visitorWidth: number, most: number, pairs: number): Promise<Row> {
  const random = new SeededRandom(1);
  const noise = random.bytes(8_192);
  const pictures = Array.from({ length: PICTURES }, (_, number) =>
    Uint8Array.from({ length: PICTURE_WIDTH * PICTURE_HEIGHT }, (_, at) => {
      const x = at % PICTURE_WIDTH;
      const visited = number > 20 && x >= number / 2 && x < number / 2 + visitorWidth;
      return (visited ? 200 : 60 + (x % 32)) + ((noise[(at * 7 + number * 131) % noise.length] ?? 0) & 3);
    }),
  );
  let seen = 0;
  const { work, baseline, ratio } = await compare(
    2 * pairs,
    processorUs(() => {
      let state = initialMotion({ sensitivity: 50, zones: [] });
      for (const [number, pixels] of pictures.entries()) {
        const step = nextMotion(state, { type: 'frame', pixels, atUs: 1_000_000 + number * 200_000 });
        state = step.state;
        seen += step.effects.length;
      }
    }),
    processorUs(() => {
      for (const pixels of pictures) {
        for (let pass = 0; pass < 2; pass += 1) {
          for (let at = 0; at < pixels.length; at += 1) seen += (pixels[at] ?? 0) & 1;
        }
      }
    }),
  );
  if (visitorWidth > 0 && seen === 0) throw new Error('the visitor was not seen');
  return {
    group: 'motion',
    what: `Motion: a 160x90 picture, ${scene}`,
    ours: `${(work / PICTURES).toFixed(0)} us`,
    baseline: `${(baseline / PICTURES).toFixed(0)} us to read it twice`,
    figure: ratio,
    unit: 'x',
    target: { most },
  };
}

/** Processor time of this process, which a busy machine lengthens less than wall time. */
function processorUs(work: () => void): () => Promise<number> {
  return () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return Promise.resolve(user + system);
  };
}
