// Owns: the states of a camera and what each happening leads to, pure: no clock, no process, no randomness.
// Not here: performing the effects (capture.ts).
import { unreachable } from '../base/assert.ts';

/** What is different between kinds of sources. */
export interface CapturePolicy {
  /** A camera that ends is gone (RTSP); a file that ends has ended, or begins again. */
  readonly atEnd: 'lost' | 'ended' | 'again';
  /** Failures in a row that are tried again; null: for ever. */
  readonly retriesMax: number | null;
  /** Segments of one run after which earlier failures are forgotten; null: only a run that completes does. */
  readonly forgiveAfter: number | null;
}

export type CaptureState =
  | { readonly name: 'off' }
  /** A run is on its way; no segment yet. */
  | { readonly name: 'starting'; readonly failures: number }
  | { readonly name: 'recording'; readonly failures: number; readonly segments: number }
  /** Nothing came for too long; the run is being ended. */
  | { readonly name: 'stalled'; readonly failures: number }
  /** Waiting before, or trying, to find the camera again. */
  | { readonly name: 'lost'; readonly failures: number; readonly trying: boolean }
  | { readonly name: 'ended' }
  | { readonly name: 'failed' };

export type CaptureInput =
  | { readonly type: 'start' }
  | { readonly type: 'segment' }
  | { readonly type: 'stall'; readonly detail: string }
  /** `complete`: to its end. `broken`: crashed, refused, cut. `replan`: to be run otherwise. `hopeless`: no use in trying again. */
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
  if (state.name === 'starting' || isTrying(state)) {
    return { state: { name: 'recording', failures: state.failures, segments: 1 }, effects: [{ do: 'report' }] };
  }
  // What was in the pipes when a stall was called still counts as footage.
  if (state.name === 'stalled') return { state, effects: [] };
  if (state.name !== 'recording') return null;
  const segments = state.segments + 1;
  const forgiven = policy.forgiveAfter !== null && segments >= policy.forgiveAfter;
  return { state: { ...state, segments, failures: forgiven ? 0 : state.failures }, effects: [] };
}

function onRunEnded(
  policy: CapturePolicy,
  state: CaptureState,
  input: Extract<CaptureInput, { type: 'run-ended' }>,
): CaptureStep | null {
  if (state.name !== 'starting' && state.name !== 'recording' && state.name !== 'stalled' && !isTrying(state))
    return null;
  if (input.how === 'hopeless') {
    return { state: { name: 'failed' }, effects: [{ do: 'report', detail: input.detail }] };
  }
  if (input.how === 'replan') {
    return { state: { name: 'starting', failures: state.failures }, effects: [{ do: 'run' }] };
  }
  if (input.how === 'complete' && policy.atEnd !== 'lost' && state.name !== 'stalled') {
    return policy.atEnd === 'ended'
      ? { state: { name: 'ended' }, effects: [{ do: 'report' }] }
      : { state: { name: 'starting', failures: 0 }, effects: [{ do: 'run' }] };
  }
  const failures = state.failures + 1;
  if (policy.retriesMax !== null && failures > policy.retriesMax) {
    return { state: { name: 'failed' }, effects: [{ do: 'report', detail: input.detail, failures }] };
  }
  // A camera that stays away is reported once, not at every try.
  const report: CaptureEffect[] = state.name === 'lost' ? [] : [{ do: 'report', detail: input.detail }];
  return { state: { name: 'lost', failures, trying: false }, effects: [...report, { do: 'wait' }] };
}
