// Owns: the states of a camera and what each input leads to, pure: no clock, no process, no randomness.
// Not here: performing the effects (capture.ts).
import { unreachable } from '@doorsill/contract/assert';

/** What is different between kinds of sources. */
export interface CapturePolicy {
  /** A camera that ends is gone (RTSP); a file that ends has ended, or begins again. */
  readonly atEnd: 'lost' | 'ended' | 'again';
  /** Failures in a row that are tried again before the camera has proven itself; null: for ever. */
  readonly retriesMax: number | null;
  /**
   * Segments of one run that prove a camera; null: only a run that completes does. From then on it is never given up: a
   * machine that sleeps or is busy, a cable that is pulled, are no reason to stay without it.
   */
  readonly forgiveAfter: number | null;
}

/** How many runs failed in a row; null once the camera has proven itself, for they do not count any more. */
type Failures = number | null;

export type CaptureState =
  | { readonly name: 'off' }
  /** A run is on its way; no segment yet. */
  | { readonly name: 'starting'; readonly failures: Failures }
  | { readonly name: 'recording'; readonly failures: Failures; readonly segments: number }
  /** Nothing came for too long; the run is being ended. */
  | { readonly name: 'stalled'; readonly failures: Failures }
  /** Waiting before, or trying, to find the camera again. */
  | { readonly name: 'lost'; readonly failures: Failures; readonly trying: boolean }
  | { readonly name: 'ended' }
  | { readonly name: 'failed' };

export type CaptureInput =
  | { readonly type: 'start' }
  | { readonly type: 'segment' }
  | { readonly type: 'stall'; readonly detail: string }
  /** `complete`: to its end. `broken`: crashed, refused, cut. `replan`: needs another plan. `hopeless`: no use in retrying, unless it has worked. */
  | {
      readonly type: 'run-ended';
      readonly how: 'complete' | 'broken' | 'replan' | 'hopeless';
      readonly detail: string;
    }
  | { readonly type: 'retry' }
  | { readonly type: 'stop' };

export type CaptureEffect =
  | { readonly do: 'run' }
  | { readonly do: 'end-run' }
  | { readonly do: 'wait' }
  /** Tell the state to the outside. `failures` is set when the camera is given up. */
  | { readonly do: 'report'; readonly detail?: string; readonly failures?: number }
  /** The input has no meaning in this state. */
  | { readonly do: 'reject'; readonly input: CaptureInput['type'] };

export interface CaptureStep {
  readonly state: CaptureState;
  readonly effects: readonly CaptureEffect[];
}

/** The state a camera is in before it is started. */
export const CAPTURE_OFF: CaptureState = { name: 'off' };

/** The next state and what to do, for every input in every state. */
export function nextCapture(policy: CapturePolicy, state: CaptureState, input: CaptureInput): CaptureStep {
  const rejected: CaptureStep = { state, effects: [{ do: 'reject', input: input.type }] };
  switch (input.type) {
    case 'start':
      if (state.name !== 'off' && state.name !== 'ended' && state.name !== 'failed') return rejected;
      return { state: { name: 'starting', failures: 0 }, effects: [{ do: 'report' }, { do: 'run' }] };
    case 'segment':
      return onSegment(policy, state) ?? rejected;
    case 'stall':
      if (state.name !== 'starting' && state.name !== 'recording' && !isTrying(state)) return rejected;
      return {
        state: { name: 'stalled', failures: state.failures },
        effects: [{ do: 'report', detail: input.detail }, { do: 'end-run' }],
      };
    case 'run-ended':
      return onRunEnded(policy, state, input) ?? rejected;
    case 'retry':
      if (state.name !== 'lost' || state.trying) return rejected;
      return { state: { ...state, trying: true }, effects: [{ do: 'run' }] };
    case 'stop':
      if (state.name === 'off') return rejected;
      return { state: CAPTURE_OFF, effects: [{ do: 'end-run' }, { do: 'report' }] };
    default:
      return unreachable(input);
  }
}

function isTrying(state: CaptureState): state is Extract<CaptureState, { name: 'lost' }> {
  return state.name === 'lost' && state.trying;
}

function onSegment(policy: CapturePolicy, state: CaptureState): CaptureStep | null {
  const count = (segments: number, before: Failures): CaptureState => {
    const isProven = policy.forgiveAfter !== null && segments >= policy.forgiveAfter;
    return { name: 'recording', failures: isProven ? null : before, segments };
  };
  if (state.name === 'starting' || isTrying(state)) {
    return { state: count(1, state.failures), effects: [{ do: 'report' }] };
  }
  // What was in the pipes when a stall was declared still counts as footage.
  if (state.name === 'stalled') return { state, effects: [] };
  return state.name === 'recording' ? { state: count(state.segments + 1, state.failures), effects: [] } : null;
}

function onRunEnded(
  policy: CapturePolicy,
  state: CaptureState,
  input: Extract<CaptureInput, { type: 'run-ended' }>,
): CaptureStep | null {
  if (state.name !== 'starting' && state.name !== 'recording' && state.name !== 'stalled' && !isTrying(state))
    return null;
  if (input.how === 'hopeless' && state.failures !== null) {
    return { state: { name: 'failed' }, effects: [{ do: 'report', detail: input.detail }] };
  }
  if (input.how === 'replan') {
    return { state: { name: 'starting', failures: state.failures }, effects: [{ do: 'run' }] };
  }
  if (input.how === 'complete' && policy.atEnd !== 'lost' && state.name !== 'stalled') {
    return policy.atEnd === 'ended'
      ? { state: { name: 'ended' }, effects: [{ do: 'report' }] }
      : { state: { name: 'starting', failures: null }, effects: [{ do: 'run' }] };
  }
  const failures = state.failures === null ? null : state.failures + 1;
  if (failures !== null && policy.retriesMax !== null && failures > policy.retriesMax) {
    return { state: { name: 'failed' }, effects: [{ do: 'report', detail: input.detail, failures }] };
  }
  // A camera that stays away is reported once, not at every try.
  const report: CaptureEffect[] = state.name === 'lost' ? [] : [{ do: 'report', detail: input.detail }];
  return { state: { name: 'lost', failures, trying: false }, effects: [...report, { do: 'wait' }] };
}
