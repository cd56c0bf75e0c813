import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction } from '../kit/door-context.ts';
import { TroubleNotice } from '../kit/notices.tsx';

/** Removing an owner or a viewer: a button, then a question with the consequences. */
export interface ConfirmRemovalProps {
  name: string;
  ask: string;
  /** The question and what the removal does. */
  children: ComponentChildren;
  /** Whether the button is shown. */
  isOffered?: boolean;
  remove(): Promise<void>;
}

export function ConfirmRemoval({ name, ask, children, isOffered = true, remove }: ConfirmRemovalProps) {
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
