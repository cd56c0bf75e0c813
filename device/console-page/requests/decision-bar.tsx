// The buttons at each step of a request: continue, decline, ignore. All are equally easy to reach.

import type { VerifiedNotice } from '@doorsill/contract/read-request-notice';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAction, useDoor } from '../kit/door-context.ts';
import { TroubleNotice } from '../kit/notices.tsx';
import type { AnswersView, RequestAnswers } from './request-answers.ts';
import { words } from './requests-words.ts';

/** Properties of each step. */
export interface StepProps {
  notice: VerifiedNotice;
  answers: RequestAnswers;
  view: AnswersView;
}

interface DecisionBarProps extends StepProps {
  /** Stays in sight while scrolling. */
  isSticky?: boolean;
  main: { label: ComponentChildren; isOff: boolean; press(): void };
}

export function DecisionBar({ notice, answers, view, main, isSticky = false }: DecisionBarProps) {
  const { view: doorView } = useDoor();
  const action = useAction();
  const [isAsking, setAsking] = useState(false);
  const isAway = doorView.link !== 'online';
  const isIgnored = answers.draftOf(notice).isIgnored;
  const decline = () =>
    action.run(async () => {
      await answers.decline(notice);
      answers.choose(notice, { step: 'read' });
    });
  const ignore = () => {
    answers.choose(notice, { isIgnored: !isIgnored, step: 'read' });
    if (!isIgnored) location.hash = '#/requests';
  };
  return (
    <section class={isSticky ? 'decide decide-sticky' : 'decide'} aria-label={words.decideTitle}>
      <TroubleNotice trouble={action.trouble} />
      {isAsking ? (
        <fieldset class="decide-ask" aria-label={words.decline}>
          <p>{words.declineAsk}</p>
          <div class="decide-row">
            <button
              type="button"
              class="button button-main"
              disabled={action.busy || isAway || view.clockOffUs !== null}
              onClick={decline}
            >
              {action.busy ? words.declining : words.declineYes}
            </button>
            <button type="button" class="button" onClick={() => setAsking(false)}>
              {words.keepOpen}
            </button>
          </div>
        </fieldset>
      ) : (
        <div class="decide-row">
          <button type="button" class="button button-main" disabled={main.isOff || isAway} onClick={main.press}>
            {main.label}
          </button>
          <button type="button" class="button" onClick={() => setAsking(true)}>
            {words.decline}
          </button>
          <button type="button" class="button" onClick={ignore}>
            {isIgnored ? words.unignore : words.ignore}
          </button>
        </div>
      )}
      <p class="hint decide-help">{isIgnored ? words.ignoredNote : words.decideHelp}</p>
    </section>
  );
}
