import { isFailure } from '@doorsill/contract/errors';
import { createContext } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { text } from './choose-language.ts';
import type { Door, DoorView } from './door.ts';

export const DoorContext = createContext<Door | null>(null);

/** The page's doorbell and its newest view; the component is drawn again when the view changes. */
export function useDoor(): { door: Door; view: DoorView } {
  const door = useContext(DoorContext);
  if (!door) throw new Error('a page stands inside DoorContext');
  const [view, setView] = useState(door.view);
  useEffect(() => {
    setView(door.view);
    return door.subscribe(() => setView(door.view));
  }, [door]);
  return { door, view };
}

/** A failure as shown: what happened, and what to do. */
export interface Trouble {
  title: string;
  advice: string;
}

export function troubleOf(thrown: unknown): Trouble {
  // In the page's language. Other failures are the device's, in English.
  if (isFailure(thrown) && thrown.code === 'unreachable') return { title: text.noAnswer, advice: '' };
  if (isFailure(thrown)) return { title: thrown.message, advice: thrown.advice };
  return { title: thrown instanceof Error ? thrown.message : String(thrown), advice: '' };
}

/** Runs an action that takes a while: whether it is running, and its last failure. */
export function useAction(): {
  busy: boolean;
  trouble: Trouble | null;
  run(work: () => Promise<void>): void;
  clear(): void;
} {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const isHere = useRef(true);
  useEffect(
    () => () => {
      isHere.current = false;
    },
    [],
  );
  const run = (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setTrouble(null);
    work()
      .catch((thrown: unknown) => isHere.current && setTrouble(troubleOf(thrown)))
      .finally(() => isHere.current && setBusy(false));
  };
  return { busy, trouble, run, clear: () => setTrouble(null) };
}
