// Tracks the active parameter sets of a stream, and those that a clip's copied frames use, so that one avcC can hold all of them.
import { equalBytes } from '@doorsill/contract/bytes';
import { failure } from '@doorsill/contract/errors';
import type { AvcConfig } from '@doorsill/contract/media/avc-config';
import { NAL, nalType } from '@doorsill/contract/media/nal';
import { type Pps, parsePps, parseSps, type Sps } from '@doorsill/contract/media/parameter-sets';

/** No camera uses more sets in one clip. */
const SETS_MAX = 64;

/** The sets that one frame's slices refer to. */
export interface FrameSets {
  sps: Sps;
  pps: Pps[];
}

/** The active parameter sets: those of the init segment, replaced by those that arrive with frames (H.264 §7.4.1.2.1). */
export class ActiveParameterSets {
  private readonly spsById = new Map<number, Sps>();
  private readonly ppsById = new Map<number, Pps>();

  /** Starts over with an init segment's sets. */
  open(config: AvcConfig): void {
    this.spsById.clear();
    this.ppsById.clear();
    this.take([...config.sps, ...config.pps]);
  }

  /** Takes a frame's own sets. Throws `clip_not_exact` when one is malformed. */
  take(units: readonly Uint8Array[]): void {
    for (const unit of units) {
      if (nalType(unit) === NAL.sps) {
        const sps = parseSps(unit);
        const known = this.spsById.get(sps.id);
        if (!known || !equalBytes(known.bytes, unit)) this.spsById.set(sps.id, sps);
      } else {
        const pps = parsePps(unit, (spsId) => this.spsById.get(spsId)?.chromaFormat ?? 1);
        const known = this.ppsById.get(pps.id);
        if (!known || !equalBytes(known.bytes, unit)) this.ppsById.set(pps.id, pps);
      }
    }
  }

  /** All active sets, sequence sets first: a decoder needs them before the next frame. */
  all(): Uint8Array[] {
    return [...this.spsById.values(), ...this.ppsById.values()].map((set) => set.bytes);
  }

  /** The lowest id that no active set uses, or null. */
  freeId(): number | null {
    return lowestFree(this.spsById, this.ppsById);
  }

  /** The sets that a frame's slices refer to. Throws `clip_not_exact` when one is missing, or when they refer to several SPS. */
  of(ppsIds: readonly number[]): FrameSets {
    const pps = ppsIds.map((id) => this.ppsById.get(id) ?? missing());
    const sps = this.spsById.get(pps[0]?.spsId ?? -1) ?? missing();
    if (pps.some((other) => other.spsId !== sps.id)) missing();
    return { sps, pps };
  }
}

function missing(): never {
  throw failure('clip_not_exact', { detail: 'a frame refers to a missing parameter set' });
}

/** Collects the sets that copied frames use. */
export class UsedSets {
  readonly sps = new Map<number, Sps>();
  readonly pps = new Map<number, Pps>();
  /** Whether two different sets have the same id: one avcC cannot hold both. */
  collision = false;

  add(sets: FrameSets): void {
    this.collision ||= !keep(this.sps, sets.sps);
    for (const pps of sets.pps) this.collision ||= !keep(this.pps, pps);
    if (this.sps.size + this.pps.size > SETS_MAX)
      throw failure('clip_not_exact', { detail: 'too many parameter sets' });
  }

  /** The lowest id that neither a sequence nor a picture parameter set uses, or null. */
  freeId(): number | null {
    return lowestFree(this.sps, this.pps);
  }

  /** Whether a set of either kind has this id. */
  has(id: number): boolean {
    return this.sps.has(id) || this.pps.has(id);
  }
}

/** The lowest id from 0 to 31, the ids of a sequence parameter set, that no set of either kind uses. */
function lowestFree(sps: ReadonlyMap<number, Sps>, pps: ReadonlyMap<number, Pps>): number | null {
  for (let id = 0; id <= 31; id += 1) if (!sps.has(id) && !pps.has(id)) return id;
  return null;
}

/** Adds a set, unless it is there; false if a different set has its id. */
function keep<Kept extends { id: number; bytes: Uint8Array }>(into: Map<number, Kept>, set: Kept): boolean {
  const known = into.get(set.id);
  if (known === set) return true;
  if (known) return equalBytes(known.bytes, set.bytes);
  // A copy, because the set is a view that would keep a whole segment in memory.
  into.set(set.id, { ...set, bytes: set.bytes.slice() });
  return true;
}

/** Whether a smart cut can put its encoded head (the frames up to the next keyframe) in front of copied frames with these sets. */
export function canJoinEncodedHead(sets: FrameSets): boolean {
  const { sps, pps } = sets;
  return (
    [66, 77, 100].includes(sps.profileIdc) &&
    sps.chromaFormat === 1 &&
    sps.bitDepthLuma === 8 &&
    sps.bitDepthChroma === 8 &&
    sps.progressive &&
    sps.clean &&
    pps.every((each) => each.clean && !each.sliceGroups && !each.redundant)
  );
}
