// The frame around the pages of a paired doorbell: header with name and condition, navigation, and the banner when it is unreachable.

import type { DeviceState } from '@doorsill/contract/home-messages';
import { askKindOf } from '@doorsill/contract/ids';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { text } from './kit/choose-language.ts';
import type { DoorView } from './kit/door.ts';
import { doorCondition } from './kit/door-condition.ts';
import { useDoor } from './kit/door-context.ts';
import { DoorSwitch } from './kit/door-switch.tsx';
import { showTime } from './kit/format.ts';
import { Icon, type IconName } from './kit/icons.tsx';
import { ConditionPill } from './kit/notices.tsx';
import { RingBanner, useRing } from './kit/ring-banner.tsx';
import { NowPage } from './now/now-page.tsx';
import { AnswerStore } from './requests/answer-store.ts';

/** The number of unanswered requests. `at`: the current page; ignored requests are read again when it changes. */
function WaitingBadge({ at }: { at: string }) {
  const { door, view } = useDoor();
  const store = useMemo(() => new AnswerStore(door.client.key.publicKey), [door]);
  const [ignored, setIgnored] = useState<readonly string[]>([]);
  const waiting = view.state?.requests.filter(isWaiting).map(({ request }) => request) ?? [];
  useEffect(() => {
    const read = async () => (await store.drafts()).filter(({ isIgnored }) => isIgnored).map(({ request }) => request);
    read().then(setIgnored, () => undefined);
  }, [store, at, waiting.join()]);
  const count = waiting.filter((request) => !ignored.includes(request)).length;
  if (count === 0) return null;
  return (
    <span class="tab-badge">
      <span aria-hidden="true">{count}</span>
      <span class="unseen">, {text.requestsWaiting(count)}</span>
    </span>
  );
}

function isWaiting({ request, state }: DeviceState['requests'][number]): boolean {
  return state === 'pending' && askKindOf(request) === 'request';
}

type Stage<Module> = { module: Module } | 'loading' | 'failed';

/** Loads a page's code, then draws it. `load` must be the same function at each drawing, or the code is loaded again. */
function LoadedPage<Module>({ load, draw }: { load(): Promise<Module>; draw(module: Module): ComponentChildren }) {
  const [stage, setStage] = useState<Stage<Module>>('loading');
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isHere = true;
    setStage('loading');
    load().then(
      (module) => isHere && setStage({ module }),
      () => isHere && setStage('failed'),
    );
    return () => {
      isHere = false;
    };
  }, [load, attempt]);
  if (stage === 'loading') return <p class="empty" aria-busy="true" />;
  if (stage !== 'failed') return <>{draw(stage.module)}</>;
  return (
    <div class="empty" role="alert">
      <p>{text.gone}</p>
      <button type="button" class="button" onClick={() => setAttempt(attempt + 1)}>
        {text.tryAgain}
      </button>
    </div>
  );
}

const PAGES = [
  { name: 'now', title: text.pageNow, icon: 'door' },
  { name: 'timeline', title: text.pageTimeline, icon: 'timeline' },
  { name: 'requests', title: text.pageRequests, icon: 'request' },
  { name: 'left', title: text.pageLeft, icon: 'left' },
  { name: 'settings', title: text.pageSettings, icon: 'settings' },
] as const satisfies { name: string; title: string; icon: IconName }[];

// The first view contains one page; the others are loaded when they are opened.
const timeline = () => import('./timeline/timeline-page.tsx');
const requests = () => import('./requests/requests-page.tsx');
const left = () => import('./left/left-page.tsx');
const settings = () => import('./settings/settings-page.tsx');

type PageName = (typeof PAGES)[number]['name'];
/** Tab labels for phones, where the title does not fit. */
const SHORT: Partial<Record<PageName, string>> = { left: text.pageLeftShort, settings: text.pageSettingsShort };

/** Reads the address: a page, and a moment or a request's id: `#/timeline/1764230400000000`, `#/requests/request-1f0c`. */
function addressed(): { page: PageName; atUs: number | null; opened: string | null } {
  const [, name = '', part = ''] = /^#\/([a-z]+)(?:\/([a-z0-9-]{1,63}))?$/.exec(location.hash) ?? [];
  const page = PAGES.find((one) => one.name === name)?.name ?? 'now';
  return { page, atUs: /^\d{1,16}$/.test(part) ? Number(part) : null, opened: part === '' ? null : part };
}

export function Shell() {
  const { view } = useDoor();
  const [{ page, atUs, opened }, setAddressed] = useState(addressed);
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const changed = () => {
      setAddressed(addressed());
      // Like a link to another document: scrolls to the top and moves the focus to the content.
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  const title = PAGES.find((one) => one.name === page)?.title ?? '';
  const name = view.state?.name ?? '';
  const { ring, dismiss } = useRing();
  useEffect(() => {
    const first = ring === null ? title : text.eventRing;
    document.title = [first, name, text.appName].filter((part) => part !== '').join(' · ');
  }, [title, name, ring]);

  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {text.skipToContent}
      </button>
      <header class="top">
        <DoorSwitch name={name || text.appName} />
        <ConditionPill condition={view.state && doorCondition(view.state)} isGone={view.link === 'gone'} />
      </header>
      <nav class="tabs" aria-label={text.navigation}>
        {PAGES.map(({ name: target, title: label, icon }) => (
          <a key={target} class="tab" href={`#/${target}`} aria-current={target === page ? 'page' : undefined}>
            <Icon name={icon} />
            <TabLabel title={label} short={SHORT[target]} />
            {target === 'requests' && <WaitingBadge at={`${page} ${opened}`} />}
          </a>
        ))}
      </nav>
      <main id="content" class="content" ref={main} tabIndex={-1}>
        <RingBanner ring={ring} dismiss={dismiss} />
        <div role="status" class="banner-place">
          {view.link === 'gone' && <p class="banner">{goneWords(view)}</p>}
        </div>
        <h1 class={page === 'now' || page === 'timeline' || opened !== null ? 'unseen' : 'page-title'}>
          {page === 'settings' ? text.pageSettingsTitle : title}
        </h1>
        {page === 'now' && <NowPage />}
        {page === 'timeline' && (
          <LoadedPage load={timeline} draw={({ TimelinePage }) => <TimelinePage askedUs={atUs} />} />
        )}
        {page === 'requests' && (
          <LoadedPage load={requests} draw={({ RequestsPage }) => <RequestsPage request={opened} />} />
        )}
        {page === 'left' && <LoadedPage load={left} draw={({ LeftPage }) => <LeftPage />} />}
        {page === 'settings' && <LoadedPage load={settings} draw={({ SettingsPage }) => <SettingsPage />} />}
      </main>
    </div>
  );
}

/** The banner's text: which connection is lost, and since when. */
function goneWords({ isOffline, heardUs }: DoorView): string {
  const since = heardUs === null ? [] : [`${text.notLiveSince(showTime(heardUs))}.`];
  return [isOffline ? text.offline : text.noAnswer, ...since, text.tryingAgain].join(' ');
}

function TabLabel({ title, short }: { title: string; short: string | undefined }) {
  if (short === undefined) return <span>{title}</span>;
  return (
    <>
      <span class="tab-short">{short}</span>
      <span class="tab-long">{title}</span>
    </>
  );
}
