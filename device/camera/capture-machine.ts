// A camera's state machine, pure: no clock, no process, no randomness. capture.ts performs the effects.
import { unreachable } from '@doorsill/contract/assert';

/** How kinds of sources differ. */
export interface CaptureFailurePolicy {
  /** What the end of the source means: a camera is lost, a file has ended or is played again. */
  readonly atEnd: 'lost' | 'ended' | 'again';
  /** Consecutive failures that are retried before the camera has proven itself; null: no limit. */
  readonly retriesMax: number | null;
  /**
   * Segments of one run that prove a camera; null: only a completed run does. A proven camera is never given up: the machine may
   * have slept or been busy, a cable may have been pulled.
   */
  readonly forgiveAfter: number | null;
}

/** Consecutive failed runs; null once the camera has proven itself, and they are no longer counted. */
type Failures = number | null;

export type CaptureState =
  | { readonly name: 'off' }
  /** A run has begun; no segment yet. */
  | { readonly name: 'starting'; readonly failures: Failures }
  | { readonly name: 'recording'; readonly failures: Failures; readonly segments: number }
  /** No segment came in time; the run is being ended. */
  | { readonly name: 'stalled'; readonly failures: Failures }
  /** Waiting before, or trying, to find the camera again. */
  | { readonly name: 'lost'; readonly failures: Failures; readonly trying: boolean }
  | { readonly name: 'ended' }
  | { readonly name: 'failed' };

export type CaptureInput =
  | { readonly type: 'start' }
  | { readonly type: 'segment' }
  | { readonly type: 'stall'; readonly detail: string }
  /** `broken`: crashed, refused, cut off. `replan`: needs another plan. `hopeless`: not retried unless the camera has proven itself. */
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
  /** Report the state to the sinks. `failures` is set when the camera is given up. */
  | { readonly do: 'report'; readonly detail?: string; readonly failures?: number }
  /** The input has no meaning in this state. */
  | { readonly do: 'reject'; readonly input: CaptureInput['type'] };

export interface CaptureStep {
  readonly state: CaptureState;
  readonly effects: readonly CaptureEffect[];
}

export const CAPTURE_OFF: CaptureState = { name: 'off' };

/** The next state and its effects, for every input in every state. */
export function nextCapture(policy: CaptureFailurePolicy, state: CaptureState, input: CaptureInput): CaptureStep {
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

function onSegment(policy: CaptureFailurePolicy, state: CaptureState): CaptureStep | null {
  const count = (segments: number, before: Failures): CaptureState => {
    const isProven = policy.forgiveAfter !== null && segments >= policy.forgiveAfter;
    return { name: 'recording', failures: isProven ? null : before, segments };
  };
  if (state.name === 'starting' || isTrying(state)) {
    return { state: count(1, state.failures), effects: [{ do: 'report' }] };
  }
  // Footage that was still in the pipes when the stall was declared is kept.
  if (state.name === 'stalled') return { state, effects: [] };
  return state.name === 'recording' ? { state: count(state.segments + 1, state.failures), effects: [] } : null;
}

function onRunEnded(
  policy: CaptureFailurePolicy,
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
  // A camera that stays lost is reported once, not at every retry.
  const report: CaptureEffect[] = state.name === 'lost' ? [] : [{ do: 'report', detail: input.detail }];
  return { state: { name: 'lost', failures, trying: false }, effects: [...report, { do: 'wait' }] };
}
