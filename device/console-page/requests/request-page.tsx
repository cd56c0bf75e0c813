// One request: who asks and how that is verified, why, until when, where; below it the current step or the outcome.

import { failure, isErrorCode } from '@doorsill/contract/errors';
import type { Receipt } from '@doorsill/contract/home-messages';
import { oneLine, someLines } from '@doorsill/contract/outside-text';
import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { Polygon } from '@doorsill/contract/request';
import { sealingOf } from '@doorsill/contract/request-or-search';
import { clipReaders } from '@doorsill/contract/sealing';
import type { OpenedRequest } from '@doorsill/contract/verify-published-request';
import type { ComponentChildren } from 'preact';
import { text } from '../kit/choose-language.ts';
import { useDoor } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { areaPlan } from './area-plan.ts';
import { ClipChoice } from './clip-choice.tsx';
import { ClipPreview } from './clip-preview.tsx';
import { DecisionBar, type StepProps } from './decision-bar.tsx';
import type { AnswersView, RequestAnswers } from './request-answers.ts';
import { showDayAndMinute, showDistance, showPlace, showSpan, showSurface } from './request-format.ts';
import { RequestOutcome } from './request-outcome.tsx';
import { words } from './requests-words.ts';
import { footageWords, StandingPill } from './standing-pill.tsx';
import { trimLimits } from './trim-window.ts';

/** Positions of grid lines `apart` from each other, with one in the middle. */
function lines(length: number, apart: number): number[] {
  const first = (length / 2) % apart;
  return Array.from(
    { length: Math.ceil((length - first) / apart) },
    (_, at) => Math.round((first + at * apart) * 10) / 10,
  );
}

const PAPER = { width: 320, height: 190, margin: 26 };

function AreaDrawing({ area }: { area: Polygon }) {
  const { corners, widthM, heightM, squareM, middle, bar } = areaPlan(area, PAPER);
  const [width, height] = [showDistance(widthM), showDistance(heightM)];
  const barY = PAPER.height - 10;
  return (
    <figure class="area">
      <svg
        class="area-paper"
        viewBox={`0 0 ${PAPER.width} ${PAPER.height}`}
        role="img"
        aria-label={words.areaLabel(width, height, showPlace(middle))}
      >
        {lines(PAPER.width, bar.width).map((x) => (
          <path key={`x${x}`} class="area-grid" d={`M${x} 0V${PAPER.height}`} />
        ))}
        {lines(PAPER.height, bar.width).map((y) => (
          <path key={`y${y}`} class="area-grid" d={`M0 ${y}H${PAPER.width}`} />
        ))}
        <polygon class="area-shape" points={corners.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
        <path class="area-bar" d={`M10 ${barY - 5}V${barY}H${10 + bar.width}V${barY - 5}`} />
        <text class="area-text" x={14 + bar.width + 2} y={barY + 1}>
          {showDistance(bar.lengthM)}
        </text>
        <path class="area-north" d={`M${PAPER.width - 16} 22V8l-4 5M${PAPER.width - 16} 8l4 5`} />
        <text class="area-text" x={PAPER.width - 16} y="34" text-anchor="middle">
          {words.north}
        </text>
      </svg>
      <figcaption class="hint">
        {words.areaSize(width, height, showSurface(squareM))} · {showPlace(middle)}
      </figcaption>
    </figure>
  );
}

export function RequestPage({
  request,
  opened,
  answers,
  view,
}: {
  request: string;
  opened: OpenedRequest | null;
  answers: RequestAnswers;
  view: AnswersView;
}) {
  const standing = answers.standing(request);
  const notice = view.waiting?.find((one) => one.request.jti === request) ?? null;
  const step = opened && notice && standing.at === 'open' ? answers.draftOf(opened).step : null;
  return (
    <article class="request" aria-label={opened ? oneLine(opened.request.incidentType) : request}>
      <div class="request-head">
        <a class="button button-quiet request-back" href="#/requests">
          <Icon name="chevronLeft" />
          {words.back}
        </a>
        <StandingPill standing={standing} />
      </div>
      {opened && (
        <div class="request-title">
          <h2>{oneLine(opened.request.incidentType)}</h2>
          <p>
            {oneLine(opened.credential.name)} <Icon name="check" />
            <span class="unseen">{words.verified}</span>
          </p>
        </div>
      )}
      {!opened && standing.at === 'closed' && <p class="empty">{words.closedHelp}</p>}
      {standing.at === 'open' && standing.failed && <FailedBefore receipt={standing.failed} />}
      {notice && step === 'choose' && <ClipChoice notice={notice} answers={answers} view={view} />}
      {notice && step === 'preview' && <ClipPreview notice={notice} answers={answers} view={view} />}
      {step === null && !(standing.at === 'closed' && !opened) && (
        <RequestOutcome request={request} standing={standing} answers={answers} view={view} />
      )}
      {opened && (
        <Folded isFolded={step === 'choose' || step === 'preview'}>
          <Reading opened={opened} notice={notice} />
        </Folded>
      )}
      {notice && step === 'read' && <ReadDecision notice={notice} answers={answers} view={view} />}
    </article>
  );
}

/** Why a new clip must be chosen: the granted one never arrived. */
function FailedBefore({ receipt: { code = 'internal' } }: { receipt: Receipt }) {
  const { message, advice } = failure(isErrorCode(code) ? code : 'internal');
  return (
    <div class="request-note" role="status">
      <p class="notice-title">{words.failedBefore}</p>
      <p>
        {plain(message)} {plain(advice)} ({code})
      </p>
    </div>
  );
}

/** Removes placeholders, whose values only the device's log holds. */
const plain = (sentence: string) => sentence.replaceAll(/:? ?\{\w+\}/g, '');

/** Collapses the request's text while a clip is being chosen. */
function Folded({ isFolded, children }: { isFolded: boolean; children: ComponentChildren }) {
  if (!isFolded) return <>{children}</>;
  return (
    <details class="request-again card">
      <summary>{words.readAgain}</summary>
      {children}
    </details>
  );
}

function Reading({ opened, notice }: { opened: OpenedRequest; notice: VerifiedNotice | null }) {
  const { request, credential } = opened;
  return (
    <div class="request-reading">
      <section class="card" aria-labelledby="why">
        <h3 id="why" class="card-title">
          {words.why}
        </h3>
        <p class="request-text">{someLines(request.text)}</p>
        <dl class="request-facts">
          <Fact name={words.investigation}>{oneLine(request.investigation)}</Fact>
          <Fact name={words.contact}>
            {oneLine([request.contact.name, request.contact.email, request.contact.phone].filter(Boolean).join(', '))}
          </Fact>
        </dl>
      </section>
      <section class="card" aria-labelledby="who">
        <h3 id="who" class="card-title">
          {words.who}
        </h3>
        <p class="request-who">
          <span class="request-badge">
            <Icon name="shield" />
          </span>
          <span>
            <strong>{oneLine(credential.name)}</strong>
            <span class="hint">
              {words.jurisdictions[credential.jurisdiction]} · {oneLine(credential.domain)}
            </span>
          </span>
        </p>
        <p class="hint">{words.verifiedHelp(showDayAndMinute(credential.exp * 1e6))}</p>
        <dl class="request-facts">
          {request.partner !== undefined && <Fact name={words.through}>{request.partner}</Fact>}
          <Fact name={text.readersTitle}>{text.readers[clipReaders('agency', sealingOf(opened)?.keeper)]}</Fact>
        </dl>
        <Proofs opened={opened} />
      </section>
      <section class="card" aria-labelledby="when">
        <h3 id="when" class="card-title">
          {words.when}
        </h3>
        <dl class="request-facts">
          <Fact name={words.askedWindow}>
            {showSpan(request.window)}
            {notice && <span class="hint"> · {footageWords(request.window, notice.coverage)}</span>}
          </Fact>
          <Fact name={words.answerBy}>{showDayAndMinute(request.exp * 1e6)}</Fact>
        </dl>
      </section>
      <section class="card" aria-labelledby="where">
        <h3 id="where" class="card-title">
          {words.where}
        </h3>
        <AreaDrawing area={request.area} />
        <p class="hint">{words.areaHelp}</p>
      </section>
    </div>
  );
}

function Proofs({ opened: { request, requestSha256, credential } }: { opened: OpenedRequest }) {
  return (
    <details class="request-proofs">
      <summary>{words.proofs}</summary>
      <dl class="request-facts request-facts-code">
        <Fact name={words.proofAgency}>{credential.key}</Fact>
        <Fact name={words.proofRequest}>{requestSha256}</Fact>
        <Fact name={words.proofCredential}>
          {credential.agency}, {credential.revision}
        </Fact>
        <Fact name={words.proofId}>{request.jti}</Fact>
      </dl>
    </details>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="request-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ReadDecision({ notice, answers, view }: StepProps) {
  const { view: doorView } = useDoor();
  const isPrivate = doorView.state?.privacy ?? false;
  const hasFootage = trimLimits(notice.request.window, notice.coverage) !== null;
  const note = isPrivate
    ? { title: words.privateTitle, help: words.privateHelp }
    : hasFootage
      ? null
      : { title: words.noFootageTitle, help: words.noFootageHelp };
  return (
    <>
      {note && (
        <div class="request-note" role="status">
          <p class="notice-title">{note.title}</p>
          <p>{note.help}</p>
        </div>
      )}
      <DecisionBar
        {...{ notice, answers, view }}
        isSticky
        main={{
          label: words.choose,
          isOff: note !== null || view.clockOffUs !== null,
          press: () => answers.change(notice, { step: 'choose', isIgnored: false }),
        }}
      />
    </>
  );
}
