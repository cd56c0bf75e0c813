// A recording as a YAML scenario: footage, presses as steps, observed events as expectations.
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Window, Zone } from '@doorsill/contract/shared-claims';
import { printMoment } from '@doorsill/device/terminal/format-units';
import type { WrittenFootage } from './write-footage.ts';

/** An event that the replay must repeat; `atUs` in microseconds since the first picture. */
export interface ExpectedAgain {
  type: 'ring' | 'motion-start' | 'motion-end' | 'event-window';
  atUs: number;
  /** Further fields that are compared. */
  where: Record<string, string>;
}

export interface RecordedScenario {
  /** Wall time of the first picture. */
  startUs: number;
  footage: readonly WrittenFootage[];
  presses: readonly { atUs: number; button: string }[];
  expected: readonly ExpectedAgain[];
  /** Events that a replay cannot be expected to repeat. */
  leftOut: readonly ExpectedAgain[];
  hasSound: boolean;
  zones: readonly Zone[];
}

/**
 * Tolerance between an event and its replay. Motion is sampled five times a second, not at the same pictures each time; an event window is
 * reported once its time is over, which a live camera's pictures reach late.
 */
const WITHIN = { ring: '1s', 'motion-start': '1s', 'motion-end': '1s', 'event-window': '3s' } as const;

/** Real time that a replay may take. */
const TIMEOUT_S_LEAST = 120;

/** Motion is reported only with later pictures, which the last moment of a recording lacks. */
const UNSEEN_US = 500_000;

/** The events within the footage that a replay must repeat. */
export function expectedAgain(events: readonly DeviceEvent[], { startUs, endUs }: Window): ExpectedAgain[] {
  return events
    .filter(({ type, atUs }) => atUs >= startUs && atUs <= (type.startsWith('motion') ? endUs - UNSEEN_US : endUs))
    .flatMap((event): ExpectedAgain[] => {
      const atUs = event.atUs - startUs;
      switch (event.type) {
        case 'ring':
          return [{ type: event.type, atUs, where: { button: event.button } }];
        case 'motion-start':
        case 'motion-end':
          return [{ type: event.type, atUs, where: {} }];
        case 'event-window':
          return [{ type: event.type, atUs, where: { cause: event.cause } }];
        default:
          return [];
      }
    });
}

/** All presses within the footage, which its pictures don't contain. */
export function pressesIn(events: readonly DeviceEvent[], { startUs, endUs }: Window): RecordedScenario['presses'] {
  return events.flatMap((event) =>
    event.type === 'ring' && event.atUs >= startUs && event.atUs <= endUs
      ? [{ atUs: event.atUs - startUs, button: event.button }]
      : [],
  );
}

/** The scenario's file, and the expectations by their lines, counted from 1. */
export function scenarioText(scenario: RecordedScenario): { text: string; lines: Map<number, ExpectedAgain> } {
  const { startUs, footage, presses, expected, leftOut } = scenario;
  const endUs = Math.max(startUs, ...footage.map(({ window }) => window.endUs));
  const lengthS = (endUs - startUs) / 1_000_000;
  const head = [
    '# Recorded by `doorsill record`. The footage beside this file is plain: whoever has the folder can watch it.',
    `name: Recorded ${printMoment(startUs)}`,
    `description: ${describe(scenario, lengthS)}`,
    'tags: [recorded]',
    `start: ${printMoment(startUs)}`,
    `timeout: ${Math.max(TIMEOUT_S_LEAST, Math.ceil(lengthS))}s`,
    ...cameraLines(footage, startUs),
    ...(presses.length > 0 ? ['steps:'] : []),
    ...presses.map(({ atUs, button }) => `  - { at: ${seconds(atUs)}, press: ${button} }`),
    ...leftOut.map((event) => `# Seen while it was recorded, not in a replay of what was written: ${wordsOf(event)}`),
    ...(expected.length > 0 ? ['expect:'] : []),
  ];
  const lines = new Map(expected.map((event, at) => [head.length + at + 1, event]));
  const expectations = expected.map((event) => `  - ${expectationOf(event)}`);
  return { text: `${[...head, ...expectations].join('\n')}\n`, lines };
}

export function wordsOf({ type, atUs }: ExpectedAgain): string {
  return `${type} at ${(atUs / 1_000_000).toFixed(1)} s`;
}

function describe({ hasSound, zones, footage }: RecordedScenario, lengthS: number): string {
  const areas = zones.length === 1 ? 'one area' : `${zones.length} areas`;
  return [
    `${lengthS.toFixed(1)} s of a live camera`,
    hasSound ? 'with sound' : 'without sound',
    zones.length > 0 ? `${areas} blacked out` : 'nothing blacked out',
    ...(footage.length > 1 ? [`${footage.length} files because the format changed`] : []),
  ].join(', ');
}

function cameraLines(footage: readonly WrittenFootage[], startUs: number): string[] {
  const [only] = footage;
  if (only && footage.length === 1) return [`camera: ${only.file}`];
  return [
    'camera:',
    ...footage.map(({ file, window }) => `  - { files: ${file}, at: ${seconds(window.startUs - startUs)} }`),
  ];
}

function expectationOf({ type, atUs, where }: ExpectedAgain): string {
  const compared = Object.entries(where).map(([key, value]) => `${key}: ${value}`);
  const terms = [`event: ${type}`, `at: ${seconds(atUs)}`, `within: ${WITHIN[type]}`];
  return `{ ${[...terms, ...(compared.length > 0 ? [`where: { ${compared.join(', ')} }`] : [])].join(', ')} }`;
}

function seconds(us: number): string {
  return `${us / 1_000_000}s`;
}
