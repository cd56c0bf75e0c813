// What the parts of the settings page share: a card with a heading, a value's origin, the row that saves, a command to copy.
import { type ComponentChildren, Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import type { useSaving } from './settings-context.ts';
import { words } from './settings-words.ts';

export function Part({ id, children }: { id: keyof typeof words.parts; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id} tabIndex={-1}>
        {words.parts[id]}
      </h2>
      {children}
    </section>
  );
}

/** Where a setting comes from, with a button that resets it to the file's value. */
export function Origin({ isByOwner, back }: { isByOwner: boolean; back: (() => void) | null }) {
  return (
    <p class="origin hint">
      {isByOwner ? words.byOwner : words.asInFile}
      {isByOwner && back && (
        <button type="button" class="button button-quiet button-small" onClick={back}>
          {words.backToFile}
        </button>
      )}
    </p>
  );
}

/** The buttons that save or discard changes. */
export function SaveRow({
  saving,
  isChanged,
  isAllowed = true,
  label = words.save,
  isDanger = false,
  discard,
}: {
  saving: ReturnType<typeof useSaving>;
  isChanged: boolean;
  isAllowed?: boolean;
  label?: string;
  isDanger?: boolean;
  discard(): void;
}) {
  return (
    <>
      {isChanged && (
        <div class="row">
          <button
            type="submit"
            class={`button ${isDanger ? 'button-danger' : 'button-main'}`}
            disabled={saving.busy || !isAllowed}
          >
            {saving.busy ? words.saving : label}
          </button>
          <button type="button" class="button button-quiet" disabled={saving.busy} onClick={discard}>
            {words.discard}
          </button>
        </div>
      )}
      <p role="status" class="saved">
        {saving.isSaved && !isChanged && (
          <>
            <Icon name="check" />
            {words.saved}
          </>
        )}
      </p>
      <TroubleNotice trouble={saving.trouble} />
    </>
  );
}

export function CommandLine({ command }: { command: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
  };
  return (
    <div class="command-line">
      <code>
        {command.split(' ').map((word, at) => (
          // A word is identified by its position.
          <Fragment key={at}>
            {at > 0 && ' '}
            <span class="command-word">{word}</span>
          </Fragment>
        ))}
      </code>
      <button
        type="button"
        class="button button-quiet"
        aria-label={`${words.copy}: ${command}`}
        // Some browsers refuse: the text can be selected and copied by hand.
        onClick={() => void copy().catch(() => undefined)}
      >
        {isCopied ? words.copied : words.copy}
      </button>
    </div>
  );
}
