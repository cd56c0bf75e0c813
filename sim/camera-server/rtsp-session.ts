// The RTSP session of one viewer: sends each track's access units as RTP packets, and applies the camera's faults to them.
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Random } from '@doorsill/base/random';
import type { AccessUnit, StreamFormat } from './access-units.ts';
import type { FaultName } from './fault-table.ts';
import type { FaultSet } from './faults.ts';
import { RtpTrack } from './rtp-packets.ts';

/** The stream, as seen by the servers. */
export interface ServedStream {
  /** Resolves when the format is known; earlier viewers wait. */
  readonly ready: Promise<void>;
  readonly faults: FaultSet;
  /** Microseconds since the camera's first picture. */
  nowUs(): number;
  /** What the camera's wall clock, right or wrong, showed `us` after the first picture. */
  wallUs(us: number): number;
  format(): StreamFormat;
}

/** Sends a track's packets. Returns false if the buffer is full. */
export interface PacketWay {
  readonly transport: string;
  rtp(packet: Uint8Array): boolean;
  rtcp(packet: Uint8Array): boolean;
}

/** Interval of sender reports (RFC 3550 §6.2: at least every 5 s). */
const REPORT_US = 5_000_000;
/** A viewer that is silent for longer, in seconds, loses its session. */
export const SESSION_S_MAX = 60;
/** Most packets of one session that wait because of the fault `late-packets`. */
const WAITING_MAX = 10_000;

/** Share of packets that the fault `late-packets` delays. */
const LATE_SHARE = 0.1;

interface SetUpTrack {
  readonly way: PacketWay;
  readonly rtp: RtpTrack;
  reportedUs: number;
}

export class RtspSession {
  readonly id: string;
  private readonly stream: ServedStream;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly tracks = new Map<AccessUnit['track'], SetUpTrack>();
  private readonly timers = new Set<Timer>();
  private isPlaying = false;
  /** Whether nothing is sent before the next keyframe, because the viewer lacks the pictures that others refer to. */
  private waitsForKey = true;
  private lastSeenMs: number;

  constructor(id: string, stream: ServedStream, { clock, random }: { clock: Clock; random: Random }) {
    this.id = id;
    this.stream = stream;
    this.clock = clock;
    this.random = random;
    this.lastSeenMs = clock.monotonicMs();
  }

  get playing(): boolean {
    return this.isPlaying;
  }

  /** Notes that the viewer is alive. */
  touch(): void {
    this.lastSeenMs = this.clock.monotonicMs();
  }

  get isSilent(): boolean {
    return this.clock.monotonicMs() - this.lastSeenMs > SESSION_S_MAX * 1_000;
  }

  setUp(track: AccessUnit['track'], way: PacketWay): void {
    const [ssrc, timestamp, sequence] = [this.number(4), this.number(4), this.number(2)];
    const rtp = new RtpTrack(track, this.stream.format(), { ssrc, timestamp, sequence });
    this.tracks.set(track, { way, rtp, reportedUs: Number.NEGATIVE_INFINITY });
  }

  /** A random number of that many bytes. */
  private number(length: number): number {
    return this.random.bytes(length).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  get hasTracks(): boolean {
    return this.tracks.size > 0;
  }

  ssrcOf(track: AccessUnit['track']): number {
    return this.tracks.get(track)?.rtp.ssrc ?? 0;
  }

  /** Starts to send, at the next keyframe. Returns the value of `RTP-Info` (RFC 2326 §12.33). */
  play(addressOf: (track: AccessUnit['track']) => string): string {
    if (!this.isPlaying) this.waitsForKey = true;
    this.isPlaying = true;
    const nowUs = this.stream.nowUs();
    return [...this.tracks]
      .map(([track, { rtp }]) => `url=${addressOf(track)};seq=${rtp.nextSequence};rtptime=${rtp.timestampOf(nowUs)}`)
      .join(',');
  }

  pause(): void {
    this.isPlaying = false;
  }

  /** Sends a unit. With a video track, sends nothing while the session waits for a keyframe. */
  unit(unit: AccessUnit): void {
    const track = this.tracks.get(unit.track);
    if (!this.isPlaying || !track) return;
    if (this.waitsForKey && this.tracks.has('video')) {
      if (unit.track !== 'video' || !unit.key) return;
      this.waitsForKey = false;
    }
    const nowUs = this.stream.nowUs();
    if (this.fault('half-open') !== null) return;
    if (nowUs - track.reportedUs >= REPORT_US) {
      track.reportedUs = nowUs;
      track.way.rtcp(track.rtp.report(unit.ptsUs, this.stream.wallUs(unit.ptsUs)));
    }
    for (const packet of track.rtp.packets(unit)) this.send(track, packet);
  }

  /** Sends RTCP BYE; nothing follows it. */
  end(): void {
    const nowUs = this.stream.nowUs();
    if (this.isPlaying && this.fault('half-open') === null) {
      for (const { way, rtp } of this.tracks.values()) way.rtcp(rtp.goodbye(nowUs, this.stream.wallUs(nowUs)));
    }
    this.isPlaying = false;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private fault(name: FaultName): number | string | null {
    return this.stream.faults.at(name, this.stream.nowUs())?.value ?? null;
  }

  private send({ way }: SetUpTrack, packet: Uint8Array): void {
    const isHit = (share: number | string | null) => share !== null && this.random.fraction() < Number(share);
    if (isHit(this.fault('lost-packets'))) return;
    const lateUs = this.fault('late-packets');
    const times = isHit(this.fault('duplicate-packets')) ? 2 : 1;
    for (let left = times; left > 0; left -= 1) {
      if (lateUs !== null && isHit(LATE_SHARE) && this.timers.size < WAITING_MAX)
        this.later(Number(lateUs), way, packet);
      else if (!way.rtp(packet)) this.waitsForKey = true;
    }
  }

  private later(us: number, way: PacketWay, packet: Uint8Array): void {
    const timer = this.clock.after(us / 1_000, () => {
      this.timers.delete(timer);
      way.rtp(packet);
    });
    this.timers.add(timer);
  }
}
