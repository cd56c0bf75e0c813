// The page "Requests": the list of requests, or one opened request.
import './requests.css';
import { failure, isErrorCode } from '@doorsill/contract/errors';
import { oneLine } from '@doorsill/contract/outside-text';
import type { OpenedRequest } from '@doorsill/contract/verify-published-request';
import { useEffect, useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { troubleOf, useDoor } from '../kit/door-context.ts';
import { showDateAndTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { type AnswersView, RequestAnswers } from './request-answers.ts';
import { showDayAndMinute, showSpan } from './request-format.ts';
import { RequestPage } from './request-page.tsx';
import type { Standing } from './request-standing.ts';
import { words } from './requests-words.ts';
import { footageWords, StandingPill } from './standing-pill.tsx';

/** One per doorbell: what it has received survives going to another page. */
const held = new WeakMap<object, RequestAnswers>();

function useAnswers(): { answers: RequestAnswers; view: AnswersView } {
  const { door } = useDoor();
  const answers = held.get(door) ?? new RequestAnswers(door);
  held.set(door, answers);
  const [view, setView] = useState(answers.view);
  useEffect(() => {
    const unsubscribe = answers.subscribe(() => setView(answers.view));
    const stop = answers.start();
    setView(answers.view);
    return () => {
      stop();
      unsubscribe();
    };
  }, [answers]);
  return { answers, view };
}

export function RequestsPage({ request }: { request: string | null }) {
  const { answers, view } = useAnswers();
  const opened = request === null ? null : view.known.get(request);
  return (
    <div class="requests">
      <ClockNotice view={view} />
      <UnaskedNotice />
      {view.trouble !== null && view.waiting === null && <TroubleNotice trouble={troubleOf(view.trouble)} />}
      {request === null && <RequestList answers={answers} view={view} />}
      {request !== null && view.waiting === null && <p class="empty empty-large">{words.askingDevice}</p>}
      {request !== null && view.waiting !== null && (
        <RequestPage key={request} request={request} opened={opened ?? null} answers={answers} view={view} />
      )}
    </div>
  );
}

/** On each view of the page, because nothing can be answered with a wrong clock. */
function ClockNotice({ view: { clockOffUs } }: { view: AnswersView }) {
  const nowUs = clock.wallUs();
  return (
    <div role="alert" class="notice-place">
      {clockOffUs !== null && (
        <div class="notice">
          <Icon name="warning" />
          <div>
            <p class="notice-title">{words.clockTitle}</p>
            <p>{words.clockHelp(showDateAndTime(nowUs), showDateAndTime(nowUs - clockOffUs))}</p>
          </div>
        </div>
      )}
    </div>
  );
}

/** Requests that the doorbell cannot put to its owners, with the reason. */
function UnaskedNotice() {
  const { view } = useDoor();
  const unasked = view.state?.unasked ?? [];
  const reasons = new Map(unasked.map((one) => [`${one.request ?? ''} ${one.code}`, one]));
  return (
    <div role="status" class="notice-place">
      {[...reasons].map(([key, { code, detail }]) => (
        <div key={key} class="notice">
          <Icon name="warning" />
          <div>
            <p class="notice-title">{words.unaskedTitle}</p>
            <p>
              {detail} {isErrorCode(code) ? failure(code).advice : ''} ({code})
            </p>
          </div>
        </div>
      ))}
    </div>
  );
}

interface Listed {
  opened: OpenedRequest;
  standing: Standing;
  isIgnored: boolean;
  isAnothers: boolean;
}

function RequestList({ answers, view }: { answers: RequestAnswers; view: AnswersView }) {
  if (view.waiting === null)
    return view.trouble === null ? <p class="empty empty-large">{words.askingDevice}</p> : null;
  const listed: Listed[] = [...view.known.values()]
    .map((opened) => ({
      opened,
      standing: answers.standing(opened.request.jti),
      isIgnored: view.drafts.get(opened.request.jti)?.isIgnored ?? false,
      isAnothers: answers.isAnothers(opened.request.jti),
    }))
    .sort((a, b) => b.opened.request.iat - a.opened.request.iat);
  const waiting = listed.filter(({ standing, isIgnored }) => standing.at === 'open' && !isIgnored);
  const answered = listed.filter(({ standing }) => standing.at !== 'open' && standing.at !== 'closed');
  const ignored = listed.filter(({ standing, isIgnored }) => standing.at === 'open' && isIgnored);
  const closed = listed.filter(({ standing }) => standing.at === 'closed');
  return (
    <>
      {waiting.length === 0 && listed.length > 0 && <p class="empty request-none">{words.noneWaiting}</p>}
      {listed.length === 0 && (
        <div class="empty empty-large">
          <Icon name="request" />
          <p class="empty-title">{words.none}</p>
          <p>{words.noneHelp}</p>
        </div>
      )}
      <Group title={words.waiting} listed={waiting} view={view} />
      <Group title={words.answered} listed={answered} view={view} />
      <Group title={words.ignored} listed={ignored} view={view} />
      <Group title={words.states.closed} listed={closed} view={view} />
      {view.unread > 0 && (
        <p class="hint request-unread" role="status">
          {view.clockOffUs === null ? words.unread(view.unread) : words.unreadByClock(view.unread)}
        </p>
      )}
    </>
  );
}

function Group({ title, listed, view }: { title: string; listed: readonly Listed[]; view: AnswersView }) {
  if (listed.length === 0) return null;
  return (
    <section class="request-group" aria-label={title}>
      <h2>{title}</h2>
      <ul class="request-list">
        {listed.map((one) => (
          <RequestLine key={one.opened.request.jti} {...one} view={view} />
        ))}
      </ul>
    </section>
  );
}

function RequestLine({ opened: { request, credential }, standing, isAnothers, view }: Listed & { view: AnswersView }) {
  const notice = view.waiting?.find((one) => one.request.jti === request.jti);
  return (
    <li>
      <a class="request-line" href={`#/requests/${request.jti}`}>
        <span class="request-line-words">
          <span class="request-line-title">{oneLine(request.incidentType)}</span>
          <span class="request-line-who">
            {oneLine(credential.name)}
            <Icon name="check" />
            <span class="unseen">{words.verified}</span>
          </span>
          <span class="hint">{showSpan(request.window)}</span>
        </span>
        <span class="request-line-side">
          <StandingPill standing={standing} />
          {isAnothers && <span class="hint">{words.anotherOwner}</span>}
          {notice && <span class="hint">{footageWords(request.window, notice.coverage)}</span>}
          <span class="hint">
            {words.answerBy} {showDayAndMinute(request.exp * 1e6)}
          </span>
        </span>
      </a>
    </li>
  );
}
