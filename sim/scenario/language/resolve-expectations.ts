// Resolves names in expectations and fills in defaults.

import { DeviceEvent, DeviceState } from '@doorsill/contract/home-messages';
import { DisclosureKey } from '@doorsill/contract/shared-claims';
import { type Located, positionOf, valueAt } from './located.ts';
import { problemAt, unknownName } from './mistakes.ts';
import type { ScenarioScope, StepResolver } from './resolve-steps.ts';
import { checkCode } from './resolve-steps.ts';
import type {
  CountRange,
  Expectation,
  ExpectationTerms,
  ExpectedEvent,
  PlainValue,
  Span,
  TruthThresholds,
} from './scenario.ts';
import type { WrittenExpectation } from './written-expectations.ts';

const TOLERANCE_US_DEFAULT = 500_000;
const ANY_NUMBER: CountRange = { min: 1, max: Number.MAX_SAFE_INTEGER };

type Written<Kind extends string> = Extract<WrittenExpectation, Record<Kind, unknown>>;

/** Resolves all expectations; collects faults. `steps` has resolved all steps. */
export function resolveExpectations(
  written: readonly WrittenExpectation[],
  nodes: readonly Located[],
  scope: ScenarioScope,
  steps: StepResolver,
): Expectation[] {
  return written.flatMap((expectation, at) => {
    const node = nodes[at];
    const terms = node && scope.faults.catch(() => resolveTerms(expectation, node, scope, steps));
    return node && terms ? [{ ...terms, position: positionOf(node) }] : [];
  });
}

function resolveTerms(
  written: WrittenExpectation,
  node: Located,
  scope: ScenarioScope,
  steps: StepResolver,
): ExpectationTerms {
  const request = (word: string, of: string) => {
    steps.checkRequest(of, valueAt(node, word) ?? node);
    return of;
  };
  const doorbell = (named: string | undefined) => steps.doorbellOf(named, node).name;
  if ('event' in written) return eventTerms(written, node, scope, doorbell(written.doorbell));
  if ('no-event' in written) {
    const during = written.between === undefined ? {} : { during: written.between };
    return { kind: 'no-event', event: written['no-event'], ...during, doorbell: doorbell(written.doorbell) };
  }
  if ('truth' in written) {
    const file = scope.folder.fileAt(valueAt(node, 'truth') ?? node, written.truth);
    return { kind: 'truth', file, doorbell: doorbell(written.doorbell), thresholds: thresholdsOf(written) };
  }
  if ('clip' in written) return clipTerms(written, node, request('clip', written.clip));
  if ('disclosed' in written) {
    const keys = DisclosureKey.options.filter((key) => written.keys.includes(key));
    return { kind: 'disclosed', of: request('disclosed', written.disclosed), keys };
  }
  if ('uploaded' in written) {
    const requests = written.uploaded === 'nothing' ? [] : written.uploaded;
    return { kind: 'uploaded', requests: requests.map((of) => request('uploaded', of)) };
  }
  if ('error' in written) return errorTerms(written, node, scope, steps);
  if ('outcome' in written) return { kind: 'outcome', of: request('outcome', written.outcome), is: written.is };
  if ('custody' in written) return { kind: 'custody', of: request('custody', written.custody), is: written.is };
  if ('bridge-bytes-before-grant' in written) {
    return { kind: 'bridge-bytes-before-grant', bytes: written['bridge-bytes-before-grant'] };
  }
  if ('notice' in written) {
    const of = request('notice', written.notice);
    return { kind: 'notice', of, reaches: written.reaches, doorbell: doorbell(written.doorbell) };
  }
  if ('log' in written) return { kind: 'log', noneAbove: LEVELS[written.log] };
  if ('ring-holds' in written) {
    const holds = written['ring-holds'];
    return { kind: 'ring-holds', span: holds === 'nothing' ? null : holds, doorbell: doorbell(written.doorbell) };
  }
  if ('state' in written) {
    checkWords(written.state, Object.keys(DeviceState.shape), valueAt(node, 'state') ?? node, scope);
    return { kind: 'state', where: written.state, doorbell: doorbell(written.doorbell) };
  }
  if ('ledger' in written) return { kind: 'ledger', is: 'verifies', doorbell: doorbell(written.doorbell) };
  return { kind: 'golden', file: scope.folder.newFileAt(valueAt(node, 'golden') ?? node, written.golden) };
}

const LEVELS = { 'none-above-info': 'info', 'none-above-warn': 'warn', 'none-above-error': 'error' } as const;

/** The fields of each kind of event. */
const EVENT_WORDS = new Map(DeviceEvent.options.map(({ shape }) => [shape.type.value, Object.keys(shape)]));

function eventTerms(
  written: Written<'event'>,
  node: Located,
  scope: ScenarioScope,
  doorbell: string,
): ExpectationTerms {
  const { event, where = {}, count } = written;
  checkWords(where, wordsOf(event), valueAt(node, 'where') ?? node, scope);
  const during = duringOf(written, node);
  return {
    kind: 'event',
    event,
    ...(during ? { during } : {}),
    doorbell,
    count: count === undefined ? ANY_NUMBER : rangeOf(count),
    where,
  };
}

function wordsOf(event: ExpectedEvent): string[] {
  return EVENT_WORDS.get(event) ?? [];
}

function duringOf({ at, within, between }: Written<'event'>, node: Located): Span | undefined {
  if (between !== undefined && at !== undefined) {
    throw problemAt(
      'scenario_value_refused',
      valueAt(node, 'between') ?? node,
      'an event is expected either at or between',
    );
  }
  if (at === undefined) {
    if (within === undefined) return between;
    throw problemAt(
      'scenario_value_refused',
      valueAt(node, 'within') ?? node,
      'within is the tolerance of at, which is missing',
    );
  }
  const tolerance = within ?? TOLERANCE_US_DEFAULT;
  // Both ends are included.
  return { fromUs: Math.max(0, at - tolerance), toUs: at + tolerance + 1 };
}

const rangeOf = (count: number | CountRange) => (typeof count === 'number' ? { min: count, max: count } : count);

/** Checks that each path begins with a known field. */
function checkWords(
  where: Record<string, PlainValue>,
  words: readonly string[],
  node: Located,
  scope: ScenarioScope,
): void {
  for (const path of Object.keys(where)) {
    const [word = ''] = path.split('.');
    const place = (node.kind === 'map' ? node.entries.get(path)?.key : undefined) ?? node;
    if (!words.includes(word)) scope.faults.add(unknownName(place, 'value', word, words));
  }
}

function thresholdsOf(written: Written<'truth'>): TruthThresholds {
  const delayUs = written['max-delay'];
  const all = {
    minPrecision: written['min-precision'],
    minRecall: written['min-recall'],
    maxDelayS: delayUs === undefined ? undefined : delayUs / 1_000_000,
    maxFalse: written['max-false'],
    maxMissed: written['max-missed'],
    toleranceS: written.tolerance === undefined ? undefined : written.tolerance / 1_000_000,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function clipTerms(written: Written<'clip'>, node: Located, of: string): ExpectationTerms {
  const { frames, from, to, method, sha256, audio } = written;
  if (from !== undefined && to !== undefined && from >= to) {
    throw problemAt('scenario_value_refused', valueAt(node, 'to') ?? node, 'a clip ends after it begins');
  }
  return {
    kind: 'clip',
    of,
    ...(frames === undefined ? {} : { frames: framesOf(frames) }),
    ...(from === undefined ? {} : { fromUs: from }),
    ...(to === undefined ? {} : { toUs: to }),
    ...(method === undefined ? {} : { method }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(audio === undefined ? {} : { audio }),
  };
}

function framesOf(frames: number | CountRange) {
  return typeof frames === 'number' ? { count: frames } : { first: frames.min, last: frames.max };
}

function errorTerms(
  written: Written<'error'>,
  node: Located,
  scope: ScenarioScope,
  steps: StepResolver,
): ExpectationTerms {
  const { error, step } = written;
  checkCode(error, valueAt(node, 'error') ?? node, scope.faults);
  if (step === undefined) return { kind: 'error', code: error };
  if (!steps.ids.has(step)) scope.faults.add(unknownName(valueAt(node, 'step') ?? node, 'step', step, [...steps.ids]));
  return { kind: 'error', code: error, step };
}
