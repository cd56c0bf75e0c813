import type { Trouble } from './door-context.ts';
import { Icon } from './icons.tsx';

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
