// Owns: the picture of the moment that is trimmed, moving or still; what stands on it is given. Not here: the moment (trim-state.ts), areas
// that are blacked out (zone-board.tsx).
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from './choose-language.ts';
import { showTime } from './format.ts';
import type { MomentPicture } from './moment-picture.ts';
import { PictureTrouble } from './picture-note.tsx';

export interface TrimPictureProps {
  picture: MomentPicture;
  audio: boolean;
  children: ComponentChildren;
}

export function TrimPicture({ picture, audio, children }: TrimPictureProps) {
  // The picture fills its frame exactly: what is drawn on it is at the same place in the clip.
  const [shape, setShape] = useState({ width: 16, height: 9 });
  const said = text.pictureAt(showTime(picture.stillUs ?? picture.atUs ?? 0));
  return (
    <figure
      class="picture choice-picture"
      style={{ aspectRatio: `${shape.width} / ${shape.height}` }}
      data-still-us={picture.stillUs ?? undefined}
    >
      {picture.still && !picture.isMoving && (
        <img
          class="picture-still"
          src={picture.still}
          alt={said}
          draggable={false}
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) =>
            width > 0 && setShape({ width, height })
          }
        />
      )}
      <video ref={picture.video} muted={!audio} playsInline aria-label={said} hidden={!picture.isMoving} />
      {children}
      <PictureTrouble trouble={picture.trouble} />
    </figure>
  );
}
