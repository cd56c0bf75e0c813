import type { DeviceState } from '@doorsill/contract/home-messages';
import { useEffect, useState } from 'preact/hooks';
import { z } from 'zod';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { CoverageShapes, coverageWords, TimeLabels } from '../kit/coverage-bar.tsx';
import { type HealthLine, healthLines } from '../kit/door-condition.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showBytes, showShare, showTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { recentWindow } from '../kit/time-spans.ts';
import { VisitList } from '../kit/visit-list.tsx';
import { LivePicture } from './live-picture.tsx';

const EVENTS_SHOWN = 8;
/** How long the ring button confirms a press. */
const PRESSED_MS = 2_500;

export function NowPage() {
  const { view } = useDoor();
  return (
    <div class="now">
      <div class="now-main">
        <LivePicture />
        <DoorActions />
        <Recorded />
      </div>
      <div class="now-side">
        <section class="card" aria-labelledby="lately">
          <h2 id="lately">{text.lately}</h2>
          {view.state && <VisitList events={view.events} most={EVENTS_SHOWN} none={text.nothingHappened} />}
        </section>
        {view.state && <Health state={view.state} />}
      </div>
    </div>
  );
}

/** The ring button and the privacy switch. */
function DoorActions() {
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

/** The recorded footage on a timeline of up to a day. */
function Recorded() {
  const { view } = useDoor();
  const { state, events } = view;
  if (!state) return null;
  const spans = state.ring.coverage;
  const { window, name, labelsEveryUs } = recentWindow(spans, state.atUs);
  return (
    <section class="card card-wide" aria-labelledby="recorded">
      <div class="card-head">
        <h2 id="recorded">{text.recent[name]}</h2>
        <p class="card-note">{coverageWords(spans)}</p>
      </div>
      <a class="coverage-link" href="#/timeline" aria-label={`${text.pageTimeline}: ${coverageWords(spans)}`}>
        <CoverageShapes window={window} spans={spans} events={events} />
      </a>
      <TimeLabels window={window} everyUs={labelsEveryUs} />
    </section>
  );
}

function Health({ state }: { state: DeviceState }) {
  const { view } = useDoor();
  return (
    <section class="card" aria-labelledby="health">
      <div class="card-head">
        <h2 id="health">{text.health}</h2>
        {view.link === 'gone' && view.heardUs !== null && <p class="card-note">{text.asOf(showTime(view.heardUs))}</p>}
      </div>
      <dl class="health">
        {healthLines(state).map((line) => (
          <div key={`${line.about} ${line.detail}`} class={line.isWell ? 'health-line' : 'health-line is-bad'}>
            <dt>
              <span class="health-icon">
                <Icon name={line.isWell ? 'check' : 'warning'} />
              </span>
              {nameOf(line)}
              <span class="unseen">, {line.isWell ? text.healthOk : text.healthNotOk}</span>
            </dt>
            <dd>{detailOf(line, state)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function nameOf({ about }: HealthLine): string {
  const names: Record<HealthLine['about'], string> = {
    camera: text.healthCamera,
    storage: text.healthStorage,
    clock: text.healthClock,
    area: text.healthArea,
    dropped: text.healthDropped,
    damaged: text.healthDamaged,
    button: text.healthButton,
    chime: text.healthChime,
    shutter: text.healthShutter,
    light: text.healthLight,
    board: text.healthBoard,
    purpose: text.healthPurpose,
  };
  return names[about];
}

function detailOf({ about, isWell, detail }: HealthLine, { ring, privacy, recording = true }: DeviceState): string {
  if (about === 'area' && isWell) return text.areaOnline;
  if (about === 'camera' && isWell) return privacy ? text.privacyOn : recording ? text.recording : text.notRecording;
  if (about !== 'storage' || detail !== null) return detail ?? '';
  const share = ring.bytesMax === 0 ? 0 : ring.bytes / ring.bytesMax;
  return text.storageUse(showBytes(ring.bytes), showBytes(ring.bytesMax), showShare(share));
}
