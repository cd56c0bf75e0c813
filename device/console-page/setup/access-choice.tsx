// Who can open the doorbell's page, and whether it connects to a broker.
import type { Choice, Facts } from './setup-client.ts';
import { words } from './setup-words.ts';

export type Access = Pick<Choice, 'listen' | 'announce'>;

export interface AccessChoiceProps {
  access: Access;
  /** Where this browser is. */
  here: Facts['listen'];
  choose(access: Access): void;
}

export function AccessChoice({ access, here, choose }: AccessChoiceProps) {
  const isMachine = here === 'this-machine';
  const ways = [
    {
      listen: 'home-network',
      title: words.onNetwork,
      help: isMachine ? `${words.onNetworkHelp} ${words.onNetworkThere}` : words.onNetworkHelp,
    },
    { listen: 'this-machine', title: words.onMachine, help: isMachine ? words.onMachineHere : words.onMachineHelp },
  ] as const;
  return (
    <>
      <div role="radiogroup" aria-labelledby="setup-who" class="ways">
        {ways.map(({ listen, title, help }) => (
          <label key={listen} class="tick">
            <input
              type="radio"
              name="listen"
              checked={access.listen === listen}
              aria-describedby={`way-${listen}`}
              onChange={() => choose({ listen, announce: listen === 'home-network' })}
            />
            <span>
              {title}
              <small id={`way-${listen}`} class="hint">
                {help}
              </small>
            </span>
          </label>
        ))}
      </div>
      {access.listen === 'home-network' && (
        <label class="tick">
          <input
            type="checkbox"
            checked={access.announce}
            aria-describedby="announce-note"
            onChange={({ currentTarget }) => choose({ ...access, announce: currentTarget.checked })}
          />
          <span>
            {words.announce}
            <small id="announce-note" class="hint">
              {words.announceHelp}
            </small>
          </span>
        </label>
      )}
    </>
  );
}

/** A broker as typed. */
export type BrokerText = NonNullable<Choice['broker']>;
export const NO_BROKER: BrokerText = { url: '', user: '', password: '', homeAssistant: false };

/** The typed broker; null where no address was typed. */
export function brokerOf(broker: BrokerText): Choice['broker'] {
  const url = broker.url.trim();
  if (url === '') return null;
  return { ...broker, url: /^\w+:\/\//.test(url) ? url : `mqtt://${url}` };
}

export function BrokerChoice({ broker, choose }: { broker: BrokerText; choose(broker: BrokerText): void }) {
  const isNeeded = broker.url.trim() !== '';
  return (
    <div class="form">
      <p class="hint">{words.brokerHelp}</p>
      <label class="field">
        <span>{words.brokerUrl}</span>
        <input
          value={broker.url}
          maxLength={200}
          inputMode="url"
          autoComplete="off"
          autoCapitalize="none"
          placeholder="mqtt://homeassistant.local:1883"
          onInput={({ currentTarget }) => choose({ ...broker, url: currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>{words.brokerUser}</span>
        <input
          value={broker.user}
          maxLength={128}
          required={isNeeded}
          autoComplete="off"
          autoCapitalize="none"
          onInput={({ currentTarget }) => choose({ ...broker, user: currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>{words.brokerPassword}</span>
        <input
          type="password"
          value={broker.password}
          maxLength={128}
          required={isNeeded}
          autoComplete="off"
          onInput={({ currentTarget }) => choose({ ...broker, password: currentTarget.value })}
        />
      </label>
      <label class="tick">
        <input
          type="checkbox"
          checked={broker.homeAssistant}
          onChange={({ currentTarget }) => choose({ ...broker, homeAssistant: currentTarget.checked })}
        />
        {words.homeAssistant}
      </label>
    </div>
  );
}
