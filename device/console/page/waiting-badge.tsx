// Owns: how many requests wait for an answer, on the way to their page: those that this browser's owner ignores do not. Not here: the
// requests (requests-page.tsx).
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { DeviceState } from '../../protocol/home-messages.ts';
import { askKindOf } from '../../protocol/ids.ts';
import { AnswerStore } from './answer-store.ts';
import { text } from './choose-language.ts';
import { useDoor } from './door-context.ts';

/** `at`: where one is; something may have been ignored on the way there. */
export function WaitingBadge({ at }: { at: string }) {
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
