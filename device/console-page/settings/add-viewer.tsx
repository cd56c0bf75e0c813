// Adding a viewer. The password is made here and shown once; only its SHA-256 is sent to the device.

import { toBase64url } from '@doorsill/contract/bytes';
import { ViewRight } from '@doorsill/contract/console-messages';
import { useState } from 'preact/hooks';
import { clock, drawnBytes, freshId } from '../kit/browser-seams.ts';
import { text } from '../kit/choose-language.ts';
import { useAction, useDoor } from '../kit/door-context.ts';
import { Icon } from '../kit/icons.tsx';
import { TroubleNotice } from '../kit/notices.tsx';
import { tokenCrypto } from '../kit/token-crypto.ts';

const RIGHTS: Record<ViewRight, string> = {
  live: text.rightLive,
  stills: text.rightStills,
  history: text.rightHistory,
};
const DAY_S = 86_400;
const DURATIONS: readonly (readonly [seconds: number | null, label: string])[] = [
  [3_600, text.forHour],
  [DAY_S, text.forDay],
  [7 * DAY_S, text.forWeek],
  [30 * DAY_S, text.forMonth],
  [null, text.forGood],
];
const TOKEN_BYTES = 16;
/** Short enough to type. */
const ID_BYTES = 4;

interface Added {
  viewer: string;
  name: string;
  token: string;
  rights: readonly ViewRight[];
}

export function AddViewer({ changed }: { changed(): Promise<void> }) {
  const [step, setStep] = useState<'closed' | 'asking' | Added>('closed');
  if (step === 'closed')
    return (
      <button type="button" class="button" onClick={() => setStep('asking')}>
        <Icon name="plus" />
        {text.addViewer}
      </button>
    );
  if (step === 'asking')
    return (
      <ViewerForm
        cancel={() => setStep('closed')}
        added={async (added) => {
          setStep(added);
          await changed();
        }}
      />
    );
  return <Credentials {...step} done={() => setStep('closed')} />;
}

function ViewerForm({ cancel, added }: { cancel(): void; added(added: Added): Promise<void> }) {
  const { door } = useDoor();
  const action = useAction();
  const [name, setName] = useState('');
  const [rights, setRights] = useState<readonly ViewRight[]>(['live', 'stills']);
  const [duration, setDuration] = useState(DURATIONS.length - 1);
  const add = () =>
    action.run(async () => {
      const token = toBase64url(drawnBytes(TOKEN_BYTES));
      const viewer = freshId('viewer', ID_BYTES);
      const seconds = DURATIONS[duration]?.[0] ?? null;
      await door.client.command({
        action: 'add-viewer',
        viewer,
        name: name.trim(),
        rights: [...rights],
        tokenSha256: tokenCrypto.sha256Hex(token),
        ...(seconds === null ? {} : { expiresS: Math.floor(clock.wallUs() / 1_000_000) + seconds }),
      });
      await added({ viewer, name: name.trim(), token, rights });
    });
  return (
    <form
      class="form form-boxed"
      aria-label={text.addViewer}
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <label class="field">
        <span>{text.viewerName}</span>
        <input
          value={name}
          required
          pattern=".*\S.*"
          maxLength={60}
          autoComplete="off"
          placeholder={text.viewerNameHint}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <fieldset class="field">
        <legend>{text.viewerRights}</legend>
        {ViewRight.options.map((right) => (
          <label key={right} class="tick">
            <input
              type="checkbox"
              checked={rights.includes(right)}
              onChange={({ currentTarget: { checked } }) =>
                setRights(ViewRight.options.filter((one) => (one === right ? checked : rights.includes(one))))
              }
            />
            {RIGHTS[right]}
          </label>
        ))}
      </fieldset>
      <label class="field">
        <span>{text.viewerFor}</span>
        <select value={duration} onChange={({ currentTarget }) => setDuration(Number(currentTarget.value))}>
          {DURATIONS.map(([, label], at) => (
            <option key={label} value={at}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <div class="row">
        <button type="submit" class="button button-main" disabled={action.busy || rights.length === 0}>
          {action.busy ? text.adding : text.add}
        </button>
        <button type="button" class="button button-quiet" onClick={cancel}>
          {text.cancel}
        </button>
      </div>
      <TroubleNotice trouble={action.trouble} />
    </form>
  );
}

function Credentials({ viewer, name, token, rights, done }: Added & { done(): void }) {
  const { origin } = location;
  return (
    <div class="form-boxed credentials" role="status">
      <p class="credentials-title">
        <Icon name="check" />
        {text.viewerAdded(name)}
      </p>
      <p class="hint">{text.shownOnce}</p>
      <dl>
        <Value label={text.userName} value={viewer} />
        <Value label={text.password} value={token} />
        {rights.includes('live') && <Value label={text.addressLive} value={`${origin}/api/v1/live.mp4`} />}
        {rights.includes('stills') && <Value label={text.addressStill} value={`${origin}/api/v1/snapshot.jpg`} />}
      </dl>
      <ul class="hint how">
        {rights.includes('live') && <li>{text.howVlc}</li>}
        <li>{text.howHomeAssistant}</li>
        {location.protocol === 'https:' && <li>{text.howCertificate}</li>}
      </ul>
      <button type="button" class="button button-main" onClick={done}>
        {text.done}
      </button>
    </div>
  );
}

function Value({ label, value }: { label: string; value: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
  };
  return (
    <div class="value">
      <dt>{label}</dt>
      <dd>
        <code>{value}</code>
        <button
          type="button"
          class="button button-quiet"
          aria-label={`${text.copy}: ${label}`}
          // Some browsers refuse: the text can be selected and copied by hand.
          onClick={() => void copy().catch(() => undefined)}
        >
          {isCopied ? text.copied : text.copy}
        </button>
      </dd>
    </div>
  );
}
