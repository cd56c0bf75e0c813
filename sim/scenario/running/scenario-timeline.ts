// A scenario as a report's timeline.
import { beganBy, replayedEvents } from '../../replay/replay-truth.ts';
import type { TestTimeline } from '../../report/run-report.ts';
import type { MatchResult } from '../../truth/match-events.ts';
import type { ScenarioHome } from './scenario-home.ts';
import type { ScenarioWorld } from './scenario-world.ts';
import type { StepDone } from './step-times.ts';

/** The report's timeline of a scenario, also of one that was aborted. */
export function timelineOf(
  world: ScenarioWorld,
  steps: readonly StepDone[],
  matches: ReadonlyMap<string, MatchResult>,
): TestTimeline {
  const { startUs, zone } = world.scenario;
  const receipts = world.homes.flatMap((home) =>
    home.messages.flatMap((one) =>
      one.kind === 'receipt' && one.receipt.outcome !== 'command-done'
        ? [{ atUs: startUs + one.publishedUs, text: `${home.name}: ${one.receipt.outcome}`, outcome: 'done' as const }]
        : [],
    ),
  );
  const done = steps.map(({ step, atUs, text, code, detail }) => ({
    atUs: startUs + atUs,
    text,
    outcome: code === null ? ('done' as const) : code === step.fails ? ('refused' as const) : ('failed' as const),
    ...(detail === undefined ? {} : { detail }),
  }));
  return {
    startUs,
    endUs: startUs + world.clock.passedUs,
    ...(zone === undefined ? {} : { zone }),
    cameras: world.homes.map((home) => cameraOf(world, home, matches.get(home.name) ?? null)),
    steps: [...done, ...receipts].sort((a, b) => a.atUs - b.atUs),
  };
}

function cameraOf(
  world: ScenarioWorld,
  home: ScenarioHome,
  match: MatchResult | null,
): TestTimeline['cameras'][number] {
  const { startUs } = world.scenario;
  const events = home.messages.flatMap((message) =>
    message.kind === 'event' ? [{ camera: home.name, event: message.event, publishedUs: message.publishedUs }] : [],
  );
  const found = replayedEvents({ events }, startUs);
  return {
    name: home.name,
    recorded: home.doorbell.kept.map((span) => ({ ...span })),
    events: events.flatMap((noticed): TestTimeline['cameras'][number]['events'] => {
      const { event } = noticed;
      if (event.type === 'event-window') return [{ type: event.type, ...event.window, label: event.cause }];
      if (event.type === 'motion-end' || event.type === 'camera') return [];
      const at = beganBy(found, noticed, startUs);
      const endUs = found[at]?.endUs;
      const verdict = match?.events[at]?.verdict;
      return [
        {
          type: event.type === 'motion-start' ? 'motion' : event.type,
          startUs: event.atUs,
          ...(endUs == null ? {} : { endUs: startUs + endUs }),
          ...(verdict === 'matched' || verdict === 'false' ? { verdict } : {}),
        },
      ];
    }),
    truth: (match?.spans ?? []).map(({ span, verdict }) => ({
      event: span.event,
      startUs: startUs + span.startUs,
      endUs: startUs + span.endUs,
      verdict,
      ...(span.label === undefined ? {} : { label: span.label }),
    })),
    stills: [],
  };
}
