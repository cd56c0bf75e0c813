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

/** The doorbell's condition in a word or two, announced to screen readers when it changes. Without contact it claims no condition. */
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

export interface PictureNoteProps {
  icon?: 'warning' | 'eyeOff' | 'camera';
  title: string;
  reason?: string | null;
  /** Drawn over an old picture, which is greyed. */
  isOver?: boolean;
}

/** Why a picture is not shown, drawn in its place or over it. */
export function PictureNote({ icon, title, reason, isOver = false }: PictureNoteProps) {
  return (
    <div class={isOver ? 'picture-note picture-note-over' : 'picture-note'}>
      {icon && <Icon name={icon} />}
      <p class="picture-note-title">{title}</p>
      {reason && <p>{reason}</p>}
    </div>
  );
}

/** Why the picture of a moment could not be fetched; screen readers announce it. */
export function PictureTrouble({ trouble }: { trouble: Trouble | null }) {
  return <div role="status">{trouble && <PictureNote title={trouble.title} />}</div>;
}
