// The permit to cut a clip for its owner before anything is granted: clip/ accepts it in place of a live grant, upload/ does not.
// Only consent/gate.ts may call `mintLivePreview`; a test holds that rule.
import { failure } from '@doorsill/contract/errors';
import type { Grant } from '@doorsill/contract/owner-orders';
import { assertLiveGrant, type LiveGrant } from './live-grant.ts';

/** The terms that a clip is cut to. */
export type CutTerms = Pick<Grant, 'window' | 'audio' | 'zones' | 'byteLimit'>;

/** The request that a grant would answer, and its terms. */
export interface PreviewTerms extends CutTerms {
  request: string;
}

/** The permit that all work on a clip's footage requires. */
export type CutPermit = LiveGrant | LivePreview;

const minted = new WeakSet<object>();

/** A permit for a clip that only its owner may look at. */
export class LivePreview {
  readonly id: string;
  readonly cut: Readonly<PreviewTerms>;
  private readonly ended: AbortSignal;

  private constructor(id: string, cut: PreviewTerms, signal: AbortSignal) {
    this.id = id;
    this.cut = Object.freeze({ ...cut });
    this.ended = signal;
    Object.freeze(this);
  }

  /** Aborted, with a `preview_ended` failure as reason, the moment the preview ends. */
  get signal(): AbortSignal {
    return this.ended;
  }

  /** Throws `preview_ended` unless work for this preview may continue. */
  assertAlive(): void {
    if (!minted.has(this)) throw failure('preview_ended', { detail: 'it was not made by the gate' });
    this.ended.throwIfAborted();
  }

  /** For the gate alone. */
  static mint(id: string, cut: PreviewTerms, signal: AbortSignal): LivePreview {
    const preview = new LivePreview(id, cut, signal);
    minted.add(preview);
    return preview;
  }
}

/** For the gate alone: makes a live preview; `end` ends it permanently. */
export function mintLivePreview(id: string, cut: PreviewTerms): { live: LivePreview; end: (detail: string) => void } {
  const controller = new AbortController();
  const live = LivePreview.mint(id, cut, controller.signal);
  return { live, end: (detail) => controller.abort(failure('preview_ended', { detail })) };
}

/** Run-time guard of every function that cuts footage: refuses objects that the gate did not make. */
export function assertCutPermit(value: unknown): asserts value is CutPermit {
  if (typeof value === 'object' && value !== null && minted.has(value)) (value as LivePreview).assertAlive();
  else assertLiveGrant(value);
}

/** The same for a preview. */
export function assertLivePreview(value: unknown): asserts value is LivePreview {
  if (typeof value !== 'object' || value === null || !minted.has(value)) {
    throw failure('preview_ended', { detail: 'it was not made by the gate' });
  }
  (value as LivePreview).assertAlive();
}
