import { describe, expect, it } from 'vitest';
import {
  CAPTURE_OFF,
  type CaptureFailurePolicy,
  type CaptureInput,
  type CaptureState,
  nextCapture,
} from '../../../device/camera/capture-machine.ts';

const FILE: CaptureFailurePolicy = { atEnd: 'ended', retriesMax: 2, forgiveAfter: null };
const LOOP: CaptureFailurePolicy = { atEnd: 'again', retriesMax: 2, forgiveAfter: null };
const RTSP: CaptureFailurePolicy = { atEnd: 'lost', retriesMax: null, forgiveAfter: 1 };

const ended = (how: 'complete' | 'broken' | 'replan' | 'hopeless'): CaptureInput => ({
  type: 'run-ended',
  how,
  detail: how,
});
const START: CaptureInput = { type: 'start' };
const SEGMENT: CaptureInput = { type: 'segment' };
const STALL: CaptureInput = { type: 'stall', detail: 'stall' };
const RETRY: CaptureInput = { type: 'retry' };
const STOP: CaptureInput = { type: 'stop' };

/** Runs inputs in order; returns the last state's name and all effects. */
function play(policy: CaptureFailurePolicy, ...inputs: CaptureInput[]): { name: string; did: string[] } {
  let state: CaptureState = CAPTURE_OFF;
  const did: string[] = [];
  for (const input of inputs) {
    const step = nextCapture(policy, state, input);
    state = step.state;
    for (const effect of step.effects) did.push(effect.do === 'report' ? `report ${step.state.name}` : effect.do);
  }
  return { name: state.name, did };
}

describe('the camera machine', () => {
  it('records once its first segment is there, and ends with its file', () => {
    expect(play(FILE, START, SEGMENT, SEGMENT, ended('complete'))).toEqual({
      name: 'ended',
      did: ['report starting', 'run', 'report recording', 'report ended'],
    });
  });

  it('restarts a looped file without a report until it records', () => {
    expect(play(LOOP, START, SEGMENT, ended('complete'), SEGMENT)).toEqual({
      name: 'recording',
      did: ['report starting', 'run', 'report recording', 'run', 'report recording'],
    });
  });

  it('waits before a retry, and gives a file up after its retries', () => {
    const again = [RETRY, ended('broken')];
    const { name, did } = play(FILE, START, SEGMENT, ended('broken'), ...again, ...again);
    expect(name).toBe('failed');
    expect(did.slice(3)).toEqual(['report lost', 'wait', 'run', 'wait', 'run', 'report failed']);
  });

  it('never gives up a network camera, and reports its loss once', () => {
    const tries = Array.from({ length: 50 }, () => [RETRY, ended('broken')]).flat();
    const { name, did } = play(RTSP, START, ended('complete'), ...tries);
    expect(name).toBe('lost');
    expect(did.filter((each) => each.startsWith('report'))).toEqual(['report starting', 'report lost']);
    expect(play(RTSP, START, ended('broken'), RETRY, SEGMENT).name).toBe('recording');
  });

  it('never gives up a proven camera, whatever fails, and reports each loss once', () => {
    const policy: CaptureFailurePolicy = { atEnd: 'ended', retriesMax: 1, forgiveAfter: 2 };
    const stalls = Array.from({ length: 50 }, () => [STALL, ended('broken'), RETRY]).flat();
    const proven = [START, SEGMENT, SEGMENT, ...stalls];
    expect(play(policy, ...proven).name).toBe('lost');
    expect(play(policy, ...proven, SEGMENT).name).toBe('recording');
    expect(play(policy, ...proven, SEGMENT, ended('hopeless'), RETRY, ended('hopeless'), RETRY, SEGMENT).name).toBe(
      'recording',
    );
    expect(play({ ...policy, forgiveAfter: 1 }, START, SEGMENT, ...stalls).name).toBe('lost');
    expect(play({ ...policy, forgiveAfter: 3 }, ...proven).name).toBe('failed');
    const waits = play(policy, ...proven).did;
    expect(waits.filter((each) => each === 'run')).toHaveLength(51);
    expect(waits.filter((each) => each === 'wait')).toHaveLength(50);
  });

  it('counts a looped file as proven once it was read to its end', () => {
    const stalls = Array.from({ length: 9 }, () => [STALL, ended('broken'), RETRY]).flat();
    expect(play(LOOP, START, SEGMENT, ...stalls).name).toBe('failed');
    expect(play(LOOP, START, SEGMENT, ended('complete'), ...stalls).name).toBe('lost');
  });

  it('ends a stalled run and counts its end as a failure, even a clean one', () => {
    expect(play(FILE, START, SEGMENT, STALL, SEGMENT, ended('complete'))).toEqual({
      name: 'lost',
      did: ['report starting', 'run', 'report recording', 'report stalled', 'end-run', 'report lost', 'wait'],
    });
    expect(play(RTSP, START, ended('broken'), RETRY, STALL).name).toBe('stalled');
  });

  it('runs again at once with another plan, and not at all if it is hopeless', () => {
    expect(play(FILE, START, ended('replan'))).toEqual({ name: 'starting', did: ['report starting', 'run', 'run'] });
    expect(play(FILE, START, ended('hopeless')).name).toBe('failed');
    expect(play(FILE, START, ended('hopeless'), START).name).toBe('starting');
  });

  it('can be stopped in every state but off', () => {
    const paths = [[], [SEGMENT], [STALL], [ended('broken')], [ended('complete')], [ended('hopeless')]];
    for (const path of paths) {
      expect(play(FILE, START, ...path, STOP)).toMatchObject({ name: 'off' });
    }
  });

  it('answers every input in every state, and rejects those without meaning', () => {
    const states: CaptureState[] = [
      { name: 'off' },
      { name: 'starting', failures: 0 },
      { name: 'recording', failures: 0, segments: 1 },
      { name: 'stalled', failures: 0 },
      { name: 'lost', failures: 1, trying: false },
      { name: 'lost', failures: 1, trying: true },
      { name: 'ended' },
      { name: 'failed' },
    ];
    const inputs = [START, SEGMENT, STALL, ended('complete'), ended('replan'), RETRY, STOP];
    const rejected = states.map(
      (state) =>
        inputs.filter((input) => nextCapture(FILE, state, input).effects.some((effect) => effect.do === 'reject'))
          .length,
    );
    expect(rejected).toEqual([6, 2, 2, 3, 5, 2, 5, 5]);
    for (const state of states) {
      for (const input of inputs) {
        const step = nextCapture(FILE, state, input);
        if (step.effects.some((effect) => effect.do === 'reject')) expect(step.state).toEqual(state);
      }
    }
  });
});
