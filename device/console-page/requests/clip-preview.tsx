// The step in which the owner plays the preview of a clip, reads in one sentence what a grant means, and grants.

import { PREVIEW_LIFE_MS, type Preview } from '@doorsill/contract/console-messages';
import { isFailure } from '@doorsill/contract/errors';
import { oneLine } from '@doorsill/contract/outside-text';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import { sealingOf } from '@doorsill/contract/request-or-search';
import { clipReaders } from '@doorsill/contract/sealing';
import { useEffect, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { type Trouble, troubleOf, useAction, useDoor } from '../kit/door-context.ts';
import { showBytes, showMinute, showShare } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { DecisionBar, type StepProps } from './decision-bar.tsx';
import type { Draft } from './kept-answers.ts';
import { fetchedClip } from './preview-clip.ts';
import { showClipLength } from './request-format.ts';
import { words } from './requests-words.ts';

export function ClipPreview({ notice, answers, view }: StepProps) {
  const { view: doorView } = useDoor();
  const draft = answers.draftOf(notice);
  const { preview } = draft;
  const isPrivate = doorView.state?.privacy ?? false;
  const over = () => answers.change(notice, { step: 'choose', preview: null });
  useEffect(() => {
    if (preview && !isPrivate) {
      const leftMs = preview.atUs / 1_000 + PREVIEW_LIFE_MS - clock.wallUs() / 1_000;
      const timer = clock.after(Math.max(0, Math.min(leftMs, PREVIEW_LIFE_MS)), over);
      return () => timer.cancel();
    }
    // There is no preview, or privacy mode has ended it: choose again.
    over();
    return undefined;
  }, [preview?.made.preview, isPrivate]);
  if (!preview || isPrivate) return null;
  return <ShownPreview {...{ notice, answers, view, draft, over }} made={preview.made} atUs={preview.atUs} />;
}

interface PreviewProps extends StepProps {
  draft: Draft;
  made: Preview;
  atUs: number;
  over(): void;
}

function ShownPreview({ notice, answers, view, draft, made, atUs, over }: PreviewProps) {
  const { view: doorView } = useDoor();
  const clip = useClip(made, over);
  const action = useAction();
  const refusal = view.refusals.get(notice.request.jti);
  const grant = () =>
    action.run(() => {
      const { audio, zones, disclose } = draft;
      const window = draft.window ?? notice.request.window;
      return answers.grant(notice, { window, audio, zones, disclose, clipSha256: made.sha256 });
    });
  return (
    <div class="preview">
      <div class="preview-main">
        <h3 class="choice-title">{words.previewTitle}</h3>
        <div class="picture preview-picture">
          {clip.address !== null && (
            <video
              controls
              playsInline
              muted={!draft.audio}
              src={clip.address}
              aria-label={words.previewVideo}
              data-sha256={made.sha256}
            />
          )}
          {clip.address === null && clip.trouble === null && (
            <p class="picture-loading" role="status">
              {words.fetchingPreview(showShare(clip.share))}
            </p>
          )}
        </div>
        {clip.address === null && clip.trouble === null && (
          <progress max={1} value={clip.share} aria-label={words.fetchingPreview('')} />
        )}
        <TroubleNotice trouble={clip.trouble} />
        {clip.trouble !== null && (
          <button type="button" class="button" onClick={clip.again}>
            {words.fetchAgain}
          </button>
        )}
        <div class="preview-facts">
          <p class="hint">
            {words.previewChecked(made.frames, showBytes(made.bytes))} ·{' '}
            {words.previewUntil(showMinute(atUs + PREVIEW_LIFE_MS * 1_000))}
          </p>
          <p class="hint">{words.previewHash}</p>
          <p class="hash">{made.sha256}</p>
          {draft.audio && made.audioPackets === 0 && <p class="hint">{words.previewNoSound}</p>}
          {made.gaps.length > 0 && <p class="hint">{words.previewGaps(made.gaps.length)}</p>}
        </div>
      </div>
      <div class="preview-side">
        <section class="card sentence-card" aria-labelledby="sentence">
          <h3 id="sentence" class="card-title">
            {words.sentenceTitle}
          </h3>
          <p class="sentence">{words.sentence(sentenceFacts(notice, draft, made))}</p>
          <button
            type="button"
            class="button button-quiet change-choice"
            onClick={() => answers.change(notice, { step: 'choose' })}
          >
            <Icon name="chevronLeft" />
            {words.changeChoice}
          </button>
        </section>
        <TroubleNotice trouble={refusal ? { title: refusal.message, advice: refusal.advice } : action.trouble} />
        <DecisionBar
          {...{ notice, answers, view }}
          main={{
            label: action.busy ? words.granting : words.grant,
            isOff: action.busy || clip.address === null || view.clockOffUs !== null || doorView.link !== 'online',
            press: grant,
          }}
        />
      </div>
    </div>
  );
}

function sentenceFacts(notice: VerifiedNotice, draft: Draft, made: Preview) {
  const { request, credential, wouldDisclose } = notice;
  const { startUs, endUs } = draft.window ?? made.coverage;
  const disclosed = draft.disclose.map((key) => `${text.factsInside[key]} (${wouldDisclose[key] ?? ''})`);
  return {
    length: showClipLength(endUs - startUs),
    sound: draft.audio && made.audioPackets > 0,
    zones: draft.zones.length,
    disclosed: words.listOf(disclosed),
    agency: oneLine(credential.name),
    domain: oneLine(credential.domain),
    investigation: oneLine(request.investigation),
    retention: request.retention,
    readers: text.readers[clipReaders('agency', sealingOf(notice)?.keeper)],
  };
}

interface Clip {
  /** Object URL of the clip; null until its bytes are fetched and checked. */
  address: string | null;
  share: number;
  trouble: Trouble | null;
  again(): void;
}

/** Fetches the clip once and checks it against the hash that the grant will name. Calls `over` if the preview has ended on the device. */
function useClip(made: Preview, over: () => void): Clip {
  const { door } = useDoor();
  const [clip, setClip] = useState<Omit<Clip, 'again'>>({ address: null, share: 0, trouble: null });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    let address: string | null = null;
    setClip({ address: null, share: 0, trouble: null });
    const fetch = (path: string, signal: AbortSignal) => door.client.fetch(path, signal);
    fetchedClip(fetch, made, (share) => setClip((before) => ({ ...before, share })), leaving.signal)
      .then((blob) => {
        address = URL.createObjectURL(blob);
        if (leaving.signal.aborted) URL.revokeObjectURL(address);
        else setClip({ address, share: 1, trouble: null });
      })
      .catch((thrown: unknown) => {
        if (leaving.signal.aborted) return;
        if (isFailure(thrown) && thrown.code === 'preview_unknown') return over();
        setClip({ address: null, share: 0, trouble: troubleOf(thrown) });
      });
    return () => {
      leaving.abort();
      if (address !== null) URL.revokeObjectURL(address);
    };
  }, [door, made.preview, attempt]);
  return { ...clip, again: () => setAttempt(attempt + 1) };
}
