// Owns: ringing and the privacy switch. Not here: the signed order (device-client.ts).
import { useEffect, useState } from 'preact/hooks';
import { z } from 'zod';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';

const PRESSED_MS = 2_500;

export function DoorActions() {
  const { door, view } = useDoor();
  const press = useAction();
  const privacy = useAction();
  const [pressedAtMs, setPressedAtMs] = useState<number | null>(null);
  useEffect(() => {
    if (pressedAtMs === null) return;
    const timer = clock.after(PRESSED_MS, () => setPressedAtMs(null));
    return () => timer.cancel();
  }, [pressedAtMs]);

  const ring = () =>
    press.run(async () => {
      await door.client.call(z.unknown(), '/api/v1/press', { method: 'POST', body: {} });
      setPressedAtMs(clock.monotonicMs());
    });
  const isOn = view.state?.privacy ?? false;
  const turn = () =>
    privacy.run(async () => {
      await door.client.command({ action: 'privacy', on: !isOn });
      await door.refresh();
    });
  const isRung = pressedAtMs !== null;
  return (
    <div class="actions-place">
      <div class="actions">
        <button
          type="button"
          class={`action ${isRung ? 'is-done' : ''}`}
          onClick={ring}
          disabled={view.link !== 'online'}
        >
          <Icon name={isRung ? 'check' : 'bell'} />
          <span class="action-label" aria-live="polite">
            {press.busy ? text.pressing : isRung ? text.pressed : text.press}
          </span>
        </button>
        <button
          type="button"
          role="switch"
          aria-checked={isOn}
          class="action action-switch"
          onClick={turn}
          disabled={view.link !== 'online' || privacy.busy}
        >
          <Icon name="eyeOff" />
          <span class="action-label">
            {text.privacy}
            <span class="action-hint">{isOn ? text.privacyOnHint : text.privacyOffHint}</span>
          </span>
          <span class="switch" aria-hidden="true" />
        </button>
      </div>
      <TroubleNotice trouble={press.trouble ?? privacy.trouble} />
    </div>
  );
}
