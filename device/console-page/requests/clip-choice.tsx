// Choosing the clip: its window, blacked-out areas, sound and disclosed facts; then having the device make its preview.

import { Preview, PreviewList } from '@doorsill/contract/console-messages';
import { isFailure } from '@doorsill/contract/errors';
import { DisclosureKey, partsInside, type Window, type Zone } from '@doorsill/contract/shared-claims';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { z } from 'zod';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import type { MomentPicture } from '../kit/moment-picture.ts';
import { PictureTrouble, TroubleNotice } from '../kit/notices.tsx';
import { centralZone, ZONES_MAX } from './blackout-zones.ts';
import { DecisionBar, type StepProps } from './decision-bar.tsx';
import { showClipLength, showExactTime } from './request-format.ts';
import { words } from './requests-words.ts';
import { type Trim, useTrim } from './trim-state.ts';
import { TrimStrip } from './trim-strip.tsx';
import { eventsInside, trimLimits, windowAround } from './trim-window.ts';
import { ZoneBoard, type ZoneBoardProps } from './zone-board.tsx';

function ZoneTools({
  zones,
  isDrawing,
  setDrawing,
  change,
}: ZoneBoardProps & { setDrawing(isDrawing: boolean): void; change(zones: Zone[]): void }) {
  const isFull = zones.length >= ZONES_MAX;
  return (
    <div class="choice-zones">
      <div class="zone-tools">
        <button
          type="button"
          class="button"
          aria-pressed={isDrawing}
          disabled={!isDrawing && isFull}
          onClick={() => setDrawing(!isDrawing)}
        >
          <Icon name="blackout" />
          {isDrawing ? words.stopDrawing : words.drawZones}
        </button>
        <button type="button" class="button" disabled={isFull} onClick={() => change([...zones, centralZone(zones)])}>
          <Icon name="plus" />
          {words.addZone}
        </button>
      </div>
      <p class="hint">{isDrawing || zones.length > 0 ? words.zonesHelp : words.zonesOffer}</p>
    </div>
  );
}

interface TrimPictureProps {
  picture: MomentPicture;
  audio: boolean;
  children: ComponentChildren;
}

function TrimPicture({ picture, audio, children }: TrimPictureProps) {
  // The picture fills its frame exactly, so that a drawn zone lies at the same place in the clip.
  const [shape, setShape] = useState({ width: 16, height: 9 });
  const label = text.pictureAt(showTime(picture.stillUs ?? picture.atUs ?? 0));
  return (
    <figure
      class="picture choice-picture"
      style={{ aspectRatio: `${shape.width} / ${shape.height}` }}
      data-still-us={picture.stillUs ?? undefined}
    >
      {picture.still && !picture.isMoving && (
        <img
          class="picture-still"
          src={picture.still}
          alt={label}
          draggable={false}
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) =>
            width > 0 && setShape({ width, height })
          }
        />
      )}
      <video ref={picture.video} muted={!audio} playsInline aria-label={label} hidden={!picture.isMoving} />
      {children}
      <PictureTrouble trouble={picture.trouble} />
    </figure>
  );
}

function ClipOptions({ notice, answers }: StepProps) {
  const draft = answers.draftOf(notice);
  const tick = (key: DisclosureKey, isOn: boolean) =>
    answers.change(notice, {
      disclose: DisclosureKey.options.filter((one) => (one === key ? isOn : draft.disclose.includes(one))),
    });
  return (
    <div class="card options">
      <button
        type="button"
        role="switch"
        aria-checked={draft.audio}
        class="option-switch"
        onClick={() => answers.choose(notice, { audio: !draft.audio })}
      >
        <Icon name={draft.audio ? 'sound' : 'soundOff'} />
        <span class="action-label">
          {words.sound}
          <span class="action-hint">{words.soundHelp}</span>
        </span>
        <span class="switch" aria-hidden="true" />
      </button>
      <fieldset class="field">
        <legend>{words.factsTitle}</legend>
        <p class="hint">{notice.askedKeys.length === 0 ? words.factsNone : words.factsHelp}</p>
        {notice.askedKeys.map((key) => {
          const value = notice.wouldDisclose[key];
          return (
            <label key={key} class="tick fact-tick">
              <input
                type="checkbox"
                checked={value !== undefined && draft.disclose.includes(key)}
                disabled={value === undefined}
                onChange={({ currentTarget }) => tick(key, currentTarget.checked)}
              />
              <span>
                <span class="fact-name">{text.facts[key]}</span>
                <span class={value === undefined ? 'hint' : 'fact-value'}>{value ?? words.factUnset}</span>
              </span>
            </label>
          );
        })}
      </fieldset>
    </div>
  );
}

/** A small machine cuts a long clip slowly. A preview lives as long. */
const MAKE_MS_MAX = 15 * 60_000;

export function ClipChoice({ notice, answers, view }: StepProps) {
  const { view: doorView } = useDoor();
  const limits = trimLimits(notice.request.window, notice.coverage);
  if (doorView.state?.privacy)
    return <NoChoice {...{ notice, answers, view }} title={words.privateTitle} help={words.privateHelp} />;
  if (!limits)
    return <NoChoice {...{ notice, answers, view }} title={words.noFootageTitle} help={words.noFootageHelp} />;
  return <Choice {...{ notice, answers, view, limits }} />;
}

/** Shown when no clip can be chosen; the request can still be declined or ignored. */
function NoChoice({ title, help, ...step }: StepProps & { title: string; help: string }) {
  return (
    <>
      <div class="request-note" role="status">
        <p class="notice-title">{title}</p>
        <p>{help}</p>
      </div>
      <DecisionBar {...step} main={{ label: words.makePreview, isOff: true, press: () => undefined }} />
    </>
  );
}

function Choice({ notice, answers, view, limits }: StepProps & { limits: Window }) {
  const { view: doorView } = useDoor();
  const draft = answers.draftOf(notice);
  const refusal = view.refusals.get(notice.request.jti);
  const trim = useTrim({ notice, answers, view, limits });
  const [isDrawing, setDrawing] = useState(false);
  const change = (zones: Zone[]) => answers.choose(notice, { zones });
  const maker = usePreviewMaker({ notice, answers, view });
  const spans = partsInside(notice.coverage, notice.request.window);
  const events = eventsInside(doorView.events, limits);
  return (
    <div class="choice">
      <h3 class="choice-title">{words.chooseTitle}</h3>
      <div class="choice-main">
        <TrimPicture picture={trim.picture} audio={draft.audio}>
          <ZoneBoard zones={draft.zones} isDrawing={isDrawing} change={change} />
        </TrimPicture>
        <div class="choice-trim">
          <TrimStrip
            window={trim.window}
            shown={trim.shown}
            limits={limits}
            asked={notice.request.window}
            spans={spans}
            events={events}
            active={trim.end}
            playingUs={trim.picture.isMoving ? trim.picture.atUs : null}
            choose={trim.choose}
            step={trim.step}
          >
            <TrimControls trim={trim} />
          </TrimStrip>
          {trim.isCut && (
            <p class="hint" role="status">
              {words.footageGone}
            </p>
          )}
          {events.length > 0 && (
            <fieldset class="choice-events" aria-label={words.events}>
              {events.slice(0, 12).map(({ id, type, atUs }) => (
                <button
                  key={id}
                  type="button"
                  class="chip-button"
                  onClick={() => trim.choose(windowAround(atUs, limits), 'start', true)}
                >
                  <Icon name={type === 'ring' ? 'bell' : 'motion'} />
                  {type === 'ring' ? words.eventRing : words.eventMotion} {showTime(atUs)}
                </button>
              ))}
            </fieldset>
          )}
        </div>
        <ZoneTools zones={draft.zones} isDrawing={isDrawing} setDrawing={setDrawing} change={change} />
      </div>
      <div class="choice-side">
        <ClipOptions notice={notice} answers={answers} view={view} />
        <TroubleNotice trouble={refusal ? { title: refusal.message, advice: refusal.advice } : maker.trouble} />
        {maker.tooMany && <TooMany previews={maker.tooMany} end={maker.end} />}
        <p class="hint">{words.previewNext}</p>
        {maker.isBusy && <progress aria-label={words.makingPreview} />}
      </div>
      <DecisionBar
        {...{ notice, answers, view }}
        isSticky
        main={{
          label: maker.isBusy ? words.makingPreview : draft.preview ? words.seePreview : words.makePreview,
          isOff: maker.isBusy || trim.isSettling || view.clockOffUs !== null,
          press: () => (draft.preview ? answers.change(notice, { step: 'preview' }) : maker.make(trim.window)),
        }}
      />
    </div>
  );
}

function TrimControls({ trim }: { trim: Trim }) {
  const { window, picture, end } = trim;
  return (
    <div class="trim-controls">
      <button
        type="button"
        class="button button-round"
        aria-label={picture.isPlaying ? words.pause : words.playClip}
        title={picture.isPlaying ? words.pause : words.playClip}
        onClick={() => (picture.isPlaying ? picture.pause() : trim.play())}
      >
        <Icon name={picture.isPlaying ? 'pause' : 'play'} />
      </button>
      <p class="trim-times" role="status">
        <span class="trim-length">{words.length(showClipLength(window.endUs - window.startUs))}</span>
        <time>
          {showExactTime(window.startUs)} – {showExactTime(window.endUs)}
        </time>
      </p>
      <fieldset class="trim-steps" aria-label={words.framesOf[end]}>
        <button
          type="button"
          class="button button-round"
          aria-label={`${words.framesOf[end]}: ${words.frameBack}`}
          title={words.frameBack}
          onClick={() => trim.step(end, -1)}
        >
          <Icon name="chevronLeft" />
        </button>
        <button
          type="button"
          class="trim-which"
          aria-label={`${words.framesOf[end]}. ${words.otherEnd}`}
          title={words.otherEnd}
          onClick={() => trim.look(end === 'start' ? 'end' : 'start')}
        >
          {words.framesOf[end]}
        </button>
        <button
          type="button"
          class="button button-round"
          aria-label={`${words.framesOf[end]}: ${words.frameForward}`}
          title={words.frameForward}
          onClick={() => trim.step(end, 1)}
        >
          <Icon name="chevronRight" />
        </button>
      </fieldset>
    </div>
  );
}

/** Has the device make the preview, and can end another preview when there are too many. */
function usePreviewMaker({ notice, answers }: StepProps) {
  const { door } = useDoor();
  const { busy, trouble, run } = useAction();
  const [tooMany, setTooMany] = useState<PreviewList['previews'] | null>(null);
  const make = (window: Window) =>
    run(async () => {
      const { jti } = notice.request;
      setTooMany(null);
      answers.clearRefusal(jti);
      await answers.endPreview(notice);
      const { audio, zones } = answers.draftOf(notice);
      const body = { request: jti, window, audio, zones };
      try {
        const made = await door.client.call(Preview, '/api/v1/previews', {
          method: 'POST',
          body,
          answerMsMax: MAKE_MS_MAX,
        });
        answers.change(notice, { window, preview: { made, atUs: clock.wallUs() }, step: 'preview' });
        scrollTo(0, 0);
      } catch (thrown) {
        if (!isFailure(thrown) || thrown.code !== 'preview_too_many') throw thrown;
        setTooMany((await door.client.call(PreviewList, '/api/v1/previews')).previews);
      }
    });
  const end = (preview: string) =>
    run(async () => {
      await door.client.call(z.unknown(), `/api/v1/previews/${preview}`, { method: 'DELETE' });
      setTooMany(null);
    });
  return { isBusy: busy, trouble, tooMany, make, end };
}

function TooMany({ previews, end }: { previews: PreviewList['previews']; end(preview: string): void }) {
  return (
    <div class="request-note" role="status">
      <p class="notice-title">{words.tooManyTitle}</p>
      <p>{words.tooManyHelp}</p>
      <div class="row">
        {previews.map(({ preview, window }) => (
          <button key={preview} type="button" class="button" onClick={() => end(preview)}>
            {words.endPreview(showTime(window.startUs), showTime(window.endUs))}
          </button>
        ))}
      </div>
    </div>
  );
}
