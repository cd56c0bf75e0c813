// Owns: words over a picture, or in its place: why it is not shown. Not here: which words.
import type { Trouble } from './door-context.ts';
import { Icon } from './icons.tsx';

export interface PictureNoteProps {
  icon?: 'warning' | 'eyeOff' | 'camera';
  title: string;
  reason?: string | null;
  /** Over a picture that still shows, greyed. */
  isOver?: boolean;
}

export function PictureNote({ icon, title, reason, isOver = false }: PictureNoteProps) {
  return (
    <div class={isOver ? 'picture-note picture-note-over' : 'picture-note'}>
      {icon && <Icon name={icon} />}
      <p class="picture-note-title">{title}</p>
      {reason && <p>{reason}</p>}
    </div>
  );
}

/** Why the picture of a moment could not be had; a screen reader says it when it comes up. */
export function PictureTrouble({ trouble }: { trouble: Trouble | null }) {
  return <div role="status">{trouble && <PictureNote title={trouble.title} />}</div>;
}
