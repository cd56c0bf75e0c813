// The wire proof with a thousand scenarios: testbeds of every kind, each with random scenarios.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { integerBelow, SeededRandom } from '../../../device/base/random.ts';
import { mayMakeNamespaces } from './support/namespace.ts';
import { makeNoise, NOISE_CAMERA } from './support/noise.ts';
import { PLAYS_LIVE, PLAYS_ON_FILE, PLAYS_WATCHED, type PlayName } from './support/scenarios.ts';
import { TrialSeries } from './support/trial.ts';
import type { Setting } from './support/world.ts';

const TESTBEDS = 25;
/** With the enrolment, 40 a testbed. */
const PLAYS_A_TOWN = 39;
/** Each removes footage that the others need. */
const FORGETTING_MAX = 3;

/** `DOORSILL_SEED` repeats a run, `DOORSILL_TOWN` one testbed of it. */
const seed = Number(process.env['DOORSILL_SEED'] ?? Math.floor(Date.now() / 1000) % 1_000_000);
const only = process.env['DOORSILL_TOWN'];

function settingOf(testbed: number, path: string): Setting {
  const secure = testbed % 2 === 0;
  const motion = testbed % 3 === 0;
  // Of nine testbeds the vault opens the clips of six, the agency alone those of two, and one is the control: its clips are not encrypted.
  const sealing =
    (['vault', 'recipient', 'vault', 'vault', 'off', 'vault', 'recipient'] as const)[testbed % 9] ?? 'vault';
  const common = { secure, motion, sealing };
  if (testbed % 5 === 3) return { ...common, camera: { kind: 'rtsp', launch: NOISE_CAMERA }, ring: 'file' };
  if (testbed % 10 === 9) return { ...common, camera: { kind: 'synthetic' }, ring: 'file' };
  const ring = testbed % 4 === 1 ? 'memory' : 'file';
  return { ...common, camera: { kind: 'file', path }, ring, console: secure };
}

function drawPlays(from: readonly PlayName[], random: SeededRandom): PlayName[] {
  const plays: PlayName[] = [];
  while (plays.length < PLAYS_A_TOWN) {
    const play = from[integerBelow(random, from.length)];
    const again = plays.filter((each) => each === play).length;
    if (play && !(play === 'asked for what is forgotten' && again >= FORGETTING_MAX)) plays.push(play);
  }
  return plays;
}

describe.skipIf(!mayMakeNamespaces())(
  'what leaves the device, a thousand times (needs hardware: a Linux machine of one’s own, as root)',
  () => {
    let series: TrialSeries;
    beforeAll(async () => {
      series = await TrialSeries.open();
      console.log(`DOORSILL_SEED=${seed}`);
    });
    afterAll(() => series.close());

    for (let testbed = 0; testbed < TESTBEDS; testbed += 1) {
      it.skipIf(only !== undefined && Number(only) !== testbed)(
        `testbed ${testbed}`,
        async () => {
          const random = new SeededRandom(seed * TESTBEDS + testbed);
          const setting = settingOf(testbed, await makeNoise(series.folder, 60));
          const drawn = setting.camera.kind === 'file' ? PLAYS_ON_FILE : PLAYS_LIVE;
          const plays = drawPlays([...drawn, ...(setting.console ? PLAYS_WATCHED : [])], random);
          await series.run(setting, plays, seed * TESTBEDS + testbed);
        },
        600_000,
      );
    }

    it.skipIf(only !== undefined)('adds up to a thousand scenarios', (test) => {
      expect(series.prove(test)).toBe(TESTBEDS * (PLAYS_A_TOWN + 1));
    });
  },
);
