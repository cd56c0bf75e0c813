// A camera, a ring and a gate on one clock that is moved by hand: segments have only times; all code that dates, keeps and judges
// them is the product's own.
import { SystemRandom } from '../../device/base/random.ts';
import type { Recording } from '../../device/camera/fragments-to-segments.ts';
import type { Segment } from '../../device/camera/segment.ts';
import { ArrivalTimeline } from '../../device/camera/source-timeline.ts';
import type { Sample } from '../../device/contract/media/fragment.ts';
import type { Window } from '../../device/contract/shared-claims.ts';
import { RingMemory } from '../../device/ring/ring-memory.ts';
import { textClaim } from '../support/parties.ts';
import { bareRecording, NOTHING } from './camera/support/bare-recording.ts';
import { GateRig } from './consent/gate-rig.ts';

const FRAMES_PER_GOP = 15;

/** A segment, and how far its time is from the true one. */
interface Shot {
  segment: Segment;
  errorUs: number;
}

export class Shooting {
  readonly rig: GateRig;
  readonly ring: RingMemory;
  readonly shots: Shot[] = [];
  /** The wall clock if it had never been set. */
  private readonly trueStartUs: number;
  private readonly trueStartMs: number;
  private recording: Recording;
  private ptsUs = 0;
  private revision = 1;

  private constructor(rig: GateRig, trueUs: number) {
    this.rig = rig;
    this.trueStartUs = trueUs;
    this.trueStartMs = rig.clock.monotonicMs();
    const random = new SystemRandom();
    this.ring = new RingMemory({
      clock: rig.clock,
      random,
      bytesMax: 512 * 1024 * 1024,
      retentionS: 3 * 86_400,
      cipher: 'aes-256-gcm',
    });
    this.recording = this.newRecording();
  }

  /** A paired, enrolled device that has just started. `wallUs`: its wall clock; absent: the true time. */
  static async open(wallUs?: number, isSet = true): Promise<Shooting> {
    const rig = await (await GateRig.open()).ready();
    const trueUs = rig.clock.wallUs();
    if (wallUs !== undefined) rig.clock.setWallUs(wallUs, isSet);
    await rig.reboot();
    const shooting = new Shooting(rig, trueUs);
    await shooting.ring.start();
    return shooting;
  }

  async close(): Promise<void> {
    await this.ring.stop();
    await this.rig.close();
  }

  /** The true time. */
  get trueUs(): number {
    return this.trueStartUs + Math.round((this.rig.clock.monotonicMs() - this.trueStartMs) * 1000);
  }

  get wallUs(): number {
    return this.rig.clock.wallUs();
  }

  /** Sets the wall clock. */
  set(wallUs: number): void {
    this.rig.clock.setWallUs(wallUs);
  }

  /** Advances time and records GOPs of `gopS` seconds. `cameraPpm`: by how much the camera's clock runs fast. */
  async shoot(seconds: number, { gopS = 1, cameraPpm = 0 } = {}): Promise<void> {
    for (let shot = 0; shot < seconds; shot += gopS) {
      await this.rig.clock.advance(gopS * 1000);
      const gopUs = gopS * (1_000_000 + cameraPpm);
      const video = this.gop(Math.round(gopUs));
      this.recording.arrived(video);
      const { segment } = this.recording.next(NOTHING, video);
      this.shots.push({ segment, errorUs: segment.endUs - this.trueUs });
      await this.ring.append({ ...segment, init: NOTHING });
    }
    await this.rig.gate.idle();
  }

  /** The outcome of a grant of this window, or the code of its refusal. */
  async grant(window: Window): Promise<string> {
    const { rig } = this;
    rig.footage.covers = this.ring
      .coverage()
      .some((span) => span.startUs < window.endUs && span.endUs > window.startUs);
    rig.footage.isAmbiguous = this.ring.ambiguous(window);
    this.revision += 1;
    await rig.revocations(rig.cast.revocations({ revision: this.revision }));
    const asked = { startUs: window.startUs - 3_600_000_000, endUs: window.endUs + 3_600_000_000 };
    const request = await rig.publish(rig.cast.request({ window: { ...asked, startUs: Math.max(0, asked.startUs) } }));
    const token = rig.cast.grant(request, { window });
    await rig.send('grant', token);
    const receipt = rig.effects.receipts.findLast(({ answers }) => answers === textClaim(token, 'jti'));
    // Ended, so that there is room for the next one.
    if (receipt?.outcome === 'granted') await rig.send('revoke', rig.cast.revoke(token));
    return receipt?.code ?? receipt?.outcome ?? 'no answer';
  }

  /** Segments made since there were `count`. */
  since(count: number): Shot[] {
    return this.shots.slice(count);
  }

  private gop(lengthUs: number): [Sample, ...Sample[]] {
    const frames = FRAMES_PER_GOP;
    const startUs = this.ptsUs;
    this.ptsUs += lengthUs;
    const at = (frame: number) => startUs + Math.round((frame * lengthUs) / frames);
    const sample = (frame: number): Sample => ({
      dts: at(frame),
      pts: at(frame),
      duration: at(frame + 1) - at(frame),
      key: frame === 0,
      offset: 0,
      size: 0,
      data: NOTHING,
    });
    return [sample(0), ...Array.from({ length: frames - 1 }, (_, frame) => sample(frame + 1))];
  }

  private newRecording(): Recording {
    const { clock } = this.rig;
    return bareRecording(clock, new ArrivalTimeline(clock.wallUs()), () => this.rig.gate.clockTrusted);
  }
}
