import type { Window } from '@doorsill/contract/shared-claims';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showLength, showShare, showTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { saveAs } from '../kit/save-as.ts';
import { HOUR_US } from '../kit/time-spans.ts';

/** Chooses a part of the footage and saves it as a file. */
export interface SaveSpanProps {
  atUs: number;
  chosen: Partial<Window>;
  choose(chosen: Partial<Window>): void;
}

export function SaveSpan({ atUs, chosen, choose }: SaveSpanProps) {
  const { door } = useDoor();
  const action = useAction();
  const [share, setShare] = useState(0);
  const { startUs, endUs } = chosen;
  const whole = startUs !== undefined && endUs !== undefined && startUs < endUs ? { startUs, endUs } : null;
  const isTooLong = whole !== null && whole.endUs - whole.startUs > HOUR_US;

  const save = () =>
    action.run(async () => {
      if (!whole) return;
      setShare(0);
      const answer = await door.client.fetch(`/api/v1/footage.mp4?fromUs=${whole.startUs}&toUs=${whole.endUs}`);
      const blob = await received(answer, setShare);
      saveAs(`${fileStem(whole.startUs)}.mp4`, blob);
    });
  return (
    <section class="card" aria-labelledby="save">
      <h2 id="save">{text.save}</h2>
      <p class="hint">{text.saveHelp}</p>
      <div class="row">
        <button type="button" class="button" onClick={() => choose(startingAt(chosen, atUs))}>
          {text.startHere}
        </button>
        <button type="button" class="button" onClick={() => choose(endingAt(chosen, atUs))}>
          {text.endHere}
        </button>
      </div>
      <p role="status" class="save-span">
        {whole
          ? text.saveSpan(showTime(whole.startUs), showTime(whole.endUs), showLength(whole.endUs - whole.startUs))
          : startUs !== undefined
            ? `${showTime(startUs)} – …`
            : endUs !== undefined
              ? `… – ${showTime(endUs)}`
              : text.saveNothing}
        {isTooLong && ` ${text.saveTooLong}`}
      </p>
      <div class="row">
        <button type="button" class="button button-main" disabled={!whole || isTooLong || action.busy} onClick={save}>
          <Icon name="save" />
          {action.busy ? `${text.saving} ${showShare(share)}` : text.saveFile}
        </button>
        {(startUs !== undefined || endUs !== undefined) && (
          <button type="button" class="button button-quiet" onClick={() => choose({})}>
            {text.clearSpan}
          </button>
        )}
      </div>
      {action.busy && <progress max={1} value={share} aria-label={text.saving} />}
      <TroubleNotice trouble={action.trouble} />
    </section>
  );
}

function startingAt({ endUs }: Partial<Window>, startUs: number): Partial<Window> {
  return endUs !== undefined && endUs > startUs ? { startUs, endUs } : { startUs };
}

function endingAt({ startUs }: Partial<Window>, endUs: number): Partial<Window> {
  return startUs !== undefined && startUs < endUs ? { startUs, endUs } : { endUs };
}

/** Reads the whole body, and reports the received share. */
async function received(answer: Response, report: (share: number) => void): Promise<Blob> {
  const length = Number(answer.headers.get('content-length') ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = answer.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || !value) break;
    parts.push(new Uint8Array(value));
    bytes += value.length;
    if (length > 0) report(bytes / length);
  }
  return new Blob(parts, { type: 'video/mp4' });
}

/** `door-2026-11-27-08-15-30`, local time. */
function fileStem(us: number): string {
  const at = new Date(us / 1000);
  const parts = [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  return ['door', at.getFullYear(), ...parts.map((part) => String(part).padStart(2, '0'))].join('-');
}
