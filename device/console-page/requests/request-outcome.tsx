// What became of an answer: being sent, delivered with its receipt, revoked, declined, failed.

import type { RecallAnswer } from '@doorsill/contract/hand-over-documents';
import type { Receipt, UploadProgress } from '@doorsill/contract/home-messages';
import { oneLine } from '@doorsill/contract/outside-text';
import { clipReaders } from '@doorsill/contract/sealing';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { showBytes, showDateAndTime, showShare } from '../kit/format.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import { grantOf, type KeptGrant } from './kept-answers.ts';
import type { AnswersView, RequestAnswers } from './request-answers.ts';
import { showClipLength, showExactTime } from './request-format.ts';
import type { Standing } from './request-standing.ts';
import { words } from './requests-words.ts';

interface OutcomeProps {
  request: string;
  standing: Standing;
  answers: RequestAnswers;
  view: AnswersView;
}

export function RequestOutcome({ request, standing, answers, view }: OutcomeProps) {
  const refusal = view.refusals.get(request);
  const kept = view.kept.get(request) ?? null;
  const receipt = view.receipts.get(request) ?? kept?.receipt ?? null;
  return (
    <div class="outcome">
      <section class={`card outcome-card outcome-${standing.at}`} aria-live="polite">
        <h3 class="outcome-title">{words.states[standing.at]}</h3>
        {answers.isAnothers(request) && (
          <p>{standing.at === 'declined' ? words.declinedByAnother : words.grantedByAnother}</p>
        )}
        <StandingText standing={standing} />
        {refusal && <TroubleNotice trouble={{ title: refusal.message, advice: refusal.advice }} />}
        {(standing.at === 'signed' || standing.at === 'taking-back') && refusal && (
          <div class="row">
            <button type="button" class="button" onClick={() => again(answers, request)}>
              {words.sendAgain}
            </button>
            {standing.at === 'signed' && (
              <button type="button" class="button button-quiet" onClick={() => void answers.giveUp(request)}>
                {words.giveUp}
              </button>
            )}
          </div>
        )}
        {canTakeBack(standing, receipt, kept) && <TakeBack request={request} answers={answers} />}
      </section>
      {receipt?.clip && <ReceiptCard receipt={receipt} kept={kept} />}
    </div>
  );
}

function again(answers: RequestAnswers, request: string): void {
  answers.clearRefusal(request);
  answers.send(request);
}

function canTakeBack({ at }: Standing, receipt: Receipt | null, kept: KeptGrant | null): boolean {
  if (at !== 'signed' && at !== 'under-way' && at !== 'sent') return false;
  return (kept !== null && !kept.isOver) || receipt?.grantSha256 !== undefined;
}

function StandingText({ standing }: { standing: Standing }) {
  switch (standing.at) {
    case 'open':
      return null;
    case 'signed':
      return (
        <>
          <p>{words.signedHelp}</p>
          <progress aria-label={words.states.signed} />
        </>
      );
    case 'under-way':
      return <UnderWay upload={standing.upload} />;
    case 'sent':
      return <p>{words.sentHelp}</p>;
    case 'taking-back':
      return (
        <>
          <p>{words.takingBackHelp}</p>
          <progress aria-label={words.states['taking-back']} />
        </>
      );
    case 'taken-back':
      return standing.vault ? <Vault answer={standing.vault} /> : <p>{words.takenBack[standing.erased]}</p>;
    case 'recalled':
      return standing.vault ? <Vault answer={standing.vault} /> : <p>{words.recalledHelp}</p>;
    case 'declined':
      return <p>{words.declinedHelp}</p>;
    case 'failed':
      return (
        <p>
          {words.failedHelp} {standing.receipt.code}. {standing.receipt.detail}
        </p>
      );
    case 'closed':
      return <p>{words.closedHelp}</p>;
  }
}

function UnderWay({ upload }: { upload: UploadProgress | null }) {
  const isKnown = upload !== null && upload.totalBytes > 0;
  const share = isKnown ? upload.sentBytes / upload.totalBytes : 0;
  const state = upload?.state ?? 'waiting';
  return (
    <>
      <p>{state === 'retrying' ? words.retryIn(Math.ceil((upload?.retryInMs ?? 0) / 1_000)) : words.underWay[state]}</p>
      <progress aria-label={words.states['under-way']} {...(isKnown ? { max: 1, value: share } : {})} />
      {isKnown && (
        <p class="hint">
          {words.uploadShare(showBytes(upload.sentBytes), showBytes(upload.totalBytes))} ({showShare(share)})
        </p>
      )}
    </>
  );
}

function Vault({ answer }: { answer: RecallAnswer }) {
  return (
    <>
      <p>{words.vaultSays[answer.decision]}</p>
      {answer.reason !== undefined && <p class="hint">{words.vaultReason(oneLine(answer.reason))}</p>}
    </>
  );
}

function TakeBack({ request, answers }: { request: string; answers: RequestAnswers }) {
  const { view } = useDoor();
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  if (!isAsking) {
    return (
      <button type="button" class="button" onClick={() => setAsking(true)}>
        {words.takeBack}
      </button>
    );
  }
  return (
    <fieldset class="decide-ask" aria-label={words.takeBack}>
      <p>{words.takeBackAsk}</p>
      <div class="row">
        <button
          type="button"
          class="button button-danger"
          disabled={action.busy || view.link !== 'online'}
          onClick={() => action.run(() => answers.takeBack(request))}
        >
          {action.busy ? words.takingBack : words.takeBackYes}
        </button>
        <button type="button" class="button" onClick={() => setAsking(false)}>
          {words.keepOpen}
        </button>
      </div>
      <TroubleNotice trouble={action.trouble} />
    </fieldset>
  );
}

function ReceiptCard({ receipt, kept }: { receipt: Receipt; kept: KeptGrant | null }) {
  const { clip } = receipt;
  if (!clip) return null;
  const own = kept && grantOf(kept)?.jti === receipt.grant ? kept : null;
  const disclosed = clip.disclosed.map((key) => `${text.facts[key]}: ${own?.values[key] ?? '…'}`);
  const { startUs, endUs } = clip.window;
  return (
    <section class="card" aria-labelledby="receipt">
      <h3 id="receipt" class="card-title">
        {words.receiptTitle}
      </h3>
      <dl class="request-facts">
        <Line name={words.receiptAt}>{showDateAndTime(receipt.iat * 1e6)}</Line>
        <Line name={words.receiptSpan}>
          {showExactTime(startUs)} – {showExactTime(endUs)} ({showClipLength(endUs - startUs)})
        </Line>
        <Line name={words.receiptFrames}>
          {clip.frames}, {showBytes(clip.bytes)}
        </Line>
        <Line name={words.receiptDisclosed}>{disclosed.join(', ') || words.nothing}</Line>
        <Line name={text.readersTitle}>{text.readers[clipReaders('agency', clip.sealed?.keeper)]}</Line>
        <Line name={words.receiptClip}>
          <span class="hash">{clip.sealed?.clipSha256 ?? clip.sha256}</span>
        </Line>
        {clip.sealed && (
          <Line name={text.sealedSha256}>
            <span class="hash">{clip.sha256}</span>
          </Line>
        )}
        <Line name={words.receiptGrant}>
          <span class="hash">{receipt.grant}</span>
        </Line>
      </dl>
    </section>
  );
}

function Line({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="request-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
