// Owns: what goes with a clip besides its pictures: sound, and facts about the home with the values that would be told. All off until an
// owner switches them on. Not here: the clip (clip-choice.tsx).
import { DISCLOSURE_KEYS, type DisclosureKey } from '../../protocol/shared-claims.ts';
import type { StepProps } from './decision-bar.tsx';
import { Icon } from './icons.tsx';
import { words } from './requests-words.ts';

export function ClipOptions({ notice, answers }: StepProps) {
  const draft = answers.draftOf(notice);
  const tick = (key: DisclosureKey, isOn: boolean) =>
    answers.change(notice, {
      disclose: DISCLOSURE_KEYS.filter((one) => (one === key ? isOn : draft.disclose.includes(one))),
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
                <span class="fact-name">{words.facts[key]}</span>
                <span class={value === undefined ? 'hint' : 'fact-value'}>{value ?? words.factUnset}</span>
              </span>
            </label>
          );
        })}
      </fieldset>
    </div>
  );
}
