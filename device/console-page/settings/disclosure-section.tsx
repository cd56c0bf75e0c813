// The facts that an owner may disclose with a clip, as the device stores them.

import type { SettingsChange } from '@doorsill/contract/owner-settings';
import { DISCLOSED_FACTS, DisclosureKey } from '@doorsill/contract/shared-claims';
import { useState } from 'preact/hooks';
import { text } from '../kit/choose-language.ts';
import { type Settings, useSaving } from './settings-context.ts';
import { Origin, Part, SaveRow } from './settings-part.tsx';
import { words } from './settings-words.ts';

/** The `inputMode` for a kind of fact. */
const keyboardOf = (kind: AutoFill) => (kind === 'email' || kind === 'tel' ? kind : 'text');

export function DisclosureSection({ settings }: { settings: Settings }) {
  const { disclosure } = settings.inForce;
  const saving = useSaving(settings);
  const [typed, setTyped] = useState<Partial<Record<DisclosureKey, string>>>({});
  const shownOf = (key: DisclosureKey) => typed[key] ?? disclosure[key] ?? '';
  const changed = DisclosureKey.options.filter((key) => shownOf(key).trim() !== (disclosure[key] ?? ''));
  const isShort = (key: DisclosureKey) => {
    const { length } = shownOf(key).trim();
    return length > 0 && length < DISCLOSED_FACTS[key].least;
  };
  const drop = () => setTyped({});
  const save = () => {
    const change = Object.fromEntries(changed.map((key) => [key, shownOf(key).trim()]));
    saving.save({ disclosure: change }, drop);
  };
  const back = (key: DisclosureKey) => {
    const change: SettingsChange = { disclosure: { [key]: null } };
    saving.save(change, () => setTyped(({ [key]: _gone, ...others }) => others));
  };
  return (
    <Part id="disclosure">
      <p class="hint">{words.disclosureHelp}</p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {DisclosureKey.options.map((key) => (
          <div key={key} class="field">
            <label for={`value-${key}`}>{text.facts[key]}</label>
            <input
              id={`value-${key}`}
              value={shownOf(key)}
              maxLength={DISCLOSED_FACTS[key].most}
              autoComplete={DISCLOSED_FACTS[key].kind}
              inputMode={keyboardOf(DISCLOSED_FACTS[key].kind)}
              placeholder={words.valueNone}
              aria-describedby={`value-${key}-note`}
              aria-invalid={isShort(key)}
              onInput={({ currentTarget: { value } }) => {
                saving.edited();
                setTyped({ ...typed, [key]: value });
              }}
            />
            <div id={`value-${key}-note`}>
              {isShort(key) ? (
                <p class="field-fault">{words.valueTooShort}</p>
              ) : (
                <Origin isByOwner={settings.isByOwner(`disclosure.${key}`)} back={() => back(key)} />
              )}
            </div>
          </div>
        ))}
        <SaveRow
          saving={saving}
          isChanged={changed.length > 0}
          isAllowed={!DisclosureKey.options.some(isShort)}
          discard={drop}
        />
      </form>
    </Part>
  );
}
