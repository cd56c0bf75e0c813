// Owns: a camera on the network: its host name resolved here, its plan learnt from its own runs.
// Not here: reconnecting (capture-machine.ts, capture.ts).
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { systemCode } from '../base/disk.ts';
import { type Failure, failure } from '../protocol/errors.ts';
import { type CapturePlan, rtspInput } from './capture-plan.ts';
import { type RunEvidence, replan } from './replan.ts';
import type { RunInput, SourceDriver } from './source-driver.ts';
import type { RtspSource } from './sources.ts';
import { ArrivalTimeline } from './timeline.ts';

export class RtspDriver implements SourceDriver {
  readonly policy = { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 } as const;
  readonly live = true;
  readonly unchanging = false;
  private readonly source: RtspSource;
  private plan: CapturePlan;

  constructor(source: RtspSource) {
    this.source = source;
    // A camera that sends H.264 and AAC, as most do, is copied in its first run; any other shows in it what it sends.
    this.plan = {
      video: 'copy',
      audio: source.audio ? 'copy' : 'none',
      videoStream: '0:v:0',
      audioStream: '0:a:0?',
    };
  }

  async open(): Promise<RunInput> {
    return {
      inputs: [rtspInput(await numericAddress(this.source))],
      plan: this.plan,
      timeline: () => new ArrivalTimeline(null),
      skipBeforeUs: 0,
      feed: null,
    };
  }

  learn(evidence: RunEvidence): boolean {
    // A run without segments may be the network's fault: only what the camera said of its streams counts.
    const better = replan(this.plan, { ...evidence, barren: false });
    this.plan = better ?? this.plan;
    return better !== null;
  }

  explain(detail: string): Failure {
    return failure('camera_unreachable', { source: this.source.shown, detail });
  }
}

/** The source's address with its host as a number. Throws `camera_unreachable` when the name cannot be resolved. */
async function numericAddress(source: RtspSource): Promise<string> {
  const url = new URL(source.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0) {
    try {
      const { address, family } = await lookup(host);
      url.hostname = family === 6 ? `[${address}]` : address;
    } catch (thrown) {
      const detail = `its host name cannot be resolved (${systemCode(thrown) ?? 'unknown'})`;
      throw failure('camera_unreachable', { source: source.shown, detail }, thrown);
    }
  }
  return url.href;
}
