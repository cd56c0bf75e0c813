// Applies the faults of access units: lost, repeated, late, reordered, damaged, wrongly timed.

import type { Timer } from '@doorsill/base/clock';
import { integerBelow, type Random } from '@doorsill/base/random';
import { concatBytes } from '@doorsill/contract/bytes';
import { NAL, nalType } from '@doorsill/contract/media/nal';
import { type AccessUnit, hiddenText, isParameterSet, jpegOf } from './access-units.ts';
import type { FaultName } from './fault-table.ts';
import type { FaultSet } from './faults.ts';

export interface UnitFaultDeps {
  readonly faults: FaultSet;
  readonly random: Random;
  /** Calls back after `us` microseconds. */
  later(us: number, call: () => void): Timer;
  /** Sends a unit to the servers. */
  send(unit: AccessUnit): void;
}

/** NAL units 1 to 5 are slices, which contain the picture (ITU-T H.264 Table 7-1). */
const isSlice = (nal: Uint8Array) => nalType(nal) >= NAL.slice && nalType(nal) <= NAL.idrSlice;

/** Bytes at the start of a slice that stay intact, so that its type can still be read. */
const HEAD_BYTES = 16;

/** Takes every unit in order, and sends what the faults leave of it. */
export class UnitFaults {
  private readonly deps: UnitFaultDeps;
  /** Accumulated drift of the camera's clock. */
  private driftUs = 0;
  private driftedAtUs = 0;
  /** `reordered-frames`: a picture that is sent after the next one. */
  private overtaken: AccessUnit | null = null;
  /** `stutter`: the units overtaken back until the end of the interval. */
  private burst: AccessUnit[] = [];
  /** When the last delayed unit of each track is sent. */
  private readonly outUs = { video: Number.NEGATIVE_INFINITY, audio: Number.NEGATIVE_INFINITY };
  private readonly timers = new Set<Timer>();

  constructor(deps: UnitFaultDeps) {
    this.deps = deps;
  }

  take(unit: AccessUnit): void {
    if (this.isLost(unit)) return;
    const changed = this.damaged(this.retimed(this.rewritten(unit)));
    if (this.isStuttering(changed)) return;
    const lateUs = this.value('late-frames', unit);
    // Units after the end of `late-frames` do not overtake the delayed ones.
    const before = this.outUs[unit.track];
    const outUs = Math.max(before, lateUs === null ? unit.dueUs : unit.dueUs + Number(lateUs));
    if (lateUs !== null) this.outUs[unit.track] = outUs;
    if (outUs <= unit.dueUs) this.sendInOrder(changed);
    else this.later(outUs - unit.dueUs, () => this.sendInOrder(changed));
  }

  /** Cancels delayed units. */
  stop(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private value(name: FaultName, { dueUs }: AccessUnit): number | string | null {
    return this.deps.faults.at(name, dueUs)?.value ?? null;
  }

  /** Whether a fault that hits a share of all pictures hits this one. */
  private isHit(name: FaultName, unit: AccessUnit): boolean {
    if (unit.track !== 'video') return false;
    const share = this.value(name, unit);
    return typeof share === 'number' && this.deps.random.fraction() < share;
  }

  private isLost(unit: AccessUnit): boolean {
    if (this.value('gap', unit) !== null) return true;
    if (unit.track === 'audio') return this.value('no-sound', unit) !== null;
    return (unit.key && this.value('lost-keyframes', unit) !== null) || this.isHit('lost-frames', unit);
  }

  /** Applies `hidden-text` and `sets-once`. */
  private rewritten(unit: AccessUnit): AccessUnit {
    if (unit.track !== 'video' || jpegOf(unit)) return unit;
    const text = this.value('hidden-text', unit);
    const isSilent = this.value('sets-once', unit) !== null;
    if (text === null && !isSilent) return unit;
    const kept = isSilent ? unit.parts.filter((nal) => !isParameterSet(nal)) : unit.parts;
    const sets = kept.filter(isParameterSet);
    const rest = kept.filter((nal) => !isParameterSet(nal));
    return { ...unit, parts: [...sets, ...(text === null ? [] : [hiddenText(String(text))]), ...rest] };
  }

  /** Applies the faults of timestamps. */
  private retimed(unit: AccessUnit): AccessUnit {
    const drift = this.deps.faults.at('clock-drift', unit.dueUs);
    if (drift) {
      const sinceUs = Math.max(0, unit.dueUs - Math.max(drift.fromUs, this.driftedAtUs));
      this.driftUs += (sinceUs * Number(drift.value)) / 1_000_000;
      this.driftedAtUs = Math.max(this.driftedAtUs, unit.dueUs);
    }
    const stuck = unit.track === 'video' ? this.deps.faults.at('stuck-clock', unit.dueUs) : null;
    if (stuck) return { ...unit, ptsUs: stuck.fromUs, dtsUs: stuck.fromUs };
    const jumpUs = Number(this.value('pts-jump', unit) ?? 0);
    const soundUs = unit.track === 'audio' ? Number(this.value('sound-off', unit) ?? 0) : 0;
    const byUs = Math.round(this.driftUs) + jumpUs + soundUs;
    return byUs === 0 ? unit : { ...unit, ptsUs: unit.ptsUs + byUs, dtsUs: unit.dtsUs + byUs };
  }

  private damaged(unit: AccessUnit): AccessUnit {
    if (this.isHit('cut-frames', unit)) {
      return {
        ...unit,
        parts: unit.parts.map((nal) => (isSlice(nal) ? nal.slice(0, Math.ceil(nal.length / 2)) : nal)),
      };
    }
    if (this.isHit('flipped-bits', unit)) {
      return { ...unit, parts: unit.parts.map((nal) => (isSlice(nal) ? this.flipped(nal) : nal)) };
    }
    return unit;
  }

  /** Flips bits of a slice behind its head. Bytes up to 3 are neither changed nor made, since they could form a start code. */
  private flipped(nal: Uint8Array): Uint8Array {
    if (nal.length <= HEAD_BYTES) return nal;
    const body = nal.slice(HEAD_BYTES);
    for (let left = 4; left > 0; left -= 1) {
      const at = integerBelow(this.deps.random, body.length);
      const byte = (body[at] ?? 0) ^ (1 << integerBelow(this.deps.random, 8));
      if ((body[at] ?? 0) > 3 && byte > 3) body[at] = byte;
    }
    return concatBytes([nal.subarray(0, HEAD_BYTES), body]);
  }

  private isStuttering(unit: AccessUnit): boolean {
    const fault = this.deps.faults.at('stutter', unit.dueUs);
    if (!fault) {
      this.sendBurst();
      return false;
    }
    const first = this.burst[0];
    this.burst.push(unit);
    if (first && unit.dueUs - first.dueUs >= Number(fault.value)) this.sendBurst();
    return true;
  }

  private sendBurst(): void {
    for (const unit of this.burst.splice(0)) this.sendInOrder(unit);
  }

  private sendInOrder(unit: AccessUnit): void {
    const { overtaken } = this;
    if (overtaken) {
      this.deps.send(unit);
      if (unit.track === 'video') {
        this.overtaken = null;
        this.deps.send(overtaken);
      }
    } else if (this.isHit('reordered-frames', unit)) {
      this.overtaken = unit;
    } else {
      this.deps.send(unit);
      if (this.isHit('duplicate-frames', unit)) this.deps.send(unit);
    }
  }

  private later(us: number, call: () => void): void {
    const timer = this.deps.later(us, () => {
      this.timers.delete(timer);
      call();
    });
    this.timers.add(timer);
  }
}
