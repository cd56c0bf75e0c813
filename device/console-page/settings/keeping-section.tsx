// How long footage and past events are kept, with a warning before a shorter time destroys anything.

import type { SettingsChange } from '@doorsill/contract/owner-settings';
import type { Window } from '@doorsill/contract/shared-claims';
import { useState } from 'preact/hooks';
import { clock } from '../kit/browser-seams.ts';
import { showBytes, showLength } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { SECOND_US } from '../kit/time-spans.ts';
import { type Settings, useSaving } from './settings-context.ts';
import { Origin, Part, SaveRow } from './settings-part.tsx';
import { words } from './settings-words.ts';

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const FOOTAGE_S = [
  HOUR_S,
  6 * HOUR_S,
  12 * HOUR_S,
  DAY_S,
  2 * DAY_S,
  3 * DAY_S,
  7 * DAY_S,
  14 * DAY_S,
  30 * DAY_S,
  90 * DAY_S,
];
const EVENT_DAYS = [0, 1, 7, 14, 30, 90, 365];

/** `3 days` where it is whole days, else `6 hr`. */
function lengthOf(seconds: number): string {
  return seconds >= DAY_S && seconds % DAY_S === 0 ? words.days(seconds / DAY_S) : showLength(seconds * SECOND_US);
}

/** The lengths to choose from: the usual ones and the one in force. */
function choices(usual: readonly number[], inForce: number, least = 0): number[] {
  return [...new Set([...usual, inForce])].filter((one) => one >= least).sort((a, b) => a - b);
}

export function KeepingSection({ settings, coverage }: { settings: Settings; coverage: readonly Window[] }) {
  const { ring, events } = settings.inForce;
  const saving = useSaving(settings);
  const [retentionS, setRetentionS] = useState<number | null>(null);
  const [keepDays, setKeepDays] = useState<number | null>(null);
  const wanted = { retentionS: retentionS ?? ring.retentionS, keepDays: keepDays ?? events.keepDays };
  const isShorter = wanted.retentionS < ring.retentionS;
  const isFewerDays = wanted.keepDays < events.keepDays;
  const isChanged = wanted.retentionS !== ring.retentionS || wanted.keepDays !== events.keepDays;
  const drop = () => {
    setRetentionS(null);
    setKeepDays(null);
  };
  const save = () => {
    const change: SettingsChange = {
      ...(wanted.retentionS === ring.retentionS ? {} : { ring: { retentionS: wanted.retentionS } }),
      ...(wanted.keepDays === events.keepDays ? {} : { events: { keepDays: wanted.keepDays } }),
    };
    saving.save(change, drop);
  };
  const goneUs = isShorter ? olderThan(coverage, clock.wallUs() - wanted.retentionS * SECOND_US) : 0;
  return (
    <Part id="keeping">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Choice
          id="keep-footage"
          label={words.keepingFootage}
          help={words.keepingFootageHelp(showBytes(ring.bytes))}
          value={wanted.retentionS}
          values={choices(FOOTAGE_S, ring.retentionS, ring.retentionSMin).map((one) => [one, lengthOf(one)])}
          choose={(value) => {
            saving.edited();
            setRetentionS(value);
          }}
          isByOwner={settings.isByOwner('ring.retentionS')}
        />
        <Choice
          id="keep-events"
          label={words.keepingEvents}
          help={words.keepingEventsHelp}
          value={wanted.keepDays}
          values={choices(EVENT_DAYS, events.keepDays).map((one) => [
            one,
            one === 0 ? words.eventsNone : words.days(one),
          ])}
          choose={(value) => {
            saving.edited();
            setKeepDays(value);
          }}
          isByOwner={settings.isByOwner('events.keepDays')}
        />
        <div role="status">
          {(isShorter || isFewerDays) && (
            <div class="warning">
              <Icon name="warning" />
              <div>
                {isShorter && <p>{words.shorterDestroys(lengthOf(wanted.retentionS))}</p>}
                {goneUs > 0 && <p>{words.shorterDestroysNow(showLength(goneUs))}</p>}
                {isFewerDays && <p>{words.shorterEvents}</p>}
              </div>
            </div>
          )}
        </div>
        <SaveRow
          saving={saving}
          isChanged={isChanged}
          isDanger={isShorter}
          label={isShorter ? words.confirmShorter : words.save}
          discard={drop}
        />
      </form>
    </Part>
  );
}

function Choice({
  id,
  label,
  help,
  value,
  values,
  choose,
  isByOwner,
}: {
  id: string;
  label: string;
  help: string;
  value: number;
  values: [number, string][];
  choose(value: number): void;
  isByOwner: boolean;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-note`}
        onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
      >
        {values.map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
      <div id={`${id}-note`}>
        <p class="hint">{help}</p>
        {/* No button back to the file: its time may be shorter, and must be chosen here with the warning. */}
        <Origin isByOwner={isByOwner} back={null} />
      </div>
    </div>
  );
}

/** Length of the footage older than a moment, in microseconds. */
function olderThan(coverage: readonly Window[], beforeUs: number): number {
  return coverage.reduce((sum, { startUs, endUs }) => sum + Math.max(0, Math.min(endUs, beforeUs) - startUs), 0);
}
