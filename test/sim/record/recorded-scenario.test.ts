import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DeviceEvent } from '../../../device/contract/home-messages.ts';
import {
  expectedAgain,
  pressesIn,
  type RecordedScenario,
  scenarioText,
} from '../../../sim/record/recorded-scenario.ts';
import { readScenarios } from '../../../sim/scenario/language/read-scenarios.ts';
import { temporaryFolder } from '../../support/command-line.ts';

const folder = temporaryFolder('recorded-scenario');
afterAll(folder.dispose);

const START_US = 1_774_742_390_123_456;
const window = { startUs: START_US, endUs: START_US + 20_000_000 };
const at = (us: number) => ({ id: 'e', device: 'd', atUs: START_US + us });
const EVENTS: DeviceEvent[] = [
  { ...at(-1), type: 'ring', button: 'front', source: 'keyboard' },
  { ...at(2_600_001), type: 'ring', button: 'front', source: 'keyboard' },
  { ...at(3_000_000), type: 'motion-start', zones: [] },
  { ...at(3_100_000), type: 'camera', state: 'stalled' },
  { ...at(9_000_000), type: 'motion-end', startUs: START_US, zones: [] },
  { ...at(12_000_000), type: 'event-window', cause: 'ring', window },
  // Too few pictures were recorded after this.
  { ...at(19_600_000), type: 'motion-start', zones: [] },
  { ...at(20_000_001), type: 'motion-start', zones: [] },
];

async function read(name: string, scenario: RecordedScenario) {
  const path = join(folder.path, name);
  mkdirSync(path);
  for (const { file } of scenario.footage) writeFileSync(join(path, file), '');
  const { text, lines } = scenarioText(scenario);
  writeFileSync(join(path, 'scenario.yaml'), text);
  const { scenarios, faults } = await readScenarios(path);
  expect(faults).toEqual([]);
  return { text, lines, scenario: scenarios[0] };
}

const RECORDED: RecordedScenario = {
  startUs: START_US,
  footage: [{ file: 'footage.mp4', window, bytes: 1 }],
  presses: pressesIn(EVENTS, window),
  expected: expectedAgain(EVENTS, window),
  leftOut: [],
  hasSound: false,
  zones: [],
};

describe('the scenario of a recording', () => {
  it('is readable, with time to the microsecond, presses as steps, and events within the footage as expectations', async () => {
    const { scenario } = await read('plain', RECORDED);
    expect(scenario).toMatchObject({
      startUs: START_US,
      timeoutMs: 120_000,
      doorbells: [{ camera: [{ kind: 'files', files: [expect.stringMatching(/footage\.mp4$/)] }] }],
      steps: [{ verb: 'press', button: 'front', when: { atUs: 2_600_001 } }],
    });
    // A span's end is excluded.
    expect(scenario?.expect.map((one) => (one.kind === 'event' ? [one.event, one.during, one.where] : one))).toEqual([
      ['ring', { fromUs: 1_600_001, toUs: 3_600_002 }, { button: 'front' }],
      ['motion-start', { fromUs: 2_000_000, toUs: 4_000_001 }, {}],
      ['motion-end', { fromUs: 8_000_000, toUs: 10_000_001 }, {}],
      ['event-window', { fromUs: 9_000_000, toUs: 15_000_001 }, { cause: 'ring' }],
    ]);
  });

  it('has the line of each expectation', async () => {
    const { text, lines, scenario } = await read('lines', { ...RECORDED, leftOut: RECORDED.expected.slice(0, 1) });
    expect(scenario?.expect.map(({ position }) => position.line)).toEqual([...lines.keys()]);
    const written = text.split('\n');
    for (const [line, { type }] of lines) expect(written[line - 1]).toContain(`event: ${type}`);
  });

  it('plays one file for each format, the second at its time', async () => {
    const cut = START_US + 7_500_000;
    const footage = [
      { file: 'footage.mp4', window: { ...window, endUs: cut }, bytes: 1 },
      { file: 'footage-2.mp4', window: { ...window, startUs: cut }, bytes: 1 },
    ];
    const { scenario } = await read('two', { ...RECORDED, footage });
    const [first, second] = scenario?.doorbells[0]?.camera ?? [];
    expect([first, second]).toMatchObject([{ atUs: 0 }, { atUs: 7_500_000 }]);
  });

  it('has a comment for each event that a replay did not show, and no expectations if nothing happened', async () => {
    const [left] = RECORDED.expected;
    if (!left) throw new Error('nothing is expected');
    const { text, scenario } = await read('none', { ...RECORDED, presses: [], expected: [], leftOut: [left] });
    expect(text).toContain('# Seen while it was recorded, not in a replay of what was written: ring at 2.6 s\n');
    expect([scenario?.steps, scenario?.expect]).toEqual([[], []]);
  });

  it('has a longer timeout for long footage', async () => {
    const long = { ...window, endUs: START_US + 3_600_000_000 };
    const { scenario } = await read('long', {
      ...RECORDED,
      footage: [{ file: 'footage.mp4', window: long, bytes: 1 }],
    });
    expect(scenario?.timeoutMs).toBe(3_600_000);
  });
});
