// Owns: how trouble and states are said on every page: a notice with advice, the pill with the door's condition. Not here: the conditions
// themselves (door-condition.ts).
import { text } from './choose-language.ts';
import type { DoorCondition } from './door-condition.ts';
import type { Trouble } from './door-context.ts';
import { Icon } from './icons.tsx';

export function TroubleNotice({ trouble }: { trouble: Trouble | null }) {
  return (
    <div role="alert" class="notice-place">
      {trouble && (
        <div class="notice">
          <Icon name="warning" />
          <div>
            <p class="notice-title">{trouble.title}</p>
            {trouble.advice && <p>{trouble.advice}</p>}
          </div>
        </div>
      )}
    </div>
  );
}

const WORDS: Record<DoorCondition['kind'], string> = {
  recording: text.recording,
  unkept: text.notRecording,
  privacy: text.privacyOn,
  starting: text.starting,
  lost: text.cameraLost,
  off: text.cameraOff,
};

/** The door's condition in a word or two; said aloud when it changes. Of a door that is not reached nothing is claimed. */
export function ConditionPill({ condition, isGone }: { condition: DoorCondition | null; isGone: boolean }) {
  if (isGone)
    return (
      <p class="pill pill-lost" role="status">
        <span class="pill-dot" aria-hidden="true" />
        {text.noContact}
      </p>
    );
  const kind = condition?.kind ?? 'starting';
  return (
    <p class={`pill pill-${kind}`} role="status">
      <span class="pill-dot" aria-hidden="true" />
      {condition ? WORDS[kind] : text.connecting}
    </p>
  );
}
