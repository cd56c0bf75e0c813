// Tells on each page that somebody has just rung: a banner with the picture, the tab's title, a sound and a vibration.
import { DeviceEvent } from '@doorsill/contract/home-messages';
import { useEffect, useState } from 'preact/hooks';
import { clock } from './browser-seams.ts';
import { text } from './choose-language.ts';
import { useDoor } from './door-context.ts';
import { showTime } from './format.ts';
import { Icon } from './icons.tsx';
import { VisitStill } from './visit-still.tsx';

export type Ring = Extract<DeviceEvent, { type: 'ring' }>;

/** A visitor waits about this long. */
const SHOWN_MS = 45_000;
/** This browser's choice; absent: with sound. */
const SILENT = 'doorsill-silent';
/** Frequencies in hertz, and when each begins, in seconds. */
const DING_DONG = [
  [659, 0],
  [523, 0.45],
] as const;
const TONE_S = 1.2;
const LOUDNESS = 0.25;
const VIBRATION_MS = [250, 120, 250];

/** The newest ring while it is news, and what dismisses it. Rings that the page was not open for are none. */
export function useRing(): { ring: Ring | null; dismiss(): void } {
  const { door } = useDoor();
  const [ring, setRing] = useState<Ring | null>(null);
  useEffect(
    () =>
      door.onMessage((kind, value) => {
        const event = kind === 'event' ? DeviceEvent.safeParse(value) : null;
        if (!event?.success || event.data.type !== 'ring') return;
        setRing(event.data);
        if (localStorage.getItem(SILENT) === null) announce();
      }),
    [door],
  );
  useEffect(() => {
    if (ring === null) return;
    const timer = clock.after(SHOWN_MS, () => setRing(null));
    return () => timer.cancel();
  }, [ring]);
  return { ring, dismiss: () => setRing(null) };
}

let audio: AudioContext | null = null;

/** A browser allows sound only after the page was touched, and vibration only where there is a motor. */
function announce(): void {
  navigator.vibrate?.(VIBRATION_MS);
  audio ??= new AudioContext();
  const { destination, currentTime } = audio;
  void audio.resume().catch(() => undefined);
  for (const [hertz, fromS] of DING_DONG) {
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    const startS = currentTime + fromS;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(LOUDNESS, startS);
    volume.gain.exponentialRampToValueAtTime(0.001, startS + TONE_S);
    tone.connect(volume).connect(destination);
    tone.start(startS);
    tone.stop(startS + TONE_S);
  }
}

export function RingBanner({ ring, dismiss }: { ring: Ring | null; dismiss(): void }) {
  const { view } = useDoor();
  const [isSilent, setSilent] = useState(() => localStorage.getItem(SILENT) !== null);
  const recordedUs = view.state?.ring.coverage.at(-1)?.endUs ?? 0;
  const turn = () => {
    if (isSilent) localStorage.removeItem(SILENT);
    else localStorage.setItem(SILENT, '1');
    setSilent(!isSilent);
  };
  const look = () => {
    location.hash = '#/now';
    dismiss();
  };
  return (
    <div class="banner-place">
      {ring && (
        <div class="ring-banner">
          <VisitStill key={ring.id} atUs={ring.atUs} isExact isRecorded={ring.atUs < recordedUs} />
          <p class="ring-words" role="alert">
            <strong>{text.eventRing}</strong>
            <time>{showTime(ring.atUs)}</time>
          </p>
          <div class="row">
            <button type="button" class="button button-main" onClick={look}>
              {text.ringLook}
            </button>
            <button
              type="button"
              class="button button-round"
              aria-pressed={isSilent}
              aria-label={text.ringSilent}
              title={text.ringSilent}
              onClick={turn}
            >
              <Icon name={isSilent ? 'soundOff' : 'sound'} />
            </button>
            <button
              type="button"
              class="button button-round"
              aria-label={text.ringDismiss}
              title={text.ringDismiss}
              onClick={dismiss}
            >
              <Icon name="close" />
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
