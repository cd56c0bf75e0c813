// The doorbell's name in the header, with links to the owner's other doorbells. Nothing is fetched from those: a link opens the other
// doorbell's own page, where this browser is paired separately.

import { type OtherDoor, otherDoorListSchema } from '@doorsill/contract/console-messages';
import { useEffect, useRef, useState } from 'preact/hooks';
import { text } from './choose-language.ts';
import { useDoor } from './door-context.ts';

export function DoorSwitch({ name }: { name: string }) {
  const { others, refresh } = useOtherDoors();
  const box = useRef<HTMLDetailsElement>(null);
  const close = () => box.current?.removeAttribute('open');
  useEffect(() => {
    const pressedElsewhere = ({ target }: PointerEvent) => {
      if (target instanceof Node && !box.current?.contains(target)) close();
    };
    addEventListener('pointerdown', pressedElsewhere);
    return () => removeEventListener('pointerdown', pressedElsewhere);
  }, []);
  if (others.length === 0) return <p class="door-name">{name}</p>;
  return (
    <details
      class="doors"
      ref={box}
      onToggle={refresh}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !box.current?.contains(relatedTarget)) close();
      }}
      onKeyDown={(pressed) => {
        if (pressed.key !== 'Escape') return;
        close();
        box.current?.querySelector('summary')?.focus();
      }}
    >
      <summary class="door-name doors-name">
        <span class="doors-label">{name}</span>
        <span class="unseen">{text.otherDoors(others.length)}</span>
        <svg class="doors-arrow" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
          <path d="M6 9.500l6 6 6-6" />
        </svg>
      </summary>
      <ul class="doors-list">
        {others.map((other) => (
          <li key={other.url}>
            <a class="doors-link" href={other.url} rel="noreferrer">
              <span class="doors-label">{other.name}</span>
              <span class="doors-address">{new URL(other.url).host}</span>
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The other doorbells that the device lists: asked for on each new connection and whenever this page becomes visible. */
function useOtherDoors(): { others: readonly OtherDoor[]; refresh(): void } {
  const { door, view } = useDoor();
  const [others, setOthers] = useState<readonly OtherDoor[]>([]);
  const isHere = useRef(true);
  const refresh = () => {
    door.client
      .call(otherDoorListSchema, '/api/v1/doors')
      .then((answer) => isHere.current && setOthers(answer.others))
      // The page shows elsewhere that the device is unreachable; the earlier links still work.
      .catch(() => undefined);
  };
  useEffect(() => {
    if (view.link === 'online') refresh();
  }, [view.link]);
  useEffect(() => {
    const seenAgain = () => document.visibilityState === 'visible' && refresh();
    document.addEventListener('visibilitychange', seenAgain);
    return () => {
      isHere.current = false;
      document.removeEventListener('visibilitychange', seenAgain);
    };
  }, []);
  return { others, refresh };
}
