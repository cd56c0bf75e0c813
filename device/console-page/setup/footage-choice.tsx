// How much space footage has, when it is destroyed, and how long it lasts with that: an estimate.
import { showBytes, showCount, showMbit } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { KEPT_S, lastsS, MEMORY_BYTES } from './footage-length.ts';
import { words } from './setup-words.ts';

export interface FootagePlan {
  /** Those that fit on the disk. */
  spaces: readonly number[];
  /** The chosen one; null where none fits. */
  bytes: number | null;
  keptS: number;
  bitsPerSecond: number;
  /** Whether the rate is the chosen camera's. */
  isMeasured: boolean;
}

export interface FootageChoiceProps {
  plan: FootagePlan;
  freeBytes: number;
  setSpace(bytes: number): void;
  setKeptS(seconds: number): void;
}

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** `2 days`, `18 h`, `0.6 h`. */
function timeOf(seconds: number): string {
  if (seconds >= 2 * DAY_S) return words.days(Math.floor(seconds / DAY_S));
  const hours = seconds / HOUR_S;
  return words.hours(showCount(hours < 10 ? Math.round(hours * 10) / 10 : Math.floor(hours)));
}

export function FootageChoice({ plan, freeBytes, setSpace, setKeptS }: FootageChoiceProps) {
  const { spaces, bytes, keptS, bitsPerSecond, isMeasured } = plan;
  const lasts = lastsS(bytes ?? MEMORY_BYTES, bitsPerSecond);
  const rate = showMbit(bitsPerSecond);
  return (
    <>
      {bytes === null ? (
        <div class="notice" role="status">
          <Icon name="warning" />
          <div>
            <p class="notice-title">{words.diskFull}</p>
            <p>{words.diskFullHelp(showBytes(freeBytes), timeOf(lasts))}</p>
          </div>
        </div>
      ) : (
        <label class="field">
          <span>{words.space}</span>
          <select
            value={bytes}
            aria-describedby="setup-space-note"
            onChange={({ currentTarget }) => setSpace(Number(currentTarget.value))}
          >
            {spaces.map((one) => (
              <option key={one} value={one}>
                {words.spaceLasts(showBytes(one), timeOf(lastsS(one, bitsPerSecond)))}
              </option>
            ))}
          </select>
          <small id="setup-space-note" class="hint">
            {words.spaceFree(showBytes(freeBytes))}
          </small>
        </label>
      )}
      <label class="field">
        <span>{words.keep}</span>
        <select value={keptS} onChange={({ currentTarget }) => setKeptS(Number(currentTarget.value))}>
          {KEPT_S.map((seconds) => (
            <option key={seconds} value={seconds}>
              {timeOf(seconds)}
            </option>
          ))}
        </select>
      </label>
      {bytes !== null && (
        <p class="footage-length" role="status">
          {lasts >= keptS ? words.lastsAll(timeOf(keptS)) : words.lastsLess(timeOf(lasts))}
        </p>
      )}
      <p class="hint">{isMeasured ? words.estimate(rate) : words.estimateAssumed(rate)}</p>
    </>
  );
}
