// A command with a button that copies it. If the browser refuses, the command is selected instead.
import { useRef, useState } from 'preact/hooks';
import { printableLine } from '../printable-text.ts';

/** `command` is one line without control characters, so pasting it runs nothing before Enter is pressed. */
export function CopiedCommand({ command, about }: { command: string; about: string }) {
  const text = printableLine(command);
  const code = useRef<HTMLElement>(null);
  const [said, say] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say('Copied');
    } catch {
      if (code.current) getSelection()?.selectAllChildren(code.current);
      say('Selected: copy it with your keyboard');
    }
  };
  return (
    <div class="command">
      <code ref={code}>{text}</code>
      <button type="button" class="button button-small" onClick={copy} aria-label={`Copy ${about}`}>
        Copy
      </button>
      <span class="command-said" role="status">
        {said}
      </span>
    </div>
  );
}
