// Owns: a media file as a camera: probed once, read at its own pace or fast, once or again and again.
// Not here: how it is probed (probe.ts) and sniffed (sniff.ts).
import { type CapturePlan, pacedFileInput } from './capture-plan.ts';
import { type FileFacts, probeFile } from './probe.ts';
import { type RunEvidence, replan } from './replan.ts';
import type { DriverContext, RunInput, SourceDriver } from './source-driver.ts';
import type { FileSource } from './sources.ts';
import { KnownTimeline } from './timeline.ts';

/** Runs that fail one after the other before a file is given up. */
const RETRIES_MAX = 4;

export class FileDriver implements SourceDriver {
  readonly policy;
  readonly live = false;
  readonly unchanging = true;
  private readonly source: FileSource;
  private readonly context: DriverContext;
  private facts: FileFacts | null = null;
  private plan: CapturePlan | null = null;
  private anchorUs: number | null = null;

  constructor(source: FileSource, context: DriverContext) {
    this.source = source;
    this.context = context;
    // Read once, it may break the program at the same place each time; read again and again, it stands in for a camera.
    this.policy = source.loop
      ? ({ atEnd: 'again', retriesMax: RETRIES_MAX, forgiveAfter: 1 } as const)
      : ({ atEnd: 'ended', retriesMax: RETRIES_MAX, forgiveAfter: null } as const);
  }

  async open(signal: AbortSignal, deliveredUntilUs: number): Promise<RunInput> {
    const { ffmpeg, clock } = this.context;
    this.anchorUs ??= clock.wallUs();
    this.facts ??= await probeFile(ffmpeg, this.source, { clock, signal });
    this.plan ??= this.facts.plan;
    const { path, pace } = this.source;
    // Read fast, a file's end lies at the moment the capture began: no footage is dated into the future, and a run that
    // takes over from a broken one finds the same places in wall time.
    const { durationUs, container } = this.facts;
    const startUs = durationUs === null ? null : this.anchorUs - durationUs;
    return {
      inputs: [pacedFileInput(path, container, pace, ffmpeg)],
      plan: this.plan,
      timeline: () => new KnownTimeline(startUs ?? clock.wallUs(), startUs === null),
      skipBeforeUs: startUs === null ? 0 : deliveredUntilUs,
      feed: null,
    };
  }

  learn(evidence: RunEvidence): boolean {
    const better = this.plan && replan(this.plan, evidence);
    this.plan = better ?? this.plan;
    return better !== null;
  }

  explain(): null {
    return null;
  }
}
