// A replay as a report of one test: each camera's timeline, ground truth, pictures, and differences.
import { makeRunReport, type RunReport, type TestReport, type TimelineCamera } from '../report/run-report.ts';
import type { MatchResult, ReplayedEvent } from '../truth/match-events.ts';
import type { Verdict } from '../truth/verdict.ts';
import { secondsAt } from './event-lines.ts';
import type { KeptStill } from './replay-folder.ts';
import { beganBy, replayedEvents } from './replay-truth.ts';
import type { ReplayPlan, ReplayResult } from './run-replay.ts';

export interface ReportedReplay {
  result: ReplayResult;
  plan: ReplayPlan & { zone: string };
  match: MatchResult | null;
  verdict: Verdict | null;
  stills: readonly KeptStill[];
  /** The command that repeats this run. */
  command: string;
  /** Name and version of this program, and the machine's time at the start. */
  tool: string;
  startedAt: string;
  /** What was replayed, as the user named it. */
  title: string;
}

export function reportOf(replayed: ReportedReplay): RunReport {
  const { result, plan, command } = replayed;
  return makeRunReport({
    tool: replayed.tool,
    command,
    seed: plan.seed,
    startedAt: replayed.startedAt,
    durationMs: result.tookMs,
    tests: [testOf(replayed)],
  });
}

function testOf(replayed: ReportedReplay): TestReport {
  const { result, plan, match, verdict, command } = replayed;
  const broken = result.cameras.filter(({ fault }) => fault !== null);
  const isFailed = broken.length > 0 || verdict?.passed === false;
  return {
    name: replayed.title,
    // Without ground truth nothing is judged, and nothing can pass.
    status: isFailed ? 'failed' : match ? 'passed' : 'skipped',
    durationMs: result.tookMs,
    attempts: 1,
    rerun: command,
    failures: [
      ...broken.map(({ name, fault }) => ({ what: `the footage of ${name} ended early: ${fault}` })),
      ...(verdict?.faults ?? []).map(({ text, wanted, got }) => ({
        what: text,
        expected: String(wanted),
        actual: String(secondsAt(got * 1_000_000)),
      })),
    ],
    notes: match ? [] : ['No ground truth was given: nothing was judged.'],
    timeline: {
      startUs: result.startUs,
      endUs: result.startUs + result.passedUs,
      zone: plan.zone,
      cameras: result.cameras.map(({ name }) => cameraOf(name, replayed)),
      steps: [],
    },
    ...(match ? { score: scoreOf(match) } : {}),
  };
}

function cameraOf(name: string, { result, match, stills }: ReportedReplay): TimelineCamera {
  const { startUs } = result;
  const found = replayedEvents(result, startUs);
  const own = result.events.filter(
    ({ camera, event }) => camera === name && !['motion-end', 'camera'].includes(event.type),
  );
  return {
    name,
    recorded: (result.cameras.find((camera) => camera.name === name)?.recorded ?? []).map((span) => ({
      startUs: startUs + span.startUs,
      endUs: startUs + span.endUs,
    })),
    events: own.map((noticed) => {
      const { event } = noticed;
      if (event.type === 'event-window') return { type: event.type, ...event.window, label: event.cause };
      const at = beganBy(found, noticed, startUs);
      const endUs = found[at]?.endUs;
      const verdict = match?.events[at]?.verdict;
      return {
        type: event.type === 'motion-start' ? 'motion' : event.type,
        startUs: event.atUs,
        ...(endUs == null ? {} : { endUs: startUs + endUs }),
        ...(verdict === 'matched' || verdict === 'false' ? { verdict } : {}),
        ...lateness(found[at], match),
      };
    }),
    truth: (match?.spans ?? [])
      .filter(({ span }) => span.camera === undefined || span.camera === name)
      .map(({ span, verdict }) => ({
        event: span.event,
        startUs: startUs + span.startUs,
        endUs: startUs + span.endUs,
        verdict,
        ...(span.label === undefined ? {} : { label: span.label }),
      })),
    stills: stills.filter(({ camera }) => camera === name).map(({ atUs, caption, file }) => ({ atUs, caption, file })),
  };
}

/** How much later than the truth an event began, if it was the first match of a span. */
function lateness(event: ReplayedEvent | undefined, match: MatchResult | null): { lateByMs?: number } {
  if (!event || !match) return {};
  const found = match.spans.find(
    ({ span, startLateByUs }) =>
      startLateByUs !== null && span.event === event.event && span.startUs + startLateByUs === event.startUs,
  );
  return found?.startLateByUs == null ? {} : { lateByMs: Math.round(found.startLateByUs / 1_000) };
}

function scoreOf({ score }: MatchResult): TestReport['score'] {
  const { precision, recall, delay, matched, missed } = score;
  return {
    precision,
    recall,
    delayMs: delay && { median: secondsAt(delay.medianUs) * 1_000, p90: secondsAt(delay.p90Us) * 1_000 },
    matched,
    missed,
    false: score.false,
  };
}
