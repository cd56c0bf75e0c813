// Judges a scenario's expectations.
import { join } from 'node:path';
import type { DeviceEvent } from '@doorsill/contract/home-messages';
import type { Ffmpeg } from '@doorsill/device/camera/find-ffmpeg';
import { walkLedger } from '@doorsill/device/ledger/ledger';
import { isFailure } from '../../errors.ts';
import { replayedEvents } from '../../replay/replay-truth.ts';
import { type MatchResult, matchEvents } from '../../truth/match-events.ts';
import { readTruth } from '../../truth/read-truth.ts';
import { microseconds } from '../../truth/truth-file.ts';
import { judge } from '../../truth/verdict.ts';
import { printCount } from '../language/durations.ts';
import type { Expectation, PlainValue, Span } from '../language/scenario.ts';
import { judgeClip, judgeCustody, judgeDisclosed, judgeOutcome, judgeUploaded, type Verdict } from './judge-clips.ts';
import type { LogLine } from './recorded-log.ts';
import type { ScenarioHome } from './scenario-home.ts';
import type { ScenarioWorld } from './scenario-world.ts';
import type { StepDone } from './step-times.ts';

/** What happened, besides the homes' own events. */
export interface Happened {
  steps: readonly StepDone[];
  log: readonly LogLine[];
  ffmpeg: Ffmpeg;
}

export interface Judgement {
  verdicts: { expectation: Expectation; verdict: Verdict }[];
  /** By doorbell, for those with an expected truth. */
  matches: Map<string, MatchResult>;
}

/** Judges every expectation except golden files. Time must not pass meanwhile. */
export async function judgeExpectations(
  world: ScenarioWorld,
  expectations: readonly Expectation[],
  happened: Happened,
): Promise<Judgement> {
  const judgement: Judgement = { verdicts: [], matches: new Map() };
  for (const expectation of expectations) {
    const found = await judgeOne(world, expectation, happened, judgement.matches).catch((thrown: unknown) => {
      if (!isFailure(thrown)) throw thrown;
      return {
        what: expectation.kind,
        isMet: false,
        expected: 'an answer',
        actual: `${thrown.code}: ${thrown.message}`,
      };
    });
    for (const verdict of [found].flat()) judgement.verdicts.push({ expectation, verdict });
  }
  return judgement;
}

async function judgeOne(
  world: ScenarioWorld,
  expected: Expectation,
  happened: Happened,
  matches: Judgement['matches'],
): Promise<Verdict | Verdict[]> {
  switch (expected.kind) {
    case 'event':
    case 'no-event':
      return judgeEvent(world, expected);
    case 'truth':
      return judgeTruth(world, expected, matches);
    case 'clip':
      return judgeClip(world, expected, happened.ffmpeg);
    case 'disclosed':
      return judgeDisclosed(world, expected);
    case 'uploaded':
      return judgeUploaded(world, expected);
    case 'outcome':
      return judgeOutcome(world, expected, ignoredOf(happened));
    case 'custody':
      return judgeCustody(world, expected);
    case 'error':
      return judgeError(expected, happened);
    case 'bridge-bytes-before-grant': {
      const bytes = world.bytesBeforeGrant;
      return plain('bytes to the bridge before a grant', String(expected.bytes), String(bytes));
    }
    case 'notice':
      return judgeNotice(world, expected);
    case 'log':
      return judgeLog(expected, happened);
    case 'golden':
      return [];
    default:
      return judgeDevice(world, expected);
  }
}

/** Judges what a doorbell holds and its state at the end. */
async function judgeDevice(
  world: ScenarioWorld,
  expected: Extract<Expectation, { kind: 'ring-holds' | 'state' | 'ledger' }>,
): Promise<Verdict | Verdict[]> {
  const home = world.home(expected.doorbell);
  switch (expected.kind) {
    case 'ring-holds':
      return judgeRing(world, home, expected.span);
    case 'state': {
      const state = await home.doorbell.session.state();
      return Object.entries(expected.where).map(([path, value]) =>
        plain(`state ${path}`, JSON.stringify(value), JSON.stringify(valueAt(state, path))),
      );
    }
    case 'ledger': {
      const { session } = home.owner(home.setup.owners[0] ?? '');
      const device = { id: home.id, key: session.home.deviceKey };
      await walkLedger(world.disk, join(home.doorbell.home.folder, 'consent'), device, () => undefined);
      return plain('ledger', 'verifies', 'verifies');
    }
  }
}

const plain = (what: string, expected: string, actual: string): Verdict => ({
  what,
  isMet: expected === actual,
  expected,
  actual,
});

const ignoredOf = ({ steps }: Happened) =>
  new Set(steps.flatMap(({ step }) => (step.verb === 'ignore' ? [step.of] : [])));

/** A doorbell's events of one kind, with their times since the start. */
function eventsOf(
  world: ScenarioWorld,
  name: string,
  type: DeviceEvent['type'],
): { event: DeviceEvent; atUs: number }[] {
  return world
    .home(name)
    .messages.flatMap((message) =>
      message.kind === 'event' && message.event.type === type
        ? [{ event: message.event, atUs: message.event.atUs - world.scenario.startUs }]
        : [],
    );
}

function judgeEvent(world: ScenarioWorld, expected: Extract<Expectation, { kind: 'event' | 'no-event' }>): Verdict {
  const { event: type, during, doorbell } = expected;
  const all = eventsOf(world, doorbell, type);
  const where = expected.kind === 'event' ? expected.where : {};
  const fitting = all.filter(
    ({ event, atUs }) =>
      (!during || (atUs >= during.fromUs && atUs <= during.toUs)) &&
      Object.entries(where).every(([path, value]) => valueAt(event, path) === value),
  );
  const { min, max } = expected.kind === 'event' ? expected.count : { min: 0, max: 0 };
  const when = during ? ` from ${seconds(during.fromUs)} to ${seconds(during.toUs)}` : '';
  const how = Object.entries(where).map(([path, value]) => ` with ${path} ${value}`);
  return {
    what: `${type}${when}${how.join()}`,
    isMet: fitting.length >= min && fitting.length <= max,
    expected: printCount({ min, max }),
    actual: `${fitting.length}${all.length > 0 ? `; ${type} at ${all.map(({ atUs }) => seconds(atUs)).join(', ')}` : ''}`,
  };
}

const seconds = (us: number) => `${Math.round(us / 1_000) / 1_000} s`;

async function judgeTruth(
  world: ScenarioWorld,
  expected: Extract<Expectation, { kind: 'truth' }>,
  matches: Judgement['matches'],
): Promise<Verdict[]> {
  const { toleranceS, ...thresholds } = expected.thresholds;
  const read = await readTruth(expected.file, world.disk, {});
  const truth = toleranceS === undefined ? read : { ...read, toleranceUs: microseconds(toleranceS) };
  const home = world.home(expected.doorbell);
  const events = home.messages.flatMap((message) =>
    message.kind === 'event' ? [{ camera: home.name, event: message.event, publishedUs: message.publishedUs }] : [],
  );
  const match = matchEvents(truth, replayedEvents({ events }, world.scenario.startUs));
  matches.set(home.name, match);
  const { passed, faults } = judge(match.score, thresholds);
  if (passed) return [plain('ground truth', 'as labelled', 'as labelled')];
  return faults.map(({ text, wanted, got }) => ({
    what: `ground truth: ${text}`,
    isMet: false,
    expected: String(wanted),
    actual: String(got),
  }));
}

function judgeError({ code, step }: Extract<Expectation, { kind: 'error' }>, { steps }: Happened): Verdict {
  const refused = steps.filter((one) => one.code !== null && (step === undefined || one.step.id === step));
  const codes = refused.map((one) => one.code);
  return {
    what: step === undefined ? 'a step is refused' : `step ${step} is refused`,
    isMet: codes.includes(code),
    expected: code,
    actual: codes.join(', ') || 'nothing was refused',
  };
}

function judgeNotice(
  world: ScenarioWorld,
  { of, reaches, doorbell }: Extract<Expectation, { kind: 'notice' }>,
): Verdict {
  const request = world.find(of);
  const home = world.home(doorbell);
  const has = home.messages.some(
    (message) =>
      (message.kind === 'notice' && message.notice.request.jti === request?.id) ||
      (message.kind === 'sighting' && message.sighting.request.jti === request?.id),
  );
  const word = (is: boolean) => (is ? 'the owner was asked' : 'the owner was not asked');
  return plain(`${of} at ${home.name}`, word(reaches), word(has));
}

const LEVELS = ['info', 'warn', 'error'] as const;

function judgeLog({ noneAbove }: Extract<Expectation, { kind: 'log' }>, { log }: Happened): Verdict {
  const limit = LEVELS.indexOf(noneAbove);
  const loud = log.filter(({ level }) => LEVELS.indexOf(level) > limit);
  return {
    what: 'log',
    isMet: loud.length === 0,
    expected: `nothing above ${noneAbove}`,
    actual:
      loud
        .slice(0, 5)
        .map(({ level, message }) => `${level}: ${message}`)
        .join('; ') || 'nothing',
  };
}

/** Footage consists of whole GOPs, so it may begin earlier and end later than requested. */
const GROUP_US = 2_000_000;

async function judgeRing(world: ScenarioWorld, home: ScenarioHome, span: Span | null): Promise<Verdict> {
  const { ring } = await home.doorbell.session.state();
  const held = ring.coverage.map(({ startUs, endUs }) => ({
    fromUs: startUs - world.scenario.startUs,
    toUs: endUs - world.scenario.startUs,
  }));
  const show = (spans: readonly Span[]) =>
    spans.map(({ fromUs, toUs }) => `${seconds(fromUs)} to ${seconds(toUs)}`).join(', ') || 'nothing';
  const [only] = held;
  const isMet =
    span === null
      ? held.length === 0
      : held.length === 1 &&
        only !== undefined &&
        Math.abs(only.fromUs - span.fromUs) <= GROUP_US &&
        Math.abs(only.toUs - span.toUs) <= GROUP_US;
  return {
    what: `footage of ${home.name}`,
    isMet,
    expected: span === null ? 'nothing' : show([span]),
    actual: show(held),
  };
}

/** A nested value, by its dotted path. */
function valueAt(from: unknown, path: string): PlainValue | undefined {
  let value = from;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return isPlain ? (value as PlainValue) : undefined;
}
