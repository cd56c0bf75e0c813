// The small picture of a visit: from the ring, while its footage is there, and kept nowhere.
import { isFailure } from '@doorsill/contract/errors';
import { useEffect, useRef, useState } from 'preact/hooks';
import { text } from './choose-language.ts';
import type { Door } from './door.ts';
import { useDoor } from './door-context.ts';
import { momentStill } from './still-decoder.ts';

const STILL_WIDTH = 320;

/** Stills are fetched one after another, so that a long list does not slow the page or the doorbell. */
const turns = new WeakMap<Door, Promise<unknown>>();

function inTurn(door: Door, work: () => Promise<void>): void {
  turns.set(door, (turns.get(door) ?? Promise.resolve()).then(work, work));
}

type Shown = { address: string } | 'gone' | null;

export interface VisitStillProps {
  atUs: number;
  /** Whether the very frame is wanted, which takes the doorbell more than the keyframe before it. */
  isExact: boolean;
  /** Whether the footage of that moment is complete. */
  isRecorded: boolean;
}

/** The picture of a moment, fetched once it is in view. */
export function VisitStill({ atUs, isExact, isRecorded }: VisitStillProps) {
  const { door, view } = useDoor();
  const [shown, setShown] = useState<Shown>(null);
  const place = useRef<HTMLSpanElement>(null);
  const { connections } = view;
  const isPrivate = view.state?.privacy ?? false;
  useEffect(() => {
    setShown(null);
    if (!place.current || !isRecorded || isPrivate) return;
    const ending = new AbortController();
    let address: string | null = null;
    const fetched = async () => {
      if (ending.signal.aborted) return;
      try {
        const { blob } = await momentStill(
          door.client,
          atUs,
          { precision: isExact ? 'exact' : 'key', widthMax: STILL_WIDTH },
          ending.signal,
        );
        if (ending.signal.aborted) return;
        address = URL.createObjectURL(blob);
        setShown({ address });
      } catch (thrown) {
        const code = isFailure(thrown) ? thrown.code : null;
        if (!ending.signal.aborted && (code === 'console_no_footage' || code === 'console_footage_gone'))
          setShown('gone');
      }
    };
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      inTurn(door, fetched);
    });
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      ending.abort();
      if (address !== null) URL.revokeObjectURL(address);
    };
  }, [door, atUs, isExact, isRecorded, isPrivate, connections]);
  return (
    <span ref={place} class="visit-still">
      {shown === 'gone' && <span class="visit-gone">{text.visitPictureGone}</span>}
      {shown !== null && shown !== 'gone' && <img src={shown.address} alt="" />}
    </span>
  );
}
