// The driver of a network camera (RTSP). Each ffmpeg run has one connection to the camera, through a relay of ours. What a run reveals
// about the camera's streams improves the plan of the next: which streams are copied and which are encoded.
import { lookup } from 'node:dns/promises';
import { createConnection, isIP } from 'node:net';
import type { Clock } from '@doorsill/base/clock';
import { systemCode } from '@doorsill/base/disk';
import { type Failure, failure } from '@doorsill/contract/errors';
import { type CapturePlan, rtspInput } from './ffmpeg-capture-command.ts';
import { type RunEvidence, replan } from './replan-capture.ts';
import { RtspRelay } from './rtsp-relay.ts';
import type { DriverContext, RunInput, SourceDriver, SourceKind, Tried } from './source-interfaces.ts';
import { type Shown, type SourceDefaults, shownAs, unsupported } from './source-options.ts';
import { ArrivalTimeline } from './source-timeline.ts';

/** `url` may hold credentials: only ffmpeg gets it. */
export interface RtspSource extends Shown {
  readonly kind: 'rtsp';
  readonly url: URL;
}

export class RtspDriver implements SourceDriver {
  readonly policy = { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 } as const;
  readonly live = true;
  readonly unchanging = false;
  private readonly source: RtspSource;
  private readonly clock: Clock;
  private plan: CapturePlan;
  private relay: RtspRelay | null = null;

  constructor(source: RtspSource, { clock }: Pick<DriverContext, 'clock'>) {
    this.source = source;
    this.clock = clock;
    // The first run copies, which fits most cameras (H.264 and AAC); other cameras reveal their streams in that run.
    this.plan = {
      video: 'copy',
      audio: source.audio ? 'copy' : 'none',
      videoStream: '0:v:0',
      audioStream: '0:a:0?',
    };
  }

  async open(): Promise<RunInput> {
    const relay = new RtspRelay(await addressOf(this.source), this.clock);
    this.relay = relay;
    const url = new URL(this.source.url);
    url.host = `127.0.0.1:${await relay.start()}`;
    return {
      inputs: [rtspInput(url.href)],
      release: () => relay.stop(),
      plan: this.plan,
      timeline: () => new ArrivalTimeline(null),
      skipBeforeUs: 0,
      feed: null,
      packets: relay.packets,
    };
  }

  learn(evidence: RunEvidence): boolean {
    // A run without segments may be the network's fault, so it proves nothing about the streams.
    const better = replan(this.plan, { ...evidence, barren: false });
    this.plan = better ?? this.plan;
    return better !== null;
  }

  explain(detail: string): Failure {
    const jumpUs = this.relay?.packets.jumpUs ?? null;
    if (jumpUs !== null) {
      const way = jumpUs < 0 ? 'back' : 'forward';
      const jump = `it jumped ${way} by ${(Math.abs(jumpUs) / 1_000_000).toFixed(1)} s`;
      return failure('camera_clock_wrong', { source: this.source.shown, detail: jump });
    }
    // The relay knows more than ffmpeg, for which the connection just ended.
    return failure('camera_unreachable', { source: this.source.shown, detail: this.relay?.fault ?? detail });
  }
}

/** RFC 2326 §3.2. */
const RTSP_PORT = 554;

/** The source's IP address and port. Throws `camera_unreachable` when the host name cannot be resolved. */
async function addressOf(source: RtspSource): Promise<{ host: string; port: number }> {
  const { hostname, port } = source.url;
  const place = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? RTSP_PORT : Number(port) };
  if (isIP(place.host) !== 0) return place;
  try {
    const { address } = await lookup(place.host);
    return { ...place, host: address };
  } catch (thrown) {
    const detail = `its host name cannot be resolved (${systemCode(thrown) ?? 'unknown'})`;
    throw failure('camera_unreachable', { source: source.shown, detail }, thrown);
  }
}

function parse(text: string, defaults: SourceDefaults): RtspSource | null {
  if (!/^rtsp:\/\//i.test(text)) return null;
  // White space is refused because ffmpeg would parse the address differently.
  const url = URL.canParse(text) && !/\s/.test(text) ? new URL(text) : null;
  if (url?.protocol !== 'rtsp:' || url.hostname === '' || url.hash !== '') throw unsupported(text);
  const shown = shownAs(`rtsp://${url.host}${url.pathname}`);
  return { kind: 'rtsp', url, audio: defaults.audio ?? true, shown };
}

const CONNECT_MS_MAX = 4_000;

async function tryOnce(source: RtspSource, { clock }: DriverContext): Promise<Tried> {
  const { hostname, port } = source.url;
  const detail = await connectFault(clock, hostname.replace(/^\[|\]$/g, ''), Number(port) || RTSP_PORT);
  if (detail !== null) throw failure('camera_unreachable', { source: source.shown, detail });
  return { gives: 'its port answers', troubles: [] };
}

/** Why no connection can be made; null if one can. */
function connectFault(clock: Clock, host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (fault: string | null) => {
      timer.cancel();
      socket.destroy();
      resolve(fault);
    };
    const timer = clock.after(CONNECT_MS_MAX, () => end(`no answer within ${CONNECT_MS_MAX / 1_000} s`));
    socket.once('connect', () => end(null));
    socket.once('error', (thrown) => end(systemCode(thrown) ?? thrown.message));
  });
}

export const rtspKind: SourceKind<RtspSource> = {
  help: '  rtsp://HOST/PATH     a network camera            none: what follows the ? belongs to the camera',
  parse,
  open: (source, context) => new RtspDriver(source, context),
  tryOnce,
};
