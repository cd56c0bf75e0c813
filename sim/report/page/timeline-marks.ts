// The marks on one test's timeline, in lanes: the test's steps, then for each camera what was expected and what happened. Each mark says
// in words what its shape and colour show.
import { lateText } from '../report-words.ts';
import type { TestTimeline, TimelineStill } from '../run-report.ts';

/** Each look has a shape of its own, besides its colour. */
export type MarkLook = 'matched' | 'missed' | 'optional' | 'false' | 'plain' | 'done' | 'refused' | 'failed';

export interface Mark {
  /** Unique in its timeline. */
  id: string;
  look: MarkLook;
  startUs: number;
  /** The start if it has no length. */
  endUs: number;
  /** The text next to it. */
  label: string;
  /** The full description: lane, event and verdict. */
  description: string;
  /** Index of its camera; null for steps. */
  camera: number | null;
}

export interface Lane {
  title: string;
  /** The camera's name; empty if there is only one, and for steps. */
  camera: string;
  marks: Mark[];
}

const VERDICT_WORDS = { matched: 'matched', missed: 'missed', optional: 'optional', false: 'false alarm' } as const;
const OUTCOME_WORDS = { done: 'done', refused: 'refused', failed: 'failed' } as const;
const LABEL_LETTERS_MAX = 28;

/** The lanes that are not empty, in drawing order. */
export function lanesOf(timeline: TestTimeline): Lane[] {
  const several = timeline.cameras.length > 1;
  const steps = timeline.steps.map(
    (step, at): Mark => ({
      id: `step-${at}`,
      look: step.outcome,
      startUs: step.atUs,
      endUs: step.atUs,
      label: shortLabel(step.outcome === 'done' ? step.text : `${step.text}: ${OUTCOME_WORDS[step.outcome]}`),
      description: describe('Step', step.text, OUTCOME_WORDS[step.outcome], step.detail),
      camera: null,
    }),
  );
  const cameras = timeline.cameras.flatMap((camera, at): Lane[] => [
    { title: 'Expected', camera: several ? camera.name : '', marks: expectedMarks(camera.truth, at) },
    { title: 'Happened', camera: several ? camera.name : '', marks: eventMarks(camera.events, at) },
  ]);
  return [{ title: 'Steps', camera: '', marks: steps }, ...cameras].filter(({ marks }) => marks.length > 0);
}

function expectedMarks(truth: TestTimeline['cameras'][number]['truth'], camera: number): Mark[] {
  return truth.map(({ event, startUs, endUs, label, verdict }, at) => ({
    id: `truth-${camera}-${at}`,
    look: verdict,
    startUs,
    endUs: Math.max(startUs, endUs),
    label: shortLabel(`${eventWord(event)}${verdict === 'matched' ? '' : ` ${VERDICT_WORDS[verdict]}`}`),
    description: describe('Expected', eventWord(event), label, VERDICT_WORDS[verdict]),
    camera,
  }));
}

function eventMarks(events: TestTimeline['cameras'][number]['events'], camera: number): Mark[] {
  return events.map(({ type, startUs, endUs = startUs, label, verdict, lateByMs }, at) => {
    const late = lateByMs === undefined ? undefined : lateText(lateByMs);
    const judged = verdict === undefined ? undefined : VERDICT_WORDS[verdict];
    return {
      id: `event-${camera}-${at}`,
      look: verdict ?? 'plain',
      startUs,
      endUs: Math.max(startUs, endUs),
      label: shortLabel([eventWord(type), verdict === 'false' ? judged : late].filter(Boolean).join(' ')),
      description: describe(
        'Happened',
        eventWord(type),
        label,
        judged,
        late === undefined ? undefined : lateWords(lateByMs ?? 0),
      ),
      camera,
    };
  });
}

/** `lateText` in words in place of its sign: "began 0.5 s late". */
function lateWords(ms: number): string {
  return `began ${lateText(Math.abs(ms)).slice(1)} ${ms < 0 ? 'early' : 'late'}`;
}

/** `event-window` in plain words. */
function eventWord(type: string): string {
  return type.replaceAll('-', ' ');
}

function describe(...parts: (string | undefined)[]): string {
  const [lane, ...words] = parts.filter((part) => part !== undefined && part !== '');
  return `${lane}: ${words.join(', ')}`;
}

function shortLabel(text: string): string {
  return text.length <= LABEL_LETTERS_MAX ? text : `${text.slice(0, LABEL_LETTERS_MAX - 1)}…`;
}

/** The still nearest to a time, of the given camera or, without one, of any. */
export function stillFor(timeline: TestTimeline, atUs: number, camera: number | null): StillAt | null {
  let nearest: StillAt | null = null;
  for (const [index, { name, stills }] of timeline.cameras.entries()) {
    if (camera !== null && camera !== index) continue;
    for (const still of stills) {
      const away = Math.abs(still.atUs - atUs);
      if (!nearest || away < Math.abs(nearest.still.atUs - atUs)) nearest = { still, camera: name };
    }
  }
  return nearest;
}

export interface StillAt {
  still: TimelineStill;
  camera: string;
}
