// A sample run with passed, failed and flaky tests and pictures of the drawn porch, for tests of reports and for screenshots.
import sharp from 'sharp';
import { PorchArt } from '../../../../sim/porch/porch-art.ts';
import { SYNTHETIC_FPS, sceneAt } from '../../../../sim/porch/scene.ts';
import {
  makeRunReport,
  type RunReport,
  type TestReport,
  type TestTimeline,
} from '../../../../sim/report/run-report.ts';

const [WIDTH, HEIGHT] = [640, 360];
/** 2026-03-29 at 01:59:50 in Berlin, ten seconds before the clocks go forward. */
export const START_US = 1_774_745_990_000_000;
const at = (seconds: number) => START_US + Math.round(seconds * 1_000_000);

let porch: Promise<PorchArt> | undefined;
/** Each picture that was asked for, by its second. */
const drawn = new Map<number, Promise<string>>();

/** JPEGs of the drawn porch at these seconds, in base64. */
export function porchPictures(seconds: readonly number[]): Promise<string[]> {
  return Promise.all(
    seconds.map((second) => {
      const picture = drawn.get(second) ?? pictureAt(second);
      drawn.set(second, picture);
      return picture;
    }),
  );
}

async function pictureAt(second: number): Promise<string> {
  porch ??= PorchArt.draw(WIDTH, HEIGHT);
  const planes = new Uint8Array((WIDTH * HEIGHT * 3) / 2);
  (await porch).compose(sceneAt(Math.round(second * SYNTHETIC_FPS)), planes);
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
  const jpeg = await sharp(rgbOf(planes), { raw }).jpeg({ quality: 72 }).toBuffer();
  return jpeg.toString('base64');
}

/** BT.601 in limited range, as the porch is drawn. */
function rgbOf(planes: Uint8Array): Buffer {
  const [lumaSize, rgb] = [WIDTH * HEIGHT, Buffer.alloc(WIDTH * HEIGHT * 3)];
  const clamp = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  for (let pixel = 0; pixel < lumaSize; pixel += 1) {
    const chroma = lumaSize + (Math.floor(pixel / WIDTH) >> 1) * (WIDTH / 2) + ((pixel % WIDTH) >> 1);
    const y = ((planes[pixel] ?? 0) - 16) * 1.164;
    const [u, v] = [(planes[chroma] ?? 0) - 128, (planes[chroma + lumaSize / 4] ?? 0) - 128];
    rgb[pixel * 3] = clamp(y + 1.596 * v);
    rgb[pixel * 3 + 1] = clamp(y - 0.392 * u - 0.813 * v);
    rgb[pixel * 3 + 2] = clamp(y + 2.017 * u);
  }
  return rgb;
}

/** Twenty-four seconds with one visit found, one missed, and a false event. */
export async function missedVisit(): Promise<TestTimeline> {
  const moments = [0.4, 1.2, 2.6, 3.4, 5, 9, 12.4, 14.2, 16, 18.6, 21];
  const pictures = await porchPictures(moments);
  const captions = ['nobody', 'visitor arrives', 'ring', 'visitor', 'visitor leaves'];
  return {
    startUs: START_US,
    endUs: at(24),
    zone: 'Europe/Berlin',
    cameras: [
      {
        name: 'front',
        recorded: [{ startUs: at(0.1), endUs: at(24) }],
        events: [
          {
            type: 'motion',
            startUs: at(1.02),
            endUs: at(5.9),
            verdict: 'matched',
            lateByMs: 320,
            label: '2.1 % of the picture',
          },
          { type: 'ring', startUs: at(2.6), verdict: 'matched', lateByMs: 0 },
          { type: 'event-window', startUs: at(0.6), endUs: at(15.9) },
          { type: 'motion', startUs: at(9.1), endUs: at(10.3), verdict: 'false', label: '0.4 % of the picture' },
        ],
        truth: [
          { event: 'motion', startUs: at(0.7), endUs: at(5.6), label: 'visitor', verdict: 'matched' },
          { event: 'ring', startUs: at(2.6), endUs: at(2.6), verdict: 'matched' },
          { event: 'motion', startUs: at(16.2), endUs: at(20.9), label: 'faint figure at night', verdict: 'missed' },
          { event: 'motion', startUs: at(12.2), endUs: at(13.8), label: 'branch', verdict: 'optional' },
        ],
        stills: moments.map((second, index) => ({
          atUs: at(second),
          caption: captions[index] ?? 'every few seconds',
          jpegBase64: pictures[index] ?? '',
        })),
      },
    ],
    steps: [
      { atUs: at(0), text: 'camera plugged in', outcome: 'done' },
      { atUs: at(7), text: 'request "case-12" asks for the last 30 s', outcome: 'done' },
      {
        atUs: at(8.2),
        text: 'grant case-12',
        outcome: 'refused',
        detail: 'window_outside_request: the window begins before the request’s.',
      },
      { atUs: at(21.4), text: 'revoke case-12', outcome: 'done' },
    ],
  };
}

/** A passed test, with some properties replaced. */
export function passedTest(named: Partial<TestReport> = {}): TestReport {
  return {
    name: 'The owner grants eight seconds, and no frame more leaves',
    file: 'scenarios/exact-window.yaml',
    line: 1,
    status: 'passed',
    durationMs: 1840,
    attempts: 1,
    rerun: 'doorsill test scenarios/exact-window.yaml --seed 7',
    failures: [],
    notes: [],
    ...named,
  };
}

const STORIES = [
  ['A federal agency asks, and nobody is told', 'federal-agency'],
  ['A partnership ends while a request is open', 'ended-partner'],
  ['A revoked agency gets nothing', 'revoked-agency'],
  ['A recall after hand-over is answered by policy', 'recall'],
  ['A lost dog is found on two porches', 'lost-dog'],
  ['The bridge gets no byte before the grant', 'no-byte-before-grant'],
  ['Power is cut in the middle of an upload', 'power-cut'],
  ['The clock is set back, and grants are blocked', 'clock-back'],
] as const;

const DIFF = `  { "type": "ring", "atS": 2.6 }
- { "type": "motion-start", "atS": 16.2 }
- { "type": "motion-end", "atS": 20.9 }
+ { "type": "motion-start", "atS": 9.1 }
+ { "type": "motion-end", "atS": 10.3 }`;

export async function sampleReport(): Promise<RunReport> {
  const timeline = await missedVisit();
  const tests = STORIES.map(([name, file], index) =>
    passedTest({
      name,
      file: `scenarios/${file}.yaml`,
      durationMs: 900 + index * 317,
      rerun: `doorsill test scenarios/${file}.yaml --seed 7`,
    }),
  );
  return makeRunReport({
    tool: 'doorsill 1.0.0',
    command: 'doorsill test scenarios/ --seed 7 --reporter html,junit',
    seed: 7,
    startedAt: '2026-11-27T14:31:20.000Z',
    durationMs: 43_120,
    tests: [
      passedTest(),
      nightVisit(timeline),
      passedTest({
        name: 'A visitor rings while the link is slow',
        file: 'scenarios/slow-link.yaml',
        status: 'flaky',
        attempts: 3,
        durationMs: 9210,
        failures: [
          { what: 'no event "granted" came within 2 s', advice: 'Give a longer `within` where the link is slow.' },
        ],
      }),
      passedTest({
        name: 'A real mosquitto carries the same story',
        file: 'scenarios/mosquitto.yaml',
        status: 'skipped',
        durationMs: 0,
        attempts: 0,
        notes: ['needs mosquitto, which is not on this machine'],
      }),
      ...tests,
    ],
  });
}

function nightVisit(timeline: TestTimeline): TestReport {
  return passedTest({
    name: 'Every visitor is seen, by day and by night',
    file: 'scenarios/visitors.yaml',
    line: 12,
    variant: { camera: 'porch-night.mp4', sensitivity: 'medium' },
    status: 'failed',
    durationMs: 4310,
    rerun: 'doorsill test scenarios/visitors.yaml --filter "camera=porch-night.mp4" --seed 7',
    folder: 'runs/visitors-2',
    failures: [
      {
        what: 'recall is 0.67, and at least 1 was expected: one of three visits was missed',
        at: { file: 'scenarios/visitors.yaml', line: 19, column: 5 },
        expected: 'motion from 16.2 s to 20.9 s (faint figure at night)',
        actual: 'nothing between 10.3 s and 24 s',
        diff: DIFF,
        advice: 'Look at the picture at 16.2 s; `doorsill replay --tune` says which sensitivity finds it.',
      },
    ],
    notes: ['H.264, 640x360 at 15 fps; 360 pictures'],
    timeline,
    score: { precision: 0.667, recall: 0.667, delayMs: { median: 160, p90: 320 }, matched: 2, missed: 1, false: 1 },
  });
}
