// Owns: removing somebody: a button, the question behind it, and the trouble it met. Not here: who (owners-section.tsx, viewers-section.tsx).
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction } from '../kit/door-context.ts';
import { TroubleNotice } from '../kit/notices.tsx';

export interface RemovalProps {
  name: string;
  ask: string;
  /** The question with what a yes means. */
  children: ComponentChildren;
  /** Whether it is offered at all. */
  isOffered?: boolean;
  remove(): Promise<void>;
}

export function Removal({ name, ask, children, isOffered = true, remove }: RemovalProps) {
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      {!isAsking && isOffered && (
        <button
          type="button"
          class="button button-quiet"
          aria-label={`${text.remove}: ${name}`}
          onClick={() => setAsking(true)}
        >
          {text.remove}
        </button>
      )}
      {isAsking && (
        <fieldset class="viewer-ask" aria-label={ask}>
          <p>{children}</p>
          <div class="row">
            <button
              type="button"
              class="button button-danger"
              disabled={action.busy}
              onClick={() => action.run(remove)}
            >
              {text.remove}
            </button>
            <button type="button" class="button" onClick={() => setAsking(false)}>
              {text.cancel}
            </button>
          </div>
        </fieldset>
      )}
      <TroubleNotice trouble={action.trouble} />
    </>
  );
}
